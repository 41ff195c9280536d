use erased_serde::Serialize;

use super::{decode_error_at, encode_error};
use crate::Result;
use crate::serializer::{Serializer, Visit};

mod shape;

/// `MessagePack`: smaller than JSON and faster to read; holds bytes as they are.
///
/// A struct is a map by field name, so that programs in other languages see what JSON would show them. A counter that
/// the backend keeps as decimal text doesn't read back, so `increment` is refused.
///
/// ```
/// use polycache::Cache;
/// use polycache::serializers::MsgPack;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// let cache = Cache::builder().serializer(MsgPack).build()?;
/// cache.set("user", ("Ada", 36)).await?;
/// assert_eq!(cache.get::<(String, u8)>("user").await?, Some(("Ada".to_owned(), 36)));
/// assert!(cache.increment("visits", 1).await.is_err());
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct MsgPack;

impl Serializer for MsgPack {
    fn name(&self) -> &str {
        "msgpack"
    }

    fn serialize(&self, value: &dyn Serialize) -> Result<Vec<u8>> {
        rmp_serde::to_vec_named(value).map_err(|error| encode_error("msgpack", error))
    }

    fn deserialize(&self, bytes: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        shape::check(bytes)?;

        // Of rmp_serde's readers the one over a slice is a little faster, but only this one tells how far it came.
        let mut rest = bytes;
        let mut decoder = rmp_serde::Deserializer::new(&mut rest);
        decoder.set_max_depth(shape::RMP_DEPTH);
        let visited = visit(&mut <dyn erased_serde::Deserializer<'_>>::erase(&mut decoder));
        drop(decoder);

        let at = bytes.len() - rest.len();
        visited.map_err(|error| decode_error_at("msgpack", error, at))?;
        if rest.is_empty() { Ok(()) } else { Err(decode_error_at("msgpack", "expected the end", at)) }
    }

    fn reads_decimal_text(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests;
