//! Reading a configuration's text without losing any of it: `serde_json`'s own `Value` keeps the last of two settings of one name,
//! and makes nothing of a number that JSON doesn't have.

use std::fmt;

use serde_core::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// If any crate of a program has `serde_json` keep all digits (feature `arbitrary_precision`), a number comes as a table with this name.
const ANY_NUMBER: &str = "$serde_json::private::Number";

/// The error doesn't show the number, which may be a password.
const TOO_LARGE: &str = "put it in quotes if it's a text: a number has more than 64 bits";

/// A value in which every name stands once and every number is one. Parsers put the place behind what an error says, so the advice comes
/// first.
pub(super) struct Strict(pub(super) Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("settings: texts, numbers, lists, tables")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    // Those that fit are visited as numbers of 64 bits.
    fn visit_i128<E: Error>(self, _: i128) -> Result<Value, E> {
        Err(E::custom(TOO_LARGE))
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<Value, E> {
        Err(E::custom(TOO_LARGE))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom(format!("leave it out or set a number: {value} is none")))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut table = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            if name == ANY_NUMBER && table.is_empty() {
                let digits = fields.next_value::<String>()?;
                return number(&digits).ok_or_else(|| A::Error::custom("a number can't be read"));
            }
            if table.contains_key(&name) {
                return Err(A::Error::custom(format!("leave one of two out: `{name}` is set twice")));
            }
            let Strict(value) = fields.next_value()?;
            table.insert(name, value);
        }
        Ok(Value::Object(table))
    }
}

/// The number of 64 bits that these digits are, as it would be without the feature.
fn number(digits: &str) -> Option<Value> {
    let whole = digits.parse::<u64>().map(Number::from).or_else(|_| digits.parse::<i64>().map(Number::from));
    whole.ok().or_else(|| Number::from_f64(digits.parse().ok()?)).map(Value::Number)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_which_all_digits_are_kept_is_a_number() {
        let text = format!(r#"{{ "jitter": {{ "{ANY_NUMBER}": "0.1" }} }}"#);
        let Strict(value) = serde_json::from_str(&text).unwrap();
        assert_eq!(value, serde_json::json!({ "jitter": 0.1 }));
    }

    #[test]
    fn a_number_is_the_same_whether_or_not_all_digits_are_kept() {
        for (text, right) in
            [("[1.50]", "[1.5]"), ("[-7]", "[-7]"), ("[18446744073709551615]", "[18446744073709551615]")]
        {
            let Strict(value) = serde_json::from_str(text).unwrap();
            assert_eq!(value.to_string(), right);
        }
        assert!(serde_json::from_str::<Strict>("[1e400]").is_err());
    }
}
