//! One shard: an index, a slab, an eviction policy and a timing wheel, and the steps of an entry through them.

use arrayvec::ArrayVec;
use compact_str::CompactString;

use crate::clock::{Clock, Life};
use crate::engine::EXPIRY_BATCH;
use crate::index::{Check, Index};
use crate::key;
use crate::layout::{Layout, Quick};
use crate::policy::{Policy, Victims};
use crate::removed::{Batch, Cause, Removed};
use crate::slab::{NIL, Slab, Slot, UNNUMBERED};
use crate::wheel::{Turn, Wheel};

/// An entry as the caller of [`Engine::update`](crate::Engine::update) finds it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Present<'a, V> {
    /// Its value.
    pub value: &'a V,
    /// The number of the write that made the value. Never used twice for a key, even after a deletion. The values that were there before
    /// writes were [numbered](crate::Engine::number_writes) have one number.
    pub version: u64,
    /// When it expires, in milliseconds on the engine's clock, or [`NEVER`](crate::NEVER).
    pub deadline: u64,
}

/// What to do with an entry.
#[derive(Debug)]
pub enum Decision<V> {
    /// Leaves the entry as it is, or absent.
    Keep,
    /// Stores a new value, in place of the present one if there is one.
    Store {
        /// The value.
        value: V,
        /// The entry's weight. Not above the capacity.
        weight: u64,
        /// When it expires, in milliseconds on the engine's clock, or [`NEVER`](crate::NEVER).
        deadline: u64,
    },
    /// Sets another deadline; the value and its version stay. Does nothing where there is no entry.
    Expire {
        /// When it expires, in milliseconds on the engine's clock, or [`NEVER`](crate::NEVER).
        deadline: u64,
    },
    /// Deletes the entry.
    Delete,
}

/// The space that all shards share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// The part of the capacity that no shard has claimed.
    pub(crate) free: u64,
    /// The weight a shard may expect to claim while the store fills up.
    pub(crate) share: u64,
}

#[derive(Debug)]
pub(crate) struct Shard<V, L: Layout = Quick> {
    index: Index<L>,
    pub(crate) slab: Slab<V, L>,
    policy: Policy,
    wheel: Wheel,
    /// The part of the capacity that this shard has claimed: at least its weight. Weight that the policy evicts beyond need stays claimed,
    /// up to the shard's share. Otherwise the other shards would grow into it, and this one never get it back.
    quota: u64,
    last_version: u64,
    /// Whether the store has a bound, and so entries that make room for others.
    is_bounded: bool,
    /// The address of what a value points to.
    pointee: fn(&V) -> usize,
}

/// Tells whether a slot has the wanted key.
struct Look<'a, V, L: Layout, K> {
    slab: &'a Slab<V, L>,
    is_key: K,
}

impl<'a, V, L: Layout, K: Fn(&[u8]) -> bool> Check for Look<'a, V, L, K> {
    type Found = (u32, &'a Slot<V, L>, &'a V);

    // A closure would be compiled as a call.
    #[allow(clippy::inline_always, reason = "measured: 30 of a hit's instructions")]
    #[inline(always)]
    fn check(&self, index: u32) -> Option<Self::Found> {
        let slot = self.slab.get(index)?;
        Some((index, slot, slot.value_where(&self.is_key)?))
    }
}

impl<V, L: Layout> Shard<V, L> {
    pub(crate) fn new(now_ms: u64, pointee: fn(&V) -> usize, is_bounded: bool) -> Self {
        Self {
            index: Index::new(),
            slab: Slab::new(is_bounded),
            policy: Policy::new(is_bounded),
            wheel: Wheel::new(now_ms),
            quota: 0,
            last_version: UNNUMBERED,
            is_bounded,
            pointee,
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.policy.len()
    }

    pub(crate) const fn weight(&self) -> u64 {
        self.policy.weight()
    }

    pub(crate) const fn quota(&self) -> u64 {
        self.quota
    }

    pub(crate) fn next_due(&self) -> u64 {
        self.wheel.next_due()
    }

    /// The slot of this key's entry.
    pub(crate) fn find(&self, tag: u32, key: &str) -> Option<u32> {
        self.index.find(tag, |index| {
            self.slab.get(index)?.value_where(|found| key::equal(found, key.as_bytes())).map(|_| index)
        })
    }

    /// The value of the live entry whose key `is_key` accepts, and its life. Counts as a read.
    #[inline]
    pub(crate) fn get(&self, tag: u32, is_key: impl Fn(&[u8]) -> bool, clock: &Clock) -> Option<(&V, Life)> {
        let (index, slot, value) = self.index.find(tag, Look { slab: &self.slab, is_key })?;
        let life = clock.life(self.slab.deadline_of(index, slot))?;
        slot.touch();
        Some((value, life))
    }

    /// The live entry of this key. Doesn't count as a read.
    pub(crate) fn peek(&self, tag: u32, key: &str, clock: &Clock) -> Option<Present<'_, V>> {
        let index = self.find(tag, key)?;
        if self.has_expired(index, clock) { None } else { self.present(index) }
    }

    /// The live entry of this key. Counts as a read.
    pub(crate) fn read(&self, tag: u32, key: &str, clock: &Clock) -> Option<Present<'_, V>> {
        let index = self.find(tag, key)?;
        if self.has_expired(index, clock) {
            return None;
        }
        self.slab.slot(index).touch();
        self.present(index)
    }

    pub(crate) fn has_expired(&self, index: u32, clock: &Clock) -> bool {
        clock.has_passed(self.slab.deadline(index))
    }

    pub(crate) fn present(&self, index: u32) -> Option<Present<'_, V>> {
        let slot = self.slab.slot(index);
        let (version, deadline) = (self.slab.version(index), self.slab.deadline_of(index, slot));
        slot.value.as_ref().map(|value| Present { value, version, deadline })
    }

    /// Stores a value for a key that has no entry, making room among the others first.
    pub(crate) fn insert(&mut self, tag: u32, key: &str, new: New<V>, room: Room, out: &mut Batch<V>) {
        let expected = if room.free == 0 { 0 } else { room.share.max(self.weight() + new.weight) };
        let budget = self.quota.max(expected);
        let hot = self.policy.enters_hot(tag, new.weight, budget);
        let full = room.free == 0 && self.weight() == self.quota;
        let coldest = if full && !hot { self.policy.replace_coldest(&self.slab, new.weight) } else { None };
        if let Some(index) = coldest {
            self.index.remove(self.slab.slot(index).tag, index);
            out.extend(self.slab.take(index, Cause::Evicted));
            self.fill(index, tag, key, new);
            return;
        }
        self.claim(new.weight, room, NIL, out);
        let Some(index) = self.slab.reserve() else {
            // The shard holds a hundred million entries, so the new one leaves at once.
            out.push(Removed { key: CompactString::new(key), value: new.value, cause: Cause::Evicted });
            return;
        };
        if self.index.is_full() {
            let entries = self.slab.entries().map(|(tag, index, value)| (tag, index, (self.pointee)(value)));
            self.index = Index::with_room(self.index.len(), entries);
        }
        self.slab.set_weight(index, new.weight);
        self.fill(index, tag, key, new);
        self.policy.insert(&mut self.slab, index, hot);
    }

    /// Puts a new entry into an empty slot, the index and the wheel.
    fn fill(&mut self, index: u32, tag: u32, key: &str, new: New<V>) {
        self.last_version += 1;
        self.slab.set_version(index, self.last_version);
        let address = (self.pointee)(&new.value);
        let slot = self.slab.slot_mut(index);
        slot.key = CompactString::new(key);
        slot.value = Some(new.value);
        slot.tag = tag;
        self.slab.set_deadline(index, new.deadline);
        self.wheel.set(&mut self.slab, index);
        self.index.insert(tag, index, address);
    }

    /// Stores a value over the entry at `index`.
    pub(crate) fn replace(&mut self, index: u32, new: New<V>, cause: Cause, room: Room, out: &mut Batch<V>) {
        let old_weight = self.slab.weight(index);
        if new.weight != old_weight {
            self.claim(new.weight.saturating_sub(old_weight), room, index, out);
            self.policy.reweigh(&mut self.slab, index, new.weight);
            self.quota -= old_weight.saturating_sub(new.weight);
        }
        self.last_version += 1;
        self.slab.set_version(index, self.last_version);
        self.expire_at(index, new.deadline);
        self.index.point(self.slab.slot(index).tag, index, (self.pointee)(&new.value));
        let slot = self.slab.slot_mut(index);
        slot.touch();
        if let Some(value) = slot.value.replace(new.value) {
            let key = slot.key.clone();
            out.push(Removed { key, value, cause });
        }
    }

    /// Has writes numbered from now on.
    pub(crate) fn number_writes(&mut self) {
        self.slab.number_writes();
    }

    /// Gives the entry another deadline.
    pub(crate) fn expire_at(&mut self, index: u32, deadline: u64) {
        if self.slab.deadline(index) != deadline {
            self.slab.set_deadline(index, deadline);
            self.wheel.set(&mut self.slab, index);
        }
    }

    pub(crate) fn delete(&mut self, index: u32, cause: Cause, out: &mut Batch<V>) {
        self.quota -= self.slab.weight(index);
        self.policy.remove(&mut self.slab, index);
        self.forget(index, cause, out);
    }

    /// Removes entries whose deadline has passed, in at most `steps` steps.
    pub(crate) fn expire(&mut self, now_ms: u64, steps: usize, out: &mut Batch<V>) {
        let mut expired: ArrayVec<u32, EXPIRY_BATCH> = ArrayVec::new();
        for _ in 0..steps.min(EXPIRY_BATCH) {
            match self.wheel.turn(&mut self.slab, now_ms) {
                Turn::Expired(index) => expired.push(index),
                Turn::Moved => {}
                Turn::Idle => break,
            }
        }
        // Their lines of the index are scattered. They are touched without dependencies, so the processor fetches many at a time.
        let mut seen = 0;
        for &index in &expired {
            seen ^= self.index.touch(self.slab.slot(index).tag);
        }
        std::hint::black_box(seen);
        for index in expired {
            self.delete(index, Cause::Expired, out);
        }
    }

    /// Makes `wanted` fit: under the quota, else by claiming free capacity, else by evicting. If all of that isn't enough, claims it all
    /// the same, and the other shards have to make room then. Weight that the eviction of a large entry freed beyond need stays with the
    /// shard only up to its share: otherwise one large value would leave its shard the whole capacity for ever.
    fn claim(&mut self, wanted: u64, room: Room, spared: u32, out: &mut Batch<V>) {
        let lacking = (self.weight() + wanted).saturating_sub(self.quota);
        if lacking == 0 {
            return;
        }
        let claimed = lacking.min(room.free);
        self.quota += claimed;
        if claimed < lacking {
            self.evict(lacking - claimed, spared, out);
            let needed = self.weight() + wanted;
            self.quota = self.quota.clamp(needed, needed.max(room.share));
        }
    }

    /// Evicts `wanted` weight, or all there is but `spared`.
    fn evict(&mut self, wanted: u64, spared: u32, out: &mut Batch<V>) {
        let goal = self.weight().saturating_sub(wanted);
        while self.weight() > goal {
            let mut victims = Victims::new();
            self.policy.evict(&mut self.slab, spared, self.quota, &mut victims);
            if victims.is_empty() {
                return;
            }
            // By reference, since iterating by value copies the array first.
            for &victim in &victims {
                self.forget(victim, Cause::Evicted, out);
            }
        }
    }

    /// Gives back `wanted` of the quota, evicting as needed. Also gives back unneeded quota above its `share`.
    pub(crate) fn give_back(&mut self, wanted: u64, share: u64, out: &mut Batch<V>) {
        let goal = self.quota.saturating_sub(wanted);
        self.evict(self.weight().saturating_sub(goal), NIL, out);
        self.quota = self.weight().max(goal.min(share));
    }

    /// The slots and the index of an empty shard, to be dropped outside of the lock. Tables don't shrink otherwise.
    pub(crate) fn take_spare(&mut self) -> Option<impl Sized + use<V, L>> {
        let spare = self.len() == 0 && self.slab.end() > 0;
        spare.then(|| {
            // Free slots may be in the wheel's lists.
            self.wheel.clear();
            (self.slab.replace_by_empty(self.is_bounded), std::mem::replace(&mut self.index, Index::new()))
        })
    }

    /// Takes all entries out at once; the caller drops the old contents.
    pub(crate) fn take(&mut self) -> Slab<V, L> {
        self.policy.clear();
        self.quota = 0;
        self.index = Index::new();
        self.wheel.clear();
        self.slab.replace_by_empty(self.is_bounded)
    }

    /// Removes an entry that has left its ring from the index, and frees its slot.
    fn forget(&mut self, index: u32, cause: Cause, out: &mut Batch<V>) {
        let tag = self.slab.slot(index).tag;
        self.index.remove(tag, index);
        if let Some(removed) = self.slab.release(index, cause) {
            out.push(removed);
        }
    }

    /// For tests: every entry is in the index, in a ring, and in the wheel if it has a deadline.
    #[cfg(test)]
    pub(crate) fn check(&self) {
        let live: Vec<u32> = (0..self.slab.end()).filter(|&index| self.slab.slot(index).value.is_some()).collect();
        assert_eq!(live.len(), self.len());
        assert_eq!(live.len(), self.index.len());
        assert_eq!(live.iter().map(|&index| self.slab.weight(index)).sum::<u64>(), self.weight());
        for index in live {
            let slot = self.slab.slot(index);
            assert_eq!(self.find(slot.tag, &slot.key), Some(index));
            let address = slot.value.as_ref().map(self.pointee);
            let is_hinted = <L::Hints as crate::layout::Hints>::KEPT;
            let hint = address.map(|address| if is_hinted { address & !63 } else { 0 });
            assert_eq!(self.index.hinted(slot.tag, index), hint);
            assert_eq!(self.slab.deadline(index) == crate::clock::NEVER, slot.timer_list == crate::wheel::NO_LIST);
            assert!(slot.references.load(std::sync::atomic::Ordering::Relaxed) <= crate::slab::MAX_REFERENCES);
        }
    }
}

/// A value on its way in.
#[derive(Debug)]
pub(crate) struct New<V> {
    pub(crate) value: V,
    pub(crate) weight: u64,
    pub(crate) deadline: u64,
}
