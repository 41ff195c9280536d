//! The backends that come with the crate, each a feature.

#[cfg(feature = "memcached")]
pub mod memcached;
#[cfg(feature = "memory")]
pub mod memory;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(any(feature = "memcached", feature = "redis"))]
mod tls;
#[cfg(any(feature = "memcached", feature = "redis"))]
mod url;

#[cfg(any(feature = "memcached", feature = "redis"))]
pub use tls::Tls;
