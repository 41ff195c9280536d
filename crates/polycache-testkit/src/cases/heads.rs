//! Values with a head.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use polycache::backend::Want;
use polycache::serializers::{Json, Text};
use polycache::{ErrorKind, Head, Value};

use crate::Subject;
use crate::subject::{builder, cache};

fn head() -> Head<'static> {
    Head::new()
        .with_born(SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123))
        .with_cost(Duration::from_micros(250))
        .with_etag("v7")
}

/// The bytes behind a head, after a check of the head.
fn below(value: Option<Value>) -> Vec<u8> {
    let value = value.expect("a value is there");
    assert_eq!(value.head(), Some(head()));
    value.as_bytes().expect("bytes").to_vec()
}

/// A head comes back with its value, whichever commands wrote and read it.
pub async fn a_head_comes_back(subject: &dyn Subject) {
    let cache = builder(subject).serializer(Json).build().unwrap();
    let value = |bytes: &'static [u8]| Value::bytes(bytes).with_head(&head());

    cache.set("set", value(b"[1]")).await.unwrap();
    assert_eq!(below(cache.get("set").await.unwrap()), b"[1]");
    assert_eq!(cache.get::<Vec<i32>>("set").await.unwrap(), Some(vec![1]));
    assert!(cache.exists("set").await.unwrap());

    assert!(cache.add("add", value(b"[2]")).await.unwrap());
    cache.multi_set([("first", value(b"[3]")), ("second", value(b""))]).await.unwrap();
    let found = cache.multi_get::<Value>(&["add", "first", "none", "second"]).await.unwrap();
    let found: Vec<_> = found.into_iter().map(|value| value.map(|value| below(Some(value)))).collect();
    assert_eq!(found, [Some(b"[2]".to_vec()), Some(b"[3]".to_vec()), None, Some(Vec::new())]);

    let (found, version) = cache.get_versioned::<Value>("first").await.unwrap();
    assert_eq!(below(found), b"[3]");
    assert!(cache.cas("first", value(b"[4]"), version.clone()).await.unwrap());
    assert!(!cache.cas("first", value(b"[5]"), version).await.unwrap());
    assert_eq!(below(cache.get("first").await.unwrap()), b"[4]");

    let found = cache.look::<Vec<i32>>("first", Want::VALUE.and(Want::TTL)).await.unwrap().unwrap();
    assert_eq!((found.value.as_deref(), found.head()), (Some(&[4][..]), Some(&head())));
    assert_eq!(cache.look::<Value>("first", Want::TTL).await.unwrap().unwrap().head(), None);

    let compute = || async { Ok::<_, std::convert::Infallible>(value(b"[6]")) };
    for _ in 0..2 {
        assert_eq!(below(Some(cache.get_or_set("computed", compute).await.unwrap())), b"[6]");
    }
    assert_eq!(below(cache.get("computed").await.unwrap()), b"[6]");

    // A value that replaces it has no head.
    cache.set("set", vec![7]).await.unwrap();
    let replaced = cache.get::<Value>("set").await.unwrap().unwrap();
    assert_eq!((replaced.head(), replaced.as_bytes()), (None, Some(&b"[7]"[..])));
}

/// A value with another head is another value to `cas`.
pub async fn another_head_is_a_write(subject: &dyn Subject) {
    let cache = cache(subject);
    cache.set("k", Value::bytes(*b"1")).await.unwrap();
    let (_, version) = cache.get_versioned::<Value>("k").await.unwrap();
    cache.set("k", Value::bytes(*b"1").with_head(&head())).await.unwrap();
    assert!(!cache.cas("k", Value::bytes(*b"2"), version).await.unwrap());
}

/// Bytes that only begin like a value with a head aren't taken for one.
pub async fn bytes_that_look_like_a_head(subject: &dyn Subject) {
    let cache = cache(subject);
    for bytes in
        [&b"\xC1pc"[..], b"\xC1pc\0", b"\xC1pc\0\xC1pc", b"\xC1pc\x01", b"\xC1pc\x01\x02\x01\x05rest", b"\xC1pc\xff"]
    {
        cache.set("k", Value::bytes(bytes)).await.unwrap();
        cache.multi_set([("m", Value::from(bytes.to_vec()))]).await.unwrap();
        for value in cache.multi_get::<Value>(&["k", "m"]).await.unwrap() {
            let value = value.unwrap();
            assert_eq!((value.as_bytes(), value.head()), (Some(bytes), None));
        }
        let (found, version) = cache.get_versioned::<Value>("k").await.unwrap();
        assert_eq!(found.unwrap().as_bytes(), Some(bytes));
        assert!(cache.cas("k", Value::bytes(bytes).with_head(&head()), version).await.unwrap());
        assert_eq!(below(cache.get("k").await.unwrap()), bytes);
    }
}

/// A number with a head is read as a number, and isn't a counter.
pub async fn a_number_with_a_head_is_no_counter(subject: &dyn Subject) {
    let cache = builder(subject).serializer(Text).build().unwrap();
    cache.set("k", Value::bytes(*b"5").with_head(&head())).await.unwrap();
    assert_eq!(cache.get::<i64>("k").await.unwrap(), Some(5));
    assert_eq!(cache.increment("k", 1).await.unwrap_err().kind(), ErrorKind::NotANumber);
    assert_eq!(below(cache.get("k").await.unwrap()), b"5");
}

/// Live objects have heads too, where the backend holds them.
pub async fn a_live_object_has_a_head(subject: &dyn Subject) {
    let cache = cache(subject);
    let object = Value::object(Arc::new(5_i64)).with_head(&head());
    if !cache.info().capabilities.live_objects {
        assert_eq!(cache.set("k", object).await.unwrap_err().kind(), ErrorKind::Unsupported);
        return;
    }
    for value in [object, Value::typed(5_i64).with_head(&head())] {
        cache.set("k", value).await.unwrap();
        assert_eq!(cache.get::<Value>("k").await.unwrap().unwrap().head(), Some(head()));
        assert_eq!(cache.get_object::<i64>("k").await.unwrap().as_deref(), Some(&5));
        assert_eq!(cache.get::<i64>("k").await.unwrap(), Some(5));
        assert_eq!(cache.increment("k", 1).await.unwrap_err().kind(), ErrorKind::NotANumber);
    }
    assert_eq!(cache.get::<i8>("k").await.unwrap(), Some(5));
}
