//! Those with a tier in memory in front of Redis, as their documentation opens it.

use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use amalgam::provider::{JsonSerializer, RedisBackplane, RedisDistributedCache};
use cached::{AsyncRedisCache, ConcurrentCachedAsync};
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use redis::caching::CacheConfig;

const TTL: Duration = Duration::from_secs(60);

pub(crate) type Task<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
pub(crate) type Open = fn(String) -> Task<'static, Box<dyn Peer>>;

/// One instance.
pub(crate) trait Peer: Send + Sync {
    fn read<'a>(&'a self, key: &'a str) -> Task<'a, String>;
    /// Returns when it is acknowledged.
    fn write<'a>(&'a self, key: &'a str, value: &'a str) -> Task<'a, ()>;
}

pub(crate) const ALL: [(&str, Open); 3] = [
    ("redis-rs, CacheConfig", redis_rs),
    ("cached, client_side_caching", cached),
    ("amalgam-cache, memory, Redis and backplane", amalgam),
];

fn redis_rs(url: String) -> Task<'static, Box<dyn Peer>> {
    Box::pin(async move {
        let client = redis::Client::open(format!("{url}?protocol=resp3")).expect("the server's URL");
        let cache = CacheConfig::new().set_size(NonZeroUsize::MIN.saturating_add(999)).set_default_client_ttl(TTL);
        let config = redis::AsyncConnectionConfig::new().set_cache_config(cache);
        let connection = client.get_multiplexed_async_connection_with_config(&config).await;
        Box::new(connection.expect("the server is there")) as Box<dyn Peer>
    })
}

impl Peer for MultiplexedConnection {
    fn read<'a>(&'a self, key: &'a str) -> Task<'a, String> {
        let mut connection = self.clone();
        Box::pin(async move { connection.get(key).await.expect("an answer") })
    }

    fn write<'a>(&'a self, key: &'a str, value: &'a str) -> Task<'a, ()> {
        let mut connection = self.clone();
        Box::pin(async move { connection.set(key, value).await.expect("an answer") })
    }
}

fn cached(url: String) -> Task<'static, Box<dyn Peer>> {
    Box::pin(async move {
        let cache = AsyncRedisCache::<String, String>::builder("near")
            .ttl(TTL)
            .connection_string(&url)
            .client_side_caching(true)
            .build()
            .await
            .expect("the server is there");
        Box::new(cache) as Box<dyn Peer>
    })
}

impl Peer for AsyncRedisCache<String, String> {
    fn read<'a>(&'a self, key: &'a str) -> Task<'a, String> {
        Box::pin(async move { self.async_cache_get(&key.to_owned()).await.expect("an answer").expect("it is there") })
    }

    fn write<'a>(&'a self, key: &'a str, value: &'a str) -> Task<'a, ()> {
        Box::pin(async move {
            self.async_cache_set(key.to_owned(), value.to_owned()).await.expect("an answer");
        })
    }
}

fn amalgam(url: String) -> Task<'static, Box<dyn Peer>> {
    Box::pin(async move {
        let redis = RedisDistributedCache::connect(&url).await.expect("the server is there");
        let backplane = RedisBackplane::connect(&url).await.expect("the server is there");
        let cache = amalgam::Cache::<String>::builder()
            .distributed(Arc::new(redis))
            .serializer(Arc::new(JsonSerializer))
            .backplane(Arc::new(backplane))
            .default_options(amalgam::EntryOptions::new(TTL))
            .try_build_ready()
            .await
            .expect("settings that fit");
        Box::new(cache) as Box<dyn Peer>
    })
}

impl Peer for amalgam::Cache<String> {
    fn read<'a>(&'a self, key: &'a str) -> Task<'a, String> {
        Box::pin(async move { self.try_get(key).await.expect("an answer").expect("it is there") })
    }

    fn write<'a>(&'a self, key: &'a str, value: &'a str) -> Task<'a, ()> {
        Box::pin(async move {
            self.set(key, value.to_owned()).await.expect("an answer");
        })
    }
}
