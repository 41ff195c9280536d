//! The time of day, which tests can move.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

/// The source of the time of day: the system, or a test.
///
/// A backend [has one](crate::backend::BackendInfo::clock), and the caches on it [tell the time](crate::Cache::now) by it: so a manual
/// clock moves both the expiry and the age of entries.
///
/// ```
/// use polycache::backend::WallClock;
/// use std::time::SystemTime;
///
/// let stopped = WallClock::new(|| SystemTime::UNIX_EPOCH);
/// assert_eq!(stopped.now(), SystemTime::UNIX_EPOCH);
/// assert!(WallClock::SYSTEM.now() > stopped.now());
/// ```
#[derive(Clone)]
pub struct WallClock(Option<Arc<dyn Fn() -> SystemTime + Send + Sync>>);

impl WallClock {
    /// The system's clock, which somebody may set back.
    pub const SYSTEM: Self = Self(None);

    /// A clock that asks `now`.
    #[must_use]
    pub fn new(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(now)))
    }

    /// The time of day.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        match &self.0 {
            None => SystemTime::now(),
            Some(now) => now(),
        }
    }
}

impl fmt::Debug for WallClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_none() { "WallClock::SYSTEM" } else { "WallClock" })
    }
}
