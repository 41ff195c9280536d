//! A server that dies, stands still, or isn't there.

use std::time::{Duration, Instant};

use polycache::{ErrorKind, OnError};
use polycache_testkit::calm;
use polycache_testkit::servers::RedisServer;

use super::load::Load;
use super::support::{alone, cache, cache_with, failed, is_child, peak_mib, until, until_it_serves};

const TIMEOUT: Duration = Duration::from_millis(700);
const AT_ONCE: Duration = Duration::ZERO;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_restarted_under_load() {
    let server = RedisServer::start().await;
    let cache = cache_with(&server.url(), TIMEOUT);
    let mut load = Load::start(&cache, TIMEOUT, 16).await;
    for round in 1..=2 {
        cache.set("before", round).await.unwrap();
        server.kill();
        load.met(ErrorKind::Unavailable).await;
        server.restart().await;
        let away = load.served_since(Instant::now()).await;
        eprintln!("killed and restarted: every task is served {away:?} after the restart");
        assert!(away < Duration::from_secs(2) + 2 * TIMEOUT, "{away:?}");
        assert_eq!(cache.get::<i32>("before").await.unwrap(), None, "the server is empty, which is no trouble");
        cache.increment("script", 1).await.unwrap();
    }
    load.stop("killed and restarted").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standing_still_for_three_seconds() {
    let server = RedisServer::start().await;
    let url = format!("{}?heartbeat=200ms&connect_timeout=300ms", server.url());
    let cache = cache_with(&url, TIMEOUT);
    let mut load = Load::start(&cache, TIMEOUT, 16).await;
    let stopped = Instant::now();
    server.stop();
    // Heartbeats tell: from then on calls don't wait for their timeout.
    load.met(ErrorKind::Unavailable).await;
    eprintln!("stopped: noticed after {:?}", stopped.elapsed());
    assert!(stopped.elapsed() < Duration::from_secs(2));
    tokio::time::sleep_until((stopped + Duration::from_secs(3)).into()).await;
    server.resume();
    let away = load.served_since(Instant::now()).await;
    eprintln!("stopped: every task is served {away:?} after it goes on");
    assert!(away < Duration::from_secs(2) + 2 * TIMEOUT, "{away:?}");
    load.stop("stopped").await;
}

/// Without heartbeats the calls' own timeouts are all there is, and the connection is still in step afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standing_still_for_a_moment() {
    let server = RedisServer::start().await;
    let timeout = Duration::from_millis(100);
    let cache = cache_with(&format!("{}?heartbeat=0s", server.url()), timeout);
    let mut load = Load::start(&cache, timeout, 16).await;
    for _ in 0..3 {
        server.stop();
        let stopped = Instant::now();
        load.met(ErrorKind::Timeout).await;
        tokio::time::sleep_until((stopped + 2 * timeout).into()).await;
        server.resume();
        load.served_since(Instant::now()).await;
    }
    load.stop("stopped for a moment").await;
}

#[tokio::test]
async fn scripts_are_known_again_after_they_are_forgotten() {
    let server = RedisServer::start().await;
    let cache = cache(&server.url());
    for count in 1..=3 {
        assert_eq!(cache.increment("n", 1).await.unwrap(), count);
        let (value, version) = cache.get_versioned::<i64>("n").await.unwrap();
        assert_eq!(value, Some(count));
        assert!(cache.cas("n", count, version).await.unwrap());
        server.cli(&["SCRIPT", "FLUSH"]).await;
    }
}

#[tokio::test]
async fn nobody_listens() {
    let server = RedisServer::start().await;
    server.kill();
    let cache = cache(&server.url());
    for _ in 0..100 {
        let started = Instant::now();
        let error = failed(started, AT_ONCE, cache.get::<String>("k").await);
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(
            error.to_string().contains(&format!("can't connect to Redis at 127.0.0.1:{}", server.port())),
            "{error}"
        );
    }
    server.restart().await;
    until_it_serves(&cache).await;
}

/// The kernel accepts connections of a server that stands still from the start.
#[tokio::test]
async fn a_black_hole() {
    let server = RedisServer::start().await;
    server.stop();
    let limit = Duration::from_millis(300);
    let cache = cache_with(&format!("{}?connect_timeout=300ms", server.url()), Duration::from_secs(20));
    let started = Instant::now();
    let error = failed(started, limit, cache.get::<String>("k").await);
    assert!(started.elapsed() >= limit);
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("`connect_timeout`"), "{error}");
    let started = Instant::now();
    failed(started, AT_ONCE, cache.set("k", 1).await);
    server.resume();
    until_it_serves(&cache).await;
}

#[tokio::test]
async fn where_trouble_counts_as_a_miss() {
    let server = RedisServer::start().await;
    let redis = polycache::backends::redis::Redis::open(&server.url()).unwrap();
    let cache = polycache::Cache::builder().backend(redis).on_error(OnError::Miss).build().unwrap();
    cache.set("k", 1).await.unwrap();
    server.kill();
    until("the loss of the connection", async || cache.get::<i32>("k").await.unwrap().is_none()).await;
    assert_eq!(cache.multi_get::<i32>(&["k", "l"]).await.unwrap(), [None, None]);
    assert!(!cache.exists("k").await.unwrap());
    for error in [
        cache.set("k", 2).await.unwrap_err(),
        cache.add("l", 2).await.unwrap_err(),
        cache.increment("n", 2).await.unwrap_err(),
        cache.delete("k").await.unwrap_err(),
        cache.multi_set([("k", 2)]).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
    server.restart().await;
    until("service", async || cache.set("k", 3).await.is_ok()).await;
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(3));
}

#[test]
fn calls_of_an_outage_leave_no_memory_behind() {
    if !is_child() {
        return alone("faults_outage::calls_of_an_outage_leave_no_memory_behind", &[]);
    }
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let server = RedisServer::start().await;
        // Without heartbeats nobody notices but by timeouts.
        let cache = cache_with(&format!("{}?heartbeat=0s", server.url()), Duration::from_millis(20));
        let value = "x".repeat(1000);
        let many = async |calls: usize| {
            for _ in 0..calls / 2500 {
                let calls = (0..2500).map(|i| cache.set(&format!("k{i}"), value.clone()));
                for result in futures_util::future::join_all(calls).await {
                    assert!(result.is_err());
                }
            }
        };
        until_it_serves(&cache).await;

        server.stop();
        many(10_000).await;
        let before = peak_mib();
        many(100_000).await;
        let stopped = peak_mib();
        eprintln!("100,000 calls to a server that stands still: {before} MiB before, {stopped} MiB after");

        server.kill();
        until(
            "a refused connection",
            async || matches!(cache.get::<i32>("k").await, Err(error) if error.to_string().contains("can't connect")),
        )
        .await;
        many(20_000).await;
        let killed = peak_mib();
        eprintln!("20,000 calls to a port where nobody listens: {killed} MiB after");
        assert!(killed <= before + 30, "{before}, {stopped}, {killed} MiB");

        server.restart().await;
        until_it_serves(&cache).await;
    });
}

/// A timeout far below the heartbeat: one call, or a second that was sent before, waits for a server that stands still.
#[tokio::test]
async fn one_timeout_is_paid_for_a_server_that_stands_still() {
    calm(one_timeout_is_paid_for_a_server_that_stands_still_once).await;
}

async fn one_timeout_is_paid_for_a_server_that_stands_still_once() {
    let server = RedisServer::start().await;
    let timeout = Duration::from_millis(200);
    let cache = cache_with(&server.url(), timeout);
    cache.set("k", 1).await.unwrap();
    server.stop();
    let stopped = Instant::now();
    assert_eq!(cache.get::<i32>("k").await.unwrap_err().kind(), ErrorKind::Timeout);
    // For longer than heartbeat and attempts to connect take to find out.
    let mut slow = Vec::new();
    while stopped.elapsed() < Duration::from_secs(6) {
        for call in 0..4 {
            let started = Instant::now();
            let error = match call {
                0 => cache.get::<i32>("k").await.unwrap_err(),
                1 => cache.set("k", 2).await.unwrap_err(),
                2 => cache.increment("k", 2).await.unwrap_err(),
                _ => cache.multi_get::<i32>(&["k", "l"]).await.unwrap_err(),
            };
            if started.elapsed() > timeout / 2 {
                slow.push((stopped.elapsed(), error));
            } else {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                assert!(error.is_retryable());
            }
        }
        let computed = cache.get_or_set("computed", || async { Ok::<_, polycache::Error>(7) }).await;
        assert_eq!(computed.unwrap(), 7);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(slow.len() <= 1, "{slow:?}");
    server.resume();
    until_it_serves(&cache).await;
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1), "nothing that failed was done");
}

/// The server keeps everybody waiting, and some don't wait for so long. The connection stays, and no reply goes astray.
#[tokio::test]
async fn a_server_that_is_busy_for_a_moment() {
    let server = RedisServer::start().await;
    let cache = cache(&server.url());
    cache.set("k", 1).await.unwrap();
    let id = cache.raw("CLIENT", &["ID"]).await.unwrap();
    // Not by a script that looks at the clock: it stands still in scripts of newer servers.
    server.stop();
    let busy = cache.raw("ECHO", &["done"]);
    let others = async {
        // Who waits longer is served.
        let patient = cache.get::<i32>("k");
        let hasty = async {
            let error = cache.with_timeout(Duration::from_millis(200)).get::<i32>("k").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Timeout);
            let started = Instant::now();
            let error = failed(started, AT_ONCE, cache.get::<i32>("k").await);
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
            server.resume();
        };
        let (patient, ()) = tokio::join!(patient, hasty);
        assert_eq!(patient.unwrap(), Some(1));
    };
    let (done, ()) = tokio::join!(busy, others);
    assert_eq!(done.unwrap().as_bytes(), Some(&b"done"[..]));
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1));
    assert_eq!(cache.raw("CLIENT", &["ID"]).await.unwrap(), id, "it is the same connection");
}

/// Who cancels a call says nothing of the server.
#[tokio::test]
async fn a_cancelled_call_has_no_consequence_for_others() {
    let server = RedisServer::start().await;
    let cache = cache(&server.url());
    cache.set("k", 1).await.unwrap();
    server.stop();
    tokio::time::timeout(Duration::from_millis(50), cache.get::<i32>("k")).await.unwrap_err();
    let mut waits = Box::pin(async { cache.get::<i32>("k").await });
    tokio::time::timeout(Duration::from_millis(50), &mut waits).await.unwrap_err();
    server.resume();
    assert_eq!(waits.await.unwrap(), Some(1));
}
