use erased_serde::Serialize;

use self::integers::Integers;
use super::guard::{Guarded, Large, Rules};
use super::{MAX_DEPTH, decode_error_at, encode_error};
use crate::Result;
use crate::serializer::{Context, Serializer, Visit};

mod integers;
mod shape;

/// `MessagePack`: smaller than JSON and faster to read; holds bytes as they are.
///
/// A struct is a map by field name, and a type with a form for people (an `IpAddr`, many a time or UUID) is written in that form. So
/// programs in other languages see what JSON would show them, and untagged enums and flattened fields read such values back. An integer
/// beyond 64 bits is bytes, in two's complement with the most significant byte first. Nesting beyond 128 is an error when it is written.
/// A counter that the backend keeps as decimal text doesn't read back, so `increment` is refused.
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

    fn serialize(&self, value: &dyn Serialize, _context: &Context<'_>, out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        let mut encoder = rmp_serde::Serializer::new(&mut *out).with_struct_map().with_human_readable();
        serde_core::Serialize::serialize(value, Guarded::<_, OfMsgPack>::new(&mut encoder))
            .map_err(|error| encode_error("msgpack", error))?;
        // rmp_serde cuts longer lengths to 32 bits, and the bytes would be garbage.
        if u32::try_from(out.len() - start).is_err() {
            return Err(encode_error("msgpack", "it takes 4 GiB or more"));
        }
        Ok(())
    }

    fn deserialize(&self, bytes: &[u8], _context: &Context<'_>, visit: &mut Visit<'_>) -> Result<()> {
        shape::check(bytes)?;

        // rmp_serde's reader over a slice is a little faster, but only this one tells how far it came.
        let mut rest = bytes;
        let mut decoder = rmp_serde::Deserializer::new(&mut rest).with_human_readable();
        decoder.set_max_depth(shape::RMP_DEPTH);
        let visited = visit(&mut <dyn erased_serde::Deserializer<'_>>::erase(Integers(&mut decoder)));
        drop(decoder);

        let at = bytes.len() - rest.len();
        visited.map_err(|error| decode_error_at("msgpack", error, at))?;
        if rest.is_empty() { Ok(()) } else { Err(decode_error_at("msgpack", "expected the end", at)) }
    }

    fn reads_decimal_text(&self) -> bool {
        false
    }
}

struct OfMsgPack;

impl Rules for OfMsgPack {
    const MAX_DEPTH: usize = MAX_DEPTH;
    const HAS_NAN: bool = true;
    const IS_COUNTED: bool = true;

    fn large<S: serde_core::Serializer>(serializer: S, number: Large) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_bytes(integers::bytes(number).as_slice())
    }
}

#[cfg(test)]
mod tests;
