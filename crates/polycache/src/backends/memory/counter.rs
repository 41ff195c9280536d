//! Integers in stored values.

use std::any::Any;

use crate::{Error, ErrorKind, Result, Value};

/// The number in a value that `increment` finds.
pub(super) enum Number {
    Is(i64),
    NotOne,
    /// The value is an object whose number only its type's code can tell; that code must not run under a lock.
    Unknown,
}

/// The integer in a value, if it can be told without running the code of its type.
pub(super) fn find(value: &Value) -> Number {
    // On a server the head would stand before the digits.
    if value.head().is_some() {
        return Number::NotOne;
    }
    if let Some(bytes) = value.as_bytes() {
        return parse(bytes);
    }
    macro_rules! primitive {
        ($($integer:ty),*) => {
            $(if let Some(number) = value.downcast_ref::<$integer>() {
                return i64::try_from(*number).map_or(Number::NotOne, Number::Is);
            })*
        };
    }
    primitive!(i64, i32, u64, u32, usize, isize, u8, i8, u16, i16, u128, i128);
    if is::<String>(value) || is::<bool>(value) || is::<f64>(value) || value.as_serialize().is_none() {
        return Number::NotOne;
    }
    Number::Unknown
}

/// The integer that the JSON of an object says.
#[cfg(feature = "json")]
pub(super) fn find_in_object(value: &Value) -> Number {
    let json = value.as_serialize().map(serde_json::to_vec);
    match json {
        Some(Ok(json)) => parse(&json),
        _ => Number::NotOne,
    }
}

#[cfg(not(feature = "json"))]
pub(super) fn find_in_object(_: &Value) -> Number {
    Number::NotOne
}

/// A counter as text, as every serializer that allows counters reads it.
pub(super) fn text(number: i64) -> Value {
    Value::bytes(number.to_string().into_bytes())
}

pub(super) fn add(number: i64, delta: i64) -> Result<i64> {
    number
        .checked_add(delta)
        .ok_or_else(|| Error::new(ErrorKind::Overflow, format!("{number} and {delta} make more than 64 bits hold")))
}

pub(super) fn not_a_number() -> Error {
    let text = if cfg!(feature = "json") {
        "what is stored isn't an integer of 64 bits"
    } else {
        "what is stored isn't an integer of 64 bits; one in a type of yours is found with the feature `json` of polycache"
    };
    Error::new(ErrorKind::NotANumber, text)
}

fn is<T: Any>(value: &Value) -> bool {
    value.downcast_ref::<T>().is_some()
}

/// Decimal text, an optional minus and digits: JSON's integers.
fn parse(bytes: &[u8]) -> Number {
    let plus = bytes.first() == Some(&b'+');
    match std::str::from_utf8(bytes).ok().filter(|_| !plus).and_then(|text| text.parse().ok()) {
        Some(number) => Number::Is(number),
        None => Number::NotOne,
    }
}
