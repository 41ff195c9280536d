//! Whatever ends a connection is told, before anything is answered on the next one.

use std::time::{Duration, Instant};

use polycache::backend::{Backend, Key, When};
use polycache::backends::redis::Redis;
use polycache_testkit::Proxy;
use polycache_testkit::servers::RedisServer;
use tokio::runtime::Runtime;

use super::support::{Heard, PATIENCE, Tracked, changed, set, text, tracked, tracked_on};

/// Reads until the server answers again.
async fn read_again(ours: &Tracked, key: &str) -> Option<String> {
    let started = Instant::now();
    loop {
        match ours.backend.get(Key::plain(key)).await {
            Ok(value) => return value.as_ref().map(text),
            Err(error) => assert!(started.elapsed() < PATIENCE, "{error}"),
        }
        tokio::task::yield_now().await;
    }
}

/// The connection was lost. Then reads are tracked as before.
async fn is_told_and_goes_on(ours: &Tracked, other: &dyn Backend) {
    read_again(ours, "k").await;
    // Told before the answer: nothing is awaited here.
    assert!(ours.has_heard(&Heard::Disconnected), "{:?}", ours.heard());
    read_again(ours, "k").await;
    ours.heard();
    set(other, "k", "later").await;
    assert_eq!(ours.heard_until(changed("k")).await, [changed("k")]);
}

#[tokio::test]
async fn a_connection_that_is_cut() {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.address()).await;
    let (other, ours) = (Redis::open(&server.url()).unwrap(), tracked(&server.url_at(proxy.address())));
    for round in 0..20 {
        ours.get("k").await;
        if round % 2 == 0 {
            proxy.cut();
        } else {
            proxy.reset();
        }
        set(&other, "k", "unseen").await;
        is_told_and_goes_on(&ours, &other).await;
    }
}

#[tokio::test]
async fn a_reply_that_is_cut_off() {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.address()).await;
    let (other, ours) = (Redis::open(&server.url()).unwrap(), tracked(&server.url_at(proxy.address())));
    for bytes in 0..6 {
        set(&other, "k", "v").await;
        ours.get("k").await;
        ours.heard();
        proxy.cut_reply_after(bytes);
        // Sent again on the next connection.
        assert_eq!(ours.get("k").await.as_deref(), Some("v"));
        assert_eq!(ours.heard(), [Heard::Disconnected]);
        is_told_after_the_next_cut(&ours, &proxy).await;
    }
}

async fn is_told_after_the_next_cut(ours: &Tracked, proxy: &Proxy) {
    proxy.cut();
    ours.heard_until(Heard::Disconnected).await;
    read_again(ours, "k").await;
    ours.heard();
}

#[tokio::test]
async fn an_idle_connection_that_is_cut_is_told_at_once() {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.address()).await;
    let ours = tracked(&format!("{}?heartbeat=60s", server.url_at(proxy.address())));
    ours.get("k").await;
    proxy.cut();
    assert_eq!(ours.heard_until(Heard::Disconnected).await, [Heard::Disconnected]);
}

#[tokio::test]
async fn client_kill() {
    let server = RedisServer::start().await;
    let (other, ours) = (Redis::open(&server.url()).unwrap(), tracked(&server.url()));
    ours.get("k").await;
    server.cli(&["CLIENT", "KILL", "TYPE", "normal"]).await;
    ours.heard_until(Heard::Disconnected).await;
    read_again(&ours, "k").await;
    ours.heard();
    set_again(&other).await;
    ours.heard_until(changed("k")).await;
}

/// The other client's connection was killed too.
async fn set_again(other: &Redis) {
    let started = Instant::now();
    while other.delete(Key::plain("k"), When::Always).await.is_err() {
        assert!(started.elapsed() < PATIENCE);
        tokio::task::yield_now().await;
    }
    set(other, "k", "later").await;
}

#[tokio::test]
async fn a_server_that_comes_back_empty() {
    let server = RedisServer::start().await;
    let (other, ours) = (Redis::open(&server.url()).unwrap(), tracked(&server.url()));
    set(&other, "k", "v").await;
    assert_eq!(ours.get("k").await.as_deref(), Some("v"));
    server.restart().await;
    assert_eq!(read_again(&ours, "k").await, None);
    assert!(ours.has_heard(&Heard::Disconnected));
    set_again(&other).await;
    ours.heard_until(changed("k")).await;
}

/// The bound of staleness that the guide states.
#[tokio::test]
async fn a_server_that_stands_still() {
    let heartbeat = Duration::from_millis(400);
    let server = RedisServer::start().await;
    let ours = tracked(&format!("{}?heartbeat=400ms&connect_timeout=200ms", server.url()));
    for _ in 0..3 {
        read_again(&ours, "k").await;
        ours.heard();
        server.stop();
        let stopped = Instant::now();
        ours.heard_until(Heard::Disconnected).await;
        let took = stopped.elapsed();
        eprintln!("told {took:?} after the server stood still, with a heartbeat of {heartbeat:?}");
        assert!(took < heartbeat * 5 / 2 + Duration::from_millis(500), "{took:?}");
        server.resume();
    }
}

/// As on a path that is lost without a word, where each new connection finds another one.
#[tokio::test]
async fn a_path_that_is_lost() {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.address()).await;
    let (other, ours) =
        (Redis::open(&server.url()).unwrap(), tracked(&format!("{}?heartbeat=200ms", server.url_at(proxy.address()))));
    set(&other, "k", "v").await;
    ours.get("k").await;
    ours.heard();
    proxy.freeze();
    // Sent on the lost connection, and again on the next one.
    assert_eq!(ours.get("k").await.as_deref(), Some("v"));
    assert_eq!(ours.heard(), [Heard::Disconnected]);
    set(&other, "k", "w").await;
    ours.heard_until(changed("k")).await;
}

#[tokio::test]
async fn several_connections_each_tell_of_their_own() {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.address()).await;
    let url = format!("{}?connections=3", server.url_at(proxy.address()));
    let (other, ours) = (Redis::open(&server.url()).unwrap(), tracked(&url));
    let keys: Vec<String> = (0..30).map(|key| format!("k{key}")).collect();
    let read = futures_util::future::join_all(keys.iter().map(|key| ours.get(key)));
    assert!(read.await.iter().all(Option::is_none));
    assert_eq!(proxy.traffic().open, 3);
    for key in &keys {
        set(&other, key, "v").await;
        ours.heard_until(changed(key)).await;
    }
}

#[tokio::test]
async fn closed_and_dropped_handles() {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.address()).await;
    let redis = Redis::open(&server.url_at(proxy.address())).unwrap();
    let (first, second) = (tracked_on(&redis), tracked_on(&redis));
    set(&redis, "k", "v").await;
    for ours in [&first, &second] {
        ours.get("k").await;
    }
    assert_eq!(proxy.traffic().open, 3);
    first.backend.close().await.unwrap();
    proxy.wait_until(|traffic| traffic.open == 2).await;
    assert!(first.backend.get(Key::plain("k")).await.is_err());
    drop(second);
    proxy.wait_until(|traffic| traffic.open == 1).await;
    set(&redis, "k", "w").await;
    assert_eq!(first.heard(), [], "whoever closes knows it");
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn a_runtime_that_ends() {
    let (first, second) = (runtime(), runtime());
    let server = second.block_on(RedisServer::start());
    let ours = tracked(&server.url());
    first.block_on(ours.get("k"));
    drop(first);
    assert_eq!(ours.heard(), [Heard::Disconnected]);
    second.block_on(async {
        read_again(&ours, "k").await;
        server.cli(&["SET", "k", "v"]).await;
        ours.heard_until(changed("k")).await;
    });
}

/// The runtime that reads the connection isn't driven any more.
#[test]
fn a_runtime_that_stands_still() {
    let (first, second) = (runtime(), runtime());
    let server = second.block_on(RedisServer::start());
    let ours = tracked(&format!("{}?heartbeat=200ms", server.url()));
    first.block_on(ours.get("k"));
    second.block_on(async {
        // Nobody asks for anything, as all is kept near.
        let stopped = Instant::now();
        server.cli(&["SET", "k", "v"]).await;
        ours.heard_until(Heard::Unread).await;
        assert!(stopped.elapsed() < Duration::from_secs(3), "{:?}", stopped.elapsed());
        ours.heard();
        // The next call makes another connection.
        assert_eq!(read_again(&ours, "k").await.as_deref(), Some("v"));
        assert!(ours.has_heard(&Heard::Disconnected), "{:?}", ours.heard());
        ours.heard();
        server.cli(&["SET", "k", "w"]).await;
        ours.heard_until(changed("k")).await;
    });
}

/// One that runs is never taken for one that doesn't, however idle the connection is.
#[tokio::test]
async fn a_runtime_that_runs() {
    let server = RedisServer::start().await;
    let ours = tracked(&format!("{}?heartbeat=500ms", server.url()));
    ours.get("k").await;
    for _ in 0..4 {
        // The server counts the time.
        server.cli(&["BLPOP", "nothing", "0.5"]).await;
    }
    assert_eq!(ours.heard(), []);
}
