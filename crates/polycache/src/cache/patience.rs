//! How long callers wait for a computation.

use std::sync::Arc;
use std::time::Duration;

use super::{Cache, CacheOptions, View};
#[cfg(feature = "config")]
use crate::range::Range;

#[cfg(feature = "config")]
pub(crate) const SOFT_TIMEOUT: Range<Duration> = Range::from("soft_timeout", Duration::ZERO);
#[cfg(feature = "config")]
pub(crate) const HARD_TIMEOUT: Range<Duration> = Range::from("hard_timeout", Duration::ZERO);

/// How long callers wait for a computation.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Patience {
    /// Until they take a stale value, if there is one.
    pub(crate) soft_timeout: Option<Duration>,
    /// In any case; zero: as long as it takes.
    pub(crate) hard_timeout: Duration,
}

impl Cache {
    /// A view whose callers take a stale value once a computation has taken this long, as by
    /// [`CacheBuilder::soft_timeout`](crate::CacheBuilder::soft_timeout); `None` for never. Costs an allocation.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// use polycache::backends::memory::{ManualClock, Memory};
    /// use polycache::{Cache, Ttl};
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// let memory = Memory::builder().manual_clock(&clock).build()?;
    /// let cache = Cache::builder().backend(memory).ttl(Ttl::secs(60)).grace(Duration::from_secs(3_600)).build()?;
    /// cache.set("price", 5).await?;
    ///
    /// clock.advance(Duration::from_secs(61)); // it is stale
    /// let patient = cache.with_soft_timeout(Duration::from_millis(5));
    /// let price = patient.get_or_set("price", || std::future::pending::<Result<i32, String>>()).detached();
    /// assert_eq!(price.await, Ok(5));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_soft_timeout(&self, timeout: impl Into<Option<Duration>>) -> Self {
        let soft_timeout = timeout.into();
        self.with_patience(|patience| Patience { soft_timeout, ..patience })
    }

    /// A view whose callers wait this long for a computation, as by [`CacheBuilder::hard_timeout`](crate::CacheBuilder::hard_timeout);
    /// zero: as long as it takes. Costs an allocation.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use polycache::{Cache, Error, ErrorKind};
    /// use std::time::Duration;
    ///
    /// let cache = Cache::memory().with_hard_timeout(Duration::from_millis(5));
    /// let price = cache.get_or_set("price", || std::future::pending::<Result<i32, Error>>()).times_out();
    /// assert_eq!(price.await.unwrap_err().kind(), ErrorKind::HardTimeout);
    /// # }
    /// ```
    #[must_use]
    pub fn with_hard_timeout(&self, hard_timeout: Duration) -> Self {
        self.with_patience(|patience| Patience { hard_timeout, ..patience })
    }

    fn with_patience(&self, change: impl Fn(Patience) -> Patience) -> Self {
        let changed = |view: &View| View {
            options: CacheOptions { patience: change(view.options.patience), ..view.options.clone() },
            ..view.clone()
        };
        let bare = self.view.bare.as_deref().map(|bare| Arc::new(changed(bare)));
        Self { view: Arc::new(View { bare, ..changed(&self.view) }), ..self.clone() }
    }

    /// Whether a caller may be given a stale value before its computation has failed.
    #[inline]
    pub(crate) fn may_serve_stale(&self) -> bool {
        self.has_grace() && self.view.options.patience.soft_timeout.is_some()
    }

    /// Whether a caller is given a stale value without a wait.
    pub(crate) fn serves_stale_at_once(&self) -> bool {
        self.view.options.patience.soft_timeout.is_some_and(|limit| limit.is_zero())
    }
}
