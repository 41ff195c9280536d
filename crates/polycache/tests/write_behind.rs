//! Values that are stored after their callers have them, and what becomes of them when the cache is closed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::future::{Future, pending};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use futures_util::FutureExt;
use polycache::backend::Backend;
use polycache::backends::memory::Memory;
use polycache::backends::redis::Redis;
use polycache::functions::{CallBuilder, Whole};
use polycache::{Cache, CacheBuilder, Caches, Config, ErrorKind, Reply};
use polycache_testkit::servers::{Memcached, RedisServer};
use polycache_testkit::{Events, Intercept};
use tokio::sync::{Notify, Semaphore};
use tokio::task::yield_now;
use tokio::time::timeout;

type Value = Result<i32, Infallible>;

const LONG: Duration = Duration::from_secs(60);

/// A backend that takes one value for each permit.
fn slow() -> (Intercept, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let entry = Arc::clone(&gate);
    let backend = Intercept::new(Arc::new(Memory::new()), move |operation| {
        let gate = Arc::clone(&entry);
        match operation {
            "set" => Reply::pending(async move {
                gate.acquire().await.unwrap().forget();
                Ok(())
            }),
            _ => Reply::ready(()),
        }
    });
    (backend, gate)
}

/// `call` has its value before it is stored, and `reader` finds the value once it is.
async fn is_behind(what: &str, reader: &Cache, gate: &Semaphore, call: impl Future<Output = i32>) {
    let value = timeout(LONG, call).await.unwrap_or_else(|_| panic!("{what}: the call waits"));
    assert_eq!((value, reader.exists("k").await.unwrap()), (1, false), "{what}");
    gate.add_permits(1);
    while !reader.exists("k").await.unwrap() {
        yield_now().await;
    }
    assert!(reader.delete("k").await.unwrap());
}

#[polycache::cached(cache = BEHIND.0, key = "k", write_behind)]
async fn by_attribute() -> i32 {
    1
}

#[polycache::multi_cached(cache = BEHIND.0, keys = keys, key = "{keys}", write_behind)]
async fn many_by_attribute(keys: &[&'static str]) -> Vec<(&'static str, i32)> {
    keys.iter().map(|key| (*key, 1)).collect()
}

static BEHIND: LazyLock<(Cache, Arc<Semaphore>)> = LazyLock::new(|| {
    let (backend, gate) = slow();
    (Cache::builder().backend(backend).build().unwrap(), gate)
});

#[tokio::test]
async fn a_call_is_told_so_in_many_ways() {
    let (cache, gate) = &*BEHIND;
    let compute = || async { Value::Ok(1) };
    is_behind("get_or_set", cache, gate, async { cache.get_or_set("k", compute).write_behind().await.unwrap() }).await;
    let detached = async { cache.get_or_set("k", compute).write_behind().detached().await.unwrap() };
    is_behind("detached", cache, gate, detached).await;
    is_behind("the attribute", cache, gate, by_attribute()).await;
    is_behind("the attribute for many", cache, gate, async { many_by_attribute(&["k"]).await[0].1 }).await;

    // By the cache: its builder, a URL, a configuration.
    let (backend, gate) = slow();
    let backend: Arc<dyn Backend> = Arc::new(backend);
    let shared = Arc::clone(&backend);
    polycache::register_backend("held", move |_| {
        let inner = Arc::clone(&shared);
        Ok(Box::new(Intercept::new(inner, |_| Reply::ready(()))))
    });
    let caches = Caches::new();
    caches.set_config(Config::json(r#"{ "default": { "cache": "held", "write_behind": true } }"#).unwrap()).unwrap();
    for (what, cache) in [
        ("the builder", Cache::builder().shared_backend(backend).write_behind(true).build().unwrap()),
        ("a URL", Cache::open("held://?write_behind=true").unwrap()),
        ("a configuration", caches.get("default").unwrap()),
    ] {
        is_behind(what, &cache, &gate, async { cache.get_or_set("k", compute).await.unwrap() }).await;
        is_behind(what, &cache, &gate, CallBuilder::new(&cache, "k").compute::<Whole<i32>, _>(async { 1 })).await;
        let many = async |keys: Vec<String>| Ok::<_, Infallible>(keys.into_iter().map(|key| (key, 1)));
        is_behind(what, &cache, &gate, async { cache.multi_get_or_set(&["k"], many).await[0].unwrap().unwrap() }).await;
    }
}

/// Others who wait for the value get it once it is stored: they may be about to write.
#[tokio::test]
async fn others_get_it_once_it_is_stored() {
    let (backend, gate) = slow();
    let cache = Cache::builder().backend(backend).write_behind(true).build().unwrap();
    let go = Notify::new();
    let compute = || async {
        go.notified().await;
        Value::Ok(1)
    };
    let mut first = Box::pin(cache.get_or_set("k", compute));
    assert!(first.as_mut().now_or_never().is_none());
    let mut second = Box::pin(cache.get_or_set("k", || async { Value::Ok(2) }));
    assert!(second.as_mut().now_or_never().is_none());
    go.notify_one();
    assert_eq!(first.await, Ok(1));
    assert!(second.as_mut().now_or_never().is_none());
    gate.add_permits(1);
    assert_eq!(second.await, Ok(1));
}

async fn on_servers(test: impl AsyncFn(&dyn Fn() -> CacheBuilder)) {
    let redis = RedisServer::start().await;
    let memcached = Memcached::start().await;
    let builder = || Cache::builder().namespace("n");
    test(&|| builder().backend(Redis::open(&redis.url()).unwrap())).await;
    test(&|| builder().backend(Redis::open(&redis.url()).unwrap()).namespace("m").lease(Duration::ZERO)).await;
    test(&|| builder().backend(polycache::backends::memcached::Memcached::open(&memcached.url()).unwrap())).await;
}

#[tokio::test]
async fn closing_waits_for_what_is_stored_behind() {
    on_servers(async |builder| {
        let cache = builder().build().unwrap();
        let behind = builder().write_behind(true).build().unwrap();
        for cache in [&cache, &behind] {
            cache.set("warm", 0).await.unwrap();
        }
        assert_eq!(cache.get_or_set("a", || async { Value::Ok(1) }).write_behind().await, Ok(1));
        let call = CallBuilder::new(&cache, "b").compute::<Whole<i32>, _>(async { 2 });
        assert_eq!(call.write_behind().await, 2);
        let many = async |keys: Vec<String>| Ok::<_, Infallible>(keys.into_iter().map(|key| (key, 3)));
        assert_eq!(behind.multi_get_or_set(&["c", "d"], many).await, [Ok(Some(3)), Ok(Some(3))]);
        for cache in [cache, behind] {
            cache.close().await.unwrap();
        }
        let stored = builder().build().unwrap().multi_get::<i32>(&["a", "b", "c", "d"]).await.unwrap();
        assert_eq!(stored, [Some(1), Some(2), Some(3), Some(3)]);
    })
    .await;
}

#[tokio::test]
async fn closing_waits_for_detached_computations() {
    on_servers(async |builder| {
        let cache = builder().build().unwrap();
        let go = Arc::new(Notify::new());
        let goes = Arc::clone(&go);
        let compute = || async move {
            goes.notified().await;
            Value::Ok(1)
        };
        let mut call = Box::pin(cache.get_or_set("k", compute).detached());
        while !cache.exists("begun").await.unwrap() {
            assert!(call.as_mut().now_or_never().is_none());
            cache.set("begun", 1).await.unwrap();
        }
        // After these round trips the call has its lease and computes.
        for _ in 0..3 {
            assert!(call.as_mut().now_or_never().is_none());
            cache.get::<i32>("k").await.unwrap();
        }
        drop(call);
        let mut closing = Box::pin(cache.close());
        assert!(timeout(Duration::from_millis(20), &mut closing).await.is_err(), "it waits");
        assert_eq!(cache.get::<i32>("k").await.unwrap_err().kind(), ErrorKind::Closed);
        assert_eq!(cache.set("k", 2).await.unwrap_err().kind(), ErrorKind::Closed);
        go.notify_one();
        closing.await.unwrap();
        assert_eq!(builder().build().unwrap().get::<i32>("k").await.unwrap(), Some(1));
    })
    .await;
}

/// A computation that never ends, in a task.
fn endless(cache: &Cache, key: &str) {
    let mut call = Box::pin(cache.get_or_set(key, pending::<Value>).detached());
    assert!(call.as_mut().now_or_never().is_none());
}

#[tokio::test(start_paused = true)]
async fn closing_tells_what_it_has_not_waited_for() {
    for (limit, waits) in [(Duration::from_secs(30), 30), (Duration::ZERO, 5)] {
        let cache = Cache::builder().timeout(limit).namespace("n").build().unwrap();
        ["g", "b", "c", "d", "e", "f", "a"].iter().for_each(|key| endless(&cache, key));
        let began = tokio::time::Instant::now();
        let events = Events::collect();
        let error = cache.close().await.unwrap_err();
        assert_eq!((error.kind(), error.command()), (ErrorKind::Timeout, Some("close")));
        let text = error.to_string();
        assert!(text.contains(&format!("longer than {waits}s")), "{text}");
        assert!(text.contains(r#""n:a", "n:b", "n:c", "n:d", "n:e" and 2 more"#), "{text}");
        assert_eq!(began.elapsed().as_secs(), waits);
        assert!(events.take().iter().any(|event| event.starts_with("WARN") && event.contains(&text)));
        cache.close().await.unwrap();
        assert_eq!(cache.get::<i32>("k").await.unwrap_err().kind(), ErrorKind::Closed);
    }
}

#[tokio::test]
async fn closing_that_nobody_awaits_closes_too() {
    let (backend, gate) = slow();
    let cache = Cache::builder().backend(backend).build().unwrap();
    assert_eq!(cache.get_or_set("k", || async { Value::Ok(1) }).write_behind().await, Ok(1));
    yield_now().await;
    drop(cache.close());
    gate.add_permits(1);
    endless(&cache, "other");
    cache.close().now().expect("at once").unwrap();
    assert_eq!(cache.get::<i32>("k").await.unwrap_err().kind(), ErrorKind::Closed);
}
