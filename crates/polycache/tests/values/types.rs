//! The types whose values are written and read: a kind each.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::net::IpAddr;

use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
pub(crate) struct Unit;

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
pub(crate) struct Newtype(pub(crate) u64);

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
pub(crate) struct Pair(pub(crate) i32, pub(crate) String);

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
pub(crate) struct Empty {}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) name: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) note: Option<String>,
}

pub(crate) fn point() -> Point {
    Point { x: 0.1, name: "é".to_owned(), note: None }
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
pub(crate) enum External {
    Unit,
    Newtype(Newtype),
    Tuple(u8, String),
    Struct { a: i64 },
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(tag = "type")]
pub(crate) enum Internal {
    Unit,
    Newtype(Point),
    Struct { a: i64, b: Option<char> },
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(tag = "type", content = "content")]
pub(crate) enum Adjacent {
    Unit,
    Newtype(u64),
    Tuple(u8, String),
    Struct { a: i64 },
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(untagged)]
pub(crate) enum Untagged<T = Newtype> {
    Tuple(u8, String),
    Struct { a: i64 },
    Newtype(T),
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
pub(crate) struct Flat<T> {
    pub(crate) id: u64,
    #[serde(flatten)]
    pub(crate) rest: Rest<T>,
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
pub(crate) struct Rest<T> {
    pub(crate) value: T,
}

pub(crate) fn flat<T>(value: T) -> Flat<T> {
    Flat { id: u64::MAX, rest: Rest { value } }
}

/// What is left over goes into a map.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
pub(crate) struct Extra {
    pub(crate) id: u64,
    #[serde(flatten)]
    pub(crate) more: BTreeMap<String, IpAddr>,
}

/// As `serde_bytes` does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfBytes;
        impl<'de> Visitor<'de> for OfBytes {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Bytes, E> {
                Ok(Bytes(text.as_bytes().to_vec()))
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Bytes, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = items.next_element()? {
                    bytes.push(byte);
                }
                Ok(Bytes(bytes))
            }
        }
        deserializer.deserialize_byte_buf(OfBytes)
    }
}

/// A time as `chrono`, `jiff` and `time` write it where people read: a text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Text(pub(crate) i64);

impl Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1970-01-01T00:{:02}:{:02}Z", self.0 / 60, self.0 % 60)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (minutes, seconds) = text
            .strip_prefix("1970-01-01T00:")
            .and_then(|rest| rest.strip_suffix('Z'))
            .and_then(|rest| rest.split_once(':'))
            .ok_or_else(|| D::Error::custom("expected a time"))?;
        let number = |text: &str| text.parse::<i64>().map_err(D::Error::custom);
        Ok(Self(number(minutes)? * 60 + number(seconds)?))
    }
}

/// The same as a number of seconds.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
pub(crate) struct Seconds(#[serde(with = "seconds")] pub(crate) Text);

mod seconds {
    use super::{Deserialize, Deserializer, Serializer, Text};

    pub(super) fn serialize<S: Serializer>(time: &Text, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(time.0)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
        i64::deserialize(deserializer).map(Text)
    }
}

/// As `uuid` does: a text where people read, bytes elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Uuid(pub(crate) u128);

impl Serialize for Uuid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(&format_args!("{:032x}", self.0))
        } else {
            serializer.serialize_bytes(&self.0.to_be_bytes())
        }
    }
}

impl<'de> Deserialize<'de> for Uuid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            u128::from_str_radix(&text, 16).map(Self).map_err(D::Error::custom)
        } else {
            let bytes = Bytes::deserialize(deserializer)?;
            <[u8; 16]>::try_from(bytes.0.as_slice()).map(u128::from_be_bytes).map(Self).map_err(D::Error::custom)
        }
    }
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Colour {
    Red,
    Green,
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name(pub(crate) String);

/// Nests in a list, in a variant, in a variant with fields, in a map.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
pub(crate) enum Nest {
    End,
    List(Vec<Nest>),
    Variant(Box<Nest>),
    Fields { next: Box<Nest> },
    Map(BTreeMap<String, Nest>),
}
