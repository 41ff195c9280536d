//! `multi_get_or_set`: each key computed once, whoever asks and how.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use polycache::backends::memory::Memory;
use polycache::plugins::Timing;
use polycache::{Cache, CommandName, Error, ErrorKind};
use polycache_testkit::Intercept;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{sleep, timeout};

const LONG: Duration = Duration::from_secs(60);

fn caches() -> [Cache; 2] {
    let delayed = Cache::builder().backend(Intercept::delayed(Arc::new(Memory::new()))).build().unwrap();
    [Cache::memory(), delayed.namespace("n").with_plugin(Timing::new())]
}

/// Each key's value is its length.
async fn lengths(keys: Vec<String>) -> Result<HashMap<String, usize>, Infallible> {
    yield_now().await;
    Ok(keys.into_iter().map(|key| (key.clone(), key.len())).collect())
}

fn ok(values: &[usize]) -> Vec<Result<Option<usize>, Infallible>> {
    values.iter().map(|value| Ok(Some(*value))).collect()
}

#[tokio::test]
async fn what_is_missing_is_computed_by_one_call() {
    for cache in caches() {
        cache.set("b", 7_usize).await.unwrap();
        let calls = Mutex::new(Vec::new());
        let compute = |missing: Vec<String>| {
            calls.lock().unwrap().push(missing.clone());
            lengths(missing)
        };
        let found = cache.multi_get_or_set(&["aa", "b", "ccc", "aa"], compute).await;
        assert_eq!(found, ok(&[2, 7, 3, 2]));
        assert_eq!(*calls.lock().unwrap(), [["aa", "ccc"]]);
        assert_eq!(cache.multi_get::<usize>(&["aa", "b", "ccc"]).await.unwrap(), [Some(2), Some(7), Some(3)]);

        assert_eq!(cache.multi_get_or_set(&["aa", "b"], compute).await, ok(&[2, 7]));
        assert_eq!(cache.multi_get_or_set(&[""; 0], compute).await, ok(&[]));
        assert_eq!(calls.lock().unwrap().len(), 1);
    }
}

/// It is for the keys that take so long. What others have computed meanwhile is given.
#[tokio::test(start_paused = true)]
async fn a_hard_timeout_is_an_error_of_slow_keys() {
    for cache in caches() {
        let cache = cache.with_hard_timeout(Duration::from_millis(100));
        let quick = cache.get_or_set("quick", || async {
            sleep(Duration::from_millis(50)).await;
            Ok::<_, Error>(1_usize)
        });
        let both = async {
            sleep(Duration::from_millis(10)).await;
            let never = |_| std::future::pending::<Result<HashMap<String, usize>, Error>>();
            cache.multi_get_or_set(&["quick", "slow"], never).times_out().await
        };
        let (one, both) = tokio::join!(quick, both);
        assert_eq!(one.unwrap(), 1);
        assert_eq!(*both[0].as_ref().unwrap(), Some(1));
        assert_eq!(both[1].as_ref().unwrap_err().kind(), ErrorKind::HardTimeout);
    }
}

#[tokio::test]
async fn what_the_source_leaves_out_is_asked_for_once() {
    for cache in caches() {
        let calls = AtomicUsize::new(0);
        let nothing = |_| {
            calls.fetch_add(1, Ordering::SeqCst);
            async { Ok::<_, Infallible>(HashMap::<String, usize>::new()) }
        };
        assert_eq!(cache.multi_get_or_set(&["none", "none", "none"], nothing).await, [Ok(None), Ok(None), Ok(None)]);
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }
}

/// As a part of its own computation, too, a key that is asked for twice has one value.
#[tokio::test]
async fn each_of_a_key_in_its_own_computation_has_its_value() {
    for cache in caches() {
        let outer = cache.get_or_set("aa", || async {
            let found = cache.multi_get_or_set(&["aa", "aa", "b"], lengths).await;
            Ok::<_, Infallible>(found.iter().flatten().flatten().sum::<usize>())
        });
        assert_eq!(outer.await, Ok(5));
    }
}

#[tokio::test]
async fn one_round_trip_reads() {
    let timing = Timing::new();
    let cache = Cache::builder().plugin(timing.clone()).build().unwrap();
    cache.multi_get_or_set(&["a", "b"], lengths).await;
    let count = |name| timing.figures(name).map_or(0, |figures| figures.count);
    assert_eq!([CommandName::MultiGet, CommandName::Get, CommandName::Set].map(count), [1, 0, 2]);
}

#[tokio::test]
async fn parts_and_errors() {
    for cache in caches() {
        let without_b = |keys: Vec<String>| async {
            Ok::<_, &str>(keys.into_iter().filter(|key| key != "b").map(|key| (key, 1)).collect::<Vec<_>>())
        };
        assert_eq!(cache.multi_get_or_set(&["a", "b"], without_b).await, [Ok(Some(1)), Ok(None)]);
        assert!(!cache.exists("b").await.unwrap());

        let fails = |_| async { Err::<Vec<(String, i32)>, _>("broken") };
        let found = cache.multi_get_or_set(&["a", "b", "c"], fails).await;
        assert_eq!(found, [Ok(Some(1)), Err("broken"), Err("broken")]);
    }
}

#[tokio::test]
async fn trouble_counts_as_a_miss() {
    let (backend, faults) = Intercept::failing(Arc::new(Memory::new()));
    let cache = Cache::builder().backend(backend).build().unwrap();
    faults.set(Some(ErrorKind::Unavailable));
    assert_eq!(cache.multi_get_or_set(&["a", "bb"], lengths).await, ok(&[1, 2]));
    faults.set(None);
    cache.set("a", "no number").await.unwrap();
    cache.set("bb", 7_usize).await.unwrap();
    assert_eq!(cache.multi_get_or_set(&["a", "bb"], lengths).await, ok(&[1, 7]));
    assert_eq!(cache.get::<usize>("a").await.unwrap(), Some(1));
}

/// A single call waits for a bulk one, and the other way round; each gives what it has to the other.
#[tokio::test]
async fn single_and_bulk_calls_share() {
    for cache in caches() {
        let go = Semaphore::new(0);
        let bulk = cache.multi_get_or_set(&["a", "gone"], |keys| {
            assert_eq!(keys, ["a", "gone"]);
            async {
                let _ = go.acquire().await.unwrap();
                Ok::<_, Infallible>([("a", 1_usize)])
            }
        });
        let waits = async {
            for _ in 0..20 {
                yield_now().await;
            }
            let given_up = cache.get_or_set("gone", || async { Ok::<usize, Infallible>(3) });
            let shared = cache.get_or_set("a", || async {
                assert!(go.available_permits() > usize::MAX >> 4, "the bulk call computes it");
                Ok::<usize, Infallible>(0)
            });
            let bulk_too = cache.multi_get_or_set(&["b", "a"], lengths);
            let later = async {
                yield_now().await;
                go.add_permits(10);
            };
            tokio::join!(given_up, shared, bulk_too, later)
        };
        let (bulk, (given_up, shared, bulk_too, ())) = tokio::join!(bulk, waits);
        assert_eq!(bulk, [Ok(Some(1)), Ok(None)]);
        assert_eq!((given_up, shared, bulk_too), (Ok(3), Ok(1), ok(&[1, 1])));
    }
}

/// Bulk calls that want each other's keys, some of them cancelled: nobody hangs, and everybody gets the values.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn bulk_calls_that_cross_each_other() {
    const KEYS: usize = 12;
    for cache in caches() {
        for round in 0..30 {
            let finished: Arc<[AtomicUsize; KEYS]> = Arc::default();
            let mut tasks = JoinSet::new();
            for task in 0..24 {
                let (cache, finished) = (cache.clone(), Arc::clone(&finished));
                tasks.spawn(async move {
                    let mut keys: Vec<usize> = (0..KEYS).collect();
                    fastrand::shuffle(&mut keys);
                    keys.truncate(6);
                    let names: Vec<String> = keys.iter().map(|key| format!("{round}:{key}")).collect();
                    let number = |name: &str| -> usize { name.split_once(':').unwrap().1.parse().unwrap() };
                    let call = cache.multi_get_or_set(&names, |missing| {
                        let finished = &finished;
                        async move {
                            let numbers: Vec<usize> = missing.iter().map(|name| number(name)).collect();
                            sleep(Duration::from_micros(fastrand::u64(..2_000))).await;
                            for key in &numbers {
                                finished[*key].fetch_add(1, Ordering::SeqCst);
                            }
                            Ok::<_, Infallible>(missing.into_iter().zip(numbers))
                        }
                    });
                    if task % 3 == 0 {
                        let _ = timeout(Duration::from_micros(fastrand::u64(..3_000)), call).await;
                    } else {
                        assert_eq!(call.await, ok(&keys));
                    }
                });
            }
            timeout(LONG, tasks.join_all()).await.expect("nobody hangs");
            let finished: Vec<usize> = finished.iter().map(|count| count.load(Ordering::SeqCst)).collect();
            // One of the eight that may be cancelled may have computed and not yet stored.
            assert!(finished.iter().all(|count| *count <= 9), "{finished:?}");
        }
    }
}
