use erased_serde::Serialize;

use super::{decode_error, encode_error};
use crate::Result;
use crate::serializer::{Serializer, Visit};

/// JSON, compact. The default wherever values leave the process.
///
/// Three things JSON has no form for, as everywhere in `serde_json`: a NaN or an infinity is stored as `null`, and so are
/// `Some(None)` and `Some(())`, which read back as `None`; a map's keys must be strings, numbers or the like (others are an
/// error).
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

    fn serialize(&self, value: &dyn Serialize) -> Result<Vec<u8>> {
        serde_json::to_vec(value).map_err(|error| encode_error("json", error))
    }

    fn deserialize(&self, bytes: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        let mut json = serde_json::Deserializer::from_slice(bytes);
        visit(&mut <dyn erased_serde::Deserializer<'_>>::erase(&mut json))
            .map_err(|error| decode_error("json", error))?;
        json.end().map_err(|error| decode_error("json", error))
    }

    fn reads_decimal_text(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use proptest::prelude::*;
    use serde_json::Value;

    use super::Json;
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
