//! A server that stands still.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use polycache::backends::fallback::Fallback;
use polycache::backends::memcached::Memcached;
use polycache::{Cache, Error, ErrorKind};
use polycache_testkit::calm;
use polycache_testkit::servers::Memcached as Server;

/// A timeout far below the heartbeat: an attempt to reach the server costs one call its timeout, and the others nothing.
#[tokio::test]
async fn one_timeout_is_paid_for_a_server_that_stands_still() {
    calm(one_timeout_is_paid_for_a_server_that_stands_still_once).await;
}

async fn one_timeout_is_paid_for_a_server_that_stands_still_once() {
    let server = Server::start().await;
    let timeout = Duration::from_millis(200);
    let backend = Memcached::open(&server.url()).unwrap();
    let cache = Cache::builder().backend(backend).timeout(timeout).build().unwrap();
    cache.set("k", 1).await.unwrap();
    server.stop();
    let stopped = Instant::now();
    assert_eq!(cache.get::<i32>("k").await.unwrap_err().kind(), ErrorKind::Timeout);
    let mut slow = Vec::new();
    while stopped.elapsed() < Duration::from_millis(1800) {
        let started = Instant::now();
        let error = cache.set("k", 2).await.unwrap_err();
        if started.elapsed() > timeout / 2 {
            slow.push((stopped.elapsed(), error));
        } else {
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        }
        let computed = cache.get_or_set("computed", || async { Ok::<_, Error>(7) }).await;
        assert_eq!(computed.unwrap(), 7);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(slow.len() <= 1, "{slow:?}");
    server.resume();
    while cache.set("k", 3).await.is_err() {
        assert!(stopped.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(3));
}

/// Waits until the server is back.
async fn back(fallback: &Fallback) {
    let started = Instant::now();
    while fallback.is_away() {
        assert!(started.elapsed() < Duration::from_secs(60), "still away");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The lease of a computation that began in an outage was in memory, where no other process has seen it: what another one has deleted since
/// the server is back stays away. The computation never waits, so nothing tells its holder before the value is stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_an_outage_has_computed_does_not_overtake_a_write_after_it() {
    for generations in [false, true] {
        let server = Server::start().await;
        let open = || {
            let on = if generations { "?generations=0s" } else { "" };
            Memcached::open(&format!("{}{on}", server.url())).unwrap()
        };
        let fallback = Fallback::new(Arc::new(open()));
        let build = |builder: polycache::CacheBuilder| builder.namespace("n").build().unwrap();
        let cache = build(Cache::builder().backend(fallback.clone()));
        let other = build(Cache::builder().backend(open()));
        server.kill();
        cache.set("away", 1).await.unwrap();
        assert!(fallback.is_away());

        let [begun, written] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        let computes = tokio::spawn({
            let (cache, begun, written) = (cache.clone(), Arc::clone(&begun), Arc::clone(&written));
            async move {
                let compute = || async {
                    begun.store(true, Ordering::Release);
                    while !written.load(Ordering::Acquire) {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    Ok::<_, Error>("old".to_owned())
                };
                cache.get_or_set("k", compute).await
            }
        });
        while !begun.load(Ordering::Acquire) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        server.restart().await;
        back(&fallback).await;
        other.delete("k").await.unwrap();
        written.store(true, Ordering::Release);
        assert_eq!(computes.await.unwrap().unwrap(), "old");
        assert_eq!(other.get::<String>("k").await.unwrap(), None);
        assert_eq!(cache.get::<String>("k").await.unwrap(), None);
    }
}

/// As on every other server.
#[tokio::test]
async fn a_version_of_an_outage_matches_nothing_afterwards() {
    let server = Server::start().await;
    let fallback = Fallback::new(Arc::new(Memcached::open(&server.url()).unwrap()));
    let cache = Cache::builder().backend(fallback.clone()).build().unwrap();
    server.kill();
    cache.set("k", 1).await.unwrap();
    let (found, version) = cache.get_versioned::<i32>("k").await.unwrap();
    assert!(fallback.is_away() && found == Some(1));
    server.restart().await;
    back(&fallback).await;
    assert!(!cache.cas("k", 2, version).await.unwrap());
}
