//! Events that may repeat with every call: at most one a second for one cause, with a count of those left out.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The least time between two events of one cause.
const PAUSE: Duration = Duration::from_secs(1);

/// A cause that hasn't come for this long is forgotten if room is needed.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// More causes than this at a time count as one.
const MOST: usize = 64;

/// The causes that one place in the code has told.
pub(crate) struct Repeated(Mutex<Vec<Cause>>);

struct Cause {
    hash: u64,
    told: Instant,
    left_out: u64,
}

impl Repeated {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// Whether an event of `cause` is due; and how many of its events were left out, if any were.
    pub(crate) fn is_due(&self, cause: impl Hash) -> Option<Option<u64>> {
        self.is_due_at(Instant::now(), cause)
    }

    fn is_due_at(&self, now: Instant, cause: impl Hash) -> Option<Option<u64>> {
        let mut hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(cause);
        let mut causes = self.0.lock();
        if causes.len() >= MOST && causes.iter().all(|known| known.hash != hash) {
            causes.retain(|known| now.duration_since(known.told) < FORGOTTEN);
            if causes.len() >= MOST {
                hash = 0;
            }
        }
        match causes.iter_mut().find(|known| known.hash == hash) {
            Some(known) if now.duration_since(known.told) < PAUSE => {
                known.left_out += 1;
                None
            }
            Some(known) => {
                known.told = now;
                Some(Some(std::mem::take(&mut known.left_out)).filter(|left_out| *left_out > 0))
            }
            None => {
                causes.push(Cause { hash, told: now, left_out: 0 });
                Some(None)
            }
        }
    }
}

/// A `tracing` event that may repeat with every call. The values in parentheses tell its causes apart.
macro_rules! tell_repeated {
    ($level:ident, $cause:expr, $($event:tt)+) => {
        if tracing::enabled!(tracing::Level::$level) {
            static REPEATED: $crate::repeated::Repeated = $crate::repeated::Repeated::new();
            if let Some(left_out) = REPEATED.is_due($cause) {
                tracing::event!(tracing::Level::$level, left_out, $($event)+);
            }
        }
    };
}
pub(crate) use tell_repeated;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_a_second_for_each_cause_with_a_count() {
        let (repeated, start) = (Repeated::new(), Instant::now());
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        assert_eq!(repeated.is_due_at(at(0), "a"), Some(None));
        for later in [0, 1, 999] {
            assert_eq!(repeated.is_due_at(at(later), "a"), None);
        }
        assert_eq!(repeated.is_due_at(at(5), "b"), Some(None), "another cause");
        assert_eq!(repeated.is_due_at(at(1_000), "a"), Some(Some(3)));
        assert_eq!(repeated.is_due_at(at(2_000), "a"), Some(None), "nothing was left out");
    }

    #[test]
    fn many_causes_are_one_and_old_ones_make_room() {
        let (repeated, start) = (Repeated::new(), Instant::now());
        let told = (0..1_000).filter(|cause| repeated.is_due_at(start, cause).is_some()).count();
        assert_eq!(told, MOST + 1);
        assert_eq!(repeated.is_due_at(start + FORGOTTEN, "new"), Some(None));
    }
}
