//! The options of every call of a cached function.

use std::fmt;

use super::failure::Share;
use super::probe::Sharing;
use super::source::CacheSource;
use crate::flight::Policy;
use crate::{Cache, Result, Ttl};

/// A call of a cached function, which is a [`CachedCall`](super::CachedCall) or a [`MultiCall`](super::MultiCall): a future, with options
/// to set before it is awaited.
///
/// Trouble with the cache is a `tracing` event, and the caller gets the function's result. This is [`Cache::get_or_set`] in another form:
/// a write to a key that starts or ends meanwhile wins over the computed value.
///
/// An error isn't stored. The callers that wait for it share it if it is `Clone`; if not, the next of them computes. If the computing
/// caller is cancelled, another one takes over.
///
/// ```
/// use polycache::functions::{CallBuilder, Whole};
/// use polycache::{Cache, Ttl};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// let cache = Cache::memory();
/// let answer = || CallBuilder::new(&cache, "answer").compute::<Whole<i32>, _>(async { 42 }).ttl(Ttl::secs(60));
/// assert_eq!(answer().read_only().await, 42); // computed, and not stored
/// assert!(!answer().invalidate().await?);
/// assert_eq!(answer().await, 42); // computed, and stored
/// assert!(answer().invalidate().await?);
/// # Ok(()) }
/// ```
#[must_use = "nothing is read or computed until it is awaited"]
pub struct Cached<W: Work, C = Cache> {
    pub(super) cache: C,
    ttl: Option<Ttl>,
    /// These three make a [`Policy`] when one is needed. A hit moves them with the call, and three words move faster than one struct.
    ttl_from: Option<fn(&W::Value) -> Ttl>,
    skip_if: Option<fn(&W::Value) -> bool>,
    behind: bool,
    pub(super) share: Option<Share<W::Error>>,
    pub(super) mode: Mode,
    pub(super) work: W,
}

/// The subject of a call: [`One`](super::One) key, or [`Many`](super::Many).
pub trait Work {
    /// The stored value of a key.
    type Value: Send + Sync + 'static;
    /// The error, which isn't stored.
    type Error: Send + 'static;
}

/// The steps of a call besides computing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    ReadAndStore,
    Refresh,
    ReadOnly,
}

impl<W: Work, C> Cached<W, C> {
    pub(super) fn new(cache: C, work: W) -> Self {
        Self {
            cache,
            ttl: None,
            ttl_from: None,
            skip_if: None,
            behind: false,
            share: None,
            mode: Mode::ReadAndStore,
            work,
        }
    }

    /// Stores with this TTL rather than the cache's.
    pub fn ttl(self, ttl: impl Into<Ttl>) -> Self {
        Self { ttl: Some(ttl.into()), ..self }
    }

    /// Gives each value a TTL that depends on it.
    pub fn ttl_from(self, ttl: fn(&W::Value) -> Ttl) -> Self {
        Self { ttl_from: Some(ttl), ..self }
    }

    /// Doesn't store a value for which `skip` is true.
    pub fn skip_if(self, skip: fn(&W::Value) -> bool) -> Self {
        Self { skip_if: Some(skip), ..self }
    }

    /// Gives copies of the computation's error to those who wait for it.
    pub fn share_errors(self) -> Self
    where
        W::Error: Clone + Sync,
    {
        use super::probe::{Probe, Shared as _};
        self.share_errors_by((&&&Probe::new()).share())
    }

    #[doc(hidden)]
    pub fn share_errors_by(self, sharing: Sharing<W::Error>) -> Self {
        Self { share: sharing.0, ..self }
    }

    /// Computes without a read, and stores the value. Values that others compute at the same time aren't stored.
    pub fn refresh(self) -> Self {
        Self { mode: Mode::Refresh, ..self }
    }

    /// Takes the stored value. If there is none, computes for this caller alone, and doesn't store.
    pub fn read_only(self) -> Self {
        Self { mode: Mode::ReadOnly, ..self }
    }

    /// Returns as soon as the value is computed. A task of the tokio runtime stores it.
    pub fn write_behind(self) -> Self {
        Self { behind: true, ..self }
    }

    /// The function's cache, with the TTL of this call.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) if its alias or its settings are wrong.
    pub fn cache(&self) -> Result<Cache>
    where
        C: CacheSource,
    {
        self.cache.with(|cache| self.told(cache))
    }

    pub(super) fn policy(&self) -> Policy<W::Value> {
        Policy { ttl: self.ttl_from, skip: self.skip_if, behind: self.behind }
    }

    /// The cache with the TTL of this call.
    pub(super) fn told(&self, cache: &Cache) -> Cache {
        cache.with_ttl(self.ttl.unwrap_or(cache.ttl))
    }
}

/// Nothing in it is pinned outside of a box.
impl<W: Work, C> Unpin for Cached<W, C> {}

impl<W: Work + fmt::Debug, C> fmt::Debug for Cached<W, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached").field("work", &self.work).field("mode", &self.mode).finish_non_exhaustive()
    }
}
