//! Memcached: one server, or a fleet over which keys are spread. The client below is the crate `polycache-memcached`, which can be used
//! by itself.
//!
//! Under `ns:key` stand the serializer's bytes, with the flags 0, so other programs read and write the same entries. Only keys that
//! memcached can't take (long, empty, with spaces, controls or other than ASCII) are encoded, so that they never equal another key.
//!
//! memcached has its limits:
//! - TTLs are whole seconds, rounded up.
//! - `increment` below zero takes a compare-and-swap; a sum beyond 64 bits is an error after the fact.
//! - Keys can't be listed: `scan` is [`Unsupported`](crate::ErrorKind::Unsupported), and `clear` of a namespace is too, unless
//!   [`generations`](MemcachedConfig::generations) are on.
//! - A write that fails because the value is too large, or memory is out, may leave the key without its old value.

mod config;
mod generations;
mod leases;
mod look;
mod operations;
mod trouble;
mod url;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use polycache_memcached::Client;

pub use self::config::{MemcachedConfig, OnDead, Placement};
use self::generations::Generations;
use crate::backend::{Backend, BackendInfo, Holder};
use crate::events::Listeners;
use crate::{Result, Settings};

/// A memcached server, or a fleet of them. A clone is a handle on the same connections.
///
/// ```no_run
/// use polycache::backends::memcached::Memcached;
/// use polycache::Cache;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// let fleet = Memcached::open("memcached://10.0.0.1:11211,10.0.0.2:11211")?;
/// let cache = Cache::builder().backend(fleet).namespace("shop").build()?;
/// cache.set("price:7", 12.5).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Memcached {
    servers: Arc<Servers>,
    info: Arc<BackendInfo>,
    /// The cache whose leases the writes end, if they end any.
    holder: Option<Holder>,
}

struct Servers {
    client: Client,
    generations: Option<Generations>,
    listeners: Arc<Listeners>,
}

impl Memcached {
    /// The servers at `url`. No server is contacted before the first command. [`MemcachedConfig`] lists the settings of a URL.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) if the URL is wrong, or a certificate that it names can't be read.
    pub fn open(url: &str) -> Result<Self> {
        Self::new(&url.parse()?)
    }

    /// The servers of these settings. No server is contacted before the first command.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) if the settings don't fit together, or a certificate can't be read.
    pub fn new(config: &MemcachedConfig) -> Result<Self> {
        let mut info = BackendInfo::new("memcached");
        info.ttl_resolution = Duration::from_secs(1);
        info.capabilities.scan = false;
        info.capabilities.prevents_overflow = false;
        info.capabilities.releases_leases = true;
        let listeners = Arc::new(Listeners::new());
        let servers = Servers {
            client: config.client(&listeners)?,
            generations: config.generations.map(Generations::new),
            listeners,
        };
        Ok(Self { servers: Arc::new(servers), info: Arc::new(info), holder: None })
    }
}

/// The backend of a configuration or a URL.
pub(super) fn from_settings(settings: &mut Settings) -> Result<Arc<dyn Backend>> {
    let memcached = match settings.url() {
        Some(url) => Memcached::open(&url)?,
        None => Memcached::new(&MemcachedConfig::from_settings(settings)?)?,
    };
    Ok(Arc::new(memcached))
}

impl fmt::Debug for Memcached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memcached").field("client", &self.servers.client).finish_non_exhaustive()
    }
}
