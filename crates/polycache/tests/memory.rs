//! What the memory backend does beyond the contract: bounds, weights, listeners, live objects.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use polycache::backend::Version;
use polycache::backends::memory::{Cause, ManualClock, Memory, MemoryBuilder};
use polycache::serializers::{Json, Null};
use polycache::{Cache, CacheBuilder, ErrorKind, Raw, Reply, Ttl, Value};
use serde::Serialize;

fn done<T>(reply: Reply<T>) -> T {
    reply.now().expect("memory answers at once").unwrap()
}

fn kind<T: Debug>(reply: Reply<T>) -> ErrorKind {
    reply.now().expect("memory answers at once").unwrap_err().kind()
}

fn on(memory: &Memory) -> CacheBuilder {
    Cache::builder().backend(memory.clone())
}

type Left = Arc<Mutex<Vec<(String, Option<i32>, Cause)>>>;

/// Writes down what leaves.
fn listening(memory: MemoryBuilder) -> (MemoryBuilder, Left) {
    let left = Left::default();
    let seen = Arc::clone(&left);
    let memory = memory.listener(move |removed| {
        let value = removed.value.downcast_ref::<i32>().copied();
        seen.lock().unwrap().push((removed.key.to_owned(), value, removed.cause));
    });
    (memory, left)
}

fn taken(left: &Left) -> Vec<(String, Option<i32>, Cause)> {
    let mut left = std::mem::take(&mut *left.lock().unwrap());
    left.sort_unstable_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    left
}

#[test]
fn the_listener_is_told_why() {
    let clock = ManualClock::new();
    let (memory, left) = listening(Memory::builder().manual_clock(&clock));
    let memory = memory.build().unwrap();
    let cache = on(&memory).namespace("n").build().unwrap();
    let told = |key: &str, value, cause| (format!("n:{key}"), Some(value), cause);

    done(cache.multi_set([("a", 1), ("b", 2), ("c", 3), ("d", 4)]));
    done(cache.set("a", 10));
    assert_eq!(taken(&left), [told("a", 1, Cause::Replaced)]);
    done(cache.increment("a", 1));
    assert_eq!(taken(&left), [told("a", 10, Cause::Replaced)]);
    done(cache.delete("b"));
    done(cache.multi_delete(&["c", "x"]));
    assert_eq!(taken(&left), [told("b", 2, Cause::Deleted), told("c", 3, Cause::Deleted)]);

    done(cache.with_ttl(Ttl::secs(1)).set("brief", 5));
    done(cache.expire("d", Ttl::secs(1)));
    assert!(!done(cache.add("d", 9)));
    assert_eq!(taken(&left), []);
    clock.advance(Duration::from_secs(1));
    memory.remove_expired();
    let mut expired = taken(&left);
    expired.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(expired, [told("brief", 5, Cause::Expired), told("d", 4, Cause::Expired)]);

    done(cache.set("e", 6));
    done(cache.namespace("").set("kept", 7));
    taken(&left);
    done(cache.delete("a"));
    taken(&left);
    done(cache.clear());
    assert_eq!(taken(&left), [told("e", 6, Cause::Deleted)]);
    done(cache.close());
    assert_eq!(taken(&left), [("kept".to_owned(), Some(7), Cause::Deleted)]);
    assert!(memory.is_empty());
}

#[test]
fn the_listener_is_told_of_evictions() {
    let (memory, left) = listening(Memory::builder().max_entries(10));
    let memory = memory.build().unwrap();
    let cache = on(&memory).build().unwrap();
    for n in 0..50 {
        done(cache.set(&format!("{n:02}"), n));
    }
    assert_eq!(memory.len(), 10);
    let left = taken(&left);
    assert_eq!(left.len(), 40);
    for (key, value, cause) in left {
        assert_eq!((value, cause), (key.parse().ok(), Cause::Evicted));
        assert!(!done(cache.exists(&key)));
    }
}

#[test]
fn exactly_as_many_entries_as_the_bound() {
    for max in [1, 2, 100, 1_000] {
        let memory = Memory::builder().max_entries(max).build().unwrap();
        let cache = on(&memory).build().unwrap();
        for n in 0..max {
            done(cache.set(&n.to_string(), n));
        }
        for n in 0..max {
            assert_eq!(done(cache.get::<u64>(&n.to_string())), Some(n), "of {max}");
        }
        done(cache.set("one more", 1));
        assert_eq!((memory.len() as u64, memory.weight()), (max, max));
        assert!(done(cache.exists("one more")));
    }
}

#[test]
fn an_unbounded_store_keeps_all() {
    let memory = Memory::builder().unbounded().build().unwrap();
    let cache = on(&memory).build().unwrap();
    done(cache.multi_set((0..200_000).map(|n| (n.to_string(), n))));
    assert_eq!(memory.len(), 200_000);
}

#[test]
fn what_is_too_large_changes_nothing() {
    let memory = Memory::builder().max_bytes(1_000).build().unwrap();
    let cache = on(&memory).build().unwrap();
    let large = "x".repeat(1_000);
    done(cache.set("k", 1));
    let (_, version) = done(cache.get_versioned::<i32>("k"));
    let weight = memory.weight();
    assert_eq!(kind(cache.set("k", large.clone())), ErrorKind::TooLarge);
    assert_eq!(kind(cache.add("new", large.clone())), ErrorKind::TooLarge);
    assert_eq!(kind(cache.cas("k", large.clone(), version.clone())), ErrorKind::TooLarge);
    let error = cache.multi_set([("k", "1"), ("new", &*large.clone().leak())]).now().expect("ready").unwrap_err();
    assert_eq!((error.kind(), error.key()), (ErrorKind::TooLarge, Some("new")));
    assert_eq!(kind(cache.increment(&large, 1)), ErrorKind::TooLarge);
    assert_eq!(done(cache.get_versioned::<i32>("k")), (Some(1), version));
    assert_eq!((memory.len(), memory.weight()), (1, weight));
    let error = cache.set("k", large).now().expect("ready").unwrap_err();
    assert!(error.to_string().contains("1000") && !error.is_retryable(), "{error}");
}

#[test]
fn bytes_are_bounded() {
    let memory = Memory::builder().max_bytes(100_000).build().unwrap();
    let cache = on(&memory).build().unwrap();
    for n in 0..2_000 {
        done(cache.set(&format!("key {n}"), "x".repeat(n % 300)));
        assert!(memory.weight() <= 100_000);
    }
    assert!(memory.weight() > 50_000 && memory.len() > 100);
    assert_eq!(done(cache.raw("weight", &[""; 0])), Raw::Int(memory.weight() as i64));
    assert_eq!(done(cache.raw("len", &[""; 0])), Raw::Int(memory.len() as i64));
    let Raw::List(keys) = done(cache.raw("keys", &[""; 0])) else { panic!("a list") };
    assert_eq!(keys.len(), memory.len());
    assert_eq!(kind(cache.raw("len", &["argument"])), ErrorKind::InvalidInput);
}

#[test]
fn live_objects_need_a_bound_that_knows_their_size() {
    let memory = Memory::builder().max_bytes(100_000).build().unwrap();
    let error = on(&memory).serializer(Null).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("weigher"), "{error}");

    let cache = on(&memory).build().unwrap();
    assert_eq!(kind(cache.set_object("k", Arc::new(1))), ErrorKind::Unsupported);
    assert_eq!(kind(cache.set("k", Value::typed(1))), ErrorKind::Unsupported);
    assert!(memory.is_empty());
    done(cache.set("k", 1));
    assert_eq!(done(cache.get::<Value>("k")).unwrap().as_bytes(), Some(&b"1"[..]));
}

#[test]
fn a_weigher_says_what_counts() {
    let weigh = |key: &str, value: &Value| {
        assert!(key.starts_with("n:"), "{key}");
        value.downcast_ref::<String>().map_or(1, |text| text.len() as u64)
    };
    let memory = Memory::builder().max_bytes(100).weigher(weigh).build().unwrap();
    let cache = on(&memory).namespace("n").build().unwrap();
    done(cache.set("a", "x".repeat(60)));
    assert_eq!(memory.weight(), 60);
    done(cache.set("a", "x".repeat(30)));
    done(cache.set("b", 5));
    assert_eq!(memory.weight(), 31);
    done(cache.set("whole", "x".repeat(100)));
    assert_eq!((memory.len(), memory.weight()), (1, 100));
    assert_eq!(kind(cache.set("whole", "x".repeat(101))), ErrorKind::TooLarge);
    assert_eq!(done(cache.get::<String>("whole")).map(|text| text.len()), Some(100));
    done(cache.set_object("object", Arc::new(())));
    assert!(done(cache.get_object::<()>("object")).is_some());
}

#[test]
fn settings_that_do_not_fit_are_refused() {
    let weighed = |memory: MemoryBuilder| memory.weigher(|_, _| 1).build().map(drop);
    for refused in [
        Memory::builder().max_entries(0).build().map(drop),
        Memory::builder().max_bytes(0).build().map(drop),
        weighed(Memory::builder()),
        weighed(Memory::builder().max_entries(10)),
        weighed(Memory::builder().unbounded()),
        Cache::builder().ttl_jitter(1.5).build().map(drop),
        Cache::builder().ttl_jitter(-0.1).build().map(drop),
        Cache::builder().ttl_jitter(f64::NAN).build().map(drop),
        Cache::builder().ttl(Duration::ZERO).build().map(drop),
    ] {
        let error = refused.unwrap_err();
        assert_eq!((error.kind(), error.command(), error.key()), (ErrorKind::Config, None, None), "{error}");
    }
}

#[test]
fn expired_entries_are_freed_on_demand() {
    let clock = ManualClock::new();
    let memory = Memory::builder().manual_clock(&clock).build().unwrap();
    let cache = on(&memory).ttl(Ttl::secs(10)).build().unwrap();
    let object = Arc::new(());
    for n in 0..1_000 {
        done(cache.set_object(&n.to_string(), Arc::clone(&object)));
    }
    done(cache.with_ttl(Ttl::Never).set_object("lasting", Arc::clone(&object)));
    assert_eq!(Arc::strong_count(&object), 1_002);
    clock.advance(Duration::from_millis(9_999));
    memory.remove_expired();
    assert_eq!(Arc::strong_count(&object), 1_002);
    clock.advance(Duration::from_millis(1));
    assert!(done(cache.get_object::<()>("1")).is_none());
    memory.remove_expired();
    assert_eq!((Arc::strong_count(&object), memory.len()), (2, 1));
}

#[test]
fn caches_on_a_clone_share_the_store() {
    let memory = Memory::new();
    let (objects, bytes) = (on(&memory).build().unwrap(), on(&memory).serializer(Json).build().unwrap());
    done(objects.set("object", vec![1, 2]));
    done(bytes.set("bytes", vec![3, 4]));
    assert_eq!(done(bytes.get::<Vec<i32>>("object")), Some(vec![1, 2]));
    assert_eq!(done(objects.increment("count", 1)), 1);
    assert_eq!(done(bytes.increment("count", 1)), 2);
    assert_eq!(done(objects.get::<i64>("count")), Some(2));
    assert_eq!(done(bytes.get::<i64>("count")), Some(2));
    // Bytes have no form that `Null` reads.
    assert_eq!(kind(objects.get::<Vec<i32>>("bytes")), ErrorKind::Decode);
}

/// A type of a user's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Count(i64);

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Named {
    count: i64,
}

#[test]
fn increment_knows_integers_of_every_type() {
    fn counts(start: impl Serialize + Send + Sync + 'static, expected: i64) {
        let cache = Cache::memory();
        done(cache.with_ttl(Ttl::secs(60)).set("k", start));
        assert_eq!(done(cache.increment("k", 10)), expected + 10);
        assert_eq!(done(cache.increment("k", -20)), expected - 10);
        assert_eq!(done(cache.get::<i64>("k")), Some(expected - 10));
        assert_ne!(done(cache.ttl("k")), Some(Ttl::Never));
    }
    fn refused(start: impl Serialize + Send + Sync + 'static, expected: ErrorKind) {
        let cache = Cache::memory();
        done(cache.set("k", start));
        let (_, version) = done(cache.get_versioned::<serde_json::Value>("k"));
        assert_eq!(kind(cache.increment("k", 1)), expected);
        assert_eq!(done(cache.get_versioned::<serde_json::Value>("k")).1, version);
    }
    counts(-5_i8, -5);
    counts(5_i16, 5);
    counts(5_i32, 5);
    counts(i64::MAX - 10, i64::MAX - 10);
    counts(5_i128, 5);
    counts(255_u8, 255);
    counts(5_u16, 5);
    counts(5_u32, 5);
    counts(5_u64, 5);
    counts(5_u128, 5);
    counts(-5_isize, -5);
    counts(5_usize, 5);
    counts(Count(5), 5);
    counts(Some(5), 5);
    counts(Some(Count(-1)), -1);
    counts(Box::new(5), 5);
    counts(std::num::NonZeroU8::MIN, 1);
    counts(serde_json::json!(5), 5);

    refused(u64::MAX, ErrorKind::NotANumber);
    refused(i128::MIN, ErrorKind::NotANumber);
    refused(5.0, ErrorKind::NotANumber);
    refused(5.5_f32, ErrorKind::NotANumber);
    refused('5', ErrorKind::NotANumber);
    refused("5", ErrorKind::NotANumber);
    refused("5".to_owned(), ErrorKind::NotANumber);
    refused(true, ErrorKind::NotANumber);
    refused((), ErrorKind::NotANumber);
    refused(None::<i64>, ErrorKind::NotANumber);
    refused([5], ErrorKind::NotANumber);
    refused(Named { count: 5 }, ErrorKind::NotANumber);
    refused(i64::MAX, ErrorKind::Overflow);
    refused(Count(i64::MAX), ErrorKind::Overflow);
}

#[test]
fn no_increment_of_a_users_type_is_lost() {
    let cache = Cache::memory();
    done(cache.set("k", Count(0)));
    let (_, before) = done(cache.get_versioned::<serde_json::Value>("k"));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for n in 0..200 {
                    done(cache.increment("k", 1));
                    if n % 50 == 0 {
                        // Back to a type whose own code tells the number, unless somebody counted in between.
                        let (number, version) = done(cache.get_versioned::<i64>("k"));
                        done(cache.cas("k", Count(number.unwrap()), version));
                    }
                }
            });
        }
    });
    assert_eq!(done(cache.get::<i64>("k")), Some(1_600));
    assert!(!done(cache.cas("k", 0, before)));
    assert!(!done(cache.cas("k", 0, Version::ABSENT)));
}
