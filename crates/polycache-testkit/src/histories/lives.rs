//! When written values end: nobody reads one after its TTL.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use fastrand::Rng;
use polycache::Ttl;

use super::clears::Clears;

/// How far a server's clock and ours may be apart after a TTL.
const SLACK: Duration = Duration::from_millis(50);
/// The shortest TTL.
const LEAST: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(super) struct Lives {
    most: Option<Duration>,
    slack: Duration,
    /// By key and number: the end, and how many `expire`s had been before.
    ends: Mutex<HashMap<(usize, u64), (Instant, u64)>>,
    expires: Vec<Clears>,
}

impl Lives {
    /// TTLs of up to `most`, on a store that tells them to this resolution.
    pub(super) fn new(keys: usize, most: Option<Duration>, resolution: Duration) -> Self {
        let expires = (0..keys).map(|_| Clears::default()).collect();
        Self { most, slack: SLACK + 2 * resolution, ends: Mutex::default(), expires }
    }

    pub(super) fn are_bounded(&self) -> bool {
        self.most.is_some()
    }

    /// The TTL of an entry: a quarter of them are short.
    pub(super) fn draw(&self, rng: &mut Rng) -> Ttl {
        let Some(most) = self.most else { return Ttl::Never };
        let most = if rng.u32(..4) == 0 { most / 10 } else { most };
        Ttl::After(LEAST + most.mul_f64(rng.f64()))
    }

    /// The `expire`s of this key, each of which may let a value live longer.
    pub(super) fn expires(&self, key: usize) -> &Clears {
        &self.expires[key]
    }

    /// A value is stored with this TTL; `expires` is their epoch from before.
    pub(super) fn begin(&self, key: usize, number: u64, ttl: Ttl, expires: Option<u64>) {
        if let (Ttl::After(ttl), Some(expires)) = (ttl, expires) {
            let end = Instant::now() + ttl + self.slack;
            self.ends.lock().unwrap_or_else(PoisonError::into_inner).insert((key, number), (end, expires));
        }
    }

    /// The error in a read of this value that began at `at`, if there is one.
    pub(super) fn outlived(&self, key: usize, number: u64, at: Instant) -> Option<&'static str> {
        let end = self.ends.lock().unwrap_or_else(PoisonError::into_inner).get(&(key, number)).copied();
        let (end, expires) = end?;
        (end < at && self.expires[key].epoch() == Some(expires)).then_some("a value that has expired")
    }
}
