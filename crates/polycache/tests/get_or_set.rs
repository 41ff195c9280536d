//! `get_or_set`: one computation however many ask, and no stale value stored.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use polycache::backend::Backend;
use polycache::backends::memory::Memory;
use polycache::plugins::Timing;
use polycache::serializers::Json;
use polycache::{Cache, Command, CommandName, ErrorKind, Held, OnError, Plugin, Reply, Ttl};
use polycache_testkit::Intercept;
use tokio::sync::{Barrier, Semaphore};
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;

const LONG: Duration = Duration::from_secs(60);

fn delayed() -> Cache {
    Cache::builder().backend(Intercept::delayed(Arc::new(Memory::new()))).build().unwrap()
}

/// Caches that answer at once, that make wait, and that have plugins.
fn caches() -> [Cache; 4] {
    let json = Cache::builder().serializer(Json).build().unwrap();
    [Cache::memory(), json, delayed(), delayed().with_plugin(Timing::new())]
}

async fn ok<T>(value: T) -> Result<T, Infallible> {
    Ok(value)
}

#[tokio::test]
async fn a_miss_computes_and_stores() {
    for cache in caches() {
        let cache = cache.namespace("n").with_ttl(Ttl::secs(60));
        assert_eq!(cache.get_or_set("k", || ok(1)).await, Ok(1));
        assert_eq!(cache.get_or_set("k", || ok(2)).await, Ok(1));
        assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1));
        assert!(matches!(cache.ttl("k").await.unwrap(), Some(Ttl::After(_))));
        cache.set("k", 3).await.unwrap();
        assert_eq!(cache.get_or_set("k", || ok(4)).await, Ok(3));
    }
}

#[tokio::test]
async fn compute_may_borrow_and_need_not_be_send() {
    let cache = Cache::memory();
    let mut text = String::from("computed");
    let shared = Rc::new(1);
    let value = cache.get_or_set("k", || async {
        yield_now().await;
        text.push('!');
        ok(text.len() + *shared).await
    });
    assert_eq!(value.await, Ok(10));
    assert_eq!(text, "computed!");
}

#[test]
fn futures_are_send_where_compute_is() {
    fn send<T: Send>(_: &T) {}
    let cache = Cache::memory();
    let call = cache.get_or_set("k", || ok(String::new()));
    send(&call);
    send(&call.detached());
}

#[tokio::test]
async fn none_is_a_value_and_an_error_is_not_stored() {
    for cache in caches() {
        assert_eq!(cache.get_or_set("none", || ok(None::<i32>)).await, Ok(None));
        assert_eq!(cache.get_or_set("none", || ok(Some(1))).await, Ok(None));

        assert_eq!(cache.get_or_set("k", || async { Err::<i32, _>("broken") }).await, Err("broken"));
        assert!(!cache.exists("k").await.unwrap());
        assert_eq!(cache.get_or_set("k", || async { Ok::<_, &str>(1) }).await, Ok(1));
    }
}

/// Has one call lead and others wait.
struct Order(Semaphore);

impl Default for Order {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

impl Order {
    /// In the leader's computation: lets the others come, and gives them time to.
    async fn leads(&self) {
        self.0.add_permits(100);
        for _ in 0..20 {
            yield_now().await;
        }
    }

    /// Runs once there is a leader.
    async fn waits<R>(&self, call: impl Future<Output = R>) -> R {
        self.0.acquire().await.unwrap().forget();
        call.await
    }
}

/// So many tasks that ask for one key, released together once the first computes.
async fn stampede<E: Clone + Send + Sync + 'static>(
    cache: &Cache,
    tasks: usize,
    result: Result<u64, E>,
) -> (usize, Vec<Result<u64, E>>) {
    let computed = Arc::new(AtomicUsize::new(0));
    let barrier = Arc::new(Barrier::new(tasks));
    let mut all = JoinSet::new();
    for _ in 0..tasks {
        let (cache, computed, barrier) = (cache.clone(), Arc::clone(&computed), Arc::clone(&barrier));
        let result = result.clone();
        all.spawn(async move {
            barrier.wait().await;
            let compute = || async {
                computed.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(100)).await;
                result
            };
            cache.get_or_set("cold", compute).await
        });
    }
    let results = timeout(LONG, all.join_all()).await.expect("nobody hangs");
    (computed.load(Ordering::SeqCst), results)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_tasks_compute_once() {
    for cache in caches() {
        let (computed, results) = stampede(&cache, 1_000, Ok::<_, Infallible>(7)).await;
        assert_eq!(computed, 1);
        assert!(results.iter().all(|result| *result == Ok(7)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_error_is_shared() {
    for cache in caches() {
        let (computed, results) = stampede(&cache, 100, Err("broken")).await;
        assert_eq!(computed, 1);
        assert!(results.iter().all(|result| *result == Err("broken")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cache_turned_off_still_computes_once() {
    for cache in caches() {
        cache.set("cold", 1_u64).await.unwrap();
        cache.set_enabled(false);
        let (computed, results) = stampede(&cache, 100, Ok::<_, Infallible>(7)).await;
        assert_eq!(computed, 1);
        assert!(results.iter().all(|result| *result == Ok(7)));
        cache.set_enabled(true);
        assert!(!cache.exists("cold").await.unwrap(), "what was there is replaced by nothing");

        cache.close().await.unwrap();
        assert_eq!(cache.get_or_set("cold", || ok(8)).await, Ok(8));
    }
}

/// Very short computations: those who come when one has just landed find its value.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_computes_what_has_just_been_stored() {
    for cache in caches() {
        for round in 0..300 {
            let (key, computed) = (format!("k{round}"), Arc::new(AtomicUsize::new(0)));
            let mut all = JoinSet::new();
            for _ in 0..8 {
                let (cache, key, computed) = (cache.clone(), key.clone(), Arc::clone(&computed));
                all.spawn(async move {
                    for _ in 0..fastrand::usize(..3) {
                        yield_now().await;
                    }
                    let compute = || async { Ok::<_, Infallible>(computed.fetch_add(1, Ordering::SeqCst)) };
                    assert_eq!(cache.get_or_set(&key, compute).await, Ok(0));
                });
            }
            all.join_all().await;
            assert_eq!(computed.load(Ordering::SeqCst), 1);
        }
    }
}

/// Half of the callers are cancelled at random: no more computations than leaders cancelled, plus one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn cancelled_leaders_hand_over() {
    for cache in caches() {
        for _ in 0..5 {
            let (started, cancelled) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let mut all = JoinSet::new();
            for task in 0..1_000_u64 {
                let (cache, started, cancelled) = (cache.clone(), Arc::clone(&started), Arc::clone(&cancelled));
                all.spawn(async move {
                    let leads = AtomicBool::new(false);
                    let compute = || async {
                        leads.store(true, Ordering::SeqCst);
                        started.fetch_add(1, Ordering::SeqCst);
                        tokio::time::sleep(Duration::from_millis(40)).await;
                        ok(7_u64).await
                    };
                    let call = cache.get_or_set("cold", compute);
                    if task % 2 == 1 {
                        assert_eq!(call.await, Ok(7));
                    } else if timeout(Duration::from_micros(fastrand::u64(..60_000)), call).await.is_err() {
                        // While it computed, while it stored, or while it waited.
                        cancelled.fetch_add(usize::from(leads.into_inner()), Ordering::SeqCst);
                    }
                });
            }
            timeout(LONG, all.join_all()).await.expect("nobody hangs");
            let [started, cancelled] = [started, cancelled].map(|count| count.load(Ordering::SeqCst));
            assert!((1..=cancelled + 1).contains(&started), "{started} computations, {cancelled} leaders cancelled");
            cache.delete("cold").await.unwrap();
        }
    }
}

/// Who takes over has read before it waited, and reads again: meanwhile another process may have stored a value. So it is whether the
/// leader is cancelled while it computes or while it still reads.
#[tokio::test]
async fn who_takes_over_reads_again() {
    for computes in [true, false] {
        let (memory, reads) = (Arc::new(Memory::new()), Arc::new(AtomicUsize::new(0)));
        // The second read is the leader's own once it leads: its answer doesn't come.
        let before = move |operation| {
            let held = operation == "get" && reads.fetch_add(1, Ordering::SeqCst) == 1 && !computes;
            if held { Reply::pending(pending()) } else { Reply::ready(()) }
        };
        let here = Cache::builder().backend(Intercept::new(memory.clone(), before)).build().unwrap();
        let elsewhere = Cache::builder().shared_backend(memory).build().unwrap();

        let started = AtomicBool::new(false);
        let mut leads = Box::pin(here.get_or_set("k", || {
            started.store(true, Ordering::SeqCst);
            pending::<Result<i32, Infallible>>()
        }));
        assert!(leads.as_mut().now_or_never().is_none());
        assert_eq!(started.load(Ordering::SeqCst), computes);
        let mut waits = Box::pin(here.get_or_set("k", || async { panic!("the value is there") }));
        assert!(waits.as_mut().now_or_never().is_none());
        elsewhere.set("k", 7).await.unwrap();
        drop(leads);
        assert_eq!(waits.await, Ok::<i32, Infallible>(7));
    }
}

#[tokio::test]
async fn a_panic_hands_over() {
    for cache in caches() {
        let order = Order::default();
        let panics = AssertUnwindSafe(cache.get_or_set("k", || async {
            order.leads().await;
            if true {
                panic!("on purpose");
            }
            ok(0).await
        }));
        let waits = order.waits(cache.get_or_set("k", || ok(1)));
        let (panicked, value) = tokio::join!(panics.catch_unwind(), waits);
        assert!(panicked.is_err());
        assert_eq!(value, Ok(1));
        assert_eq!(cache.get_or_set("k", || ok(2)).await, Ok(1));
    }
}

#[tokio::test(start_paused = true)]
async fn detached_the_computation_goes_on() {
    for cache in caches() {
        let computed = Arc::new(AtomicUsize::new(0));
        let slow = || {
            let computed = Arc::clone(&computed);
            move || async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                ok(computed.fetch_add(1, Ordering::SeqCst)).await
            }
        };
        let short = Duration::from_millis(10);
        assert!(timeout(short, cache.get_or_set("k", slow()).detached()).await.is_err());
        let attached = cache.get_or_set("k", slow());
        assert_eq!(attached.await, Ok(0));
        assert_eq!(computed.load(Ordering::SeqCst), 1);

        // It is stored even where nobody waits.
        assert!(timeout(short, cache.get_or_set("other", slow()).detached()).await.is_err());
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(cache.get::<usize>("other").await.unwrap(), Some(1));

        let panics = cache.get_or_set("panics", || async { panic!("on purpose") });
        let panics: Result<Result<i32, Infallible>, _> = AssertUnwindSafe(panics.detached()).catch_unwind().await;
        assert_eq!(panics.unwrap_err().downcast_ref(), Some(&"on purpose"));
    }
}

#[test]
fn without_a_runtime_it_works_on_memory() {
    let cache = Cache::memory();
    assert_eq!(cache.get_or_set("k", || ok(1)).now_or_never(), Some(Ok(1)));
    assert_eq!(cache.get_or_set("other", || ok(2)).detached().now_or_never(), Some(Ok(2)));
    assert_eq!(cache.get::<i32>("other").now().unwrap().unwrap(), Some(2));
}

#[tokio::test]
async fn other_types_wait_and_read_again() {
    for cache in caches() {
        let order = Order::default();
        let number = cache.get_or_set("k", || async {
            order.leads().await;
            Ok::<i32, Infallible>(5)
        });
        let wide = cache.get_or_set("k", || async { panic!("what is stored reads as this type too") });
        let wide = order.waits(async { Result::<i64, String>::unwrap(wide.await) });
        let other_error = cache.get_or_set("k", || async { panic!("it is stored") });
        let other_error = order.waits(async { Result::<i32, u8>::unwrap(other_error.await) });
        assert_eq!(tokio::join!(number, wide, other_error), (Ok(5), 5, 5));

        // The leader fails: the one with another type computes for itself.
        cache.delete("k").await.unwrap();
        let order = Order::default();
        let fails = cache.get_or_set("k", || async {
            order.leads().await;
            Err::<i32, _>("broken")
        });
        let text = order.waits(cache.get_or_set("k", || ok(String::from("text"))));
        assert_eq!(tokio::join!(fails, text), (Err("broken"), Ok(String::from("text"))));
    }
}

#[tokio::test]
async fn trouble_counts_as_a_miss() {
    let (backend, faults) = Intercept::failing(Arc::new(Memory::new()));
    let cache = Cache::builder().backend(backend).build().unwrap();
    faults.set(Some(ErrorKind::Unavailable));
    assert_eq!(cache.get_or_set("k", || ok(1)).await, Ok(1));
    faults.set(None);
    assert_eq!(cache.get_or_set("k", || ok(2)).await, Ok(2));
    assert_eq!(cache.get_or_set("k", || ok(3)).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn a_silent_backend_delays_by_its_timeouts() {
    let cache = Cache::builder().backend(Intercept::silent(Arc::new(Memory::new()))).build().unwrap();
    let started = tokio::time::Instant::now();
    assert_eq!(cache.with_timeout(Duration::from_secs(1)).get_or_set("k", || ok(1)).await, Ok(1));
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

#[tokio::test]
async fn what_cannot_be_read_is_replaced() {
    for on_error in [OnError::Fail, OnError::Miss] {
        for backend in [Intercept::delayed(Arc::new(Memory::new())), Intercept::failing(Arc::new(Memory::new())).0] {
            let cache = Cache::builder().backend(backend).on_decode_error(on_error).build().unwrap();
            cache.set("k", "text").await.unwrap();
            assert_eq!(cache.get_or_set("k", || ok(1)).await, Ok(1));
            assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1));
        }
    }
}

#[tokio::test]
async fn what_cannot_be_stored_is_still_returned() {
    let cache = Cache::builder().backend(Memory::builder().max_bytes(2_000).build().unwrap()).build().unwrap();
    let large = "x".repeat(5_000);
    assert_eq!(cache.get_or_set("k", || ok(large.clone())).await, Ok(large));
    assert_eq!(cache.with_ttl(Duration::ZERO).get_or_set("k", || ok(String::from("v"))).await, Ok("v".into()));
    assert!(!cache.exists("k").await.unwrap());
}

/// A write that is refused before it comes to the backend changes nothing: not what is being computed either.
#[tokio::test]
async fn a_refused_write_lets_what_is_computed_be_stored() {
    for backend in [Arc::new(Memory::new()) as Arc<dyn Backend>, Arc::new(Intercept::delayed(Arc::new(Memory::new())))]
    {
        let cache = Cache::builder().shared_backend(backend).serializer(Json).build().unwrap();
        // JSON has no such keys.
        let unstorable = HashMap::from([((1, 2), 3)]);
        let computed = cache.get_or_set("k", || async {
            assert_eq!(cache.set("k", unstorable.clone()).await.unwrap_err().kind(), ErrorKind::Encode);
            assert_eq!(cache.multi_set([("k", unstorable)]).await.unwrap_err().kind(), ErrorKind::Encode);
            assert_eq!(cache.expire("k", Duration::ZERO).await.unwrap_err().kind(), ErrorKind::InvalidInput);
            ok(1).await
        });
        assert_eq!(computed.await, Ok(1));
        assert_eq!(cache.get("k").await.unwrap(), Some(1));
    }
}

#[tokio::test]
async fn plugins_see_a_get_and_a_set() {
    let timing = Timing::new();
    let cache = Cache::builder().plugin(timing.clone()).build().unwrap();
    cache.get_or_set("k", || ok(1)).await.unwrap();
    cache.get_or_set("k", || ok(2)).await.unwrap();
    let count = |name| timing.figures(name).map_or(0, |figures| figures.count);
    assert_eq!((count(CommandName::Get), count(CommandName::Set)), (2, 1));
}

/// A flight whose leader never ends holds up nobody else, and its key is free when it is dropped.
#[tokio::test]
async fn keys_are_apart() {
    for cache in caches() {
        let stuck = cache.get_or_set("stuck", pending::<Result<i32, Infallible>>);
        let stuck = timeout(Duration::from_millis(20), stuck);
        let namespace = cache.namespace("elsewhere");
        let (stuck, free, elsewhere) =
            tokio::join!(stuck, cache.get_or_set("free", || ok(1)), namespace.get_or_set("stuck", || ok(2)),);
        assert!(stuck.is_err());
        assert_eq!((free, elsewhere), (Ok(1), Ok(2)));
        assert_eq!(cache.get_or_set("stuck", || ok(3)).await, Ok(3));
    }
}

/// A backend over a network whose `set` takes until the gate is opened.
fn gated() -> (Cache, Memory, Arc<Semaphore>) {
    let (memory, gate) = (Memory::new(), Arc::new(Semaphore::new(0)));
    let opened = Arc::clone(&gate);
    let backend = Intercept::new(Arc::new(memory.clone()), move |operation| {
        let opened = Arc::clone(&opened);
        Reply::pending(async move {
            if operation == "set" {
                opened.acquire().await.unwrap().forget();
            }
            Ok(())
        })
    });
    (Cache::builder().backend(backend.remote()).build().unwrap(), memory, gate)
}

/// A value that is on its way to the server when its leader is cancelled still arrives before a later write, not after it.
#[tokio::test(start_paused = true)]
async fn a_write_waits_for_a_fill_under_way() {
    let short = Duration::from_millis(100);
    for writes in ["delete", "multi_delete", "clear", "expire", "set", "get_or_set"] {
        let (cache, memory, gate) = gated();
        assert!(timeout(short, cache.get_or_set("k", || ok(1))).await.is_err(), "it waits for the store");
        let write = async {
            match writes {
                "delete" => assert!(cache.delete("k").await.unwrap()),
                "multi_delete" => assert_eq!(cache.multi_delete(&["other", "k"]).await.unwrap(), 1),
                "clear" => cache.clear().await.unwrap(),
                "expire" => assert!(cache.expire("k", Ttl::secs(60)).await.unwrap()),
                "set" => cache.set("k", 2).await.unwrap(),
                // It shares what was computed.
                _ => assert_eq!(cache.get_or_set("k", || ok(2)).await, Ok(1)),
            }
        };
        let mut write = std::pin::pin!(write);
        assert!(timeout(short, &mut write).await.is_err(), "{writes} waits");
        assert!(memory.is_empty());
        gate.add_permits(2);
        write.await;
        let left = cache.get::<i32>("k").await.unwrap();
        let expected = match writes {
            "expire" | "get_or_set" => Some(1),
            "set" => Some(2),
            _ => None,
        };
        assert_eq!(left, expected, "{writes}");
    }
}

/// The caller is done when the timeout is, the fill isn't.
#[tokio::test(start_paused = true)]
async fn a_fill_beyond_the_timeout_is_waited_for() {
    let (cache, memory, gate) = gated();
    let cache = cache.with_timeout(Duration::from_millis(100));
    assert_eq!(cache.get_or_set("k", || ok(1)).await, Ok(1));
    assert_eq!(cache.delete("k").await.unwrap_err().kind(), ErrorKind::Timeout, "what isn't done isn't acknowledged");
    gate.add_permits(1);
    assert!(cache.delete("k").await.unwrap());
    assert!(memory.is_empty());
}

/// A hook of a fill may write to the same key: it isn't held up by what it is a part of.
#[tokio::test(start_paused = true)]
async fn a_hook_may_write_to_the_key_that_is_stored() {
    #[derive(Debug)]
    struct Deletes;

    impl Plugin for Deletes {
        fn before(&self, command: &Command<'_>) -> Reply<Held> {
            let cache = command.cache().clone();
            match command.name() {
                CommandName::Set => Reply::pending(async move { cache.delete("k").await.map(|_| Held::NOTHING) }),
                _ => Reply::ready(Held::NOTHING),
            }
        }
    }

    let started = tokio::time::Instant::now();
    let cache = delayed().with_plugin(Deletes);
    assert_eq!(cache.get_or_set("k", || ok(1)).await, Ok(1));
    assert!(!cache.exists("k").await.unwrap());
    assert!(started.elapsed() < Duration::from_secs(1));
}

/// The watch that looks for leaders whom nobody polls tells flights apart, whatever their shard: here each is the first of its own.
#[tokio::test(start_paused = true)]
async fn a_flight_is_not_taken_for_a_former_one() {
    let (cache, computed) = (Cache::memory(), Arc::new(AtomicUsize::new(0)));
    let ask = async |key: &str, takes: u64| {
        let compute = || {
            let computed = Arc::clone(&computed);
            async move {
                computed.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(takes)).await;
                Ok::<_, Infallible>(1)
            }
        };
        let call = || cache.get_or_set(key, compute).detached();
        assert_eq!(tokio::join!(call(), call()), (Ok(1), Ok(1)));
    };
    // A round is each quarter of a second: one while this computes, the next while those do.
    ask("former", 260).await;
    let keys: Vec<String> = (0..8).map(|key| key.to_string()).collect();
    futures_util::future::join_all(keys.iter().map(|key| ask(key, 300))).await;
    assert_eq!(computed.load(Ordering::SeqCst), 9);
}
