//! The backends that come with the crate, each a feature.

#[cfg(feature = "memcached")]
pub mod memcached;
#[cfg(feature = "memory")]
pub mod memory;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "_server")]
mod tls;

#[cfg(feature = "_server")]
pub use tls::Tls;

#[cfg(feature = "config")]
use crate::backend::Backend;
#[cfg(feature = "config")]
use crate::registry::{Row, row};

/// A row for each backend.
#[cfg(feature = "config")]
#[rustfmt::skip] // one row, one part
pub(crate) const TABLE: &[Row<dyn Backend>] = &[
    row!(Backend if "memory", memory::from_settings, ["memory", "aiocache.SimpleMemoryCache"], ["memory"]),
    row!(Backend if "redis", redis::from_settings, ["redis", "aiocache.RedisCache"],
        ["redis", "rediss", "redis+cluster", "rediss+cluster", "redis+sentinel", "rediss+sentinel", "redis+unix", "valkey", "valkeys"]),
    row!(Backend if "memcached", memcached::from_settings, ["memcached", "aiocache.MemcachedCache"],
        ["memcached", "memcacheds", "memcached+unix"]),
];
