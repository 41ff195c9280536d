//! What hostile or careless callers do: none of it gives a wrong value, a panic or a hang.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Waker};
use std::time::Duration;

use polycache::backends::memory::{Cause, Memory};
use polycache::serializers::Json;
use polycache::{Cache, Command, ErrorKind, Held, OnError, Plugin, Reply, Ttl};
use serde::{Serialize, Serializer};
use tokio::runtime::{Builder, Runtime};

/// What to do to the cache before a write of this key goes through.
#[derive(Debug)]
struct Before(fn(&Cache));

impl Plugin for Before {
    fn before(&self, command: &Command<'_>) -> Reply<Held> {
        if command.key() == Some("k") {
            (self.0)(command.cache());
        }
        Reply::ready(Held::NOTHING)
    }
}

#[tokio::test]
async fn a_write_whose_hook_turns_the_cache_off_stores_nothing() {
    let cache = Cache::memory();
    let hooked = cache.with_plugin(Before(|cache| cache.set_enabled(false)));
    for write in ["set", "add", "multi_set"] {
        match write {
            "set" => hooked.set("k", 1).await.unwrap(),
            "add" => assert!(hooked.add("k", 1).await.unwrap()),
            _ => hooked.multi_set([("k", 1)]).await.unwrap(),
        }
        cache.set_enabled(true);
        assert_eq!(cache.get::<i32>("k").await.unwrap(), None, "{write}");
    }
}

#[tokio::test]
async fn a_write_whose_hook_closes_the_cache_stores_nothing() {
    let memory = Memory::new();
    let cache = Cache::builder()
        .backend(memory.clone())
        .plugin(Before(|cache| cache.close().now().unwrap().unwrap()))
        .build()
        .unwrap();
    assert_eq!(cache.set("k", 1).await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(memory.len(), 0);
}

#[tokio::test]
async fn an_object_that_json_cant_encode_is_a_decode_error_for_readers_of_another_type() {
    let cache = Cache::memory();
    cache.set("k", HashMap::from([(vec![1_u8], 1)])).await.unwrap();
    assert_eq!(cache.get::<String>("k").await.unwrap_err().kind(), ErrorKind::Decode);
    let lenient = Cache::builder().on_decode_error(OnError::Miss).build().unwrap();
    lenient.set("k", HashMap::from([(vec![1_u8], 1)])).await.unwrap();
    assert_eq!(lenient.get::<String>("k").await.unwrap(), None);
}

/// Has to wait for ever.
#[derive(Debug)]
struct Waits;

impl Plugin for Waits {
    fn before(&self, _: &Command<'_>) -> Reply<Held> {
        Reply::pending(std::future::pending())
    }
}

#[test]
fn a_reply_outlives_the_runtime_it_was_first_polled_on() {
    let runtime = || -> Runtime { Builder::new_current_thread().enable_time().build().unwrap() };
    let cache = Cache::builder().plugin(Waits).timeout(Duration::from_millis(1)).build().unwrap();
    let mut reply = cache.get::<i32>("k");
    let first = runtime();
    first.block_on(async {
        let polled = Future::poll(Pin::new(&mut reply), &mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
    });
    drop(first);
    assert_eq!(runtime().block_on(reply).unwrap_err().kind(), ErrorKind::NoRuntime);
}

/// A value that writes its own key while it is serialized.
#[derive(Clone)]
struct Restless(Cache);

impl Serialize for Restless {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.set("k", self.clone()).now().unwrap().unwrap();
        serializer.serialize_i64(1)
    }
}

#[test]
fn increment_gives_up_on_an_object_that_changes_whenever_it_is_asked() {
    let cache = Cache::memory();
    cache.set("k", Restless(cache.clone())).now().unwrap().unwrap();
    assert_eq!(cache.increment("k", 1).now().unwrap().unwrap_err().kind(), ErrorKind::Backend);
    cache.delete("k").now().unwrap().unwrap(); // a cycle of handles
}

#[test]
fn a_counter_grows_within_its_weight() {
    let memory = Memory::builder().max_bytes(1 << 20).build().unwrap();
    let cache = Cache::builder().backend(memory.clone()).serializer(Json).build().unwrap();
    for delta in [9, 9, i64::MAX - 18] {
        cache.increment("k", delta).now().unwrap().unwrap();
        cache.get::<polycache::Value>("k").now().unwrap().unwrap().unwrap();
        assert_eq!(memory.weight(), 1 + i64::MIN.to_string().len() as u64 + 128);
    }
}

#[test]
fn bounds_beyond_reason_are_refused() {
    for bytes in [u64::MAX, (1 << 60) + 1] {
        assert_eq!(Memory::builder().max_bytes(bytes).build().unwrap_err().kind(), ErrorKind::Config);
    }
}

/// Panics in its own drop, when a panic that carries it has been caught.
struct Spiteful;

impl Drop for Spiteful {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[test]
fn no_panic_of_a_listener_stops_expiry() {
    let (sender, receiver) = mpsc::channel();
    let spiteful = Memory::builder().listener(|_| std::panic::panic_any(Spiteful)).build().unwrap();
    let told = Memory::builder()
        .listener(move |removed| drop(sender.send((removed.key.to_owned(), removed.cause))))
        .build()
        .unwrap();
    let brief = |memory: Memory| Cache::builder().backend(memory).ttl(Ttl::millis(5)).build().unwrap();
    brief(spiteful).set("one", 1).now().unwrap().unwrap();
    for key in ["two", "three"] {
        brief(told.clone()).set(key, 2).now().unwrap().unwrap();
        let left = receiver.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(left, (key.to_owned(), Cause::Expired));
    }
}

#[test]
fn a_listener_that_panics_leaves_nothing_behind_clear() {
    let memory = Memory::builder().listener(|_| panic!("told")).build().unwrap();
    let cache = Cache::builder().backend(memory.clone()).build().unwrap();
    for n in 0..1_000 {
        cache.set(&n.to_string(), n).now().unwrap().unwrap();
    }
    let cleared = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| cache.clear().now()));
    assert!(cleared.is_err());
    assert_eq!(memory.len(), 0);
}
