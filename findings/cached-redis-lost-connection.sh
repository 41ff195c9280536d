#!/usr/bin/env bash
# cached 4.1.0 (Rust): once its connection is lost, an AsyncRedisCache fails until the process ends.
#
# Expected: a cache that lives as long as the process (#[concurrent_cached] keeps it in a static) connects again, as the
#   synchronous RedisCache does, whose pool checks its connections.
# Seen: the server closes the connection once, as by a restart, a `timeout` or a failover. From then on each call is an error,
#   and so is each call of a function that is cached by it: map_error makes the store's error the function's.
# Who meets it: whoever uses `redis = true` with async functions as its documentation shows.
# Instead: connection_manager(true), with the feature redis_connection_manager.
source "$(dirname "$0")/lib.bash"

start_valkey
PORT=$port rust_run cached=4.1.0:redis_connection_manager,redis_tokio redis=1.8.1:tokio-comp tokio=1.54.1:full <<'RUST'
use cached::{AsyncRedisCache, ConcurrentCachedAsync};
use std::time::Duration;
use tokio::time::sleep;

/// How many of 20 reads within two seconds succeed once the connection has been closed by the server.
async fn after(url: &str, manager: bool) -> usize {
    let builder = AsyncRedisCache::<String, String>::builder("finding").ttl(Duration::from_secs(60));
    let cache = builder.connection_string(url).connection_manager(manager).build().await.unwrap();
    cache.async_cache_set("k".into(), "value".into()).await.unwrap();
    let mut admin = redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
    let kill = redis::cmd("CLIENT").arg(&["KILL", "TYPE", "normal", "SKIPME", "yes"]).clone();
    let killed: usize = kill.query_async(&mut admin).await.unwrap();
    assert!(killed > 0);
    let mut read = 0;
    for _ in 0..20 {
        sleep(Duration::from_millis(100)).await;
        read += usize::from(cache.async_cache_get(&"k".to_owned()).await.is_ok());
    }
    read
}

#[tokio::main]
async fn main() {
    let url = format!("redis://127.0.0.1:{}", std::env::var("PORT").unwrap());
    let by_default = after(&url, false).await;
    let with_manager = after(&url, true).await;
    println!("reads that succeed after the server has closed the connection: {by_default} of 20, with a manager {with_manager}");
    assert!(by_default == 0 && with_manager >= 15);
}
RUST
