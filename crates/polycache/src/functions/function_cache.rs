//! The cache of a function.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;

use super::source::CacheSource;
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
    grace: Option<Duration>,
    /// A read, and a borrow, write to no memory that other cores read.
    resolved: ArcSwapOption<Resolved>,
}

#[derive(Debug)]
enum Origin {
    Alias(&'static str),
    Url(&'static str),
}

/// A cache, and the generation of its configuration.
struct Resolved {
    generation: u64,
    cache: Cache,
}

impl FunctionCache {
    /// The cache of this alias among [`caches`](crate::caches): another one once the configuration is replaced. With a lease, it computes
    /// once across processes; see [`CacheBuilder::lease`](crate::CacheBuilder::lease).
    #[must_use]
    pub const fn alias(alias: &'static str, lease: Option<Duration>) -> Self {
        Self { origin: Origin::Alias(alias), lease, grace: None, resolved: ArcSwapOption::const_empty() }
    }

    /// The cache at this URL; see [`Cache::open`].
    #[must_use]
    pub const fn url(url: &'static str, lease: Option<Duration>) -> Self {
        Self { origin: Origin::Url(url), lease, grace: None, resolved: ArcSwapOption::const_empty() }
    }

    /// The same with a grace, as by [`CacheBuilder::grace`](crate::CacheBuilder::grace).
    #[must_use]
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }

    /// The cache.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) if there is no such alias, or the settings are wrong.
    pub fn get(&self) -> Result<Cache> {
        self.with(Cache::clone)
    }

    #[cold]
    fn resolve(&self, generation: u64) -> Result<Arc<Resolved>> {
        let cache = match self.origin {
            Origin::Alias(alias) => caches().get(alias)?,
            Origin::Url(url) => Cache::open(url)?,
        };
        let cache = match self.lease {
            Some(lease) => cache.with_lease(lease)?,
            None => cache,
        };
        let cache = match self.grace {
            Some(grace) => cache.with_grace(grace),
            None => cache,
        };
        let made = Arc::new(Resolved { generation, cache });
        // Of two threads that make a cache at the same time, one wins.
        let current = |found: &Option<Arc<Resolved>>| found.clone().filter(|found| found.generation >= generation);
        let found = self.resolved.rcu(|found| current(found).or_else(|| Some(Arc::clone(&made))));
        Ok(current(&found).unwrap_or(made))
    }
}

impl CacheSource for FunctionCache {
    #[inline]
    fn with<R>(&self, operation: impl FnOnce(&Cache) -> R) -> Result<R> {
        let generation = match self.origin {
            Origin::Alias(_) => caches().generation(),
            Origin::Url(_) => 0,
        };
        match &*self.resolved.load() {
            Some(resolved) if resolved.generation == generation => Ok(operation(&resolved.cache)),
            _ => Ok(operation(&self.resolve(generation)?.cache)),
        }
    }
}

impl fmt::Debug for FunctionCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = match &self.origin {
            Origin::Alias(alias) => alias,
            // A URL may hold a password.
            Origin::Url(_) => "a URL",
        };
        f.debug_struct("FunctionCache").field("origin", &origin).finish_non_exhaustive()
    }
}
