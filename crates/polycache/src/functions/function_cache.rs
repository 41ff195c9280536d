//! The cache of a function.

use std::fmt;
use std::time::Duration;

use parking_lot::RwLock;

use crate::{Cache, Result, caches};

/// The cache of a function, by alias or URL: made at first use, and found again at the cost of a few nanoseconds.
///
/// ```
/// use polycache::functions::FunctionCache;
///
/// static CACHE: FunctionCache = FunctionCache::alias("default", None);
/// assert!(CACHE.get().is_ok());
/// ```
pub struct FunctionCache {
    origin: Origin,
    lease: Option<Duration>,
    /// The cache, and the generation of the configuration it was made by.
    resolved: RwLock<Option<(u64, Cache)>>,
}

#[derive(Debug)]
enum Origin {
    Alias(&'static str),
    Url(&'static str),
}

impl FunctionCache {
    /// The cache of this name among [`caches`](crate::caches): another one once the configuration is replaced. With a lease, it computes
    /// once across processes, as by [`CacheBuilder::lease`](crate::CacheBuilder::lease).
    #[must_use]
    pub const fn alias(alias: &'static str, lease: Option<Duration>) -> Self {
        Self { origin: Origin::Alias(alias), lease, resolved: RwLock::new(None) }
    }

    /// The cache at this URL, as by [`Cache::open`].
    #[must_use]
    pub const fn url(url: &'static str, lease: Option<Duration>) -> Self {
        Self { origin: Origin::Url(url), lease, resolved: RwLock::new(None) }
    }

    /// The cache.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) where there is no such alias, or the settings are wrong.
    pub fn get(&self) -> Result<Cache> {
        let generation = match self.origin {
            Origin::Alias(_) => caches().generation(),
            Origin::Url(_) => 0,
        };
        if let Some((resolved, cache)) = &*self.resolved.read()
            && *resolved == generation
        {
            return Ok(cache.clone());
        }
        self.resolve(generation)
    }

    #[cold]
    fn resolve(&self, generation: u64) -> Result<Cache> {
        let cache = match self.origin {
            Origin::Alias(alias) => caches().get(alias)?,
            Origin::Url(url) => Cache::open(url)?,
        };
        let cache = match self.lease {
            Some(lease) => cache.leased(lease)?,
            None => cache,
        };
        let mut resolved = self.resolved.write();
        match &*resolved {
            // Of two who make it at the same time, one has made it.
            Some((made, cache)) if *made == generation => Ok(cache.clone()),
            _ => {
                let old = resolved.replace((generation, cache.clone()));
                drop(resolved);
                // It may run code of its users when it is dropped, which is now: after the lock.
                drop(old);
                Ok(cache)
            }
        }
    }
}

impl fmt::Debug for FunctionCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = match &self.origin {
            Origin::Alias(alias) => alias,
            // It may hold a password.
            Origin::Url(_) => "a URL",
        };
        f.debug_struct("FunctionCache").field("origin", &origin).finish_non_exhaustive()
    }
}
