#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;

use super::MsgPack;
use crate::serializer::Serializer;
use crate::serializers::testing::{
    ByteString, Metres, Shape, Tree, decode, encode, nested, read_as_everything, refusal, round_trip, round_trip_all,
};

#[test]
fn round_trips() {
    round_trip_all(&MsgPack);
    round_trip(&MsgPack, &i128::MIN);
    assert!(decode::<f64>(&MsgPack, &encode(&MsgPack, &f64::NAN).unwrap()).unwrap().is_nan());
}

#[test]
fn structs_are_maps_by_name() {
    let rect = Shape::Rect { width: 1, height: 2 };
    assert_eq!(encode(&MsgPack, &rect).unwrap(), b"\x81\xa4Rect\x82\xa5width\x01\xa6height\x02");
    assert_eq!(encode(&MsgPack, &Metres(0.0)).unwrap(), b"\xca\0\0\0\0");
    assert_eq!(encode(&MsgPack, &ByteString(vec![1, 255])).unwrap(), b"\xc4\x02\x01\xff");
    assert!(!MsgPack.reads_decimal_text());
}

#[test]
fn integers_of_128_bits_are_those_of_64_where_they_fit() {
    assert_eq!(encode(&MsgPack, &5_u128).unwrap(), b"\x05");
    assert_eq!(encode(&MsgPack, &-7_i128).unwrap(), b"\xf9");
    assert_eq!(encode(&MsgPack, &u128::from(u64::MAX)).unwrap(), b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff");
    assert_eq!(decode::<u64>(&MsgPack, &encode(&MsgPack, &5_u128).unwrap()).unwrap(), 5);
    assert_eq!(decode::<u128>(&MsgPack, &encode(&MsgPack, &5_i8).unwrap()).unwrap(), 5);
    assert_eq!(encode(&MsgPack, &(i128::from(i64::MIN) - 1)).unwrap()[..3], *b"\xc4\x10\xff");
    assert_eq!(encode(&MsgPack, &(1_u128 << 127)).unwrap()[..4], *b"\xc4\x11\x00\x80");
    round_trip(&MsgPack, &vec![Some(u128::MAX), None, Some(1 << 127), Some(0)]);
    round_trip(&MsgPack, &BTreeMap::from([(i128::MIN, (i128::MAX, -1_i128))]));

    let error = refusal::<u128>(&MsgPack, &encode(&MsgPack, &-7).unwrap());
    assert!(error.to_string().contains("integer `-7`, expected u128"), "{error}");
    refusal::<Vec<Option<u128>>>(&MsgPack, &encode(&MsgPack, &[Some(-7)]).unwrap());
    refusal::<u128>(&MsgPack, &encode(&MsgPack, &i128::MIN).unwrap());
    refusal::<i128>(&MsgPack, &encode(&MsgPack, &u128::MAX).unwrap());
    refusal::<u64>(&MsgPack, &encode(&MsgPack, &u128::MAX).unwrap());
    // An array of numbers is no integer, and neither are other bytes.
    refusal::<i128>(&MsgPack, &encode(&MsgPack, &[1_u8; 16]).unwrap());
    refusal::<u128>(&MsgPack, &encode(&MsgPack, &ByteString(vec![1; 17])).unwrap());
    refusal::<u128>(&MsgPack, &encode(&MsgPack, &"5").unwrap());
}

/// Announces one item less than it has, or one more.
struct Miscounted(usize);

impl serde::Serialize for Miscounted {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq as _;
        let mut items = serializer.serialize_seq(Some(self.0))?;
        items.serialize_element(&1)?;
        items.end()
    }
}

#[test]
fn what_announces_another_number_of_items_than_it_has_is_an_error() {
    for announced in [0, 2] {
        let error = encode(&MsgPack, &Miscounted(announced)).unwrap_err();
        assert!(error.to_string().contains("another number of items"), "{error}");
    }
    assert_eq!(encode(&MsgPack, &Miscounted(1)).unwrap(), b"\x91\x01");
    for announced in [0, 1, 2] {
        let json = encode(&crate::serializers::Json, &Miscounted(announced)).unwrap();
        assert_eq!(json, b"[1]");
    }
}

/// Written by Python: `msgpack.packb({"a": [1, -7, 2**63, 1.5, None, True, "é", b"\xff"]})` of msgpack 1.2.4.
#[test]
fn reads_what_python_writes() {
    let bytes = b"\x81\xa1a\x98\x01\xf9\xcf\x80\0\0\0\0\0\0\0\xcb\x3f\xf8\0\0\0\0\0\0\xc0\xc3\xa2\xc3\xa9\xc4\x01\xff";
    type Row = (u128, i128, u64, f64, Option<u8>, bool, String, ByteString);
    let read: BTreeMap<String, Row> = decode(&MsgPack, bytes).unwrap();
    assert_eq!(read["a"], (1, -7, 1 << 63, 1.5, None, true, "é".to_owned(), ByteString(vec![0xff])));
    assert_eq!(encode(&MsgPack, &read).unwrap(), bytes);
}

#[test]
fn refuses_what_follows_the_value() {
    let error = refusal::<i64>(&MsgPack, b"\x01\x02");
    assert!(error.to_string().ends_with("expected the end, at byte 1"), "{error}");
    refusal::<Vec<i64>>(&MsgPack, b"\x91\x01\xc0");
}

#[test]
fn refuses_deep_nesting() {
    for opening in [&b"\x91"[..], b"\x81\xa1a", b"\x81\xa6Branch", b"\xdc\x00\x01", b"\x92\x01"] {
        refusal::<Value>(&MsgPack, &opening.repeat(200_000));
        refusal::<Tree>(&MsgPack, &opening.repeat(200_000));
    }
    let lists = |depth| [vec![0x91; depth], vec![0x90]].concat();
    assert!(decode::<Value>(&MsgPack, &lists(127)).is_ok());
    assert!(decode::<Value>(&MsgPack, &lists(128)).is_ok());
    let error = refusal::<Value>(&MsgPack, &lists(129));
    assert!(error.to_string().ends_with("nested deeper than 128, at byte 128"), "{error}");
}

#[test]
fn refuses_forged_lengths() {
    for marker in [0xdd, 0xdf, 0xdb, 0xc6, 0xc9_u8] {
        for tail in [&b""[..], b"\x01", b"\x01\x01\x01\x01\x01\x01\x01\x01"] {
            let forged = [&[marker, 0xff, 0xff, 0xff, 0xff], tail].concat();
            refusal::<Value>(&MsgPack, &forged);
            refusal::<String>(&MsgPack, &forged);
            refusal::<ByteString>(&MsgPack, &forged);
            refusal::<Vec<u64>>(&MsgPack, &forged);
            refusal::<BTreeMap<u8, u8>>(&MsgPack, &forged);
        }
    }
}

#[test]
fn names_the_position_of_a_wrong_type() {
    let error = refusal::<Vec<i64>>(&MsgPack, b"\x93\x01\x02\xa1x");
    assert!(error.to_string().ends_with(", at byte 4"), "{error}");

    let long = encode(&MsgPack, &vec!["x".repeat(1_000_000)]).unwrap();
    let error = refusal::<Vec<i64>>(&MsgPack, &long);
    assert!(error.to_string().ends_with(", at byte 2"), "{error}");
    refusal::<Value>(&MsgPack, b"\xc1");
}

#[test]
fn refuses_every_truncation() {
    let whole = encode(&MsgPack, &nested()).unwrap();
    for end in 0..whole.len() {
        refusal::<Value>(&MsgPack, &whole[..end]);
        refusal::<serde::de::IgnoredAny>(&MsgPack, &whole[..end]);
    }
}

proptest! {
    #[test]
    fn survives_garbage(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_as_everything(&MsgPack, &bytes);
    }

    #[test]
    fn survives_damage(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = encode(&MsgPack, &nested()).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        read_as_everything(&MsgPack, &bytes);
    }
}
