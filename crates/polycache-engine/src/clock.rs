//! Time in milliseconds, read as rarely and as cheaply as exact deadlines allow.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The deadline of an entry that never expires.
pub const NEVER: u64 = u64::MAX;

/// The coarse clock isn't trusted this near a deadline. It lags by a kernel tick (1 to 10 ms), and by more where a virtual machine's
/// clock-keeping core is descheduled.
const COARSE_ERROR_MS: u64 = 250;

/// A life this long or longer is counted from the coarse clock, whose lag is a small part of such a life. The precise clock takes several
/// times as long to read.
const LONG_LIFE: Duration = Duration::from_secs(60);

/// The clock of an engine.
///
/// Times are milliseconds on a monotonic clock with an arbitrary start.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The monotonic clock of the machine. It may stand still while the machine is suspended.
    #[default]
    System,
    /// A clock that moves only when told to, for tests.
    Manual(ManualClock),
}

impl Clock {
    /// The time now, rounded down to a millisecond.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.nanos() / 1_000_000
    }

    fn nanos(&self) -> u64 {
        match self {
            Self::System => system::precise_nanos(),
            Self::Manual(clock) => clock.now(),
        }
    }

    /// The time now or a little before: several times cheaper than [`now`](Self::now), and never ahead of it.
    #[inline]
    #[must_use]
    pub fn coarse(&self) -> u64 {
        match self {
            Self::System => system::coarse_nanos() / 1_000_000,
            Self::Manual(clock) => clock.now() / 1_000_000,
        }
    }

    /// The deadline of an entry that shall live for `ttl` from now, rounded up to a millisecond; [`NEVER`] if that is beyond the clock's
    /// end.
    ///
    /// A life of a minute or longer begins at the kernel's last tick: on the machine's clock it ends a few milliseconds early, and never
    /// late.
    #[must_use]
    pub fn deadline(&self, ttl: Duration) -> u64 {
        let now = match self {
            Self::System if ttl >= LONG_LIFE => system::coarse_nanos(),
            _ => self.nanos(),
        };
        // Within five centuries no division of 128 bits is needed.
        match u64::try_from(ttl.as_nanos()).ok().and_then(|ttl| now.checked_add(ttl)) {
            Some(nanos) => nanos.div_ceil(1_000_000),
            None => u64::try_from((u128::from(now) + ttl.as_nanos()).div_ceil(1_000_000)).unwrap_or(NEVER),
        }
    }

    /// The time left until `deadline`, rounded down to a millisecond: never more than the `ttl` that was asked for.
    #[must_use]
    pub fn remaining(&self, deadline: u64) -> Duration {
        let now = self.nanos();
        // Within five centuries no division of 128 bits is needed.
        Duration::from_millis(match deadline.checked_mul(1_000_000) {
            Some(nanos) => nanos.saturating_sub(now) / 1_000_000,
            None => deadline.saturating_sub(now.div_ceil(1_000_000)),
        })
    }

    /// As [`remaining`](Self::remaining), by the coarse clock, if that is more than `least` and certainly so.
    #[inline]
    #[must_use]
    pub fn roughly_remaining(&self, deadline: u64, least: Duration) -> Option<Duration> {
        let left = deadline.saturating_sub(self.coarse());
        let least = u64::try_from(least.as_millis()).unwrap_or(u64::MAX);
        (left > least.saturating_add(COARSE_ERROR_MS)).then(|| Duration::from_millis(left))
    }

    /// Whether `deadline` has passed, exactly.
    #[inline]
    #[must_use]
    pub fn has_passed(&self, deadline: u64) -> bool {
        self.life(deadline).is_none()
    }

    /// The life up to `deadline`, unless it has passed, exactly.
    #[inline]
    pub(crate) fn life(&self, deadline: u64) -> Option<Life> {
        if deadline == NEVER {
            return Some(Life { deadline, coarse: 0 });
        }
        let coarse = self.coarse();
        let is_far = deadline.saturating_sub(coarse) > COARSE_ERROR_MS;
        (is_far || (coarse < deadline && self.now() < deadline)).then_some(Life { deadline, coarse })
    }

    /// Whether at least so many milliseconds are left of a life that was [just found](crate::Engine::view_life), exactly: its
    /// [`remaining`](Self::remaining) time isn't less, and no life is shorter than one millisecond.
    #[inline]
    #[must_use]
    pub fn has_left(&self, life: Life, millis: u64) -> bool {
        let Life { deadline, coarse } = life;
        if millis <= 1 || deadline == NEVER {
            return true;
        }
        // No less than is left.
        let most = deadline.saturating_sub(coarse);
        most > COARSE_ERROR_MS.saturating_add(millis)
            || (most >= millis && self.remaining(deadline) >= Duration::from_millis(millis))
    }
}

/// What a read knows of the life of the entry that it has found.
#[derive(Debug, Clone, Copy)]
pub struct Life {
    deadline: u64,
    /// The coarse time of the read; zero for an entry that doesn't expire.
    coarse: u64,
}

/// A clock for tests that stands still until it is advanced. Clones share the time.
///
/// ```
/// use polycache_engine::{Clock, ManualClock};
/// use std::time::Duration;
///
/// let manual = ManualClock::new();
/// let clock = Clock::Manual(manual.clone());
/// let deadline = clock.deadline(Duration::from_millis(5));
/// manual.advance(Duration::from_micros(4_999));
/// assert!(!clock.has_passed(deadline));
/// manual.advance(Duration::from_micros(1));
/// assert!(clock.has_passed(deadline));
/// ```
#[derive(Debug, Clone, Default)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// A clock at zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the time forward by `by`, for every holder of the clock.
    pub fn advance(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        let add = |now: u64| Some(now.saturating_add(nanos));
        // `add` never declines, so neither does the update.
        let _ = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, add);
    }

    /// Nanoseconds since the start.
    fn now(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use rustix::time::{ClockId, Timespec, clock_gettime};

    pub(super) fn precise_nanos() -> u64 {
        nanos(clock_gettime(ClockId::Monotonic))
    }

    /// The monotonic time of the kernel's last tick, for which no cycle counter is read.
    #[inline]
    pub(super) fn coarse_nanos() -> u64 {
        nanos(clock_gettime(ClockId::MonotonicCoarse))
    }

    fn nanos(time: Timespec) -> u64 {
        (time.tv_sec as u64) * 1_000_000_000 + (time.tv_nsec as u64)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    use std::sync::OnceLock;
    use std::time::Instant;

    pub(super) fn precise_nanos() -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        u64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    pub(super) fn coarse_nanos() -> u64 {
        precise_nanos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coarse_clock_is_never_ahead() {
        let clock = Clock::System;
        for _ in 0..100_000 {
            let coarse = clock.coarse();
            assert!(coarse <= clock.now());
        }
    }

    #[test]
    fn what_is_left_is_told_to_the_millisecond() {
        let manual = ManualClock::new();
        let clock = Clock::Manual(manual.clone());
        let has_left = |deadline, millis| clock.life(deadline).map(|life| clock.has_left(life, millis));
        for ttl in [1_000, 10] {
            let deadline = clock.deadline(Duration::from_millis(ttl));
            for left in (1..=ttl).rev() {
                assert_eq!(has_left(deadline, left), Some(true), "{left} of {ttl}");
                assert_eq!(has_left(deadline, left + 1), Some(false), "{left} of {ttl}");
                manual.advance(Duration::from_millis(1));
            }
            assert_eq!(has_left(deadline, 1), None);
        }
        assert_eq!(has_left(NEVER, u64::MAX), Some(true));
        let deadline = clock.deadline(Duration::from_millis(5));
        manual.advance(Duration::from_micros(4_500));
        assert_eq!(has_left(deadline, 1), Some(true), "part of a millisecond counts as one");
    }

    #[test]
    fn a_life_beyond_the_clock_is_for_ever() {
        assert_eq!(Clock::System.deadline(Duration::MAX), NEVER);
        assert!(!Clock::System.has_passed(NEVER));
    }

    #[test]
    fn a_long_life_ends_a_moment_early_and_never_late() {
        let clock = Clock::System;
        for ttl in [LONG_LIFE, Duration::from_secs(3_600)] {
            let life = ttl.as_millis() as u64;
            let deadline = clock.deadline(ttl);
            let latest = clock.now() + 1 + life;
            assert!(deadline <= latest && deadline + COARSE_ERROR_MS + 10_000 > latest);
        }
    }

    #[test]
    fn a_deadline_is_rounded_up() {
        let manual = ManualClock::new();
        let clock = Clock::Manual(manual.clone());
        manual.advance(Duration::from_nanos(1));
        assert_eq!(clock.deadline(Duration::from_millis(1)), 2);
        assert_eq!(clock.deadline(Duration::from_nanos(1)), 1);
    }
}
