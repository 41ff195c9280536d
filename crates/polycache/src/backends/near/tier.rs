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

/// What is kept of a far entry. Of three words, so that its place in the engine is one cache line.
enum Kept {
    /// There was no entry.
    Missing,
    /// A copy that lives as long as the entry.
    Value(Value),
    /// A copy that ends before the entry does, at this time.
    Shorter(Box<(Value, u64)>),
}

/// A read that has departed, and whose answer may be kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Read {
    departure: Departure,
    /// The answer is of this moment or of a later one.
    at: u64,
}

impl Kept {
    fn new(value: Value, until: u64, deadline: u64) -> Self {
        if until == deadline { Self::Value(value) } else { Self::Shorter(Box::new((value, until))) }
    }

    #[inline]
    fn value(&self) -> Option<&Value> {
        match self {
            Self::Value(value) => Some(value),
            Self::Shorter(shorter) => Some(&shorter.0),
            Self::Missing => None,
        }
    }

    /// The end of the far entry's life, of a copy that ends at `deadline`.
    fn until(&self, deadline: u64) -> u64 {
        match self {
            Self::Shorter(shorter) => shorter.1,
            Self::Value(_) | Self::Missing => deadline,
        }
    }

    /// Where the processor has to go first for the object.
    fn address(&self) -> usize {
        match self {
            Self::Value(value) => value.address(),
            Self::Shorter(shorter) => std::ptr::from_ref(&**shorter).addr(),
            Self::Missing => 0,
        }
    }
}

impl Lives {
    pub(super) fn new(ttl: Option<Duration>, misses: Duration, resolution: Duration) -> Self {
        // To the millisecond is exact: it is rounded down.
        let resolution = if resolution > Duration::from_millis(1) { resolution } else { Duration::ZERO };
        Self { ttl, misses: ttl.map_or(misses, |ttl| ttl.min(misses)), resolution }
    }

    /// The same where nobody tells of changes for the moment.
    #[cfg(feature = "redis")]
    pub(super) fn unheard(self) -> Self {
        let ttl = self.ttl.map_or(DEFAULT_TTL, |ttl| ttl.min(DEFAULT_TTL));
        Self { ttl: Some(ttl), misses: self.misses.min(ttl), ..self }
    }
}

impl Tier {
    pub(super) fn new(max_entries: u64, clock: Clock) -> Self {
        Self {
            engine: Engine::builder().capacity(max_entries).clock(clock).pointee(Kept::address).build(),
            epochs: Arc::new(Epochs::new()),
            listeners: Listeners::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.engine.len()
    }

    /// The value near, or that there is none far.
    #[inline]
    pub(super) fn get(&self, key: Key<'_>) -> Option<Option<Value>> {
        let look = |kept: &Kept| kept.value().cloned();
        let found = match key.parts() {
            None => self.engine.view(key.full(), look),
            Some((prefix, name)) => self.engine.view_joined(prefix, name, look),
        }?;
        if let Some(value) = &found
            && let Some(whole) = value.in_one_piece()
        {
            self.put_together(key.full(), value, whole);
        }
        Some(found)
    }

    /// Puts a value in one piece with its object into the place of those two.
    #[cold]
    fn put_together(&self, key: &str, apart: &Value, whole: Value) {
        self.engine.update(key, |present| match present {
            Some(Present { value: kept, deadline, .. })
                if kept.value().is_some_and(|kept| kept.is_same_place(apart)) =>
            {
                let kept = Kept::new(whole, kept.until(deadline), deadline);
                (Decision::Store { value: kept, weight: 1, deadline }, ())
            }
            _ => (Decision::Keep, ()),
        });
    }

    /// What a kept entry says; `Some(None)` if there is none far.
    pub(super) fn find(&self, key: &str, want: Want) -> Option<Option<Found>> {
        let look = |present: Present<'_, Kept>| {
            let value = present.value.value()?;
            Some((want.has(Want::VALUE).then(|| value.clone()), present.value.until(present.deadline)))
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
        let (value, until, life) = match found {
            Some(Found { value: Some(value), ttl: Some(ttl), .. }) => {
                let shared = std::mem::replace(value, Value::bytes([])).shared().decodable();
                value.clone_from(&shared);
                let until = match ttl {
                    Ttl::Never => NEVER,
                    Ttl::After(left) => after(read.at, left.saturating_sub(lives.resolution)),
                };
                (Some(shared), until, lives.ttl)
            }
            Some(_) => return,
            None if lives.misses.is_zero() => return,
            None => (None, NEVER, Some(lives.misses)),
        };
        let deadline = life.map_or(NEVER, |life| after(read.at, life)).min(until);
        if deadline <= read.at {
            return;
        }
        let mut kept = Some(value.map_or(Kept::Missing, |value| Kept::new(value, until, deadline)));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Decoder;

    const HOUR: Duration = Duration::from_secs(3_600);

    /// A tier that has kept these bytes, which live so long far.
    fn kept(ttl: Option<Duration>, far: Ttl) -> Tier {
        let tier = Tier::new(10, Clock::System);
        let mut found = Found::new();
        (found.value, found.ttl) = (Some(Value::from(b"7".to_vec())), Some(far));
        if let Some(read) = tier.departs("k") {
            tier.keep("k", read, Lives::new(ttl, Duration::ZERO, Duration::ZERO), &mut Some(found));
        }
        tier
    }

    fn hit(tier: &Tier) -> Option<Value> {
        tier.get(Key::plain("k")).flatten()
    }

    /// Whether it lives for nearly an hour, far.
    fn has_an_hour(tier: &Tier) -> bool {
        let ttl = tier.find("k", Want::TTL).flatten().and_then(|found| found.ttl);
        matches!(ttl, Some(Ttl::After(left)) if left > HOUR * 9 / 10)
    }

    #[test]
    fn what_is_read_twice_is_one_piece_with_its_object() {
        let by = Decoder::new();
        let hour = Ttl::After(HOUR);
        for (ttl, far) in [(None, Ttl::Never), (None, hour), (Some(HOUR / 2), Ttl::Never), (Some(HOUR / 2), hour)] {
            let tier = kept(ttl, far);
            hit(&tier).iter().for_each(|value| value.keep_decoded(by, &7_u8));
            for _ in 0..2 {
                assert_eq!(hit(&tier).as_ref().and_then(Value::as_bytes), Some(&b"7"[..]));
            }
            let value = hit(&tier).unwrap_or_else(|| Value::typed(()));
            assert_eq!(value.plain_or_decoded(by), Some(&7_u8));
            assert_eq!(value.plain_or_decoded::<u16>(by), None);
            assert_eq!(value.plain_or_decoded::<u8>(Decoder::new()), None);
            assert_eq!(has_an_hour(&tier), far == hour);
        }
    }

    #[test]
    fn a_value_that_has_come_meanwhile_stays() {
        let (by, tier, newer) = (Decoder::new(), kept(None, Ttl::Never), kept(None, Ttl::Never));
        let together = hit(&tier).and_then(|old| {
            old.keep_decoded(by, &7_u8);
            newer.put_together("k", &old, old.in_one_piece()?);
            hit(&newer)
        });
        assert!(together.is_some_and(|value| value.plain_or_decoded::<u8>(by).is_none()));
    }

    #[test]
    fn a_place_is_three_words() {
        assert_eq!(size_of::<Option<Kept>>(), 24);
    }
}
