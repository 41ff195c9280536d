//! Going through all entries in bounded steps.

use crate::engine::{EXPIRY_BATCH, Engine, Locked};
use crate::layout::Layout;
use crate::removed::{Batch, Cause};
use crate::slab::Slab;

/// A place in a walk over all entries. The default is the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cursor {
    shard: usize,
    index: u32,
}

impl Cursor {
    /// The place with this index in this shard.
    #[must_use]
    pub const fn new(shard: usize, index: u32) -> Self {
        Self { shard, index }
    }

    /// Which shard it is in.
    #[must_use]
    pub const fn shard(self) -> usize {
        self.shard
    }

    /// Where it is in the shard.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.index
    }
}

impl<V: Send + Sync + 'static, L: Layout> Engine<V, L> {
    /// Shows the live entries in the next `places` places to `visit`. Returns where to go on, or `None` at the end.
    ///
    /// A walk from the start to the end shows every entry that was there all the time exactly once. An entry that was deleted and made anew
    /// may be shown twice or not at all. `visit` runs under a lock: it must be quick and not call the engine.
    ///
    /// ```
    /// use polycache_engine::{Cursor, Decision, Engine, NEVER};
    ///
    /// let engine = Engine::builder().build();
    /// engine.update("k", |_| (Decision::Store { value: "v", weight: 1, deadline: NEVER }, ()));
    /// let (mut keys, mut next) = (Vec::new(), Some(Cursor::default()));
    /// while let Some(from) = next {
    ///     next = engine.walk(from, 1_000, |key, _| keys.push(key.to_owned()));
    /// }
    /// assert_eq!(keys, ["k"]);
    /// ```
    pub fn walk(&self, from: Cursor, places: u32, mut visit: impl FnMut(&str, &V)) -> Option<Cursor> {
        let inner = &*self.inner;
        let shard = inner.table.shards.get(from.shard)?.0.read();
        let end = shard.slab.end().min(from.index.saturating_add(places));
        for (index, slot) in (from.index..end).map(|index| (index, shard.slab.slot(index))) {
            let is_live = |_: &&V| !inner.table.clock.has_passed(shard.slab.deadline_of(index, slot));
            if let Some(value) = slot.value.as_ref().filter(is_live) {
                visit(&slot.key, value);
            }
        }
        self.after(from, end, shard.slab.end())
    }

    /// Deletes those of the entries in the next `places` places that `chosen` picks. Returns where to go on, or `None` at the end. `chosen`
    /// runs under a lock: it must be quick and not call the engine.
    ///
    /// ```
    /// use polycache_engine::{Cursor, Decision, Engine, NEVER};
    ///
    /// let engine = Engine::builder().build();
    /// engine.update("k", |_| (Decision::Store { value: "v", weight: 1, deadline: NEVER }, ()));
    /// let mut next = Some(Cursor::default());
    /// while let Some(from) = next {
    ///     next = engine.delete_where(from, 1_000, |_, value| *value == "v");
    /// }
    /// assert!(engine.is_empty());
    /// ```
    pub fn delete_where(&self, from: Cursor, places: u32, chosen: impl Fn(&str, &V) -> bool) -> Option<Cursor> {
        let clock = self.clock();
        self.remove_where(from, places, |slab, index| {
            let slot = slab.slot(index);
            let is_chosen = slot.value.as_ref().is_some_and(|value| chosen(&slot.key, value));
            is_chosen.then(|| slab.cause_of_leaving(index, |deadline| clock.has_passed(deadline)))
        })
    }

    /// Deletes everything. Each shard is emptied at once; its values are dropped after its lock is released.
    pub fn clear(&self) {
        let inner = &*self.inner;
        let take = |shard: &Locked<V, L>| {
            let mut shard = shard.0.write();
            let (before, now) = (shard.quota(), inner.table.clock.now());
            let old = shard.take();
            inner.count_claim(before, 0);
            (old, now)
        };
        // All shards are empty before the first value is dropped or shown to the listener, which may panic or take long.
        let taken: Vec<(Slab<V, L>, u64)> = inner.table.shards.iter().map(take).collect();
        inner.dispose(taken.into_iter().flat_map(|(mut old, taken_at)| {
            (0..old.end()).filter_map(move |index| {
                let cause = old.cause_of_leaving(index, |deadline| deadline <= taken_at);
                old.release(index, cause)
            })
        }));
    }

    /// Removes expired entries at once, on this thread, in time proportional to the number of all entries. With the system clock expired
    /// entries go by themselves; with a manual one only this call frees them.
    ///
    /// ```
    /// use polycache_engine::{Clock, Decision, Engine, ManualClock};
    /// use std::time::Duration;
    ///
    /// let manual = ManualClock::new();
    /// let engine = Engine::builder().clock(Clock::Manual(manual.clone())).build();
    /// let deadline = engine.clock().deadline(Duration::from_secs(1));
    /// engine.update("k", |_| (Decision::Store { value: "v", weight: 1, deadline }, ()));
    /// manual.advance(Duration::from_secs(2));
    /// assert_eq!((engine.get("k"), engine.len()), (None, 1));
    /// engine.remove_expired();
    /// assert_eq!(engine.len(), 0);
    /// ```
    pub fn remove_expired(&self) {
        let clock = self.clock();
        let mut place = Some(Cursor::default());
        while let Some(from) = place {
            place = self.remove_where(from, EXPIRY_BATCH as u32, |slab, index| {
                clock.has_passed(slab.deadline(index)).then_some(Cause::Expired)
            });
        }
    }

    fn remove_where(
        &self,
        from: Cursor,
        places: u32,
        why: impl Fn(&Slab<V, L>, u32) -> Option<Cause>,
    ) -> Option<Cursor> {
        let inner = &*self.inner;
        let mut out = Batch::new();
        let mut shard = inner.table.shards.get(from.shard)?.0.write();
        let last = shard.slab.end();
        let end = last.min(from.index.saturating_add(places));
        for index in from.index..end {
            if let Some(cause) = shard.slab.slot(index).value.as_ref().and_then(|_| why(&shard.slab, index)) {
                // Counted one by one, since `why` may panic.
                let before = shard.quota();
                shard.delete(index, cause, &mut out);
                inner.count_claim(before, shard.quota());
            }
        }
        let spare = shard.take_spare();
        drop(shard);
        drop(spare);
        inner.dispose(out);
        self.after(from, end, last)
    }

    fn after(&self, from: Cursor, visited: u32, end: u32) -> Option<Cursor> {
        if visited < end {
            return Some(Cursor { shard: from.shard, index: visited });
        }
        let shard = from.shard + 1;
        (shard < self.inner.table.shards.len()).then_some(Cursor { shard, index: 0 })
    }
}
