//! The life of an entry, and its form on the wire.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::{Error, ErrorKind, Result};

/// The life of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ttl {
    /// Until the entry is deleted, or makes room for others.
    #[default]
    Never,
    /// At most this long, rounded up to whole seconds. The server's clock ticks once a second, so an entry may be gone up to a second
    /// earlier.
    After(Duration),
}

/// The longest relative time of the protocol, 30 days; a larger number is read as Unix time.
const RELATIVE_MAX: u64 = 60 * 60 * 24 * 30;

impl Ttl {
    /// This many seconds.
    ///
    /// ```
    /// use polycache_memcached::Ttl;
    /// use std::time::Duration;
    ///
    /// assert_eq!(Ttl::secs(5), Ttl::After(Duration::from_secs(5)));
    /// ```
    #[must_use]
    pub const fn secs(seconds: u64) -> Self {
        Self::After(Duration::from_secs(seconds))
    }

    /// The protocol's exptime: 0 for never, seconds up to 30 days, Unix time beyond.
    ///
    /// # Errors
    /// `InvalidInput` for a TTL of zero, which the protocol would read as never.
    pub fn exptime(self) -> Result<u32> {
        self.exptime_at(SystemTime::now)
    }

    fn exptime_at(self, now: impl FnOnce() -> SystemTime) -> Result<u32> {
        let Self::After(duration) = self else { return Ok(0) };
        if duration.is_zero() {
            return Err(Error::new(ErrorKind::InvalidInput, "a TTL of zero; delete the key instead"));
        }
        let seconds = duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0));
        let wire = if seconds <= RELATIVE_MAX {
            seconds
        } else {
            let now = now().duration_since(UNIX_EPOCH).unwrap_or_default();
            // The server's clock lags by up to a second, so a second of this clock that has begun isn't counted.
            let now = now.as_secs();
            // The server keeps 31 bits: up to the year 2038. A cache may forget an entry too early, but must not keep it for ever.
            now.saturating_add(seconds).min(i32::MAX as u64)
        };
        Ok(u32::try_from(wire).unwrap_or(i32::MAX as u32))
    }
}

impl From<Duration> for Ttl {
    fn from(duration: Duration) -> Self {
        Self::After(duration)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn wire(ttl: Ttl) -> u32 {
        ttl.exptime_at(|| UNIX_EPOCH + Duration::from_millis(1_700_000_000_500)).unwrap()
    }

    #[test]
    fn seconds_are_rounded_up_and_never_zero() {
        assert_eq!(wire(Ttl::Never), 0);
        assert_eq!(wire(Ttl::After(Duration::from_nanos(1))), 1);
        assert_eq!(wire(Ttl::secs(1)), 1);
        assert_eq!(wire(Ttl::After(Duration::from_millis(1_001))), 2);
        assert_eq!(Ttl::After(Duration::ZERO).exptime().unwrap_err().kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn beyond_thirty_days_it_is_an_absolute_time() {
        assert_eq!(wire(Ttl::secs(2_592_000)), 2_592_000);
        assert_eq!(wire(Ttl::secs(2_592_001)), 1_700_000_000 + 2_592_001);
        assert_eq!(wire(Ttl::After(Duration::from_millis(2_592_000_001))), 1_700_000_000 + 2_592_001);
        assert_eq!(wire(Ttl::secs(u64::MAX)), i32::MAX as u32);
        assert_eq!(wire(Ttl::After(Duration::MAX)), i32::MAX as u32);
    }
}
