//! A near cache in front of a real server, on a network that holds and cuts: what it answers is current, and one's own writes are seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use polycache::backend::{Backend, Key};
use polycache::backends::near::Near;
use polycache::backends::redis::Redis;
use polycache::{Caches, Config};
use polycache_testkit::Proxy;
use polycache_testkit::servers::RedisServer;

use super::support::{set, text, until};

const KEYS: usize = 8;

/// How long a write of another client may go unseen, on a machine that is busy with other tests. No heartbeat comes to the rescue.
const BOUND: Duration = Duration::from_secs(10);

async fn read(near: &Near, key: &str) -> polycache::Result<Option<String>> {
    Ok(near.get(Key::plain(key)).await?.as_ref().map(text))
}

/// Reads until the other's value is seen.
async fn seen(near: &Near, key: &str, value: &str) -> Duration {
    let written = Instant::now();
    loop {
        let now = read(near, key).await;
        if now.as_ref().is_ok_and(|now| now.as_deref() == Some(value)) {
            return written.elapsed();
        }
        assert!(written.elapsed() < BOUND, "{key} is {now:?}, where {value:?} was written {:?} ago", written.elapsed());
        tokio::task::yield_now().await;
    }
}

async fn stays_current(cuts: bool) {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.address()).await;
    let url = format!("{}?connections=2&heartbeat=60s", server.url_at(proxy.address()));
    let near = Near::new(Arc::new(Redis::open(&url).unwrap())).unwrap();
    assert!(near.is_tracked());
    let other = Redis::open(&server.url()).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let readers = (0..6).map(|reader| {
        let (near, stop) = (near.clone(), Arc::clone(&stop));
        tokio::spawn(async move {
            for round in reader.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let _ = read(&near, &format!("k{}", round % KEYS)).await;
                tokio::task::yield_now().await;
            }
        })
    });
    let readers: Vec<_> = readers.collect();
    let mut slowest = Duration::ZERO;
    for round in 0..200 {
        let (key, value) = (format!("k{}", round % KEYS), round.to_string());
        match round % 40 {
            10 => proxy.delay_replies(Duration::from_millis(2)),
            20 => proxy.heal(),
            30 if cuts => proxy.cut(),
            35 if cuts => proxy.reset(),
            _ => {}
        }
        if round % 3 == 0 {
            // One's own write is seen at once. One that fails may be done later.
            let options = polycache::backend::SetOptions::new(polycache::Ttl::Never, polycache::backend::When::Always);
            let written = near.set(Key::plain(&key), polycache::Value::bytes(value.as_bytes()), options).await;
            match (written, read(&near, &key).await) {
                (Ok(_), Ok(now)) => assert_eq!(now, Some(value)),
                (_, _) => assert!(cuts),
            }
        } else {
            set(&other, &key, &value).await;
            slowest = slowest.max(seen(&near, &key, &value).await);
        }
    }
    eprintln!("seen {slowest:?} after the write at the latest");
    stop.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
}

/// Two aliases of a configuration share a server, and each has a near tier of its own: they hear of each other's writes as of anybody's.
#[tokio::test]
async fn aliases_with_tiers_of_their_own() {
    let server = RedisServer::start().await;
    let config =
        format!("[default]\nurl = '{url}'\nnear = 100\n[two]\nurl = '{url}'\nnear = 100\n", url = server.url());
    let caches = Caches::new();
    caches.set_config(Config::toml(&config).unwrap()).unwrap();
    let [one, two] = ["default", "two"].map(|alias| caches.get(alias).unwrap());
    for round in 0..100 {
        let (writer, reader) = if round % 2 == 0 { (&one, &two) } else { (&two, &one) };
        assert_eq!(
            reader.get::<i32>("k").await.unwrap().is_some(),
            round > 0,
            "it is near, or known to be missing far"
        );
        writer.set("k", round).await.unwrap();
        assert_eq!(writer.get("k").await.unwrap(), Some(round));
        until("the other's value", async || reader.get("k").await.unwrap() == Some(round)).await;
    }
    one.delete("k").await.unwrap();
    until("the other's deletion", async || two.get::<i32>("k").await.unwrap().is_none()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn near_stays_current() {
    stays_current(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn near_stays_current_where_connections_are_cut() {
    stays_current(true).await;
}
