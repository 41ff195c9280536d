//! What a hit costs: nothing from the allocator, no runtime, no timer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use polycache::{Cache, Ttl};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Point {
    x: f64,
    y: f64,
}

const POINT: Point = Point { x: 1.0, y: -1.0 };

/// How many allocations `run` makes on this thread, after a first run for whatever is made once.
fn allocations(mut run: impl FnMut()) -> u64 {
    run();
    allocation_counter::measure(|| {
        for _ in 0..100 {
            run();
        }
    })
    .count_total
}

fn hits(cache: &Cache, key: &str) {
    let copied = cache.get::<Point>(key).now().expect("ready").unwrap();
    assert_eq!(copied, Some(POINT));
    let shared = cache.get_object::<Point>(key).now().expect("ready").unwrap();
    assert_eq!(shared.as_deref(), Some(&POINT));
}

fn misses(cache: &Cache) {
    assert_eq!(cache.get::<Point>("absent").now().expect("ready").unwrap(), None);
    assert!(cache.get_object::<Point>("absent").now().expect("ready").unwrap().is_none());
}

fn filled() -> Cache {
    let cache = Cache::memory().with_ttl(Ttl::secs(3_600));
    cache.set("key", POINT).now().expect("ready").unwrap();
    cache.namespace("namespace").set("key", POINT).now().expect("ready").unwrap();
    cache
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(Box::new(1))), 100);
}

#[test]
fn a_hit_allocates_nothing() {
    let cache = filled();
    assert_eq!(allocations(|| hits(&cache, "key")), 0);
}

#[test]
fn a_miss_allocates_nothing() {
    let cache = filled();
    assert_eq!(allocations(|| misses(&cache)), 0);
}

#[test]
fn a_hit_in_a_namespace_allocates_nothing() {
    let cache = filled().namespace("namespace");
    assert_eq!(allocations(|| hits(&cache, "key")), 0);
    assert_eq!(allocations(|| misses(&cache)), 0);

    let long = "k".repeat(200);
    cache.set(&long, POINT).now().expect("ready").unwrap();
    assert!(allocations(|| hits(&cache, &long)) > 0, "a long key is joined on the heap; the measure shows it");
}

#[test]
fn small_commands_allocate_nothing() {
    let cache = filled();
    cache.set_object("object", Arc::new(POINT)).now().expect("ready").unwrap();
    let count = allocations(|| {
        assert!(cache.exists("key").now().expect("ready").unwrap());
        assert!(cache.ttl("key").now().expect("ready").unwrap().is_some());
        assert!(cache.expire("key", Ttl::secs(60)).now().expect("ready").unwrap());
        assert!(cache.get::<polycache::Value>("key").now().expect("ready").unwrap().is_some());
        assert!(!cache.delete("absent").now().expect("ready").unwrap());
        assert!(cache.get_object::<Point>("object").now().expect("ready").unwrap().is_some());
    });
    assert_eq!(count, 0);
}

#[test]
fn views_with_another_ttl_or_timeout_allocate_nothing() {
    let cache = filled();
    let count = allocations(|| {
        hits(&cache.with_ttl(Ttl::secs(5)), "key");
        hits(&cache.with_timeout(std::time::Duration::from_secs(1)), "key");
        hits(&cache.clone(), "key");
    });
    assert_eq!(count, 0);
}

#[test]
fn a_hit_of_get_or_set_allocates_nothing() {
    let cache = filled();
    let hit = || {
        let mut call = pin!(cache.get_or_set("key", || async { Err::<Point, _>("it is there") }));
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(call.as_mut().poll(&mut context), Poll::Ready(Ok(POINT)));
    };
    assert_eq!(allocations(hit), 0);
}

#[polycache::cached(key = "point:{number}", ttl = "1h")]
async fn point(number: u64) -> Point {
    Point { x: number as f64, y: -1.0 }
}

#[test]
fn a_hit_of_a_cached_function_allocates_nothing() {
    let hit = || {
        let mut call = pin!(point(1));
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(call.as_mut().poll(&mut context), Poll::Ready(POINT));
    };
    assert_eq!(allocations(hit), 0);
}

/// Awaited inside a runtime it costs no more.
#[test]
fn an_awaited_hit_allocates_nothing() {
    let cache = filled();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        cache.get::<Point>("key").await.unwrap();
        // The future runs on the measured thread and is ready at its first poll.
        let mut awaited = pin!(async {
            for _ in 0..100 {
                assert_eq!(cache.get::<Point>("key").await.unwrap(), Some(POINT));
                assert!(cache.get_object::<Point>("key").await.unwrap().is_some());
            }
        });
        let mut context = Context::from_waker(Waker::noop());
        let measured = allocation_counter::measure(|| assert!(awaited.as_mut().poll(&mut context).is_ready()));
        assert_eq!(measured.count_total, 0);
    });
}
