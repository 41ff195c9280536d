//! Redis and Valkey: one server, a cluster, or a primary watched by sentinels.
//!
//! Under the Redis key `ns:key` stand the serializer's bytes, so other programs can read and write the same entries.
//!
//! All calls share one connection, made at first use, and made anew when it breaks; see [`RedisConfig`] for more than one. While a server
//! is away, calls fail at once with a retryable error, and the backend tries to connect every second or so. A read whose connection
//! breaks is sent again. A write isn't: if it is safe to repeat the error is [`Unavailable`](crate::ErrorKind::Unavailable), else
//! [`UnknownOutcome`](crate::ErrorKind::UnknownOutcome). Heartbeats find a server that has stopped without closing its connections.

mod allowed;
mod answers;
#[cfg_attr(not(feature = "memory"), allow(dead_code, reason = "near caches are on it, which keep entries in memory"))]
mod channel;
mod cluster;
mod command;
mod config;
mod connector;
mod dialogue;
mod echo;
mod fleet;
mod glance;
mod layout;
mod link;
mod listing;
mod look;
mod map;
mod node;
mod operations;
mod raw;

#[cfg(not(fuzzing))]
mod resp;
#[cfg(fuzzing)]
pub mod resp;
mod scripts;
mod sentinel;
mod server_error;
mod slots;
mod store;
#[cfg(feature = "tls")]
mod tls;
mod tracking;
mod trouble;
mod url;
mod words;

use std::fmt;
use std::sync::{Arc, Once};

#[cfg(feature = "memory")]
pub(super) use self::channel::Channel;
pub use self::config::{Protocol, RedisConfig, Server, Topology};
use self::fleet::Fleet;
use crate::backend::{Backend, BackendInfo};
use crate::events::Listeners;
use crate::{Result, Settings};

/// A Redis server, or a fleet of them. A clone is a handle on the same connections.
///
/// ```no_run
/// use polycache::backends::redis::Redis;
/// use polycache::Cache;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// let redis = Redis::open("redis://127.0.0.1:6379")?;
/// let cache = Cache::builder().backend(redis).namespace("shop").build()?;
/// cache.set("price:7", 12.5).await?; // SET shop:price:7 12.5
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Redis {
    fleet: Arc<Fleet>,
    listeners: Arc<Listeners>,
    info: Arc<BackendInfo>,
    /// Whether a write ends the lease on its key.
    ends_leases: bool,
    /// Whether the log already says that the server refuses scripts.
    told: Arc<Once>,
}

impl Redis {
    /// The servers at `url`. No server is contacted before the first command. [`RedisConfig`] lists the settings of a URL.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) if the URL is wrong, or a certificate that it names can't be read.
    pub fn open(url: &str) -> Result<Self> {
        Self::new(url.parse()?)
    }

    /// The servers of these settings. No server is contacted before the first command.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) if the settings don't fit together, or a certificate can't be read.
    pub fn new(config: RedisConfig) -> Result<Self> {
        let mut info = BackendInfo::new("redis");
        info.capabilities.detects_equal_writes = false;
        info.capabilities.checks_leases = true;
        let listeners = Arc::new(Listeners::new());
        let fleet = Arc::new(Fleet::new(config, Arc::clone(&listeners))?);
        Ok(Self { fleet, listeners, info: Arc::new(info), ends_leases: false, told: Arc::new(Once::new()) })
    }
}

/// The backend of a configuration or a URL.
pub(super) fn from_settings(settings: &mut Settings) -> Result<Arc<dyn Backend>> {
    let redis = match settings.url() {
        Some(url) => Redis::open(&url)?,
        None => Redis::new(RedisConfig::from_settings(settings)?)?,
    };
    Ok(Arc::new(redis))
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Redis").field(&self.fleet).finish()
    }
}
