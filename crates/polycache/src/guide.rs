//! The guide, a chapter a module. Its code blocks, and those of the README, are run by `cargo test --doc`.
//!
//! In the repository it is [`docs/`](https://github.com/polycache/polycache/tree/main/docs).

/// Where the chapters' links lead. They are files in the repository and modules here, and the first definition of a link is the one that
/// counts.
macro_rules! links {
    () => {
        "\
            [benchmarks.md]: https://github.com/polycache/polycache/blob/main/docs/benchmarks.md\n\
            [benchmarks.md#what-leases-cost]: https://github.com/polycache/polycache/blob/main/docs/benchmarks.md#what-leases-cost\n\
            [configuration.md]: crate::guide::configuration\n\
            [errors.md#the-end]: crate::guide::errors#the-end\n\
            [format.md]: https://github.com/polycache/polycache/blob/main/docs/format.md\n\
            [format.md#values-that-are-packed-encrypted-or-signed]: https://github.com/polycache/polycache/blob/main/docs/format.md#values-that-are-packed-encrypted-or-signed\n\
            [functions.md]: crate::guide::functions\n\
            [near.md]: crate::guide::near\n\
            [memcached.md]: crate::guide::memcached\n\
            [outages.md]: crate::guide::outages\n\
            [outages.md#deletes-that-are-lost]: crate::guide::outages#deletes-that-are-lost\n\
            [plugins.md#a-plugin-more]: crate::guide::plugins#a-plugin-more\n\
            [redis.md]: crate::guide::redis\n\
            [redis.md#time]: crate::guide::redis#time\n\
            [redis.md#what-servers-tell]: crate::guide::redis#what-servers-tell\n\
            [redis.md#what-a-servers-errors-mean]: crate::guide::redis#what-a-servers-errors-mean\n\
            [stale.md]: crate::guide::stale\n\
            [stampedes.md]: crate::guide::stampedes\n\
            [stampedes.md#across-processes]: crate::guide::stampedes#across-processes\n\
            [tags.md]: crate::guide::tags\n\
            [values.md#around-another-compressed-sealed-signed]: crate::guide::values#around-another-compressed-sealed-signed\n\
            [values.md#keys-and-namespaces]: crate::guide::values#keys-and-namespaces\n\
            \n"
    };
}

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

#[doc = links!()]
#[doc = include_str!("../docs/values.md")]
pub mod values {}

#[doc = links!()]
#[doc = include_str!("../docs/memory.md")]
pub mod memory {}

#[doc = links!()]
#[doc = include_str!("../docs/plugins.md")]
pub mod plugins {}

#[cfg(feature = "macros")]
#[doc = links!()]
#[doc = include_str!("../docs/functions.md")]
pub mod functions {}

#[doc = links!()]
#[doc = include_str!("../docs/stampedes.md")]
pub mod stampedes {}

#[doc = links!()]
#[doc = include_str!("../docs/stale.md")]
pub mod stale {}

#[doc = links!()]
#[doc = include_str!("../docs/tags.md")]
pub mod tags {}

#[doc = links!()]
#[doc = include_str!("../docs/locks.md")]
pub mod locks {}

#[cfg(feature = "redis")]
#[doc = links!()]
#[doc = include_str!("../docs/errors.md")]
pub mod errors {}

#[cfg(all(feature = "redis", feature = "toml"))]
#[doc = links!()]
#[doc = include_str!("../docs/outages.md")]
pub mod outages {}

#[cfg(all(feature = "redis", feature = "memcached", feature = "toml"))]
#[doc = links!()]
#[doc = include_str!("../docs/near.md")]
pub mod near {}

#[doc = links!()]
#[doc = include_str!("../docs/backends.md")]
pub mod backends {}

#[cfg(feature = "macros")]
#[doc = links!()]
#[doc = include_str!("../docs/recipes.md")]
pub mod recipes {}

#[cfg(all(feature = "redis", feature = "tls"))]
#[doc = links!()]
#[doc = include_str!("../docs/redis.md")]
pub mod redis {}

#[cfg(all(feature = "redis", feature = "toml"))]
#[doc = links!()]
#[doc = include_str!("../docs/configuration.md")]
pub mod configuration {}

#[cfg(feature = "memcached")]
#[doc = links!()]
#[doc = include_str!("../docs/memcached.md")]
pub mod memcached {}
