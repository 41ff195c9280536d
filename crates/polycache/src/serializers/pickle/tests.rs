#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod hostile;

use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::Pickle;
use crate::ErrorKind;
use crate::serializer::Serializer;
use crate::serializers::testing::{ByteString, Nested, Shape, decode, encode, nested, refusal, round_trip_all};

#[track_caller]
fn is_refused(bytes: &[u8], part: &str) {
    for error in [refusal::<Value>(&Pickle, bytes), refusal::<IgnoredAny>(&Pickle, bytes)] {
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[track_caller]
fn reads_as(bytes: &[u8], value: &Value) {
    assert_eq!(&decode::<Value>(&Pickle, bytes).unwrap(), value);
}

#[test]
fn round_trips() {
    round_trip_all(&Pickle);
    assert!(decode::<f64>(&Pickle, &encode(&Pickle, &f64::NAN).unwrap()).unwrap().is_nan());
    assert!(!Pickle.reads_decimal_text());
}

#[test]
fn what_pickle_cant_hold_is_an_error() {
    let error = encode(&Pickle, &i128::MIN).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode);
    assert_eq!(
        error.to_string(),
        "pickle can't encode this: -170141183460469231731687303715884105728 is an integer beyond 64 bits; write it as text"
    );
}

#[test]
fn reads_every_spelling_of_a_number() {
    let cases: [(&[u8], i128); 12] = [
        (b"I-5\n.", -5),
        (b"I12L\r\n.", 12),
        (b"L99999999999999999999L\n.", 99_999_999_999_999_999_999),
        (b"J\xff\xff\xff\xff.", -1),
        (b"K\xff.", 255),
        (b"M\xff\xff.", 65_535),
        (b"\x8a\x00.", 0),
        (b"\x8a\x01\x80.", -128),
        (b"\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x00.", u64::MAX as i128),
        (b"\x8a\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x80.", i128::MIN),
        (b"\x8a\x11\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff.", -1),
        (b"\x8b\x02\0\0\0\0\x01.", 256),
    ];
    for (bytes, number) in cases {
        assert_eq!(decode::<i128>(&Pickle, bytes).unwrap(), number, "{bytes:?}");
    }
    assert!(!decode::<bool>(&Pickle, b"I00\n.").unwrap());
    assert!(decode::<bool>(&Pickle, b"I01\n.").unwrap());
    assert_eq!(decode::<f64>(&Pickle, b"F-inf\n.").unwrap(), f64::NEG_INFINITY);

    assert_eq!(decode::<u128>(&Pickle, b"\x8a\x11\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x80\x00.").unwrap(), 1 << 127);
    assert_eq!(decode::<u128>(&Pickle, format!("I{}\n.", u128::MAX).as_bytes()).unwrap(), u128::MAX);
    is_refused(b"\x8a\x11\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01.", "beyond 128 bits has no type in Rust, at byte 0");
    is_refused(&[b"L", "9".repeat(1_000_000).as_bytes(), b"L\n."].concat(), "beyond 128 bits");
    is_refused(b"Iten\n.", "malformed, at byte 0");
    is_refused(b"F1,5\n.", "malformed");
}

#[test]
fn reads_every_spelling_of_a_string() {
    reads_as(b"Vcaf\xe9 \\u20ac \\U0001f600 \\u005c \\\n.", &json!("café € 😀 \\ \\"));
    reads_as(b"S'it\\'s\\x41\\n\\\\'\n.", &json!("it'sA\n\\"));
    reads_as(b"S\"\"\n.", &json!(""));
    reads_as(b"U\x03abc.", &json!("abc"));
    reads_as(b"\x8d\x02\0\0\0\0\0\0\0ab.", &json!("ab"));
    let bytes = |pickle| decode::<ByteString>(&Pickle, pickle).unwrap().0;
    assert_eq!(bytes(b"T\x02\0\0\0\xff\xfe."), b"\xff\xfe");
    assert_eq!(bytes(b"S'\\xff'\n."), b"\xff");
    assert_eq!(bytes(b"\x96\x01\0\0\0\0\0\0\0\xff."), b"\xff");
    assert_eq!(bytes(b"c_codecs\nencode\n(V\xff\nVlatin1\ntR."), b"\xff");
    assert_eq!(decode::<Vec<u8>>(&Pickle, b"C\x02\x01\xff.").unwrap(), [1, 255]);

    is_refused(b"X\x01\0\0\0\xff.", "argument of BINUNICODE is malformed, at byte 0");
    for malformed in [&b"V\\ud83d\n."[..], b"V\\u12\n.", b"S'a\n.", b"S'\\q'\n.", b"S'\\x4'\n.", b"S\n."] {
        is_refused(malformed, "malformed");
    }
    is_refused(b"c_codecs\nencode\n(V\\u20ac\nVlatin1\ntR.", "numbers up to 255");
}

#[test]
fn reads_enums() {
    assert_eq!(decode::<Shape>(&Pickle, b"VPoint\n.").unwrap(), Shape::Point);
    assert_eq!(decode::<Shape>(&Pickle, b"}VCircle\nK\x02s.").unwrap(), Shape::Circle(2.0));
    assert_eq!(decode::<Shape>(&Pickle, b"}VPoint\nNs.").unwrap(), Shape::Point);
    for bytes in [&b"}VPoint\nK\x02s."[..], b"VCircle\n.", b"}.", b"(VCircle\nK\x02VPoint\nNd.", b"K\x01."] {
        refusal::<Shape>(&Pickle, bytes);
    }
}

#[test]
fn an_instance_is_its_state_wherever_it_is_referred_to() {
    // [c, c], where c is an instance of __main__.C with x = 1
    let pickle = b"\x80\x02]q\x00(c__main__\nC\nq\x01)\x81q\x02}q\x03X\x01\x00\x00\x00xq\x04K\x01sbh\x02e.";
    reads_as(pickle, &json!([{"x": 1}, {"x": 1}]));
    // An instance of a subclass of int; datetime.date(..)
    is_refused(b"\x80\x02cmod\nMyInt\nK\x05\x85\x81.", "the Python object mod.MyInt");
    is_refused(b"cdatetime\ndate\n(U\x01xtR.", "the Python object datetime.date");
    is_refused(b"cos\nsystem\n(Vtrue\ntR.", "the Python object os.system");
}

#[test]
fn reads_shared_parts() {
    // 10,000 dicts with the same keys, as Python writes them.
    let mut pickle = b"](X\x0b\0\0\0description\x94X\x02\0\0\0id\x94".to_vec();
    pickle.extend(b"}(h\x00Nh\x01K\x01u".repeat(10_000));
    pickle.extend(b"e.");
    let rows = decode::<Vec<Value>>(&Pickle, &pickle).unwrap();
    assert_eq!((rows.len(), &rows[10_001]), (10_002, &json!({"description": null, "id": 1})));

    // [[0] * 1000] * 100
    let inner = [&b"]\x94("[..], &b"K\x00".repeat(1000), b"e"].concat();
    let pickle = [&b"]("[..], &inner, &b"h\x00".repeat(99), b"e."].concat();
    assert_eq!(decode::<Vec<Vec<u8>>>(&Pickle, &pickle).unwrap(), vec![vec![0; 1000]; 100]);
}

#[test]
fn reads_what_serde_pickle_reads() {
    let value = nested();
    for options in [serde_pickle::SerOptions::new(), serde_pickle::SerOptions::new().proto_v2()] {
        let bytes = serde_pickle::to_vec(&value, options).unwrap();
        assert_eq!(decode::<Nested>(&Pickle, &bytes).unwrap(), value);
    }
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..8).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn reads_what_is_written_with_either_protocol(value in values()) {
        for options in [serde_pickle::SerOptions::new(), serde_pickle::SerOptions::new().proto_v2()] {
            let bytes = serde_pickle::to_vec(&value, options).unwrap();
            prop_assert_eq!(&decode::<Value>(&Pickle, &bytes).unwrap(), &value);
        }
    }
}
