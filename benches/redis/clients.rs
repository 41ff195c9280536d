//! The clients that are compared: each sends the same commands over one connection that all tasks share.

use std::future::Future;
use std::time::Duration;

use polycache::Cache;
use polycache::backends::redis::Redis;
use polycache::serializers::Text;
use polycache_testkit::servers::RedisServer;
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;

/// The bytes of a value.
pub(crate) const VALUE_LEN: usize = 100;

/// Every value.
pub(crate) const VALUE: &str = match std::str::from_utf8(&[b'v'; VALUE_LEN]) {
    Ok(text) => text,
    Err(_) => "",
};

/// A client of Redis.
pub(crate) trait Client: Clone + Send + 'static {
    /// Connects, on the runtime that will make the calls.
    fn connect(server: &RedisServer) -> impl Future<Output = Self> + Send;

    fn get(&mut self, key: &str) -> impl Future<Output = Option<String>> + Send;

    fn set(&mut self, key: &str) -> impl Future<Output = ()> + Send;

    fn multi_get(&mut self, keys: &[&str]) -> impl Future<Output = Vec<Option<String>>> + Send;
}

/// redis-rs, as its own documentation opens it: its default settings, which end a call after 500 ms.
#[derive(Clone)]
pub(crate) struct Bare(MultiplexedConnection);

impl Client for Bare {
    async fn connect(server: &RedisServer) -> Self {
        // polycache speaks RESP3 by default.
        let client = redis::Client::open(format!("{}?protocol=resp3", server.url())).expect("the server's URL");
        Self(client.get_multiplexed_async_connection().await.expect("the server is there"))
    }

    async fn get(&mut self, key: &str) -> Option<String> {
        self.0.get(key).await.expect("an answer")
    }

    async fn set(&mut self, key: &str) {
        self.0.set::<_, _, ()>(key, VALUE).await.expect("an answer");
    }

    async fn multi_get(&mut self, keys: &[&str]) -> Vec<Option<String>> {
        self.0.mget(keys).await.expect("an answer")
    }
}

/// polycache with its default settings, which end a call after 5 s; but without leases, as the bare client has none. What those cost is in
/// the benchmark `leases`.
#[derive(Clone)]
pub(crate) struct Polycache(Cache);

impl Client for Polycache {
    async fn connect(server: &RedisServer) -> Self {
        let redis = Redis::open(&server.url()).expect("the server's URL");
        let builder = Cache::builder().backend(redis).serializer(Text).lease(Duration::ZERO);
        let cache = builder.build().expect("settings that fit");
        cache.exists("").await.expect("the server is there");
        Self(cache)
    }

    async fn get(&mut self, key: &str) -> Option<String> {
        self.0.get(key).await.expect("an answer")
    }

    async fn set(&mut self, key: &str) {
        self.0.set(key, VALUE).await.expect("an answer");
    }

    async fn multi_get(&mut self, keys: &[&str]) -> Vec<Option<String>> {
        self.0.multi_get(keys).await.expect("an answer")
    }
}
