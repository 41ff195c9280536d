//! Those with a tier in memory in front of Redis, as their documentation opens it.

use std::fmt::Display;
use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use amalgam::provider::{JsonSerializer, RedisBackplane, RedisDistributedCache};
use cached::{AsyncRedisCache, ConcurrentCachedAsync};
use polycache::Cache;
use polycache::backends::near::Near;
use polycache::backends::redis::Redis;
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use redis::caching::CacheConfig;

const TTL: Duration = Duration::from_secs(60);

pub(crate) type Task<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
pub(crate) type Open = fn(String) -> Task<'static, Box<dyn Peer>>;

/// One instance.
pub(crate) trait Peer: Send + Sync {
    fn read<'a>(&'a self, key: &'a str) -> Task<'a, Result<String, String>>;
    /// Returns when it is acknowledged.
    fn write<'a>(&'a self, key: &'a str, value: &'a str) -> Task<'a, ()>;
}

pub(crate) const ALL: [(&str, Open); 5] = [
    ("polycache, near and tracking", polycache),
    ("polycache, near for 1 s", polycache_for_a_second),
    ("redis-rs, CacheConfig", redis_rs),
    ("cached, client_side_caching", cached),
    ("amalgam-cache, memory, Redis and backplane", amalgam),
];

fn there<E: Display>(read: Result<Option<String>, E>) -> Result<String, String> {
    read.map_err(|error| error.to_string())?.ok_or_else(|| "nothing is there".to_owned())
}

fn polycache(url: String) -> Task<'static, Box<dyn Peer>> {
    polycache_with(url, true)
}

fn polycache_for_a_second(url: String) -> Task<'static, Box<dyn Peer>> {
    polycache_with(url, false)
}

fn polycache_with(url: String, tracking: bool) -> Task<'static, Box<dyn Peer>> {
    Box::pin(async move {
        let redis = Arc::new(Redis::open(&url).expect("the server's URL"));
        let near = Near::builder().tracking(tracking).build(redis).expect("settings that fit");
        let cache = Cache::builder().backend(near).ttl(TTL).build().expect("settings that fit");
        Box::new(cache) as Box<dyn Peer>
    })
}

impl Peer for Cache {
    fn read<'a>(&'a self, key: &'a str) -> Task<'a, Result<String, String>> {
        Box::pin(async move { there(self.get(key).await) })
    }

    fn write<'a>(&'a self, key: &'a str, value: &'a str) -> Task<'a, ()> {
        Box::pin(async move { self.set(key, value.to_owned()).await.expect("an answer") })
    }
}

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
    fn read<'a>(&'a self, key: &'a str) -> Task<'a, Result<String, String>> {
        let mut connection = self.clone();
        Box::pin(async move { there(connection.get(key).await) })
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
    fn read<'a>(&'a self, key: &'a str) -> Task<'a, Result<String, String>> {
        Box::pin(async move { there(self.async_cache_get(&key.to_owned()).await) })
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
    fn read<'a>(&'a self, key: &'a str) -> Task<'a, Result<String, String>> {
        Box::pin(async move { there(self.try_get(key).await) })
    }

    fn write<'a>(&'a self, key: &'a str, value: &'a str) -> Task<'a, ()> {
        Box::pin(async move {
            self.set(key, value.to_owned()).await.expect("an answer");
        })
    }
}
