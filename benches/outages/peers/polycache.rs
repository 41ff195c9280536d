//! A near tier before Redis, with a grace, a breaker and a fallback to memory.

use std::sync::Arc;

use polycache::Cache;
use polycache::backends::breaker::Breaker;
use polycache::backends::fallback::Fallback;
use polycache::backends::near::Near;
use polycache::backends::redis::Redis;

use super::{GRACE, LIMIT, Peer, REST, Task, Terms};
use crate::source::Source;

struct Polycache {
    cache: Cache,
    source: Arc<Source>,
}

pub(super) fn open(terms: Terms) -> Task<'static, Arc<dyn Peer>> {
    Box::pin(async move {
        let redis = Arc::new(Redis::open(&terms.redis).expect("the server's URL"));
        let breaker = Breaker::builder().pause(REST).build(redis).expect("settings that fit");
        let near = Near::new(Arc::new(breaker)).expect("settings that fit");
        let cache = Cache::builder()
            .backend(Fallback::new(Arc::new(near)))
            .ttl(terms.ttl)
            .grace(GRACE)
            .throttle(REST)
            .soft_timeout(LIMIT)
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
