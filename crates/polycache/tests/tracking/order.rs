//! Changes are told in their order among the answers, at once, whatever else happens on the connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use polycache::backend::{Backend, Key, When};
use polycache::backends::redis::Redis;
use polycache_testkit::servers::RedisServer;
use polycache_testkit::{LeftAlone, Proxy, left_alone};

use super::support::{Near, changed, set, text, tracked, until};

/// Heartbeats can't be the cause that it is read.
const SETTINGS: &str = "?heartbeat=60s";

async fn an_idle_connection_is_read() {
    let server = RedisServer::start().await;
    let (other, ours) = (Redis::open(&server.url()).unwrap(), tracked(&format!("{}{SETTINGS}", server.url())));
    let mut slowest = Duration::ZERO;
    for _ in 0..20 {
        ours.get("k").await;
        ours.heard();
        let written = Instant::now();
        set(&other, "k", "v").await;
        ours.heard_until(changed("k")).await;
        slowest = slowest.max(written.elapsed());
    }
    eprintln!("told within {slowest:?}");
    assert!(slowest < Duration::from_secs(2));
}

#[tokio::test]
async fn an_idle_connection_is_read_on_one_thread() {
    an_idle_connection_is_read().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_is_read_on_several_threads() {
    an_idle_connection_is_read().await;
}

/// A caller who never looks for its reply holds up nothing.
#[tokio::test]
async fn a_caller_who_does_not_look() {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.address()).await;
    let url = format!("{}{SETTINGS}", server.url_at(proxy.address()));
    let (other, ours) = (Redis::open(&server.url()).unwrap(), tracked(&url));
    for _ in 0..20 {
        ours.get("k").await;
        ours.heard();
        let left = left_alone(ours.backend.get(Key::plain("another")), 1).await;
        assert!(matches!(left, LeftAlone::Waits(_)));
        set(&other, "k", "v").await;
        ours.heard_until(changed("k")).await;
    }
}

/// Replies and changes in pieces of a byte.
#[tokio::test]
async fn pieces() {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.address()).await;
    let url = format!("{}{SETTINGS}", server.url_at(proxy.address()));
    let (other, ours) = (Redis::open(&server.url()).unwrap(), tracked(&url));
    ours.get("k").await;
    proxy.chunk(1);
    for round in 0..5 {
        let value = round.to_string();
        set(&other, "k", &value).await;
        let (read, missing) = tokio::join!(ours.get("k"), ours.get("missing"));
        assert_eq!((read, missing), (Some(value), None));
        ours.heard_until(changed("k")).await;
    }
}

/// Another client writes after the server has read, and before the reader has the reply.
#[tokio::test]
async fn a_reply_that_is_held() {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.address()).await;
    let redis = Redis::open(&format!("{}{SETTINGS}", server.url_at(proxy.address()))).unwrap();
    let near = Arc::new(Near::default());
    let ours = redis.tracked(near.clone()).unwrap().unwrap();
    let other = Redis::open(&server.url()).unwrap();
    let reads = async || {
        let stats = server.cli(&["INFO", "commandstats"]).await;
        let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_get:calls=")).unwrap_or("0");
        line.split(',').next().unwrap().parse::<u64>().unwrap()
    };
    for round in 0..20 {
        set(&other, "k", &round.to_string()).await;
        // Whatever an earlier round has left is told before.
        near.read(&*ours, "another").await;
        near.forget();
        let before = reads().await;
        proxy.delay_replies(Duration::from_millis(100));
        let read = tokio::spawn({
            let (near, ours) = (Arc::clone(&near), Arc::clone(&ours));
            async move { near.read(&*ours, "k").await }
        });
        until("the server has read", async || reads().await > before).await;
        set(&other, "k", "written meanwhile").await;
        proxy.heal();
        read.await.unwrap();
        // What was told with the reply, or after it, is heard by now.
        near.read(&*ours, "another").await;
        assert_eq!(near.kept().get("k"), None, "round {round}");
    }
}

/// Readers, writers by the same handle, writers elsewhere, and a network that holds and cuts: afterwards nothing stale is kept.
async fn nothing_stale_is_kept(cuts: bool) {
    const KEYS: u32 = 8;
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.address()).await;
    let near = Arc::new(Near::default());
    let redis = Redis::open(&format!("{}{SETTINGS}&connections=2", server.url_at(proxy.address()))).unwrap();
    let ours = redis.tracked(near.clone()).unwrap().unwrap();
    let other = Redis::open(&server.url()).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = Vec::new();
    for reader in 0..8_u32 {
        let (near, ours, stop) = (Arc::clone(&near), Arc::clone(&ours), Arc::clone(&stop));
        tasks.push(tokio::spawn(async move {
            let mut round = reader;
            while !stop.load(Ordering::Relaxed) {
                round += 1;
                let key = format!("k{}", round % KEYS);
                if round % 50 == 0 {
                    let _ = ours.delete(Key::plain(&key), When::Always).await;
                } else {
                    near.read(&*ours, &key).await;
                }
                tokio::task::yield_now().await;
            }
        }));
    }
    for round in 0..300 {
        for key in 0..KEYS {
            set(&other, &format!("k{key}"), &format!("{round}")).await;
        }
        match round % 30 {
            10 => proxy.delay_replies(Duration::from_millis(2)),
            20 => proxy.heal(),
            25 if cuts => proxy.cut(),
            _ => {}
        }
        // The last writes stay for a moment, and are then compared.
        if round % 10 != 9 {
            continue;
        }
        let stale = async || {
            let mut stale = Vec::new();
            let kept = near.kept();
            for (key, value) in kept {
                let now = other.get(Key::plain(&key)).await.unwrap().as_ref().map(text);
                if now.as_ref() != Some(&value) && near.kept().get(&key) == Some(&value) {
                    stale.push((key, value, now));
                }
            }
            stale
        };
        let started = Instant::now();
        loop {
            let stale = stale().await;
            if stale.is_empty() {
                break;
            }
            // What is on its way may take a moment, what is lost stays for good.
            assert!(started.elapsed() < Duration::from_secs(5), "stale for good: {stale:?}");
            tokio::task::yield_now().await;
        }
    }
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn nothing_stale_is_kept_on_one_thread() {
    nothing_stale_is_kept(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_stale_is_kept_on_several_threads() {
    nothing_stale_is_kept(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_stale_is_kept_where_connections_are_cut() {
    nothing_stale_is_kept(true).await;
}
