//! A serializer around a serializer.

use polycache::serializer::{Context, Serializer, Visit};
use polycache::serializers::Json;
use polycache::{Error, ErrorKind, Result};

/// JSON behind one byte of its own, as after compression or encryption: decimal text can't be read back, so counters are refused.
#[derive(Debug, Clone, Copy, Default)]
pub struct Marked;

const MARK: u8 = 0;

impl Serializer for Marked {
    fn name(&self) -> &str {
        "marked json"
    }

    fn serialize(&self, value: &dyn erased_serde::Serialize, context: &Context<'_>, out: &mut Vec<u8>) -> Result<()> {
        out.push(MARK);
        Json.serialize(value, context, out)
    }

    fn deserialize(&self, bytes: &[u8], context: &Context<'_>, visit: &mut Visit<'_>) -> Result<()> {
        match bytes.split_first() {
            Some((&MARK, json)) => Json.deserialize(json, context, visit),
            _ => Err(Error::new(ErrorKind::Decode, "expected the mark, at byte 0")),
        }
    }

    fn reads_decimal_text(&self) -> bool {
        false
    }
}
