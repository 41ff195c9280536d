//! A near tier before Redis, with a grace, a breaker and a fallback to memory.

use std::sync::Arc;
use std::time::Duration;

use polycache::Cache;
use polycache::backends::breaker::Breaker;
use polycache::backends::fallback::Fallback;
use polycache::backends::near::{Near, NearBuilder};
use polycache::backends::redis::Redis;

use super::{GRACE, LIMIT, Peer, REST, Task, Terms};
use crate::source::Source;

struct Polycache {
    cache: Cache,
    source: Arc<Source>,
}

/// What is near stays until the server tells of a change, or can't any more; a slow source is waited for.
pub(super) fn open(terms: Terms) -> Task<'static, Arc<dyn Peer>> {
    open_with(terms, Near::builder(), LIMIT)
}

/// What is near stays for its TTL, whatever happens, and no caller waits while there is a stale value: the terms of most others.
pub(super) fn open_by_time(terms: Terms) -> Task<'static, Arc<dyn Peer>> {
    let near = Near::builder().tracking(false).ttl(terms.ttl);
    open_with(terms, near, Duration::ZERO)
}

fn open_with(terms: Terms, near: NearBuilder, soft_timeout: Duration) -> Task<'static, Arc<dyn Peer>> {
    Box::pin(async move {
        let redis = Arc::new(Redis::open(&terms.redis).expect("the server's URL"));
        let breaker = Breaker::builder().pause(REST).build(redis).expect("settings that fit");
        let near = near.build(Arc::new(breaker)).expect("settings that fit");
        let cache = Cache::builder()
            .backend(Fallback::new(Arc::new(near)))
            .ttl(terms.ttl)
            .grace(GRACE)
            .throttle(REST)
            .soft_timeout(soft_timeout)
            .timeout(LIMIT)
            .build()
            .expect("settings that fit");
        Arc::new(Polycache { cache, source: terms.source }) as Arc<dyn Peer>
    })
}

impl Peer for Polycache {
    fn ask<'a>(&'a self, key: &'a str) -> Task<'a, Result<String, String>> {
        let source = Arc::clone(&self.source);
        Box::pin(async move {
            let load = || async move { source.load().await };
            self.cache.get_or_set(key, load).detached().await.map_err(|error| error.to_string())
        })
    }

    fn forget<'a>(&'a self, key: &'a str) -> Task<'a, ()> {
        Box::pin(async { drop(self.cache.delete(key).await) })
    }
}
