//! Those with a tier in memory in front of Redis, as their documentation opens it.

use std::fmt::Display;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use amalgam::provider::{JsonSerializer, RedisBackplane, RedisDistributedCache};
use cached::{AsyncRedisCache, ConcurrentCachedAsync, SerializeCachedAsync};
use polycache::backends::memory::Memory;
use polycache::backends::near::Near;
use polycache::backends::redis::Redis;
use polycache::serializer::Serializer;
use polycache::serializers::{Json, MsgPack, Null};
use polycache::{Cache, Ttl};
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use redis::caching::CacheConfig;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Long enough for all rounds.
const TTL: Duration = Duration::from_secs(3600);
/// How many entries each keeps near, where that can be chosen.
const NEAR: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9_999);

/// What is read and written.
pub(crate) trait Kept: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {}

impl<V: Clone + Serialize + DeserializeOwned + Send + Sync + 'static> Kept for V {}

/// One instance. Not `Send`: a round stays on its thread.
pub(crate) trait Peer<V>: Sized {
    async fn open(url: String) -> Self;

    async fn read(&mut self, key: &str) -> Result<V, String>;

    /// Returns when it is acknowledged.
    async fn write(&mut self, key: &str, value: &V);
}

fn there<V, E: Display>(read: Result<Option<V>, E>) -> Result<V, String> {
    read.map_err(|error| error.to_string())?.ok_or_else(|| "nothing is there".to_owned())
}

/// A cache as [`Setting`] says.
pub(crate) struct Polycache<S>(Cache, S);

/// How a polycache is set up at a server.
pub(crate) trait Setting {
    fn cache(url: &str) -> (Cache, Self);
}

fn near(url: &str, tracking: bool, serializer: impl Serializer) -> Cache {
    near_of(NEAR.get() as u64, url, tracking, serializer)
}

fn near_of(entries: u64, url: &str, tracking: bool, serializer: impl Serializer) -> Cache {
    let redis = Arc::new(Redis::open(url).expect("the server's URL"));
    let near = Near::builder().max_entries(entries).tracking(tracking);
    let backend = near.build(redis).expect("settings that fit");
    Cache::builder().backend(backend).serializer(serializer).ttl(TTL).build().expect("settings that fit")
}

/// Near until the server tells of a change.
pub(crate) struct Tracked;
/// Near for a second.
pub(crate) struct ForASecond;
/// As [`Tracked`], with another serializer.
pub(crate) struct Packed;
/// No near cache.
pub(crate) struct Far;
/// As [`Tracked`], with room for one entry.
pub(crate) struct Missing;
/// As [`ForASecond`], with room for one entry.
pub(crate) struct Untracked;
/// No server: live objects in memory, a plain hit.
pub(crate) struct InMemory;

impl Setting for Tracked {
    fn cache(url: &str) -> (Cache, Self) {
        (near(url, true, Json), Self)
    }
}

impl Setting for ForASecond {
    fn cache(url: &str) -> (Cache, Self) {
        (near(url, false, Json), Self)
    }
}

impl Setting for Packed {
    fn cache(url: &str) -> (Cache, Self) {
        (near(url, true, MsgPack), Self)
    }
}

impl Setting for Far {
    fn cache(url: &str) -> (Cache, Self) {
        let redis = Redis::open(url).expect("the server's URL");
        (Cache::builder().backend(redis).ttl(TTL).build().expect("settings that fit"), Self)
    }
}

impl Setting for Missing {
    fn cache(url: &str) -> (Cache, Self) {
        (near_of(1, url, true, Json), Self)
    }
}

impl Setting for Untracked {
    fn cache(url: &str) -> (Cache, Self) {
        (near_of(1, url, false, Json), Self)
    }
}

impl Setting for InMemory {
    fn cache(_: &str) -> (Cache, Self) {
        let memory = Memory::builder().max_entries(NEAR.get() as u64).build().expect("a bound above zero");
        let cache = Cache::builder().backend(memory).serializer(Null).ttl(Ttl::After(TTL)).build();
        (cache.expect("settings that fit"), Self)
    }
}

impl<S: Setting, V: Kept> Peer<V> for Polycache<S> {
    async fn open(url: String) -> Self {
        let (cache, setting) = S::cache(&url);
        Self(cache, setting)
    }

    #[inline]
    async fn read(&mut self, key: &str) -> Result<V, String> {
        there(self.0.get(key).await)
    }

    async fn write(&mut self, key: &str, value: &V) {
        self.0.set(key, value.clone()).await.expect("an answer");
    }
}

/// It keeps the server's replies, so records are decoded by whoever asks.
pub(crate) struct RedisRs(MultiplexedConnection);

impl RedisRs {
    async fn connect(url: &str) -> Self {
        let client = redis::Client::open(format!("{url}?protocol=resp3")).expect("the server's URL");
        let cache = CacheConfig::new().set_size(NEAR).set_default_client_ttl(TTL);
        let config = redis::AsyncConnectionConfig::new().set_cache_config(cache);
        let connection = client.get_multiplexed_async_connection_with_config(&config).await;
        Self(connection.expect("the server is there"))
    }
}

impl Peer<String> for RedisRs {
    async fn open(url: String) -> Self {
        Self::connect(&url).await
    }

    #[inline]
    async fn read(&mut self, key: &str) -> Result<String, String> {
        there(self.0.get(key).await)
    }

    async fn write(&mut self, key: &str, value: &String) {
        let () = self.0.set(key, value).await.expect("an answer");
    }
}

/// Records as JSON in the strings.
pub(crate) struct RedisRsJson(RedisRs);

impl<V: Kept> Peer<V> for RedisRsJson {
    async fn open(url: String) -> Self {
        Self(RedisRs::connect(&url).await)
    }

    #[inline]
    async fn read(&mut self, key: &str) -> Result<V, String> {
        serde_json::from_str(&self.0.read(key).await?).map_err(|error| error.to_string())
    }

    async fn write(&mut self, key: &str, value: &V) {
        self.0.write(key, &serde_json::to_string(value).expect("plain data")).await;
    }
}

/// It writes as its macro does. `async_cache_set` asks for the old value in front of the write, and keeps that near: the next read finds nothing.
pub(crate) struct Cached<V>(AsyncRedisCache<String, V>);

impl<V: Kept> Peer<V> for Cached<V> {
    async fn open(url: String) -> Self {
        let builder = AsyncRedisCache::builder("near").ttl(TTL).connection_string(&url).client_side_caching(true);
        Self(builder.build().await.expect("the server is there"))
    }

    #[inline]
    async fn read(&mut self, key: &str) -> Result<V, String> {
        there(self.0.async_cache_get(&key.to_owned()).await)
    }

    async fn write(&mut self, key: &str, value: &V) {
        self.0.async_cache_set_ref(&key.to_owned(), value).await.expect("an answer");
    }
}

pub(crate) struct Amalgam<V: Clone + Send + Sync + 'static>(amalgam::Cache<V>);

impl<V: Kept> Peer<V> for Amalgam<V> {
    async fn open(url: String) -> Self {
        let redis = RedisDistributedCache::connect(&url).await.expect("the server is there");
        let backplane = RedisBackplane::connect(&url).await.expect("the server is there");
        let cache = amalgam::Cache::<V>::builder()
            .distributed(Arc::new(redis))
            .serializer(Arc::new(JsonSerializer))
            .backplane(Arc::new(backplane))
            .default_options(amalgam::EntryOptions::new(TTL))
            .try_build_ready()
            .await;
        Self(cache.expect("settings that fit"))
    }

    #[inline]
    async fn read(&mut self, key: &str) -> Result<V, String> {
        there(self.0.try_get(key).await)
    }

    async fn write(&mut self, key: &str, value: &V) {
        self.0.set(key, value.clone()).await.expect("an answer");
    }
}
