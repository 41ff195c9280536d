//! amalgam-cache 0.4: memory before Redis, with fail-safe, timeouts, circuit breaker, backplane and auto-recovery.

use std::sync::Arc;

use amalgam::advanced::MarkerStoreLimits;
use amalgam::provider::{JsonSerializer, RedisBackplane, RedisDistributedCache, RedisIoOptions};
use amalgam::{Cache, EntryOptions, Timeout, source};

use super::{GRACE, LIMIT, Peer, REST, Task, Terms};
use crate::source::Source;

struct Amalgam {
    cache: Cache<String>,
    source: Arc<Source>,
}

pub(super) fn open(terms: Terms) -> Task<'static, Arc<dyn Peer>> {
    Box::pin(async move {
        let limits = RedisIoOptions::new(LIMIT, LIMIT).expect("not zero");
        let connect =
            || RedisDistributedCache::connect_with_options(&terms.redis, limits, MarkerStoreLimits::default());
        // On a busy machine connecting may take longer than that.
        let redis = loop {
            if let Ok(redis) = connect().await {
                break redis;
            }
        };
        let backplane = RedisBackplane::connect(&terms.redis).await.expect("the server is there");
        let limit = Timeout::After(LIMIT);
        let options = EntryOptions::new(terms.ttl)
            .with_fail_safe(true, Some(GRACE), Some(REST))
            .with_factory_timeouts(limit, Timeout::Infinite, true)
            .with_distributed_timeouts(limit, limit)
            .with_allow_background_distributed_operations(true);
        let cache = Cache::builder()
            .distributed(Arc::new(redis))
            .serializer(Arc::new(JsonSerializer))
            .backplane(Arc::new(backplane))
            .default_options(options)
            .distributed_circuit_breaker(REST)
            .try_build_ready()
            .await
            .expect("settings that fit");
        Arc::new(Amalgam { cache, source: terms.source }) as Arc<dyn Peer>
    })
}

impl Peer for Amalgam {
    fn ask<'a>(&'a self, key: &'a str) -> Task<'a, Result<String, String>> {
        let origin = Arc::clone(&self.source);
        Box::pin(async move {
            let load = source::factory(move |_| async move { origin.load().await });
            self.cache.get_or_set(key, load).await.map_err(|error| error.to_string())
        })
    }

    fn forget<'a>(&'a self, key: &'a str) -> Task<'a, ()> {
        Box::pin(async move { drop(self.cache.remove(key).await) })
    }
}
