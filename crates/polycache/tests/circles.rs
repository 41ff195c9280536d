//! Computations that ask for their own key, or for each other's, don't wait for themselves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use polycache::backends::memory::Memory;
use polycache::backends::redis::Redis;
use polycache::functions::{CachedCall, CallBuilder, Whole};
use polycache::{Cache, Ttl};
use polycache_testkit::servers::RedisServer;
use polycache_testkit::{Events, Intercept};
use tokio::sync::{Barrier, Notify};
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;

type Value = Result<i32, Infallible>;

const LONG: Duration = Duration::from_secs(60);

/// In memory, over something slower, and on a server, where there are leases.
async fn caches() -> ([Cache; 3], RedisServer) {
    let server = RedisServer::start().await;
    let redis = Cache::builder().backend(Redis::open(&server.url()).unwrap()).build().unwrap();
    let delayed = Cache::builder().backend(Intercept::delayed(Arc::new(Memory::new()))).build().unwrap();
    ([Cache::memory(), delayed, redis].map(|cache| cache.namespace("n").with_ttl(Ttl::secs(600))), server)
}

/// The result of `work`, which doesn't hang, and the keys that events have named.
async fn watched<T>(work: impl Future<Output = T>) -> (T, Vec<String>) {
    let events = Events::collect();
    let result = timeout(LONG, work).await.expect("it hangs");
    let circles = events.take().into_iter().filter(|event| event.contains("asks for the key itself"));
    let key = |event: String| event.split("key=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    (result, circles.map(key).collect())
}

#[tokio::test]
async fn a_computation_may_ask_for_its_own_key() {
    let (caches, _server) = caches().await;
    for cache in caches {
        let inner = || async { Value::Ok(cache.get_or_set("k", || async { Value::Ok(1) }).await.unwrap() + 1) };
        let (value, named) = watched(cache.get_or_set("k", inner)).await;
        assert_eq!((value, named), (Ok(2), vec!["n:k".to_owned()]));
        assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(2), "what the outer one has computed");

        // Also if the computation has waited for something else before.
        let late = || async {
            yield_now().await;
            cache.get_or_set("late", || async { Value::Ok(1) }).await
        };
        assert_eq!(watched(cache.get_or_set("late", late)).await, (Ok(1), vec!["n:late".to_owned()]));
        let twice = || async {
            let inner = || cache.get_or_set("twice", || async { Value::Ok(1) });
            Value::Ok(inner().await.unwrap() + inner().await.unwrap())
        };
        assert_eq!(watched(cache.get_or_set("twice", twice)).await.0, Ok(2));
    }
}

#[tokio::test]
async fn a_computation_may_ask_for_its_own_key_by_way_of_another() {
    let (caches, _server) = caches().await;
    for cache in caches {
        let a = || async { cache.get_or_set("a", || async { Value::Ok(1) }).await };
        let b = || async { Value::Ok(cache.get_or_set("b", a).await.unwrap() + 1) };
        let (value, named) = watched(cache.get_or_set("a", b)).await;
        assert_eq!((value, named), (Ok(2), vec!["n:a".to_owned()]));
        assert_eq!(cache.multi_get::<i32>(&["a", "b"]).await.unwrap(), [Some(2), Some(1)]);
    }
}

/// Two tasks, each of which computes what the other asks for.
#[tokio::test]
async fn two_computations_may_ask_for_each_other() {
    let (caches, _server) = caches().await;
    for cache in caches {
        let both_compute = Barrier::new(2);
        let ask = async |own: &str, other: &str| {
            let compute = || async {
                both_compute.wait().await;
                let of_other = cache.get_or_set(other, || async { Value::Ok(10) }).await;
                Value::Ok(of_other.unwrap() + 1)
            };
            cache.get_or_set(own, compute).await
        };
        let ((a, b), named) = watched(async { tokio::join!(ask("a", "b"), ask("b", "a")) }).await;
        // One of them has computed the other's value for itself, and the other one has got the result of that.
        assert!([(Ok(11), Ok(12)), (Ok(12), Ok(11))].contains(&(a, b)), "{a:?} {b:?}");
        assert_eq!(named.len(), 1, "{named:?}");
    }
}

#[tokio::test]
async fn a_computation_that_has_a_task_of_its_own_may_ask_for_who_awaits_it() {
    let (caches, _server) = caches().await;
    for cache in caches {
        let own = cache.clone();
        let a = move || async move {
            yield_now().await;
            own.get_or_set("a", || async { Value::Ok(1) }).await
        };
        let b = cache.clone();
        let outer = || async move { b.get_or_set("b", a).detached().await };
        assert_eq!(watched(cache.get_or_set("a", outer)).await, (Ok(1), vec!["n:a".to_owned()]));

        let own = cache.clone();
        let inner = move || async move { own.get_or_set("c", || async { Value::Ok(1) }).detached().await };
        assert_eq!(watched(cache.get_or_set("c", inner).detached()).await.0, Ok(1));
    }
}

#[tokio::test]
async fn bulk_computations_may_ask_for_their_own_keys() {
    let (caches, _server) = caches().await;
    for cache in caches {
        let pairs = |keys: Vec<String>| async move { Ok::<_, Infallible>(keys.into_iter().map(|key| (key, 1))) };
        let compute = async |missing: Vec<String>| {
            let inner = cache.multi_get_or_set(&missing, pairs).await;
            let single = cache.get_or_set(&missing[0], || async { Value::Ok(0) }).await.unwrap();
            let of = |value: Value| value.unwrap() + single + 1;
            let values = inner.into_iter().map(|value| of(value.map(Option::unwrap)));
            Ok::<Vec<_>, Infallible>(missing.into_iter().zip(values).collect())
        };
        let (values, named) = watched(cache.multi_get_or_set(&["a", "b"], compute)).await;
        assert_eq!(values, [Ok(Some(2)), Ok(Some(2))]);
        assert_eq!(named.iter().filter(|key| *key == "n:b").count(), 1, "{named:?}");
        assert_eq!(cache.multi_get::<i32>(&["a", "b"]).await.unwrap(), [Some(2), Some(2)]);
    }
}

type Call<'a> = CachedCall<Whole<u64>, Pin<Box<dyn Future<Output = u64> + Send + 'a>>, &'a Cache>;

/// The sum of the numbers up to this one, which asks for itself once.
fn sum(cache: &Cache, number: u64, again: bool) -> Call<'_> {
    let body = async move {
        match number {
            0 => 0,
            _ if again => sum(cache, number, false).await,
            _ => number + sum(cache, number - 1, false).await,
        }
    };
    CallBuilder::new(cache, format_args!("sum:{number}")).compute(Box::pin(body) as Pin<Box<_>>)
}

#[tokio::test]
async fn a_cached_function_may_call_itself() {
    let (caches, _server) = caches().await;
    for cache in caches {
        assert_eq!(watched(sum(&cache, 20, false)).await, (210, Vec::new()), "with other arguments");
        assert_eq!(watched(sum(&cache, 21, true)).await, (231, vec!["n:sum:21".to_owned()]));
    }
}

/// Without a circle, callers wait as ever, however deep within computations.
#[tokio::test]
async fn within_computations_too_others_are_waited_for() {
    let (caches, _server) = caches().await;
    for cache in caches {
        let (computed, begun, go) = (AtomicUsize::new(0), Notify::new(), Notify::new());
        let shared = || async {
            computed.fetch_add(1, Ordering::SeqCst);
            begun.notify_one();
            go.notified().await;
            Value::Ok(5)
        };
        let leader = cache.get_or_set("shared", shared);
        let nested = async {
            begun.notified().await;
            let other = || async { cache.get_or_set("shared", || async { Value::Ok(6) }).await };
            let waits = cache.get_or_set("a", || async { cache.get_or_set("b", other).await });
            let mut waits = std::pin::pin!(waits);
            assert!(timeout(Duration::from_millis(50), &mut waits).await.is_err(), "it waits");
            go.notify_one();
            waits.await
        };
        let ((first, second), named) = watched(async { tokio::join!(leader, nested) }).await;
        assert_eq!((first, second, named), (Ok(5), Ok(5), Vec::new()));
        assert_eq!(computed.load(Ordering::SeqCst), 1);
    }
}

/// Many tasks whose computations ask for random other keys never hang.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_computations_that_ask_at_random_comes_to_an_end() {
    let cache = Cache::memory();
    let mut tasks = JoinSet::new();
    for task in 0..200_u64 {
        let cache = cache.clone();
        tasks.spawn(async move {
            let (own, other) = (format!("{}", task % 10), format!("{}", task * 7 % 11));
            let compute = || async {
                yield_now().await;
                cache.get_or_set(&other, || async { Value::Ok(1) }).await
            };
            cache.get_or_set(&own, compute).await.unwrap()
        });
    }
    let all = timeout(LONG, tasks.join_all()).await.expect("it hangs");
    assert!(all.into_iter().all(|value| value == 1));
}

/// Two processes: nothing tells one what the other's computation asks for. Within a computation nobody waits for longer than the timeout.
#[tokio::test]
async fn two_processes_may_ask_for_each_other() {
    let server = RedisServer::start().await;
    let process = || {
        let builder = Cache::builder().backend(Redis::open(&server.url()).unwrap()).namespace("n");
        builder.timeout(Duration::from_millis(500)).build().unwrap()
    };
    let both_compute = Barrier::new(2);
    let ask = async |cache: Cache, own: &str, other: &str| {
        let compute = || async {
            both_compute.wait().await;
            cache.get_or_set(other, || async { Value::Ok(10) }).await
        };
        cache.get_or_set(own, compute).await.unwrap()
    };
    let both = async { tokio::join!(ask(process(), "a", "b"), ask(process(), "b", "a")) };
    let (a, b) = timeout(LONG, both).await.expect("it hangs");
    assert_eq!((a, b), (10, 10));
}
