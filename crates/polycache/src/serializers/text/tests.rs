#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::Text;
use crate::ErrorKind;
use crate::serializer::Serializer;
use crate::serializers::testing::{
    ByteString, Metres, Shape, Unit, decode, encode, nested, read_as_everything, refusal, round_trip,
};

#[track_caller]
fn is_stored_as<T: serde::Serialize>(value: &T, text: &str) {
    assert_eq!(String::from_utf8(encode(&Text, value).unwrap()).unwrap(), text);
    assert_eq!(decode::<String>(&Text, text.as_bytes()).unwrap(), text);
}

#[test]
fn scalars_are_their_text() {
    is_stored_as(&"", "");
    is_stored_as(&"plain \" 😀\n", "plain \" 😀\n");
    is_stored_as(&i64::MIN, "-9223372036854775808");
    is_stored_as(&u64::MAX, "18446744073709551615");
    is_stored_as(&1.0, "1.0");
    is_stored_as(&1e300, "1e300");
    is_stored_as(&f64::NEG_INFINITY, "-inf");
    is_stored_as(&true, "true");
    is_stored_as(&'é', "é");
    is_stored_as(&Some(Some(5)), "5");
    is_stored_as(&Metres(2.5), "2.5");
    is_stored_as(&Shape::Point, "Point");
    is_stored_as(&ByteString("é".into()), "é");
}

#[test]
fn compound_values_are_their_json() {
    is_stored_as(&(1, "two", None::<i32>), r#"[1,"two",null]"#);
    is_stored_as(&Some(vec![1]), "[1]");
    is_stored_as(&BTreeMap::from([("k", 0.5)]), r#"{"k":0.5}"#);
    is_stored_as(&Shape::Circle(1.0), r#"{"Circle":1.0}"#);
    is_stored_as(&nested(), &serde_json::to_string(&nested()).unwrap());
}

#[test]
fn refuses_what_has_no_text() {
    assert_eq!(encode(&Text, &None::<String>).unwrap_err().kind(), ErrorKind::Encode);
    assert_eq!(encode(&Text, &()).unwrap_err().kind(), ErrorKind::Encode);
    assert_eq!(encode(&Text, &Unit).unwrap_err().kind(), ErrorKind::Encode);

    let error = encode(&Text, &ByteString(b"ab\xff".to_vec())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode);
    assert!(error.to_string().contains("byte 2"), "{error}");
}

#[test]
fn scalars_round_trip() {
    round_trip(&Text, &i64::MIN);
    round_trip(&Text, &u64::MAX);
    round_trip(&Text, &i128::MIN);
    round_trip(&Text, &-0.1f32);
    round_trip(&Text, &f64::INFINITY);
    round_trip(&Text, &false);
    round_trip(&Text, &'😀');
    round_trip(&Text, &"1 2".to_owned());
    round_trip(&Text, &Some(3));
    round_trip(&Text, &Metres(0.5));
    round_trip(&Text, &Shape::Point);
    round_trip(&Text, &ByteString("é".into()));
    assert!(decode::<f64>(&Text, b"NaN").unwrap().is_nan());
    assert!(Text.reads_decimal_text());
}

#[test]
fn says_what_it_expected() {
    let told = |error: crate::Error, part: &str| assert!(error.to_string().contains(part), "{error}");
    told(refusal::<i64>(&Text, b"12x"), "expected an i64, found the text \"12x\"");
    told(refusal::<u8>(&Text, b"256"), "a u8");
    told(refusal::<i64>(&Text, b" 1"), "an i64");
    told(refusal::<bool>(&Text, b"1"), "true or false");
    told(refusal::<char>(&Text, b"ab"), "one character");
    told(refusal::<Vec<i32>>(&Text, b"[1]"), "read it as String, or use the json serializer");
    told(refusal::<crate::serializers::testing::Nested>(&Text, b"{}"), "expected Nested");
    told(refusal::<Shape>(&Text, b"Square"), "Square");
    told(refusal::<Shape>(&Text, b"Circle"), "newtype variant");
    told(refusal::<String>(&Text, b"abc\xff"), "byte 3 isn't");
    refusal::<i64>(&Text, "x".repeat(1_000_000).as_bytes());
}

proptest! {
    #[test]
    fn survives_garbage(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        read_as_everything(&Text, &bytes);
    }
}
