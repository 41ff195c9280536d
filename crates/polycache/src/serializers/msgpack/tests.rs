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
