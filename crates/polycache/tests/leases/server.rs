//! The servers, whatever they are.

use std::time::Duration;

use polycache::Cache;
use polycache::backends::memcached::Memcached;
use polycache::backends::redis::Redis;
use polycache_testkit::servers::{Memcached as MemcachedServer, RedisServer};

use crate::{LEASE, LONG};

pub(crate) enum Server {
    Redis(RedisServer),
    Memcached(MemcachedServer),
}

impl Server {
    pub(crate) async fn redis() -> Self {
        Self::Redis(RedisServer::start().await)
    }

    pub(crate) async fn memcached() -> Self {
        Self::Memcached(MemcachedServer::start().await)
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::Redis(server) => server.url(),
            Self::Memcached(server) => server.url(),
        }
    }

    /// One that knows nothing of the others on the server, as in another process.
    pub(crate) fn cache(&self) -> Cache {
        self.cache_with(LEASE)
    }

    pub(crate) fn cache_with(&self, lease: Duration) -> Cache {
        cache_at(&self.url(), lease)
    }

    pub(crate) fn kill(&self) {
        match self {
            Self::Redis(server) => server.kill(),
            Self::Memcached(server) => server.kill(),
        }
    }

    /// With nothing in it.
    pub(crate) async fn restart(&self) {
        match self {
            Self::Redis(server) => server.restart().await,
            Self::Memcached(server) => server.restart().await,
        }
    }
}

pub(crate) fn cache_at(url: &str, lease: Duration) -> Cache {
    let builder = Cache::builder().namespace("work").lease(lease).timeout(LONG);
    let builder = match url.starts_with("redis") {
        true => builder.backend(Redis::open(url).unwrap()),
        false => builder.backend(Memcached::open(&format!("{url}?generations=0")).unwrap()),
    };
    builder.build().unwrap()
}
