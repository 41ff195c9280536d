//! The life of an entry.

use std::time::Duration;

use crate::range::Range;
use crate::{Error, ErrorKind, Result};

/// A TTL as a setting. Without one, entries don't expire.
pub(crate) const TTL: Range<Duration> = Range::from("ttl", Duration::from_nanos(1));

/// The life of an entry, or the rest of it.
///
/// Backends round a life **up** to their resolution: a millisecond in memory and on Redis, a second on memcached.
///
/// ```
/// use polycache::Ttl;
/// use std::time::Duration;
///
/// assert_eq!(Ttl::secs(60), Duration::from_secs(60).into());
/// assert_ne!(Ttl::secs(60), Ttl::Never);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Ttl {
    /// The entry doesn't expire. The default.
    #[default]
    Never,
    /// The entry expires after this time. Every command refuses zero.
    After(Duration),
}

impl Ttl {
    /// This many seconds.
    #[must_use]
    pub const fn secs(seconds: u64) -> Self {
        Self::After(Duration::from_secs(seconds))
    }

    /// This many milliseconds.
    #[must_use]
    pub const fn millis(milliseconds: u64) -> Self {
        Self::After(Duration::from_millis(milliseconds))
    }

    /// The same TTL, unless it is zero.
    pub(crate) fn checked(self) -> Result<Self> {
        match self {
            Self::After(Duration::ZERO) => {
                Err(Error::new(ErrorKind::InvalidInput, "a TTL of zero; use `delete` to remove a key, or `Ttl::Never`"))
            }
            ttl => Ok(ttl),
        }
    }

    /// The TTL, shortened by a random part of up to `fraction`, so that entries written together don't expire together. Never longer: no
    /// value is kept beyond its given life.
    #[inline]
    pub(crate) fn jittered(self, fraction: f64) -> Self {
        if fraction > 0.0 { self.shortened(fraction) } else { self }
    }

    #[inline(never)]
    fn shortened(self, fraction: f64) -> Self {
        let Self::After(life) = self else { return self };
        let shortened = life.as_secs_f64() * (1.0 - fraction * fastrand::f64());
        // Rounding may exceed the longest duration.
        let shortened = Duration::try_from_secs_f64(shortened).unwrap_or(life);
        Self::After(shortened.max(Duration::from_millis(1)).min(life))
    }
}

impl From<Duration> for Ttl {
    fn from(life: Duration) -> Self {
        Self::After(life)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_shortens_and_spreads() {
        let lives: Vec<Ttl> = (0..100).map(|_| Ttl::secs(100).jittered(0.2)).collect();
        for life in &lives {
            let Ttl::After(life) = life else { unreachable!("a life stays a life") };
            assert!(*life <= Duration::from_secs(100) && *life >= Duration::from_secs(80), "{life:?}");
        }
        assert!(lives.iter().any(|life| *life != lives[0]));
        for fraction in [1e-17, 0.5, 1.0] {
            assert!(matches!(Ttl::After(Duration::MAX).jittered(fraction), Ttl::After(_)));
        }
        assert_eq!(Ttl::Never.jittered(0.5), Ttl::Never);
        assert_eq!(Ttl::After(Duration::MAX).jittered(0.0), Ttl::After(Duration::MAX));
    }
}
