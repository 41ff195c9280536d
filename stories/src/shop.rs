//! One process of the shop: an axum service over a cache on Redis.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use polycache::backends::breaker::Breaker;
use polycache::backends::fallback::Fallback;
use polycache::backends::redis::Redis;
use polycache::{Cache, Ttl};
use tokio::net::TcpListener;

use crate::database::{Database, Trouble};

/// What a call of the cache may take.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(1);
const TTL: Ttl = Ttl::millis(500);
const GRACE: Duration = Duration::from_secs(3_600);
const THROTTLE: Duration = Duration::from_millis(300);
/// How long a request waits for the database while there is a stale price.
const SOFT_TIMEOUT: Duration = Duration::from_millis(100);
/// How long the breaker lets nothing through once Redis has failed.
const PAUSE: Duration = Duration::from_millis(300);

pub(crate) struct Shop {
    cache: Cache,
    fallback: Fallback,
    database: Arc<Database>,
}

impl Shop {
    pub(crate) fn new(redis: &str, database: Arc<Database>) -> polycache::Result<Self> {
        let redis = Arc::new(Redis::open(redis)?);
        let breaker = Breaker::builder().pause(PAUSE).build(redis)?;
        let fallback = Fallback::new(Arc::new(breaker));
        let cache = Cache::builder()
            .backend(fallback.clone())
            .namespace("shop")
            .ttl(TTL)
            .grace(GRACE)
            .throttle(THROTTLE)
            .soft_timeout(SOFT_TIMEOUT)
            .timeout(TIMEOUT)
            .build()?;
        Ok(Self { cache, fallback, database })
    }

    /// Serves on a port of its own for as long as the runtime runs.
    pub(crate) async fn open(self: Arc<Self>) -> std::io::Result<SocketAddr> {
        let routes = Router::new().route("/price/{product}", get(price).put(raise)).with_state(self);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(address)
    }

    /// Whether the cache is what it was before the trouble: all calls go to Redis, and nothing is left to be deleted there.
    pub(crate) fn is_well(&self) -> bool {
        !self.fallback.is_away() && self.fallback.pending().keys.is_empty()
    }

    async fn price(&self, product: u64) -> Result<u64, Trouble> {
        let database = Arc::clone(&self.database);
        let query = || async move { database.price(product).await };
        // Detached: a query goes on when who began it takes the stale price.
        self.cache.get_or_set(&format!("price:{product}"), query).detached().await
    }

    /// The new price is in the database before the old one leaves the cache.
    async fn raise(&self, product: u64) -> Result<u64, Trouble> {
        let price = self.database.raise(product).await?;
        // A delete that is lost is remembered, so the change is done in any case.
        let _ = self.cache.delete(&format!("price:{product}")).await;
        Ok(price)
    }
}

type Answer = Result<String, (StatusCode, String)>;

fn answer(price: Result<u64, Trouble>) -> Answer {
    price.map(|price| price.to_string()).map_err(|Trouble(text)| (StatusCode::SERVICE_UNAVAILABLE, text))
}

async fn price(State(shop): State<Arc<Shop>>, Path(product): Path<u64>) -> Answer {
    answer(shop.price(product).await)
}

async fn raise(State(shop): State<Arc<Shop>>, Path(product): Path<u64>) -> Answer {
    answer(shop.raise(product).await)
}
