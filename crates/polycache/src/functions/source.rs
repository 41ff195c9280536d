//! The source of a call's cache.

use crate::{Cache, Result};

/// The source of a call's cache, used when the call is awaited: a [`Cache`], the error that says why there is none, the
/// [`FunctionCache`](super::FunctionCache) of a function, or a reference to one of these. Without a cache the function runs, and a
/// `tracing` event tells the reason.
///
/// ```
/// use polycache::Cache;
/// use polycache::functions::{CacheSource, FunctionCache};
///
/// static OF_FUNCTION: FunctionCache = FunctionCache::alias("default", None);
///
/// fn is_there(source: impl CacheSource) -> bool {
///     source.with(|_| ()).is_ok()
/// }
///
/// assert!(is_there(&OF_FUNCTION) && is_there(Cache::memory()));
/// assert!(!is_there(Cache::open("nowhere://")));
/// ```
pub trait CacheSource {
    /// Hands the cache to `operation`.
    ///
    /// # Errors
    /// The reason why there is no cache.
    fn with<R>(&self, operation: impl FnOnce(&Cache) -> R) -> Result<R>;
}

impl CacheSource for Cache {
    #[inline]
    fn with<R>(&self, operation: impl FnOnce(&Cache) -> R) -> Result<R> {
        Ok(operation(self))
    }
}

impl CacheSource for Result<Cache> {
    #[inline]
    fn with<R>(&self, operation: impl FnOnce(&Cache) -> R) -> Result<R> {
        self.as_ref().map(operation).map_err(Clone::clone)
    }
}

impl<C: CacheSource> CacheSource for &C {
    #[inline]
    fn with<R>(&self, operation: impl FnOnce(&Cache) -> R) -> Result<R> {
        C::with(self, operation)
    }
}
