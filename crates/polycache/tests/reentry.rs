//! A user's code may call the cache from wherever the cache calls it: it never runs under a lock.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use polycache::backends::memory::{ManualClock, Memory, MemoryBuilder};
use polycache::plugins::Timing;
use polycache::serializers::Json;
use polycache::{Cache, Caches, Reply, Ttl, Value};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

fn done<T>(reply: Reply<T>) -> T {
    reply.now().expect("memory answers at once").unwrap()
}

/// Runs `test` on a thread of its own; one that doesn't come back hangs in a lock.
fn without_deadlock(test: impl FnOnce() + Send + 'static) {
    let (finished, wait) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        test();
        finished.send(()).unwrap();
    });
    match wait.recv_timeout(Duration::from_secs(60)) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("a deadlock"),
        _ => thread.join().unwrap(),
    }
}

/// A value whose every piece of code uses the cache that holds the value, on its own key and on others.
struct Meddler {
    cache: Cache,
    key: &'static str,
    calls: Arc<AtomicU64>,
}

impl Meddler {
    fn meddle(&self) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        // Errors once the cache is closed, and still no locks.
        drop(self.cache.exists(self.key));
        drop(self.cache.get::<Value>(self.key));
        drop(self.cache.ttl(self.key));
        drop(self.cache.set("meddled", 1));
        drop(self.cache.increment("counted", 1));
        drop(self.cache.delete("meddled"));
    }
}

impl Clone for Meddler {
    fn clone(&self) -> Self {
        self.meddle();
        Self { cache: self.cache.clone(), key: self.key, calls: Arc::clone(&self.calls) }
    }
}

impl Drop for Meddler {
    fn drop(&mut self) {
        self.meddle();
    }
}

/// As the number 5.
impl Serialize for Meddler {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.meddle();
        serializer.serialize_i64(5)
    }
}

impl<'de> Deserialize<'de> for Meddler {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(serde::de::Error::custom("it has no form to read"))
    }
}

/// A cache, and a maker of values for it under the key `k`.
fn meddled(memory: &Memory) -> (Cache, impl Fn() -> Meddler + use<>, Arc<AtomicU64>) {
    let cache = Cache::builder().backend(memory.clone()).build().unwrap();
    let calls = Arc::new(AtomicU64::new(0));
    let (holder, counter) = (cache.clone(), Arc::clone(&calls));
    (cache, move || Meddler { cache: holder.clone(), key: "k", calls: Arc::clone(&counter) }, calls)
}

#[test]
fn clone_and_serialize_may_use_the_cache() {
    without_deadlock(|| {
        let (cache, meddler, calls) = meddled(&Memory::new());
        done(cache.set("k", meddler()));
        drop(done(cache.get::<Meddler>("k")));
        assert_eq!(done(cache.get::<i64>("k")), Some(5));
        assert_eq!(done(cache.multi_get::<i64>(&["k", "k"])), [Some(5), Some(5)]);
        drop(done(cache.multi_get::<Meddler>(&["k", "k"])));
        assert_eq!(done(cache.get_versioned::<i64>("k")).0, Some(5));
        let before = calls.load(Ordering::SeqCst);
        assert_eq!(done(cache.increment("k", 1)), 6);
        assert!(calls.load(Ordering::SeqCst) > before, "its own code told the number");
    });
}

#[test]
fn drop_may_use_the_cache_whatever_removed_the_value() {
    without_deadlock(|| {
        let clock = ManualClock::new();
        let memory = Memory::builder().max_entries(50).manual_clock(&clock).build().unwrap();
        let (cache, meddler, calls) = meddled(&memory);
        let dropped = |removes: &dyn Fn()| {
            done(cache.set("k", meddler()));
            let before = calls.load(Ordering::SeqCst);
            removes();
            assert!(calls.load(Ordering::SeqCst) > before, "it was dropped");
        };
        dropped(&|| done(cache.set("k", 1)));
        dropped(&|| done(cache.multi_set([("k", 1)])));
        dropped(&|| assert!(done(cache.delete("k"))));
        dropped(&|| assert_eq!(done(cache.multi_delete(&["k"])), 1));
        dropped(&|| done(cache.clear()));
        dropped(&|| assert!(!done(cache.add("k", meddler()))));
        dropped(&|| {
            let (_, version) = done(cache.get_versioned::<i64>("k"));
            done(cache.set("k", 1));
            assert!(!done(cache.cas("k", meddler(), version)));
        });
        dropped(&|| {
            done(cache.expire("k", Ttl::secs(1)));
            clock.advance(Duration::from_secs(2));
            memory.remove_expired();
        });
        dropped(&|| {
            for n in 0..500 {
                done(cache.set(&format!("crowd {n}"), meddler()));
            }
        });
        done(cache.namespace("n").set("k", meddler()));
        done(cache.namespace("n").clear());
        dropped(&|| done(cache.close()));
    });
}

/// A cache whose memory has been given `build`, which gets hold of the cache itself.
fn entangled(build: impl FnOnce(MemoryBuilder, Arc<OnceLock<Cache>>) -> MemoryBuilder) -> (Cache, Memory) {
    let handle = Arc::new(OnceLock::new());
    let memory = build(Memory::builder(), Arc::clone(&handle)).build().unwrap();
    let cache = Cache::builder().backend(memory.clone()).build().unwrap();
    handle.set(cache.clone()).unwrap();
    (cache, memory)
}

#[test]
fn a_listener_may_use_the_cache() {
    without_deadlock(|| {
        let clock = ManualClock::new();
        let (cache, memory) = entangled(|memory, cache| {
            memory.max_entries(100).manual_clock(&clock).listener(move |removed| {
                let cache = cache.get().unwrap();
                assert_ne!(removed.key, "told", "an increment replaces it; {:?}", removed.cause);
                done(cache.exists(removed.key));
                done(cache.namespace("elsewhere").get::<Value>(removed.key));
            })
        });
        for n in 0..300 {
            done(cache.set(&n.to_string(), n));
        }
        done(cache.set("299", 1));
        done(cache.delete("299"));
        done(cache.with_ttl(Ttl::secs(1)).set("brief", 1));
        clock.advance(Duration::from_secs(2));
        memory.remove_expired();
        done(cache.namespace("n").set("k", 1));
        done(cache.namespace("n").clear());
        done(cache.clear());
        assert!(memory.is_empty());
    });
}

#[test]
fn a_listener_may_put_back_what_was_cleared() {
    without_deadlock(|| {
        let (cache, memory) = entangled(|memory, cache| {
            memory.listener(move |removed| {
                if let Some(number) = removed.value.downcast_ref::<i32>() {
                    done(cache.get().unwrap().namespace("kept").set(removed.key, i64::from(*number)));
                }
            })
        });
        done(cache.multi_set([("a", 1), ("b", 2)]));
        done(cache.clear());
        let kept = cache.namespace("kept");
        let left = done(kept.multi_get::<i64>(&["a", "b"]));
        assert!(left.iter().flatten().count() == memory.len(), "{left:?}");
        done(cache.set("c", 3));
        done(cache.delete("c"));
        assert_eq!(done(kept.get::<i64>("c")), Some(3));
    });
}

#[test]
fn a_weigher_may_use_the_cache() {
    without_deadlock(|| {
        let (cache, memory) = entangled(|memory, cache| {
            memory.max_bytes(1_000).weigher(move |key: &str, _: &Value| {
                done(cache.get().unwrap().exists(key));
                10
            })
        });
        for n in 0..200 {
            done(cache.set(&n.to_string(), n));
        }
        done(cache.increment("counter", 1));
        done(cache.multi_set([("a", 1), ("b", 2)]));
        assert!(memory.weight() <= 1_000);
    });
}

/// Uses the caches when it is dropped.
struct Leaver(Arc<Caches>);

impl Drop for Leaver {
    fn drop(&mut self) {
        self.0.create("default").unwrap();
    }
}

#[test]
fn what_makes_parts_may_use_the_caches_when_it_is_replaced() {
    without_deadlock(|| {
        let caches = Arc::new(Caches::new());
        let register = |leaver: fn(&Arc<Caches>) -> Option<Leaver>| {
            let [backend, serializer, plugin] = [(); 3].map(|()| leaver(&caches));
            polycache::register_backend("own", move |_| Ok(Box::new((Memory::new(), &backend).0)));
            polycache::register_serializer("own", move |_| Ok(Box::new((Json, &serializer).0)));
            polycache::register_plugin("own", move |_| Ok(Box::new((Timing::new(), &plugin).0)));
        };
        register(|caches| Some(Leaver(Arc::clone(caches))));
        register(|_| None);
        assert_eq!(Arc::strong_count(&caches), 1, "all were replaced");
    });
}
