//! One async cache API over many backends.
//!
//! A [`Cache`] has the same small set of commands on every backend, and three parts that combine:
//!
//! - the [backend](backends) holds the values: the memory of this process, Redis or memcached servers, or [one of your
//!   own](backend::Backend);
//! - the [serializer](serializers) turns your types into what a backend holds, and back;
//! - [plugins](Plugin) run before and after every command.
//!
//! ```
//! use polycache::{Cache, Ttl};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
//! let cache = Cache::builder().namespace("shop").ttl(Ttl::secs(300)).build()?;
//!
//! cache.set("price:7", 12.5).await?;
//! assert_eq!(cache.get::<f64>("price:7").await?, Some(12.5));
//! assert_eq!(cache.increment("visits", 1).await?, 1);
//! # Ok(()) }
//! ```
//!
//! [Functions are cached](functions) by one line above them:
//!
//! ```
//! # #[cfg(feature = "macros")]
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! #[polycache::cached(ttl = "60s", key = "square:{number}")]
//! async fn square(number: u64) -> u64 {
//!     number * number
//! }
//!
//! assert_eq!(square(7).await, 49);
//! # }
//! # #[cfg(not(feature = "macros"))] fn main() {}
//! ```
//!
#![cfg_attr(
    all(
        doc,
        feature = "macros",
        feature = "memcached",
        feature = "memory",
        feature = "redis",
        feature = "tls",
        feature = "toml"
    ),
    doc = "# The guide

[Values and serializers](guide::values), [the memory backend](guide::memory), [Redis](guide::redis), [memcached](guide::memcached),
[configuration](guide::configuration), [cached functions](guide::functions), [stampedes](guide::stampedes), [when the source fails](guide::stale), [tags](guide::tags), [locks](guide::locks),
[memory in front of a server](guide::near), [plugins](guide::plugins), [errors and trouble](guide::errors), [when the server is away](guide::outages), [recipes](guide::recipes),
[your own backend](guide::backends)."
)]
//!
//! # Features
//!
//! On by default, unless `default-features = false` is given:
//!
//! - `memory`: the in-process backend;
//! - `macros`: the attributes for [functions], and the calls that they make;
//! - `config`: caches by URL ([`Cache::open`]) and by name ([`caches()`](caches())), from [configurations](Config) in JSON, and
//!   [registering](register_backend) parts for them;
//! - `json`: the serializers [`Json`](serializers::Json) and [`Text`](serializers::Text), and reading a live object as another type.
//!
//! `macros` and the servers turn on `config`, which turns on `json`. Also:
//!
//! - `redis` and `memcached`: the backends on servers; `tls`: TLS to them;
//! - `msgpack` and `pickle`: serializers; `zstd`, `lz4`, `sealed` and `signed`: serializers around them;
//! - `toml` and `yaml`: formats of configurations.
//!
//! `memory` alone has the serializer [`Null`](serializers::Null), and so live objects.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod backend;
pub mod backends;
pub mod events;
#[cfg(feature = "macros")]
pub mod functions;
#[cfg(all(doc, feature = "macros", feature = "memory"))]
pub mod guide;
pub mod locks;
pub mod plugins;
pub mod serializer;
pub mod serializers;

mod builder;
mod cache;
#[cfg(feature = "config")]
mod caches;
mod command;
mod error;
mod flight;
mod join;
mod key;
mod lease;
mod limit;
mod pattern;
mod plugin;
mod range;
mod raw;
#[cfg(feature = "config")]
mod registry;
mod repeated;
mod reply;
#[cfg(feature = "config")]
mod settings;
mod slot;
mod switch;
mod ttl;
mod unique;
mod value;
mod wall_clock;

pub use builder::CacheBuilder;
pub use cache::{Cache, Freshness, Item, Readable, Scan, Storable};
#[cfg(feature = "config")]
pub use caches::{Caches, Config, caches};
pub use command::CommandName;
pub use error::{Error, ErrorKind, OnError, Result};
pub use flight::{
    Behind, CallOptions, Detached, Errand, GetOrSet, Inside, MultiGetOrSet, Renewal, Shareable, TimesOut,
};
pub use plugin::{Answer, Command, Held, Outcome, Plugin};
#[cfg(feature = "macros")]
pub use polycache_macros::{cached, cached_stampede, multi_cached};
pub use raw::Raw;
#[cfg(feature = "config")]
pub use registry::{register_backend, register_plugin, register_serializer};
pub use reply::Reply;
#[cfg(feature = "config")]
pub use settings::{Secret, Settings};
pub use ttl::Ttl;
pub use value::{Decoder, Head, Value};
