//! The circuit breaker.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use polycache::backends::breaker::{Breaker, BreakerBuilder};
use polycache::backends::memory::Memory;
use polycache::{Cache, Caches, Config, Error, ErrorKind, Reply};
use polycache_testkit::{Faults, Intercept};

const PAUSE: Duration = Duration::from_secs(1);

/// A cache on a breaker around a backend that fails on demand and counts what comes to it.
fn failing(settings: impl FnOnce(BreakerBuilder) -> BreakerBuilder) -> (Cache, Breaker, Faults, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let (backend, faults) = Intercept::failing(Arc::new(Memory::new()));
    let counted = Intercept::new(Arc::new(backend), move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        Reply::ready(())
    });
    let breaker = settings(Breaker::builder().failures(3).pause(PAUSE)).build(Arc::new(counted)).unwrap();
    (Cache::builder().backend(breaker.clone()).build().unwrap(), breaker, faults, calls)
}

async fn fails(cache: &Cache) -> Error {
    cache.get::<i32>("k").await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn it_opens_after_failures_in_a_row_and_closes_when_a_probe_succeeds() {
    let (cache, breaker, faults, calls) = failing(|builder| builder);
    for kind in [ErrorKind::Unavailable, ErrorKind::Timeout, ErrorKind::UnknownOutcome] {
        faults.set(Some(kind));
        fails(&cache).await;
        fails(&cache).await;
        faults.set(None);
        cache.get::<i32>("k").await.unwrap(); // the row begins anew
        assert!(!breaker.is_open());

        faults.set(Some(kind));
        for _ in 0..3 {
            assert!(!breaker.is_open());
            assert!(fails(&cache).await.to_string().contains("a fault was injected"));
        }
        assert!(breaker.is_open());
        let before = calls.load(Ordering::Relaxed);
        let error = cache.set("k", 1).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, true));
        let text = error.to_string();
        assert!(
            text.contains("the circuit breaker of memory is open") && text.contains("a fault was injected"),
            "{text}"
        );
        assert_eq!(calls.load(Ordering::Relaxed), before);

        // One probe, which fails.
        tokio::time::advance(PAUSE).await;
        assert!(fails(&cache).await.to_string().contains("get \"k\": a fault"));
        assert!(fails(&cache).await.to_string().contains("circuit breaker"));
        assert_eq!(calls.load(Ordering::Relaxed), before + 1);

        faults.set(None);
        tokio::time::advance(PAUSE).await;
        cache.set("k", 1).await.unwrap();
        assert!(!breaker.is_open());
        assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1));
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_backend_answers_is_no_failure() {
    let (cache, breaker, faults, _) = failing(|builder| builder.failures(1));
    cache.set("k", "text").await.unwrap();
    for _ in 0..10 {
        assert_eq!(cache.increment("k", 1).await.unwrap_err().kind(), ErrorKind::NotANumber);
        faults.set(Some(ErrorKind::Backend));
        fails(&cache).await;
        faults.set(Some(ErrorKind::InvalidInput));
        fails(&cache).await;
        faults.set(None);
    }
    assert!(!breaker.is_open());

    // A probe that was refused before it was sent tells nothing either.
    faults.set(Some(ErrorKind::Unavailable));
    fails(&cache).await;
    tokio::time::advance(PAUSE).await;
    faults.set(Some(ErrorKind::InvalidInput));
    fails(&cache).await;
    assert!(breaker.is_open());
    faults.set(None);
    cache.get::<String>("k").await.unwrap();
    assert!(!breaker.is_open());
}

#[tokio::test(start_paused = true)]
async fn it_opens_by_the_rate_of_failures() {
    let (cache, breaker, faults, _) = failing(|builder| builder.failures(1_000).failure_rate(0.5));
    // Every third call fails: no rate of a half, however long.
    for call in 0..300 {
        faults.set((call % 3 == 0).then_some(ErrorKind::Unavailable));
        let _ = cache.get::<i32>("k").await;
        assert!(!breaker.is_open());
    }
    let mut calls = 0;
    while !breaker.is_open() {
        faults.set((calls % 3 != 0).then_some(ErrorKind::Unavailable));
        let _ = cache.get::<i32>("k").await;
        calls += 1;
    }
    assert!((20..=64).contains(&calls), "{calls}");
}

/// A call that has waited for the cache's timeout has failed; one that was cancelled hasn't.
#[tokio::test(start_paused = true)]
async fn a_timeout_is_a_failure_and_a_cancelled_call_is_none() {
    let breaker = Breaker::builder()
        .failures(2)
        .pause(PAUSE)
        .build(Arc::new(Intercept::silent(Arc::new(Memory::new()))))
        .unwrap();
    let cache = Cache::builder().backend(breaker.clone()).timeout(Duration::from_millis(100)).build().unwrap();
    for _ in 0..5 {
        tokio::select! {
            biased;
            _ = cache.get::<i32>("k") => panic!("a reply of a silent backend"),
            () = tokio::time::sleep(Duration::from_millis(10)) => {}
        }
    }
    assert_eq!(fails(&cache).await.kind(), ErrorKind::Timeout);
    assert!(!breaker.is_open());
    assert_eq!(fails(&cache).await.kind(), ErrorKind::Timeout);
    assert!(breaker.is_open());
    assert_eq!(fails(&cache).await.kind(), ErrorKind::Unavailable);
}

/// A probe that is cancelled, or left alone, doesn't keep the breaker open.
#[tokio::test(start_paused = true)]
async fn a_probe_that_says_nothing_is_followed_by_another() {
    let (cache, breaker, faults, _) = failing(|builder| builder.failures(1));
    let waiting = Arc::new(AtomicUsize::new(0));
    let silent = Arc::clone(&waiting);
    let slow =
        Breaker::builder().failures(1).pause(PAUSE).build(Arc::new(Intercept::new(Arc::new(breaker), move |_| {
            match silent.load(Ordering::Relaxed) {
                0 => Reply::ready(()),
                _ => Reply::pending(std::future::pending()),
            }
        })));
    let slow = slow.unwrap();
    let outer = Cache::builder().backend(slow.clone()).build().unwrap();
    let _ = cache;
    faults.set(Some(ErrorKind::Unavailable));
    fails(&outer).await;
    faults.set(None);
    waiting.store(1, Ordering::Relaxed);
    tokio::time::advance(PAUSE).await;

    let left_alone = outer.get::<i32>("k"); // the probe
    assert!(fails(&outer).await.to_string().contains("circuit breaker"));
    drop(left_alone);
    let left_alone = outer.get::<i32>("k"); // the next one at once, since that was cancelled
    assert!(fails(&outer).await.to_string().contains("circuit breaker"));
    waiting.store(0, Ordering::Relaxed);
    tokio::time::advance(PAUSE).await;
    outer.get::<i32>("k").await.unwrap(); // and another after the pause
    assert!(!slow.is_open());
    drop(left_alone);
    assert!(!slow.is_open());
}

#[tokio::test]
async fn settings_put_it_around_any_backend() {
    let caches = Caches::new();
    let config = serde_json::json!({
        "default": { "cache": "memory", "breaker": true },
        "table": { "cache": "memory", "breaker": { "failures": 3, "failure_rate": 0.5, "pause": "2s" } },
        "url": { "url": "memory://?breaker=true" },
        "off": { "cache": "memory", "breaker": false },
        "wrong": { "cache": "memory", "breaker": { "failures": 0 } },
        "unknown": { "cache": "memory", "breaker": { "failure": 3 } },
        "number": { "cache": "memory", "breaker": 3 },
    });
    caches.set_config(Config::value(config).unwrap()).unwrap();
    for (alias, is_there) in [("default", true), ("table", true), ("url", true), ("off", false)] {
        assert_eq!(format!("{:#?}", caches.get(alias).unwrap()).contains("Breaker"), is_there, "{alias}");
    }
    assert!(format!("{:#?}", Cache::open("memory://?breaker=true").unwrap()).contains("Breaker"));
    for (alias, part) in [
        ("wrong", "`failures` is 0; it goes from 1"),
        ("unknown", "did you mean `failures`"),
        ("number", "`breaker` is neither `true` nor a table"),
    ] {
        let error = caches.get(alias).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn around_a_server_that_is_killed_and_comes_back() {
    use polycache::backends::redis::Redis;
    use polycache_testkit::servers::RedisServer;

    let server = RedisServer::start().await;
    let redis = Arc::new(Redis::open(&server.url()).unwrap());
    let breaker = Breaker::builder().failures(3).pause(Duration::from_millis(50)).build(redis).unwrap();
    let cache = Cache::builder().backend(breaker.clone()).build().unwrap();
    cache.set("k", 1).await.unwrap();
    server.kill();
    while !breaker.is_open() {
        cache.get::<i32>("k").await.unwrap_err();
    }
    server.restart().await;
    while breaker.is_open() {
        let _ = cache.get::<i32>("k").await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    cache.set("k", 2).await.unwrap();
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(2));
}
