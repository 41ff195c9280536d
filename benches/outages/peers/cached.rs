//! cached 4.1: `AsyncRedisCache` with a connection manager, as `#[concurrent_cached]` uses it: the store's trouble is the caller's, and
//! every caller who misses computes. Stale values and one computation a key are for its stores in memory only.

use std::sync::Arc;

use cached::{AsyncRedisCache, ConcurrentCachedAsync};

use super::{Peer, Task, Terms};
use crate::source::Source;

struct Cached {
    cache: AsyncRedisCache<String, String>,
    source: Arc<Source>,
}

pub(super) fn open(terms: Terms) -> Task<'static, Arc<dyn Peer>> {
    Box::pin(async move {
        let cache = AsyncRedisCache::builder("value")
            .ttl(terms.ttl)
            .connection_string(&terms.redis)
            .connection_manager(true)
            .build()
            .await
            .expect("the server is there");
        Arc::new(Cached { cache, source: terms.source }) as Arc<dyn Peer>
    })
}

impl Peer for Cached {
    fn ask<'a>(&'a self, key: &'a str) -> Task<'a, Result<String, String>> {
        Box::pin(async {
            if let Some(value) = self.cache.async_cache_get(&key.to_owned()).await.map_err(|error| error.to_string())? {
                return Ok(value);
            }
            let value = self.source.load().await.map_err(|error| error.to_string())?;
            self.cache.async_cache_set(key.to_owned(), value.clone()).await.map_err(|error| error.to_string())?;
            Ok(value)
        })
    }

    fn forget<'a>(&'a self, key: &'a str) -> Task<'a, ()> {
        Box::pin(async { drop(self.cache.async_cache_remove(&key.to_owned()).await) })
    }
}
