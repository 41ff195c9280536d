//! A memory backend tells with a hit that it is neither stale nor cleared: that holds for the moment of the read.
#![cfg(feature = "memory")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Mutex;
use std::time::Duration;

use polycache::backend::{self, Backend, Key};
use polycache::backends::memory::{ManualClock, Memory};
use polycache::{Cache, Reply, Ttl, Value};

const TTL: Duration = Duration::from_secs(60);
const GRACE: Duration = Duration::from_secs(600);

/// Gives what its first read of any key has found, for ever.
#[derive(Debug)]
struct Hoards {
    inner: Memory,
    first: Mutex<Option<Value>>,
}

impl Backend for Hoards {
    backend::forward!(self.inner, all but [get]);

    fn get(&self, key: Key<'_>) -> Reply<Option<Value>> {
        let mut first = self.first.lock().unwrap();
        if first.is_none() {
            *first = self.inner.get(key).now().unwrap().unwrap();
        }
        Reply::ready(first.clone())
    }
}

fn manual() -> (ManualClock, Memory) {
    let clock = ManualClock::new();
    let memory = Memory::builder().manual_clock(&clock).build().unwrap();
    (clock, memory)
}

fn get(cache: &Cache) -> Option<i32> {
    cache.get("k").now().unwrap().unwrap()
}

#[test]
fn a_mark_that_a_wrapper_has_kept_is_not_believed() {
    let (_clock, inner) = manual();
    let hoards = Hoards { inner, first: Mutex::new(None) };
    let cache = Cache::builder().backend(hoards).ttl(Ttl::After(TTL)).build().unwrap().tagged(["shop"]);
    cache.set("k", 1).now().unwrap().unwrap();
    assert_eq!(get(&cache), Some(1));
    cache.clear_tag("shop").now().unwrap().unwrap();
    assert_eq!(get(&cache), None);
}

/// Just before and after its TTL is over, and where a tag was cleared; for objects and for bytes.
#[test]
fn a_hit_is_neither_stale_nor_cleared() {
    for by_bytes in [false, true] {
        let (clock, memory) = manual();
        let builder = Cache::builder().backend(memory).ttl(Ttl::After(TTL)).grace(GRACE).refresh_early(0.5);
        let builder = if by_bytes { builder.serializer(polycache::serializers::Text) } else { builder };
        let cache = builder.build().unwrap().tagged(["shop", "7"]);
        for step in [1, 300] {
            cache.set("k", 1).now().unwrap().unwrap();
            let mut spent = Duration::ZERO;
            while spent < TTL {
                assert_eq!(get(&cache), Some(1), "after {spent:?}");
                // In small steps only within the last second.
                let small = Duration::from_millis(step).min(TTL - spent);
                let step = if TTL - spent > Duration::from_secs(1) { Duration::from_secs(1) } else { small };
                clock.advance(step);
                spent += step;
            }
            assert_eq!(get(&cache), None);
        }
        cache.set("k", 1).now().unwrap().unwrap();
        cache.clear_tag("other").now().unwrap().unwrap();
        assert_eq!((get(&cache), get(&cache)), (Some(1), Some(1)));
        cache.clear_tag("7").now().unwrap().unwrap();
        assert_eq!(get(&cache), None);
    }
}
