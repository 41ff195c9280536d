//! The thread that removes expired entries stands still around a fork, and goes on after it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use polycache_engine::{Decision, Engine, fork};

fn wait_until(condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(10));
        std::thread::yield_now();
    }
}

#[test]
fn it_stands_still_and_goes_on() {
    let removed = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&removed);
    let engine = Engine::builder()
        .listener(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        })
        .build();
    let store = |name: &str, entries: u64| {
        for number in 0..entries {
            let deadline = engine.clock().deadline(Duration::from_millis(1));
            engine.update(&format!("{name}{number}"), |_| (Decision::Store { value: (), weight: 1, deadline }, ()));
        }
    };
    store("first", 10_000);
    fork::before();
    // None of these is removed, although every one is long past its deadline.
    let before = removed.load(Ordering::Relaxed);
    let started = Instant::now();
    wait_until(|| started.elapsed() > Duration::from_millis(400));
    // The last batch may have left its shard without having reached the listener.
    assert!(removed.load(Ordering::Relaxed) <= before + 128);
    fork::after_in_parent();
    wait_until(|| removed.load(Ordering::Relaxed) == 10_000);

    // As in a child, but with the parent's thread still there: two threads look after the store then, and nothing is removed twice.
    fork::before();
    fork::after_in_child();
    store("second", 10_000);
    wait_until(|| removed.load(Ordering::Relaxed) == 20_000);
    assert!(engine.is_empty());
}
