//! Memory in front of another backend.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod bus;
mod commands;
mod interleaved;
mod lives;
mod objects;
mod settings;
mod stepped;
mod tracked;
mod wrapped;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use polycache::backend::Backend;
use polycache::backends::memory::{ManualClock, Memory};
use polycache::backends::near::{Near, NearBuilder};
use polycache::{Cache, Reply};
use polycache_testkit::Intercept;

/// A far store with another process on it, a near cache in front, and the calls that have gone far.
struct Pair {
    near: Near,
    /// On the near cache.
    cache: Cache,
    /// Another process.
    other: Cache,
    clock: ManualClock,
    calls: Arc<Mutex<Vec<&'static str>>>,
}

impl Pair {
    fn new(settings: impl FnOnce(NearBuilder) -> NearBuilder) -> Self {
        let clock = ManualClock::new();
        let store: Arc<dyn Backend> =
            Arc::new(Memory::builder().max_bytes(1 << 30).manual_clock(&clock).build().unwrap());
        let calls = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&calls);
        let far = Intercept::new(Arc::clone(&store), move |operation| {
            seen.lock().unwrap().push(operation);
            Reply::ready(())
        });
        let near = settings(Near::builder()).manual_clock(&clock).build(Arc::new(far)).unwrap();
        let cache = Cache::builder().backend(near.clone()).build().unwrap();
        let other = Cache::builder().shared_backend(store).build().unwrap();
        Self { near, cache, other, clock, calls }
    }

    /// The calls that have gone far since the last time.
    fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    fn pass(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
    }
}
