//! What a service writes by hand: moka for a second, Redis behind it, the source behind both; trouble with Redis is a miss.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use redis::AsyncCommands;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};

use super::{LIMIT, Peer, Task, Terms};
use crate::source::{Source, Trouble};

const NEAR: Duration = Duration::from_secs(1);

struct ByHand {
    near: Cache<String, String>,
    redis: ConnectionManager,
    ttl: Duration,
    source: Arc<Source>,
}

pub(super) fn open(terms: Terms) -> Task<'static, Arc<dyn Peer>> {
    Box::pin(async move {
        let client = redis::Client::open(terms.redis).expect("the server's URL");
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(Some(LIMIT))
            .set_connection_timeout(Some(LIMIT))
            .set_number_of_retries(1);
        let redis = client.get_connection_manager_with_config(config).await.expect("the server is there");
        let near = Cache::builder().max_capacity(1000).time_to_live(NEAR.min(terms.ttl)).build();
        Arc::new(ByHand { near, redis, ttl: terms.ttl, source: terms.source }) as Arc<dyn Peer>
    })
}

impl ByHand {
    async fn far(&self, key: &str) -> Result<String, Trouble> {
        let mut redis = self.redis.clone();
        if let Ok(Some(value)) = redis.get::<_, Option<String>>(key).await {
            return Ok(value);
        }
        let value = self.source.load().await?;
        let _: Result<(), _> = redis.pset_ex(key, &value, self.ttl.as_millis() as u64).await;
        Ok(value)
    }
}

impl Peer for ByHand {
    fn ask<'a>(&'a self, key: &'a str) -> Task<'a, Result<String, String>> {
        Box::pin(async move {
            self.near.try_get_with(key.to_owned(), self.far(key)).await.map_err(|error| error.to_string())
        })
    }

    fn forget<'a>(&'a self, key: &'a str) -> Task<'a, ()> {
        Box::pin(async move {
            let mut redis = self.redis.clone();
            let _: Result<(), _> = redis.del(key).await;
            self.near.invalidate(key).await;
        })
    }
}
