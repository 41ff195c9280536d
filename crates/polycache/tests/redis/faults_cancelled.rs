//! Calls that are dropped before they are done.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use polycache::Cache;
use polycache_testkit::Proxy;
use polycache_testkit::servers::RedisServer;

use super::support::cache_with;

const CALLS: usize = 10_000;
const TASKS: usize = 50;
const KEYS: usize = 500;

/// Polls the call so many times, the runtime's other tasks in between; nothing if it isn't done by then.
async fn polled<T>(times: u32, call: impl Future<Output = T>) -> Option<T> {
    let mut call = pin!(call);
    for _ in 0..times {
        let poll = std::future::poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
        if let Poll::Ready(result) = poll {
            return Some(result);
        }
        tokio::task::yield_now().await;
    }
    None
}

/// About half of the calls end here, after a random number of polls or a random time; some of those are faster.
async fn perhaps<T>(done: &AtomicUsize, call: impl Future<Output = polycache::Result<T>>) -> Option<T> {
    let result = match fastrand::u32(..20) {
        0..9 => polled(fastrand::u32(..3), call).await,
        9..11 => tokio::time::timeout(Duration::from_micros(fastrand::u64(..2000)), call).await.ok(),
        _ => Some(call.await),
    };
    let result = result.map(|result| result.expect("a server that runs"));
    done.fetch_add(usize::from(result.is_some()), Ordering::Relaxed);
    result
}

fn check(key: &str, value: Option<String>) {
    let value = value.expect("every key has a value from the beginning");
    assert!(value.strip_prefix(key).is_some_and(|rest| rest.starts_with('#')), "{key} gave {value}");
}

async fn half_are_dropped(cache: Cache) {
    let key = |i: usize| format!("k{i}");
    cache.multi_set((0..KEYS).map(|i| (key(i), format!("{}#0", key(i))))).await.unwrap();
    let done = Arc::new(AtomicUsize::new(0));
    // What each counter was asked to add, and what it surely has added.
    let counts: Arc<Vec<(AtomicI64, AtomicI64)>> = Arc::new((0..10).map(|_| Default::default()).collect());
    let seen: Arc<Mutex<HashMap<usize, Vec<i64>>>> = Arc::default();
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (cache, done, counts, seen) = (cache.clone(), done.clone(), counts.clone(), seen.clone());
            tokio::spawn(async move {
                for _ in 0..CALLS / TASKS {
                    let name = key(fastrand::usize(..KEYS));
                    match fastrand::u32(..5) {
                        0 | 1 => {
                            if let Some(value) = perhaps(&done, cache.get::<String>(&name)).await {
                                check(&name, value);
                            }
                        }
                        2 => {
                            // Values of different lengths, so that a reply out of step isn't read by chance.
                            let value = format!("{name}#{}", "x".repeat(fastrand::usize(..3000)));
                            perhaps(&done, cache.set(&name, value)).await;
                        }
                        3 => {
                            let names: Vec<_> = (0..5).map(|_| key(fastrand::usize(..KEYS))).collect();
                            if let Some(values) = perhaps(&done, cache.multi_get::<String>(&names)).await {
                                assert_eq!(values.len(), names.len());
                                names.iter().zip(values).for_each(|(name, value)| check(name, value));
                            }
                        }
                        _ => {
                            let i = fastrand::usize(..counts.len());
                            counts[i].0.fetch_add(1, Ordering::Relaxed);
                            if let Some(count) = perhaps(&done, cache.increment(&format!("n{i}"), 1)).await {
                                counts[i].1.fetch_add(1, Ordering::Relaxed);
                                seen.lock().unwrap().entry(i).or_default().push(count);
                            }
                        }
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let done = done.load(Ordering::Relaxed);
    eprintln!("of {CALLS} calls {} were dropped", CALLS - done);
    assert!((CALLS / 3..CALLS * 2 / 3).contains(&done), "{done} of {CALLS} calls were done");
    for (i, (asked, sure)) in counts.iter().enumerate() {
        let count = cache.get::<i64>(&format!("n{i}")).await.unwrap().unwrap_or(0);
        let (asked, sure) = (asked.load(Ordering::Relaxed), sure.load(Ordering::Relaxed));
        assert!((sure..=asked).contains(&count), "{count} counted, {sure} surely, {asked} at most");
    }
    for counts in seen.lock().unwrap().values_mut() {
        let replies = counts.len();
        counts.sort_unstable();
        counts.dedup();
        assert_eq!(counts.len(), replies, "two callers got the same count");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_reply_goes_to_its_caller() {
    let server = RedisServer::start().await;
    half_are_dropped(cache_with(&server.url(), Duration::from_secs(20))).await;
}

/// Over a slow way, so that more calls are dropped while they wait for their replies; in a runtime of one thread.
#[tokio::test]
async fn every_reply_goes_to_its_caller_over_a_slow_way() {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.address()).await;
    proxy.delay(Duration::from_millis(1));
    half_are_dropped(cache_with(&server.url_at(proxy.address()), Duration::from_secs(20))).await;
}
