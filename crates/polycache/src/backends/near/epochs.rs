//! Whether anything has happened to a key since a read of it departed.

use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Keys share these counters. Two keys with one counter cost a value that could have been kept, no more.
const STRIPES: usize = 1_024;

/// A counter's lower bits count the holds on it; the upper ones, what has happened.
const EPOCH: u64 = 1 << 24;
const HOLDS: u64 = EPOCH - 1;

/// A counter for all keys, and one for each key.
pub(super) struct Epochs {
    all: AtomicU64,
    stripes: Box<[AtomicU64]>,
    hasher: foldhash::fast::RandomState,
}

/// The counters of a key when a read of it departed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Departure {
    stripe: usize,
    at: u64,
    all: u64,
}

/// While it lasts, no read keeps a value of the keys that it is on.
pub(super) struct Hold {
    epochs: Arc<Epochs>,
    on: On,
}

enum On {
    Stripe(usize),
    Stripes(Vec<usize>),
    All,
}

impl Epochs {
    pub(super) fn new() -> Self {
        let stripes = std::iter::repeat_with(AtomicU64::default).take(STRIPES).collect();
        Self { all: AtomicU64::new(0), stripes, hasher: foldhash::fast::RandomState::default() }
    }

    fn stripe(&self, key: &str) -> usize {
        self.hasher.hash_one(key) as usize % STRIPES
    }

    /// A read of `key` departs; `None` if what it finds can't be kept.
    pub(super) fn departs(&self, key: &str) -> Option<Departure> {
        let stripe = self.stripe(key);
        let (all, at) = (self.all.load(Ordering::SeqCst), self.stripes[stripe].load(Ordering::SeqCst));
        (all & HOLDS == 0 && at & HOLDS == 0).then_some(Departure { stripe, at, all })
    }

    /// Whether nothing has happened since. Asked under the lock of the key's place: whoever tells of a change counts first, and then
    /// removes the entry under that lock.
    pub(super) fn nothing_since(&self, departure: Departure) -> bool {
        let Departure { stripe, at, all } = departure;
        self.all.load(Ordering::SeqCst) == all && self.stripes[stripe].load(Ordering::SeqCst) == at
    }

    /// Something has happened to `key`.
    pub(super) fn count(&self, key: &str) {
        self.stripes[self.stripe(key)].fetch_add(EPOCH, Ordering::SeqCst);
    }

    /// Something may have happened to any key.
    pub(super) fn count_all(&self) {
        self.all.fetch_add(EPOCH, Ordering::SeqCst);
    }

    /// Something happens to `key`, until the hold is dropped.
    pub(super) fn hold(self: &Arc<Self>, key: &str) -> Hold {
        Hold::new(self, On::Stripe(self.stripe(key)))
    }

    pub(super) fn hold_each<'a>(self: &Arc<Self>, keys: impl Iterator<Item = &'a str>) -> Hold {
        Hold::new(self, On::Stripes(keys.map(|key| self.stripe(key)).collect()))
    }

    pub(super) fn hold_all(self: &Arc<Self>) -> Hold {
        Hold::new(self, On::All)
    }

    fn each(&self, on: &On, step: impl Fn(&AtomicU64) -> u64) {
        match on {
            On::Stripe(stripe) => step(&self.stripes[*stripe]),
            On::Stripes(stripes) => stripes.iter().map(|stripe| step(&self.stripes[*stripe])).max().unwrap_or_default(),
            On::All => step(&self.all),
        };
    }
}

impl Hold {
    fn new(epochs: &Arc<Epochs>, on: On) -> Self {
        epochs.each(&on, |counter| counter.fetch_add(EPOCH + 1, Ordering::SeqCst));
        Self { epochs: Arc::clone(epochs), on }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.epochs.each(&self.on, |counter| counter.fetch_sub(1, Ordering::SeqCst));
    }
}

impl fmt::Debug for Epochs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Epochs").field("all", &self.all).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_happens_is_seen() {
        let epochs = Arc::new(Epochs::new());
        let happenings: [&dyn Fn(); 5] = [
            &|| epochs.count("k"),
            &|| epochs.count_all(),
            &|| drop(epochs.hold("k")),
            &|| drop(epochs.hold_each(["a", "k", "k"].into_iter())),
            &|| drop(epochs.hold_all()),
        ];
        for happens in happenings {
            let departure = epochs.departs("k");
            assert!(departure.is_some_and(|departure| epochs.nothing_since(departure)));
            happens();
            assert!(departure.is_some_and(|departure| !epochs.nothing_since(departure)));
        }
    }

    #[test]
    fn nothing_departs_under_a_hold() {
        let epochs = Arc::new(Epochs::new());
        let holds = [epochs.hold("k"), epochs.hold_each(["k"].into_iter()), epochs.hold_all()];
        for hold in holds {
            assert!(epochs.departs("k").is_none());
            drop(hold);
        }
        assert!(epochs.departs("k").is_some());
    }
}
