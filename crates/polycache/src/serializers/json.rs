use std::sync::LazyLock;

use erased_serde::Serialize;
use serde_json::Value;

use super::guard::{Guarded, Large, Rules};
use super::{decode_error, encode_error};
use crate::Result;
use crate::serializer::{Context, Serializer, Visit};

/// JSON, compact. The default if values leave the process.
///
/// Parts without a form in JSON, or that couldn't be read back, are an error of kind [`Encode`](crate::ErrorKind::Encode) when they are
/// written: a NaN or an infinity, keys of a map that are neither strings nor numbers nor the like, nesting beyond 127. `Some(None)` and
/// `Some(())` are `null`, as everywhere in `serde_json`, and read back as `None`.
///
/// ```
/// use polycache::Cache;
/// use polycache::serializers::Json;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// let cache = Cache::builder().serializer(Json).build()?;
/// cache.set("user", ("Ada", 36)).await?;
/// assert_eq!(cache.get::<(String, u8)>("user").await?, Some(("Ada".to_owned(), 36)));
///
/// let error = cache.get::<Vec<bool>>("user").await.unwrap_err();
/// assert!(error.to_string().ends_with("at line 1 column 6"), "{error}");
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Json;

impl Serializer for Json {
    fn name(&self) -> &str {
        "json"
    }

    fn serialize(&self, value: &dyn Serialize, _context: &Context<'_>, out: &mut Vec<u8>) -> Result<()> {
        write(value, out).map_err(|error| encode_error("json", error))
    }

    fn deserialize(&self, bytes: &[u8], _context: &Context<'_>, visit: &mut Visit<'_>) -> Result<()> {
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let read = visit(&mut <dyn erased_serde::Deserializer<'_>>::erase(&mut json));
        match read {
            Ok(()) => json.end().map_err(|error| decode_error("json", error)),
            Err(_) if *NUMBERS_ARE_TABLES && read_by_value(bytes, visit).is_some() => Ok(()),
            Err(error) => Err(decode_error("json", error)),
        }
    }

    fn reads_decimal_text(&self) -> bool {
        true
    }
}

/// Whether anybody in the program has turned on `serde_json`'s feature `arbitrary_precision`. With it a number shows itself as a table to
/// types that ask what comes: those that are untagged, or have flattened fields.
static NUMBERS_ARE_TABLES: LazyLock<bool> = LazyLock::new(|| {
    let digits = serde_json::from_str("1.10").map(|number: Value| number.to_string());
    digits.is_ok_and(|digits| digits == "1.10")
});

/// The same by way of a [`Value`], whose numbers are numbers wherever no digit is lost by it.
fn read_by_value(bytes: &[u8], visit: &mut Visit<'_>) -> Option<()> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    visit(&mut <dyn erased_serde::Deserializer<'_>>::erase(value)).ok()
}

/// Appends the JSON of a value that reads back.
pub(super) fn write(value: &dyn Serialize, out: &mut Vec<u8>) -> serde_json::Result<()> {
    serde_core::Serialize::serialize(value, Guarded::<_, OfJson>::new(&mut serde_json::Serializer::new(out)))
}

struct OfJson;

impl Rules for OfJson {
    /// `serde_json` has 128, and refuses at the last.
    const MAX_DEPTH: usize = 127;
    const HAS_NAN: bool = false;
    const IS_COUNTED: bool = false;

    fn large<S: serde_core::Serializer>(serializer: S, number: Large) -> std::result::Result<S::Ok, S::Error> {
        match number {
            Large::Signed(number) => serializer.serialize_i128(number),
            Large::Unsigned(number) => serializer.serialize_u128(number),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use proptest::prelude::*;

    use super::{Json, Value};
    use crate::ErrorKind;
    use crate::serializer::Serializer;
    use crate::serializers::testing::{Tree, encode, nested, read_as_everything, refusal, round_trip, round_trip_all};

    #[test]
    fn round_trips() {
        round_trip_all(&Json);
        round_trip(&Json, &i128::MIN);
    }

    #[test]
    fn is_compact_and_plain() {
        assert_eq!(encode(&Json, &("é", Some(1), [true])).unwrap(), r#"["é",1,[true]]"#.as_bytes());
        assert!(Json.reads_decimal_text());
    }

    #[test]
    fn refuses_a_map_whose_keys_are_lists() {
        let map = std::collections::BTreeMap::from([(vec![1], 1)]);
        assert_eq!(encode(&Json, &map).unwrap_err().kind(), ErrorKind::Encode);
    }

    #[test]
    fn refuses_what_follows_the_value() {
        assert_eq!(refusal::<i64>(&Json, b"1 2").to_string().split(" at ").last(), Some("line 1 column 3"));
        refusal::<Value>(&Json, b"[] x");
        refusal::<Value>(&Json, b"{}\0");
        assert_eq!(crate::serializers::testing::decode::<i64>(&Json, b" 1 \n").unwrap(), 1);
    }

    #[test]
    fn refuses_deep_nesting() {
        refusal::<Value>(&Json, "[".repeat(200_000).as_bytes());
        refusal::<Value>(&Json, r#"{"a":"#.repeat(200_000).as_bytes());
        refusal::<Tree>(&Json, r#"{"Branch":"#.repeat(200_000).as_bytes());
        refusal::<Value>(&Json, format!("{}{}", "[".repeat(129), "]".repeat(129)).as_bytes());
    }

    #[test]
    fn names_the_position_of_a_wrong_type_however_long_the_value() {
        let text = format!("{{\n \"a\": \"{}\"}}", "x".repeat(1_000_000));
        let error = refusal::<std::collections::BTreeMap<String, i64>>(&Json, text.as_bytes());
        assert!(error.to_string().ends_with("at line 2 column 1000008"), "{error}");
    }

    #[test]
    fn refuses_every_truncation() {
        let whole = encode(&Json, &nested()).unwrap();
        for end in 0..whole.len() {
            refusal::<Value>(&Json, &whole[..end]);
        }
    }

    proptest! {
        #[test]
        fn survives_garbage(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            read_as_everything(&Json, &bytes);
        }

        #[test]
        fn survives_near_json(text in r#"[\[\]{}",:\\0-9eE.+\-ntu ]{0,60}"#) {
            read_as_everything(&Json, text.as_bytes());
        }
    }
}
