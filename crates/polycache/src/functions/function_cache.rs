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
    soft_timeout: Option<Duration>,
    hard_timeout: Option<Duration>,
    early: Option<f64>,
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
        Self::new(Origin::Alias(alias), lease)
    }

    /// The cache at this URL; see [`Cache::open`].
    #[must_use]
    pub const fn url(url: &'static str, lease: Option<Duration>) -> Self {
        Self::new(Origin::Url(url), lease)
    }

    const fn new(origin: Origin, lease: Option<Duration>) -> Self {
        let resolved = ArcSwapOption::const_empty();
        Self { origin, lease, grace: None, soft_timeout: None, hard_timeout: None, early: None, resolved }
    }

    /// The same with a grace, as by [`CacheBuilder::grace`](crate::CacheBuilder::grace).
    #[must_use]
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }

    /// The same with a soft timeout, as by [`CacheBuilder::soft_timeout`](crate::CacheBuilder::soft_timeout).
    #[must_use]
    pub const fn soft_timeout(mut self, timeout: Duration) -> Self {
        self.soft_timeout = Some(timeout);
        self
    }

    /// The same with a hard timeout, as by [`CacheBuilder::hard_timeout`](crate::CacheBuilder::hard_timeout).
    #[must_use]
    pub const fn hard_timeout(mut self, timeout: Duration) -> Self {
        self.hard_timeout = Some(timeout);
        self
    }

    /// The same with an early refresh, as by [`CacheBuilder::refresh_early`](crate::CacheBuilder::refresh_early).
    #[must_use]
    pub const fn refresh_early(mut self, part: f64) -> Self {
        self.early = Some(part);
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
        let cache = self.grace.map_or(cache.clone(), |grace| cache.with_grace(grace));
        let cache = self.soft_timeout.map_or(cache.clone(), |timeout| cache.with_soft_timeout(timeout));
        let cache = self.hard_timeout.map_or(cache.clone(), |timeout| cache.with_hard_timeout(timeout));
        let cache = self.early.map_or(cache.clone(), |part| cache.with_refresh_early(part));
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
