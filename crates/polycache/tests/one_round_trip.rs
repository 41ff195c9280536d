//! What a bulk call costs in round trips.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::time::Duration;

use polycache::backends::memcached::Memcached;
use polycache::backends::redis::Redis;
use polycache::{Cache, CacheBuilder};
use polycache_testkit::Proxy;
use polycache_testkit::servers::{Memcached as MemcachedServer, RedisServer};
use tokio::task::yield_now;

const LONG: Duration = Duration::from_secs(3600);

const KEYS: usize = 100;
const LEN: usize = 1_000;

fn keys() -> Vec<String> {
    (0..KEYS).map(|number| format!("key:{number}")).collect()
}

/// Each key's value.
fn values(keys: Vec<String>) -> Vec<(String, String)> {
    keys.into_iter().map(|key| (key, "x".repeat(LEN))).collect()
}

/// Caches on servers behind a proxy: with leases and without.
async fn on_servers(test: impl AsyncFn(&str, &dyn Fn() -> CacheBuilder, &Proxy)) {
    let redis = RedisServer::start().await;
    let proxy = Proxy::start(redis.address()).await;
    let url = redis.url_at(proxy.address()) + "?heartbeat=1h";
    let builder = || Cache::builder().backend(Redis::open(&url).unwrap()).namespace("n");
    test("Redis", &builder, &proxy).await;
    test("Redis without leases", &|| builder().namespace("m").lease(Duration::ZERO), &proxy).await;
    let memcached = MemcachedServer::start().await;
    let proxy = Proxy::start(memcached.address()).await;
    let url = memcached.url_at(proxy.address()) + "?heartbeat=1h";
    let builder = || Cache::builder().backend(Memcached::open(&url).unwrap()).namespace("n");
    test("memcached", &builder, &proxy).await;
    test("memcached without leases", &|| builder().namespace("m").lease(Duration::ZERO), &proxy).await;
}

/// All values leave before the first of them is acknowledged.
#[tokio::test]
async fn a_bulk_call_stores_in_one_round_trip() {
    on_servers(async |what, builder, proxy| {
        for behind in [false, true] {
            let cache =
                builder().write_behind(behind).timeout(LONG).namespace(format!("{what} {behind}")).build().unwrap();
            cache.set("warm", 0).await.unwrap();
            let keys = keys();
            let call = cache.multi_get_or_set(&keys, |missing| {
                // What was asked before is answered. From now on nothing is.
                proxy.delay_replies(LONG);
                async move { Ok::<_, Infallible>(values(missing)) }
            });
            let sent = async {
                let before = proxy.traffic().from_client;
                proxy.wait_until(|traffic| traffic.from_client - before >= (KEYS * LEN) as u64).await;
                proxy.heal();
            };
            let (found, ()) = tokio::join!(call, sent);
            assert!(found.iter().all(|value| value.as_ref().unwrap().as_ref().unwrap().len() == LEN), "{what}");
            while !cache.multi_get::<String>(&keys).await.unwrap().iter().all(Option::is_some) {
                yield_now().await;
            }
        }
    })
    .await;
}
