//! A value on its way to the server when its connection was given up doesn't arrive after a later delete.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use polycache::Cache;
use polycache::backend::Backend;
use polycache::backends::memcached::Memcached;
use polycache::backends::redis::Redis;
use polycache_testkit::Proxy;
use polycache_testkit::servers::{Memcached as MemcachedServer, RedisServer};
use tokio::time::sleep;

const PAUSE: Duration = Duration::from_millis(5);

async fn nothing_arrives_late(server: SocketAddr, url_at: impl Fn(SocketAddr) -> String) {
    let proxy = Proxy::start(server).await;
    let url = url_at(proxy.address());
    let url = format!("{url}{}heartbeat=200ms", if url.contains('?') { '&' } else { '?' });
    let backend: Arc<dyn Backend> = if url.starts_with("redis") {
        Arc::new(Redis::open(&url).unwrap())
    } else {
        Arc::new(Memcached::open(&url).unwrap())
    };
    let cache = Cache::builder().shared_backend(backend).lease(Duration::ZERO).build().unwrap();

    let computed = cache.get_or_set("k", || async {
        // From here on the way to the server is lost, as far as its one connection is concerned.
        proxy.freeze();
        Ok::<_, ()>(1)
    });
    assert_eq!(computed.await, Ok(1));
    // On another connection.
    while cache.delete("k").await.is_err() {
        sleep(PAUSE).await;
    }
    proxy.thaw();
    // The server has taken all that still came on the old one.
    proxy.wait_until(|traffic| traffic.open == 1).await;
    assert_eq!(cache.get::<i32>("k").await.unwrap(), None);
}

#[tokio::test]
async fn over_redis() {
    let server = RedisServer::start().await;
    nothing_arrives_late(server.address(), |at| server.url_at(at)).await;
}

#[tokio::test]
async fn over_redis_with_tls() {
    let server = RedisServer::builder().tls().start().await;
    nothing_arrives_late(server.address(), |at| server.url_at(at)).await;
}

#[tokio::test]
async fn over_memcached() {
    let server = MemcachedServer::start().await;
    nothing_arrives_late(server.address(), |at| server.url_at(at)).await;
}

#[tokio::test]
async fn over_memcached_with_tls() {
    let server = MemcachedServer::builder().tls().start().await;
    nothing_arrives_late(server.address(), |at| server.url_at(at)).await;
}
