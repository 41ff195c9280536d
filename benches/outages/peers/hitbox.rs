//! hitbox 0.2: moka before Redis, stale values while a task refreshes them, one computation a key.

use std::sync::Arc;

use hitbox::CacheKey;
use hitbox::concurrency::BroadcastConcurrencyManager;
use hitbox::offload::OffloadManager;
use hitbox::policy::{ConcurrencyLimit, PolicyConfig, StalePolicy};
use hitbox_backend::composition::policy::RefillPolicy;
use hitbox_backend::{Backend, CompositionBackend};
use hitbox_fn::{Cache, cached};
use hitbox_moka::MokaBackend;
use hitbox_redis::{ConnectionMode, RedisBackend};

use super::{GRACE, LIMIT, Peer, Task, Terms};
use crate::source::{Source, Trouble};

type Tiers = CompositionBackend<MokaBackend, RedisBackend, OffloadManager>;
type Concurrency = BroadcastConcurrencyManager<Result<String, Trouble>>;

struct Hitbox {
    cache: Cache<Tiers, Concurrency, OffloadManager>,
    source: Arc<Source>,
}

#[cached(prefix = "value", skip(source))]
async fn value(source: Arc<Source>, _key: String) -> Result<String, Trouble> {
    source.load().await
}

pub(super) fn open(terms: Terms) -> Task<'static, Arc<dyn Peer>> {
    Box::pin(async move {
        let memory = MokaBackend::builder().max_entries(1000).build();
        let redis = RedisBackend::builder()
            .connection(ConnectionMode::single(terms.redis))
            .connection_timeout(LIMIT)
            .response_timeout(LIMIT)
            .retries(1)
            .build()
            .expect("settings that fit");
        let offload = OffloadManager::with_defaults();
        let tiers = CompositionBackend::new(memory, redis, offload.clone()).refill(RefillPolicy::Always);
        let policy = PolicyConfig::builder()
            .ttl(terms.ttl + GRACE)
            .stale(terms.ttl)
            .stale_policy(StalePolicy::OffloadRevalidate)
            .concurrency(ConcurrencyLimit::new(1).expect("within its bounds"))
            .build();
        let cache = Cache::builder()
            .backend(tiers)
            .policy(policy)
            .concurrency_manager(BroadcastConcurrencyManager::new())
            .offload(offload)
            .build();
        Arc::new(Hitbox { cache, source: terms.source }) as Arc<dyn Peer>
    })
}

impl Peer for Hitbox {
    fn ask<'a>(&'a self, key: &'a str) -> Task<'a, Result<String, String>> {
        Box::pin(async {
            value(Arc::clone(&self.source), key.to_owned()).cache(&self.cache).await.map_err(|error| error.to_string())
        })
    }

    fn forget<'a>(&'a self, key: &'a str) -> Task<'a, ()> {
        Box::pin(async move {
            let key = CacheKey::from_slice(&[("fn", Some("value")), ("_key", Some(key))]);
            drop(self.cache.backend().remove(&key).await);
        })
    }
}
