//! The backends that come with the crate, each a feature, and those that hold another backend: [`breaker`], [`recovery`],
//! `fallback` and `near`.

pub mod breaker;
#[cfg(feature = "_server")]
mod class;
#[cfg(feature = "memory")]
pub mod fallback;
pub(crate) mod graced;
#[cfg(feature = "memcached")]
pub mod memcached;
#[cfg(feature = "memory")]
pub mod memory;
#[cfg(feature = "memory")]
pub mod near;
pub mod recovery;
#[cfg(feature = "redis")]
pub mod redis;
pub(crate) mod tagged;
#[cfg(feature = "_server")]
mod tls;

#[cfg(feature = "_server")]
pub use tls::Tls;

#[cfg(feature = "config")]
use std::sync::Arc;

#[cfg(feature = "config")]
use crate::backend::Backend;
#[cfg(feature = "config")]
use crate::registry::{Row, row};
#[cfg(feature = "config")]
use crate::{Result, Settings};

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

/// Puts the wrappers from the cache's settings around the backend: the breaker innermost, since the others ask it, and then what is near:
/// so a recovery's deletions go through it, and its misses aren't kept.
#[cfg(feature = "config")]
pub(crate) fn around(settings: &mut Settings, mut backend: Arc<dyn Backend>) -> Result<Arc<dyn Backend>> {
    if let Some(mut own) = settings.optional_part("breaker")? {
        let builder = breaker::BreakerBuilder::from_settings(&mut own)?;
        own.finish()?;
        backend = Arc::new(builder.build(backend)?);
    }
    #[cfg(feature = "memory")]
    if let Some(builder) = near::NearBuilder::from_settings(settings)? {
        backend = Arc::new(builder.build(backend)?);
    }
    #[cfg(not(feature = "memory"))]
    if settings.optional_part("near")?.is_some() {
        return Err(settings.error("near", "needs the feature `memory` of polycache"));
    }
    let recovery = settings.optional_part("recovery")?;
    let fallback = settings.optional_part("fallback")?;
    if recovery.is_none() && fallback.is_none() {
        return Ok(backend);
    }
    let mut builder = recovery::Recovery::builder();
    if let Some(mut own) = recovery {
        builder = recovery::RecoveryBuilder::from_settings(&mut own)?;
        own.finish()?;
    }
    let recovery = builder.build(backend)?;
    match fallback {
        None => Ok(Arc::new(recovery)),
        #[cfg(feature = "memory")]
        Some(mut own) => {
            let builder = fallback::FallbackBuilder::from_settings(&mut own)?;
            own.finish()?;
            Ok(Arc::new(builder.build(recovery)?))
        }
        #[cfg(not(feature = "memory"))]
        Some(_) => Err(settings.error("fallback", "needs the feature `memory` of polycache")),
    }
}
