//! What is kept as bytes in memory is decoded once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use polycache::backends::memory::Memory;
use polycache::serializers::{Json, Text};
use polycache::{Cache, Error, ErrorKind, Head, Value};
use serde::{Deserialize, Deserializer, Serialize};

/// A text that says how often one was decoded; its clones are the same object.
#[derive(Debug, Clone, PartialEq)]
struct Counted<const TEST: usize>(Arc<str>);

static DECODED: [AtomicUsize; 4] = [const { AtomicUsize::new(0) }; 4];

impl<'de, const TEST: usize> Deserialize<'de> for Counted<TEST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        DECODED[TEST].fetch_add(1, Ordering::Relaxed);
        Ok(Self(String::deserialize(deserializer)?.into()))
    }
}

impl<const TEST: usize> Serialize for Counted<TEST> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

fn decoded(test: usize) -> usize {
    DECODED[test].load(Ordering::Relaxed)
}

fn json(memory: &Memory) -> Cache {
    Cache::builder().backend(memory.clone()).serializer(Json).build().unwrap()
}

#[tokio::test]
async fn a_value_is_decoded_once_until_it_is_written() {
    let cache = json(&Memory::new());
    let read = async || cache.get::<Counted<0>>("k").await.unwrap().unwrap();
    cache.set("k", "a").await.unwrap();
    let first = read().await;
    assert!(Arc::ptr_eq(&first.0, &read().await.0), "not a clone");
    let found = cache.multi_get::<Counted<0>>(&["k", "k"]).await.unwrap();
    assert!(found.iter().flatten().all(|found| Arc::ptr_eq(&found.0, &first.0)));
    let (_, version) = cache.get_versioned::<Counted<0>>("k").await.unwrap();
    let computed = cache.get_or_set("k", || async { Err::<Counted<0>, _>(()) }).await.unwrap();
    assert_eq!((&*computed.0, decoded(0)), ("a", 1));

    // Reads were no writes; writes are seen.
    assert!(cache.cas("k", "b", version).await.unwrap());
    assert_eq!((&*read().await.0, decoded(0)), ("b", 2));
    cache.set("k", Counted::<0>("c".into())).await.unwrap();
    assert_eq!((&*read().await.0, decoded(0)), ("c", 3));

    // Another type is decoded from the same bytes, and the first is still there.
    assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("c"));
    assert_eq!(cache.get::<i32>("k").await.unwrap_err().kind(), ErrorKind::Decode);
    assert_eq!(cache.get_object::<Counted<0>>("k").await.unwrap_err().kind(), ErrorKind::Decode);
    assert_eq!((&*read().await.0, decoded(0)), ("c", 3));
    assert_eq!(cache.get::<Value>("k").await.unwrap().unwrap().as_bytes(), Some(&b"\"c\""[..]));
}

#[tokio::test]
async fn another_cache_decodes_for_itself() {
    let memory = Memory::new();
    let (json, other) = (json(&memory), json(&memory));
    let text = Cache::builder().backend(memory).serializer(Text).build().unwrap();
    json.set("k", "a").await.unwrap();
    assert_eq!(&*json.get::<Counted<1>>("k").await.unwrap().unwrap().0, "a");
    assert_eq!(&*text.get::<Counted<1>>("k").await.unwrap().unwrap().0, "\"a\"", "as its serializer has it");
    assert_eq!(&*other.get::<Counted<1>>("k").await.unwrap().unwrap().0, "a");
    assert_eq!(decoded(1), 3);
    // Views of one cache have one serializer.
    assert_eq!(&*json.namespace("").get::<Counted<1>>("k").await.unwrap().unwrap().0, "a");
    assert_eq!(decoded(1), 3);
}

#[tokio::test]
async fn a_store_bounded_by_bytes_keeps_bytes_alone() {
    let memory = Memory::builder().max_bytes(1 << 20).build().unwrap();
    let cache = json(&memory);
    cache.set("k", "a").await.unwrap();
    let weight = memory.weight();
    for reads in 1..=3 {
        cache.get::<Counted<2>>("k").await.unwrap().unwrap();
        assert_eq!((decoded(2), memory.weight()), (reads, weight));
    }
}

#[tokio::test]
async fn counters_are_never_old() {
    let cache = json(&Memory::new());
    cache.set("n", 5).await.unwrap();
    for sum in 6..10 {
        assert_eq!(cache.get::<i64>("n").await.unwrap(), Some(sum - 1));
        assert_eq!(cache.increment("n", 1).await.unwrap(), sum);
        assert_eq!(cache.get::<i64>("n").await.unwrap(), Some(sum));
    }
}

#[tokio::test]
async fn with_a_head_too() {
    let cache = json(&Memory::new());
    let head = Head::new().with_etag("t");
    cache.set("plain", "a").await.unwrap();
    let value = cache.get::<Value>("plain").await.unwrap().unwrap();
    let compute = || async { Ok::<_, Error>(value.with_head(&head)) };
    assert!(cache.get_or_set("k", compute).await.unwrap().head().is_some());
    for _ in 0..3 {
        assert_eq!(&*cache.get::<Counted<3>>("k").await.unwrap().unwrap().0, "a");
    }
    assert_eq!(cache.get::<Value>("k").await.unwrap().unwrap().head(), Some(head));
}
