#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::*;

fn stored(value: &Value) -> Vec<u8> {
    value.to_stored().unwrap().into_owned()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// A head as the document writes it: `born=1700000000123 cost=250 etag=v7 tag=shop/3`, times in milliseconds and microseconds.
fn head_of(text: &str) -> Head<'static> {
    text.split_whitespace().filter(|word| *word != "-").fold(Head::new(), |head, word| {
        let (field, value) = word.split_once('=').unwrap();
        match field {
            "born" => head.with_born(SystemTime::UNIX_EPOCH + Duration::from_millis(value.parse().unwrap())),
            "cost" => head.with_cost(Duration::from_micros(value.parse().unwrap())),
            "etag" => head.with_etag(value),
            "grace" => head.with_grace(Duration::from_millis(value.parse().unwrap())),
            "early" => head.with_early(Duration::from_millis(value.parse().unwrap())),
            "rests" => head.with_rests(Duration::from_millis(value.parse().unwrap())),
            "tag" => {
                let (name, generation) = value.rsplit_once('/').unwrap();
                head.with_tag(name, generation.parse().unwrap())
            }
            other => panic!("no field {other}"),
        }
    })
}

/// The rows of a table of `docs/format.md`, without the backticks.
fn rows(title: &str) -> Vec<Vec<String>> {
    let document = include_str!("../../../../../docs/format.md");
    let section = document.split("\n## ").find(|section| section.starts_with(title)).unwrap();
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    let cells = |row: &str| row.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect();
    rows.map(cells).collect()
}

#[test]
fn the_documents_vectors_are_what_is_stored() {
    let vectors = rows("Test vectors");
    assert!(vectors.len() >= 8);
    for vector in vectors {
        let [bytes, head, written] = vector.try_into().unwrap();
        let (bytes, head, written) = (unhex(&bytes), head_of(&head), unhex(&written));
        assert_eq!(stored(&Value::from(bytes.clone()).with_head(&head)), written);
        let read = Value::from_stored(written);
        assert_eq!(read.as_bytes(), Some(&*bytes));
        assert_eq!(read.head().unwrap_or_default(), head);
        read.readable().unwrap();
    }
}

#[test]
fn the_documents_refusals_are_refused() {
    let vectors = rows("What is refused");
    assert!(vectors.len() >= 8);
    for vector in vectors {
        let [written, why] = vector.try_into().unwrap();
        let read = Value::from_stored(unhex(&written));
        let error = read.readable().expect_err(&why);
        assert_eq!(error.kind(), ErrorKind::Decode, "{why}");
        assert_eq!((read.head(), stored(&read)), (None, unhex(&written)), "{why}");
    }
    let newer = Value::from_stored(b"\xC1pc\x02".to_vec()).readable().unwrap_err();
    assert!(newer.to_string().contains("version 2") && newer.to_string().contains("newer"), "{newer}");
}

#[test]
fn fields_replace_each_other_in_any_order() {
    let (born, cost) = (SystemTime::UNIX_EPOCH + Duration::from_secs(5), Duration::from_secs(1));
    let head =
        Head::new().with_tag("a", 1).with_etag("old").with_cost(Duration::ZERO).with_born(SystemTime::UNIX_EPOCH);
    let head = head.with_tag("b", u64::MAX).with_born(born).with_etag("new").with_cost(cost);
    assert_eq!((head.born(), head.cost(), head.etag()), (Some(born), Some(cost), Some("new")));
    assert!(head.tags().eq([("a", 1), ("b", u64::MAX)]));
    assert_eq!(
        head,
        Head::new().with_born(born).with_cost(cost).with_etag("new").with_tag("a", 1).with_tag("b", u64::MAX)
    );
    assert_eq!(Head::new().with_cost(Duration::from_nanos(1)).cost(), Some(Duration::from_micros(1)));
    assert_eq!(Head::new().with_cost(Duration::MAX).cost(), Some(Duration::from_micros(u64::MAX)));
    assert!(Head::new().is_empty() && !head.is_empty());
}

#[test]
fn a_head_goes_with_any_value() {
    let head = Head::new().with_tag("t", 1);
    for value in [Value::bytes(*b"1"), Value::from(b"1".to_vec()), Value::from(b"1".to_vec()).decodable()] {
        let headed = value.with_head(&Head::new().with_etag("e")).with_head(&head);
        assert_eq!((headed.as_bytes(), headed.head()), (Some(&b"1"[..]), Some(head.clone())));
        assert_eq!(headed.clone().shared().undecoded().head(), Some(head.clone()));
        assert_eq!(stored(&headed.with_head(&Head::new())), b"1");
    }
    for value in [Value::typed(5_u8), Value::object(Arc::new(5_u8))] {
        let is_typed = value.as_serialize().is_some();
        let headed = value.with_head(&head);
        assert_eq!((headed.downcast_ref(), headed.head()), (Some(&5_u8), Some(head.clone())));
        assert_eq!((headed.as_serialize().is_some(), headed.to_stored()), (is_typed, None));
        assert!(
            headed.is_object()
                && headed.clone().downcast::<u8>().is_some()
                && headed.clone().downcast::<i8>().is_none()
        );
        assert_eq!(headed.with_head(&Head::new()).head(), None);
    }
}

#[test]
fn plain_bytes_stay_what_they_are() {
    for bytes in [&b""[..], b"[1]", b"\xC1", b"\xC1p", b"\xC1px", b"42"] {
        assert_eq!(stored(&Value::bytes(bytes)), bytes);
        assert_eq!(Value::from_stored(bytes.to_vec()).as_bytes(), Some(bytes));
    }
}

fn heads() -> impl Strategy<Value = Head<'static>> {
    let times = (any::<Option<u32>>(), any::<Option<u64>>());
    (times, any::<Option<String>>(), prop::collection::vec((".{0,12}", any::<u64>()), 0..4)).prop_map(
        |((born, cost), etag, tags)| {
            let mut head = Head::new();
            if let Some(born) = born {
                head = head.with_born(SystemTime::UNIX_EPOCH + Duration::from_millis(born.into()));
            }
            if let Some(cost) = cost {
                head = head.with_cost(Duration::from_micros(cost));
            }
            if let Some(etag) = etag {
                head = head.with_etag(&etag);
            }
            tags.iter().fold(head, |head, (name, generation)| head.with_tag(name, *generation))
        },
    )
}

/// Bytes, many of which begin like a value with a head.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let starts =
        prop::sample::select(vec![&b""[..], b"\xC1", b"\xC1pc", b"\xC1pc\0", b"\xC1pc\x01", b"\xC1pc\x01\x03"]);
    (starts, prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(start, rest)| [start, &rest].concat())
}

proptest! {
    #[test]
    fn what_is_stored_reads_back(bytes in bytes(), head in heads()) {
        let read = Value::from_stored(stored(&Value::from(bytes.clone()).with_head(&head)));
        prop_assert!(read.readable().is_ok());
        prop_assert_eq!(read.as_bytes(), Some(&*bytes));
        prop_assert_eq!(read.head().unwrap_or_default(), head);
    }

    #[test]
    fn whatever_is_stored_is_read_or_refused(bytes in bytes()) {
        let read = Value::from_stored(bytes.clone());
        match read.readable() {
            Ok(()) => {
                let again = Value::from_stored(stored(&read));
                prop_assert_eq!(again.as_bytes(), read.as_bytes());
                prop_assert_eq!(again.head(), read.head());
                // A head has one form.
                if let Some(head) = read.head() {
                    let rest = Value::from(read.as_bytes().unwrap_or_default().to_vec());
                    prop_assert_eq!(stored(&rest.with_head(&head)), bytes);
                }
            }
            Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Decode),
        }
    }
}
