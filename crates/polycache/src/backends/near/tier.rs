//! The values that are kept in this process.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use polycache_engine::{Clock, Decision, Engine, NEVER, Present};

use super::epochs::{Departure, Epochs};
use crate::backend::{Found, Gap, Key, Tracker, Want};
use crate::events::{Event, EventKinds, Flushed, Listeners};
use crate::lease::leased;
use crate::{Ttl, Value};

/// How long a value is kept where nobody tells of changes.
pub(super) const DEFAULT_TTL: Duration = Duration::from_secs(1);

/// The near tier, which all handles of a near cache share.
pub(super) struct Tier {
    engine: Engine<Kept>,
    pub(super) epochs: Arc<Epochs>,
    pub(super) listeners: Listeners,
}

/// How long what a read has found is kept at most, from the moment when it departed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lives {
    /// Of a value; `None`: as long as its entry lives.
    pub(super) ttl: Option<Duration>,
    /// Of the knowledge that there is no value.
    misses: Duration,
    /// The far backend may tell so much more of a TTL than there is.
    resolution: Duration,
}

/// What is kept of a far entry.
#[derive(Clone)]
pub(super) struct Kept {
    /// `None`: there was no entry.
    pub(super) value: Option<Value>,
    /// The end of the far entry's life, which may be long after that of this copy.
    until: u64,
}

/// A read that has departed, and whose answer may be kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Read {
    departure: Departure,
    /// The answer is of this moment or of a later one.
    at: u64,
}

impl Lives {
    pub(super) fn new(ttl: Option<Duration>, misses: Duration, resolution: Duration) -> Self {
        // To the millisecond is exact: it is rounded down.
        let resolution = if resolution > Duration::from_millis(1) { resolution } else { Duration::ZERO };
        Self { ttl, misses: ttl.map_or(misses, |ttl| ttl.min(misses)), resolution }
    }
}

impl Lives {
    /// The same where nobody tells of changes for the moment.
    #[cfg(feature = "redis")]
    pub(super) fn unheard(self) -> Self {
        let ttl = self.ttl.map_or(DEFAULT_TTL, |ttl| ttl.min(DEFAULT_TTL));
        Self { ttl: Some(ttl), misses: self.misses.min(ttl), ..self }
    }
}

impl Tier {
    pub(super) fn new(max_entries: u64, clock: Clock) -> Self {
        let address = |kept: &Kept| kept.value.as_ref().map_or(0, Value::address);
        Self {
            engine: Engine::builder().capacity(max_entries).clock(clock).pointee(address).build(),
            epochs: Arc::new(Epochs::new()),
            listeners: Listeners::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.engine.len()
    }

    #[inline]
    pub(super) fn get(&self, key: &str) -> Option<Kept> {
        self.engine.get(key)
    }

    #[inline]
    pub(super) fn get_joined(&self, prefix: &str, name: &str) -> Option<Kept> {
        self.engine.get_joined(prefix, name)
    }

    /// What a kept entry says; `Some(None)` if there is none far.
    pub(super) fn find(&self, key: &str, want: Want) -> Option<Option<Found>> {
        let look = |present: Present<'_, Kept>| {
            let Kept { value, until } = present.value;
            value.as_ref().map(|value| (want.has(Want::VALUE).then(|| value.clone()), *until))
        };
        // Only a read of the value counts as a use of the entry.
        let kept = if want.has(Want::VALUE) { self.engine.read(key, look) } else { self.engine.peek(key, look) };
        kept.map(|kept| {
            let (value, until) = kept?;
            let mut found = Found::new();
            found.value = value;
            found.ttl = want.has(Want::TTL).then(|| self.remaining(until));
            Some(found)
        })
    }

    fn remaining(&self, until: u64) -> Ttl {
        match until {
            NEVER => Ttl::Never,
            // A live entry has at least part of a millisecond left.
            until => Ttl::After(self.engine.clock().remaining(until).max(Duration::from_millis(1))),
        }
    }

    /// A read of `key` departs; `None` if its answer can't be kept.
    pub(super) fn departs(&self, key: &str) -> Option<Read> {
        // The counters first: what is counted afterwards is seen.
        let departure = self.epochs.departs(key)?;
        Some(Read { departure, at: self.engine.clock().now() })
    }

    /// Keeps what a read has found, with its TTL, unless anything has happened to the key since the read departed. The found value is cheap
    /// to clone from now on.
    pub(super) fn keep(&self, key: &str, read: Read, lives: Lives, found: &mut Option<Found>) {
        let (kept, life) = match found {
            Some(Found { value: Some(value), ttl: Some(ttl), .. }) => {
                let shared = std::mem::replace(value, Value::bytes([])).shared().decodable();
                value.clone_from(&shared);
                let until = match ttl {
                    Ttl::Never => NEVER,
                    Ttl::After(left) => after(read.at, left.saturating_sub(lives.resolution)),
                };
                (Kept { value: Some(shared), until }, lives.ttl)
            }
            Some(_) => return,
            None if lives.misses.is_zero() => return,
            None => (Kept { value: None, until: NEVER }, Some(lives.misses)),
        };
        let deadline = life.map_or(NEVER, |life| after(read.at, life)).min(kept.until);
        if deadline <= read.at {
            return;
        }
        let mut kept = Some(kept);
        self.engine.update(key, |present| {
            // Of two reads at once the one that has departed later has the newer value.
            let is_newest = present.is_none_or(|present| present.deadline <= deadline);
            match kept.take_if(|_| is_newest && self.epochs.nothing_since(read.departure)) {
                Some(value) => (Decision::Store { value, weight: 1, deadline }, ()),
                None => (Decision::Keep, ()),
            }
        });
    }

    /// Forgets `key`, once what happens to it is counted. Returns whether it was near.
    pub(super) fn forget(&self, key: &str) -> bool {
        self.engine.update(key, |present| (Decision::Delete, present.is_some()))
    }

    /// Forgets that there is no value where a lease says that somebody computes one.
    #[cold]
    pub(super) fn lease_is_touched(&self, lease: &str) {
        if let Some(key) = leased(lease) {
            self.epochs.count(key);
            self.forget(key);
        }
    }

    pub(super) fn forget_prefix(&self, prefix: &str) {
        if prefix.is_empty() {
            return self.engine.clear();
        }
        let mut place = Some(polycache_engine::Cursor::default());
        while let Some(from) = place {
            place = self.engine.delete_where(from, 1_024, |key, _| key.starts_with(prefix));
        }
    }

    /// Forgets everything, since anything may have changed.
    pub(super) fn flush(&self, why: Flushed<'_>) {
        self.epochs.count_all();
        self.engine.clear();
        if self.listeners.want(EventKinds::NEAR) {
            self.tell(&Event::NearFlushed { why });
        }
    }

    #[inline]
    pub(super) fn tell_hit(&self, key: Key<'_>) {
        if self.listeners.want(EventKinds::NEAR) {
            self.tell(&Event::NearHit { key: key.full() });
        }
    }

    pub(super) fn tell_miss(&self, key: Key<'_>) {
        if self.listeners.want(EventKinds::NEAR) {
            self.tell(&Event::NearMiss { key: key.full() });
        }
    }

    /// What is read from now on is kept so long.
    #[cfg(feature = "redis")]
    pub(super) fn tell_bound(&self, lives: Lives) {
        if self.listeners.want(EventKinds::NEAR) {
            self.tell(&Event::NearBound { ttl: lives.ttl });
        }
    }

    #[cold]
    fn tell(&self, event: &Event<'_>) {
        self.listeners.tell(event);
    }
}

impl Tracker for Tier {
    fn changed(&self, key: &[u8]) {
        // Other keys aren't ours.
        let Ok(key) = std::str::from_utf8(key) else { return };
        self.epochs.count(key);
        if self.forget(key) && self.listeners.want(EventKinds::NEAR) {
            self.tell(&Event::NearChanged { key });
        }
    }

    fn lost(&self, gap: Gap<'_>) {
        self.flush(Flushed::Gap(gap));
    }
}

/// So long after `at`, in whole milliseconds and never later.
fn after(at: u64, life: Duration) -> u64 {
    u64::try_from(life.as_millis()).ok().and_then(|life| at.checked_add(life)).unwrap_or(NEVER)
}

impl fmt::Debug for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tier").field("len", &self.len()).finish_non_exhaustive()
    }
}
