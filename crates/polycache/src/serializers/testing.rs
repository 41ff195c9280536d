//! The common part of the serializers' tests.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use crate::serializer::{Context, Serializer};
use crate::{Error, ErrorKind, Result};

pub(super) fn encode<T: Serialize>(serializer: &dyn Serializer, value: &T) -> Result<Vec<u8>> {
    let mut bytes = b"before".to_vec();
    serializer.serialize(value, &Context::new("key"), &mut bytes)?;
    assert!(bytes.starts_with(b"before"));
    Ok(bytes.split_off(6))
}

pub(super) fn decode<T: DeserializeOwned>(serializer: &dyn Serializer, bytes: &[u8]) -> Result<T> {
    let mut value = None;
    serializer.deserialize(bytes, &Context::new("key"), &mut |deserializer| {
        value = Some(erased_serde::deserialize(deserializer)?);
        Ok(())
    })?;
    Ok(value.unwrap())
}

/// The error of reading `bytes` as a `T`: of the right kind, of a bearable length.
pub(super) fn refusal<T: DeserializeOwned + Debug>(serializer: &dyn Serializer, bytes: &[u8]) -> Error {
    let error = decode::<T>(serializer, bytes).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    let text = error.to_string();
    assert!(text.contains(serializer.name()) && text.chars().count() < 300, "{text}");
    error
}

pub(super) fn round_trip<T>(serializer: &dyn Serializer, value: &T)
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let bytes = encode(serializer, value).unwrap();
    match decode::<T>(serializer, &bytes) {
        Ok(back) => assert_eq!(&back, value, "{}", serializer.name()),
        Err(error) => panic!("{value:?} as {bytes:?}: {error}"),
    }
}

/// The rows of the last table of `docs/format.md` under this heading, without backticks.
#[cfg(any(feature = "lz4", feature = "sealed", feature = "signed", feature = "zstd"))]
pub(super) fn vectors(heading: &str) -> Vec<Vec<String>> {
    let page = include_str!("../../../../docs/format.md");
    let section = page.split("\n## ").find(|section| section.starts_with(heading)).unwrap();
    let (_, table) = section.rsplit_once("\n|---|").unwrap();
    let cells =
        |row: &str| row.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect::<Vec<_>>();
    table.lines().skip(1).take_while(|row| row.starts_with('|')).map(cells).collect()
}

/// Bytes of the hexadecimal digits that `docs/format.md` has.
#[cfg(any(feature = "lz4", feature = "sealed", feature = "signed", feature = "zstd"))]
pub(super) fn bytes(hex: &str) -> Vec<u8> {
    hex.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

/// Reads `bytes` as many types: an error or a value, never a panic.
pub(super) fn read_as_everything(serializer: &dyn Serializer, bytes: &[u8]) {
    fn read<T: DeserializeOwned>(serializer: &dyn Serializer, bytes: &[u8]) {
        if let Err(error) = decode::<T>(serializer, bytes) {
            assert_eq!(error.kind(), ErrorKind::Decode);
            assert!(error.to_string().chars().count() < 300, "{error}");
        }
    }
    read::<IgnoredAny>(serializer, bytes);
    read::<serde_json::Value>(serializer, bytes);
    read::<Nested>(serializer, bytes);
    read::<Vec<Shape>>(serializer, bytes);
    read::<Tree>(serializer, bytes);
    read::<Option<i64>>(serializer, bytes);
    read::<i128>(serializer, bytes);
    read::<f32>(serializer, bytes);
    read::<char>(serializer, bytes);
    read::<(u8, String)>(serializer, bytes);
    read::<()>(serializer, bytes);
    read::<ByteString>(serializer, bytes);
    read::<BTreeMap<u64, Option<Vec<u8>>>>(serializer, bytes);
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
pub(super) struct Nested {
    pub(super) name: String,
    pub(super) id: u64,
    pub(super) low: i64,
    pub(super) ratio: f64,
    pub(super) tags: Vec<String>,
    pub(super) maybe: Option<i32>,
    pub(super) inner: Option<Box<Nested>>,
    pub(super) shapes: Vec<Shape>,
    pub(super) by_name: BTreeMap<String, (i32, bool, char)>,
    pub(super) unit: Unit,
    pub(super) metres: Metres,
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Point,
    Circle(f64),
    Line(i32, i32),
    Rect { width: u32, height: u32 },
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
pub(super) struct Unit;

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
pub(super) struct Metres(pub(super) f32);

/// A type that recurses through a newtype variant, where some decoders forget to count.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
pub(super) enum Tree {
    Leaf,
    Branch(Box<Tree>),
}

/// Bytes as serde's bytes, not as a sequence of numbers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ByteString(pub(super) Vec<u8>);

impl Serialize for ByteString {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for ByteString {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Vec<u8>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<u8>, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = seq.next_element()? {
                    bytes.push(byte);
                }
                Ok(bytes)
            }
        }
        deserializer.deserialize_byte_buf(Visitor).map(Self)
    }
}

pub(super) fn nested() -> Nested {
    let leaf = Nested {
        name: "emoji 😀, quote \", newline \n, nul \0, backslash \\".to_owned(),
        id: u64::MAX,
        low: i64::MIN,
        ratio: -1.5e-300,
        tags: vec![],
        maybe: None,
        inner: None,
        shapes: vec![],
        by_name: BTreeMap::new(),
        unit: Unit,
        metres: Metres(0.1),
    };
    Nested {
        name: String::new(),
        id: 0,
        low: -1,
        tags: vec!["a".to_owned(), "é".repeat(300)],
        maybe: Some(7),
        inner: Some(Box::new(leaf.clone())),
        shapes: vec![Shape::Point, Shape::Circle(2.0), Shape::Line(-3, 4), Shape::Rect { width: u32::MAX, height: 0 }],
        by_name: BTreeMap::from([("k".to_owned(), (i32::MIN, true, '😀'))]),
        ..leaf
    }
}

/// Values that every structured format must give back unchanged.
pub(super) fn round_trip_all(serializer: &dyn Serializer) {
    for number in [i64::MIN, i64::from(i32::MIN), -129, -128, -1, 0, 1, 127, 128, 255, 256, 65_536, i64::MAX] {
        round_trip(serializer, &number);
    }
    for number in [0, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
        round_trip(serializer, &number);
    }
    for float in [0.0, -0.0, 1.5, f64::MIN_POSITIVE, f64::MAX, 5e-324, 0.1 + 0.2] {
        round_trip(serializer, &float);
    }
    round_trip(serializer, &true);
    round_trip(serializer, &'é');
    round_trip(serializer, &String::new());
    round_trip(serializer, &"x".repeat(70_000));
    round_trip(serializer, &Some(3));
    round_trip(serializer, &None::<i32>);
    round_trip(serializer, &());
    round_trip(serializer, &(1, "two".to_owned(), [3.0]));
    round_trip(serializer, &(0..3000).collect::<Vec<i32>>());
    round_trip(serializer, &(0..3000).map(|n| (n, n.to_string())).collect::<BTreeMap<i32, String>>());
    round_trip(serializer, &vec![vec![Some(1), None]; 3]);
    for length in [0, 1, 255, 256, 70_000] {
        round_trip(serializer, &ByteString((0..length).map(|n| (n % 256) as u8).collect()));
        round_trip(serializer, &(0..length).map(|n| (n % 256) as u8).collect::<Vec<u8>>());
    }
    round_trip(serializer, &nested());

    let mut tree = Tree::Leaf;
    for _ in 0..100 {
        tree = Tree::Branch(Box::new(tree));
    }
    round_trip(serializer, &tree);
}
