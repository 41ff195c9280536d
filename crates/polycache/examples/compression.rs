//! A serializer around a serializer: JSON, compressed where that makes it smaller.
//!
//! `cargo run --example compression`

use polycache::backends::memory::Memory;
use polycache::serializer::{Context, Serializer, Visit};
use polycache::serializers::Json;
use polycache::{Cache, Error, ErrorKind, Result, Value};

/// The most that a value may come to when it is unpacked: stored bytes may be forged.
const MAX_UNPACKED: usize = 64 << 20;

const PLAIN: u8 = 0;
const PACKED: u8 = 1;

/// Packs what another serializer writes.
#[derive(Debug)]
struct Compressed<S>(S);

impl<S: Serializer> Serializer for Compressed<S> {
    fn name(&self) -> &str {
        "compressed"
    }

    fn serialize(&self, value: &dyn erased_serde::Serialize, context: &Context<'_>, out: &mut Vec<u8>) -> Result<()> {
        let mut plain = Vec::new();
        self.0.serialize(value, context, &mut plain)?;
        let packed = miniz_oxide::deflate::compress_to_vec(&plain, 6);
        let (tag, bytes) = if packed.len() < plain.len() { (PACKED, packed) } else { (PLAIN, plain) };
        out.push(tag);
        out.extend(bytes);
        Ok(())
    }

    fn deserialize(&self, bytes: &[u8], context: &Context<'_>, visit: &mut Visit<'_>) -> Result<()> {
        match bytes.split_first() {
            Some((&PLAIN, plain)) => self.0.deserialize(plain, context, visit),
            Some((&PACKED, packed)) => {
                let plain = miniz_oxide::inflate::decompress_to_vec_with_limit(packed, MAX_UNPACKED)
                    .map_err(|error| Error::new(ErrorKind::Decode, format!("compressed can't unpack this: {error}")))?;
                self.0.deserialize(&plain, context, visit)
            }
            _ => Err(Error::new(ErrorKind::Decode, "compressed can't unpack this: no known tag at byte 0")),
        }
    }

    fn reads_decimal_text(&self) -> bool {
        false // a counter has no tag
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let memory = Memory::builder().max_bytes(1 << 20).build()?;
    let cache = Cache::builder().backend(memory).serializer(Compressed(Json)).build()?;

    let story = "All work and no play makes Jack a dull boy. ".repeat(1_000);
    cache.set("story", story.clone()).await?;
    assert_eq!(cache.get::<String>("story").await?.as_ref(), Some(&story));

    let stored = cache.get::<Value>("story").await?;
    let stored = stored.as_ref().and_then(|value| value.as_bytes()).map_or(0, <[u8]>::len);
    println!("a story of {} bytes is stored in {stored}", story.len());
    Ok(())
}
