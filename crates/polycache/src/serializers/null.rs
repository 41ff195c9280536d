use erased_serde::Serialize;

use crate::serializer::{Context, Serializer, Visit};
use crate::{Error, ErrorKind, Result};

/// No serializer at all: values are kept as live objects of this process. The default of a memory cache.
///
/// A read clones the object; nothing is encoded. It works only with a backend of this process: with any other, building the cache fails.
///
/// ```
/// use polycache::Cache;
/// use polycache::serializers::Null;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// let cache = Cache::builder().serializer(Null).build()?;
/// cache.set("k", vec![1, 2, 3]).await?;
/// assert_eq!(cache.get::<Vec<i32>>("k").await?, Some(vec![1, 2, 3]));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Null;

impl Serializer for Null {
    fn name(&self) -> &str {
        "null"
    }

    fn serialize(&self, _value: &dyn Serialize, _context: &Context<'_>, _out: &mut Vec<u8>) -> Result<()> {
        Err(no_bytes(ErrorKind::Encode))
    }

    fn deserialize(&self, _bytes: &[u8], _context: &Context<'_>, _visit: &mut Visit<'_>) -> Result<()> {
        Err(no_bytes(ErrorKind::Decode))
    }

    fn reads_decimal_text(&self) -> bool {
        true
    }

    fn keeps_objects(&self) -> bool {
        true
    }
}

#[cold]
fn no_bytes(kind: ErrorKind) -> Error {
    Error::new(
        kind,
        "the null serializer keeps live objects and has no form in bytes; choose json, or another serializer",
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::Null;
    use crate::ErrorKind;
    use crate::serializer::Serializer;
    use crate::serializers::testing::{decode, encode};

    #[test]
    fn has_no_bytes() {
        assert!(Null.keeps_objects() && Null.reads_decimal_text());

        let error = encode(&Null, &5).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Encode);
        assert!(error.to_string().contains("choose json"), "{error}");
        assert_eq!(decode::<i64>(&Null, b"5").unwrap_err().kind(), ErrorKind::Decode);
    }
}
