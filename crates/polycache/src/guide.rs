//! The README and the guide, so that their code blocks are compiled and run by `cargo test --doc`.

#[doc = include_str!("../../../README.md")]
struct Readme;

#[doc = include_str!("../../../docs/values.md")]
struct Values;

#[doc = include_str!("../../../docs/memory.md")]
struct Memory;

#[doc = include_str!("../../../docs/plugins.md")]
struct Plugins;

#[cfg(feature = "macros")]
#[doc = include_str!("../../../docs/functions.md")]
struct Functions;

#[doc = include_str!("../../../docs/stampedes.md")]
struct Stampedes;

#[doc = include_str!("../../../docs/locks.md")]
struct Locks;

#[cfg(feature = "redis")]
#[doc = include_str!("../../../docs/errors.md")]
struct Errors;

#[cfg(all(feature = "redis", feature = "toml"))]
#[doc = include_str!("../../../docs/outages.md")]
struct Outages;

#[doc = include_str!("../../../docs/backends.md")]
struct Backends;

#[cfg(all(feature = "redis", feature = "tls"))]
#[doc = include_str!("../../../docs/redis.md")]
struct Redis;

#[cfg(all(feature = "redis", feature = "toml"))]
#[doc = include_str!("../../../docs/configuration.md")]
struct Configuration;

#[cfg(feature = "memcached")]
#[doc = include_str!("../../../docs/memcached.md")]
struct Memcached;
