//! The store: shards under locks, their common bound, and the operations.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use foldhash::fast::RandomState;
use parking_lot::RwLock;

use crate::builder::Builder;
use crate::clock::{Clock, NEVER};
use crate::key;
use crate::layout::{Layout, Quick};
use crate::reaper;
use crate::removed::{Batch, Cause, Removed};
use crate::shard::{Decision, New, Present, Room, Shard};
use crate::wheel;

/// How many expired entries are removed in one hold of a lock.
pub(crate) const EXPIRY_BATCH: usize = 128;

/// A writer that needs room removes this many expired entries, if there are any, before it evicts live ones. It looks for them only while
/// the thread that removes them is at work, or where there is no such thread.
const EXPIRY_BEFORE_EVICTION: usize = 4;

/// Called with every entry that left, after the shard's lock was released.
pub(crate) type Listener<V> = dyn Fn(Removed<V>) + Send + Sync;

/// A bounded, sharded, expiring table of `V` by key. A clone is a handle on the same table.
pub struct Engine<V, L: Layout = Quick> {
    /// A copy of the parts that a read needs: following one more pointer would be felt in a hit.
    pub(crate) table: Table<V, L>,
    pub(crate) inner: Arc<Inner<V, L>>,
}

/// A shard under its lock.
pub(crate) type Locked<V, L> = Padded<RwLock<Shard<V, L>>>;

/// The shards, and the hasher that finds a key's shard.
pub(crate) struct Table<V, L: Layout = Quick> {
    pub(crate) shards: Arc<[Locked<V, L>]>,
    pub(crate) hasher: RandomState,
    pub(crate) clock: Clock,
}

pub(crate) struct Inner<V, L: Layout = Quick> {
    pub(crate) table: Table<V, L>,
    capacity: u64,
    /// The capacity divided by the shards.
    share: u64,
    /// The sum of what the shards have claimed of the capacity; not kept where the store is unbounded.
    claimed: Padded<AtomicU64>,
    listener: OnceLock<Box<Listener<V>>>,
    /// Whether the thread that removes expired entries knows this store.
    swept: AtomicBool,
    /// Whether writes are numbered in all shards.
    pub(crate) is_numbered: AtomicBool,
}

/// A value on cache lines of its own (a pair, since processors prefetch pairs).
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Padded<T>(pub(crate) T);

impl<V: Send + Sync + 'static> Engine<V> {
    /// Settings to change, and then to build an engine from.
    #[must_use]
    pub fn builder() -> Builder<V> {
        Builder::default()
    }
}

impl<V: Send + Sync + 'static, L: Layout> Engine<V, L> {
    pub(crate) fn new(settings: Builder<V, L>, shards: usize) -> Self {
        let Builder { capacity, clock, pointee, listener, .. } = settings;
        let now = clock.now();
        let shards = std::iter::repeat_with(|| Padded(RwLock::new(Shard::new(now, pointee, capacity != u64::MAX))))
            .take(shards)
            .collect();
        let table = Table { shards, hasher: RandomState::default(), clock };
        let inner = Inner {
            share: if capacity == u64::MAX { u64::MAX } else { capacity / table.shards.len() as u64 },
            table: table.clone(),
            capacity,
            claimed: Padded(AtomicU64::new(0)),
            listener: listener.map_or_else(OnceLock::new, OnceLock::from),
            swept: AtomicBool::new(false),
            is_numbered: AtomicBool::new(L::NUMBERED),
        };
        Self { table, inner: Arc::new(inner) }
    }

    /// Reads and changes the entry under `key` in one atomic step. `decide` is shown the live entry or its absence, and runs under a lock:
    /// it must be quick and not call the engine.
    ///
    /// Returns what `decide` returned beside its decision.
    ///
    /// ```
    /// use polycache_engine::{Decision, Engine, NEVER};
    ///
    /// let engine = Engine::builder().build();
    /// let add = || engine.update("n", |present| {
    ///     let sum = present.map_or(0, |entry| *entry.value) + 1;
    ///     (Decision::Store { value: sum, weight: 1, deadline: NEVER }, sum)
    /// });
    /// assert_eq!((add(), add()), (1, 2));
    /// ```
    pub fn update<R>(&self, key: &str, decide: impl FnOnce(Option<Present<'_, V>>) -> (Decision<V>, R)) -> R {
        self.change(key, decide, |left| self.inner.dispose(left))
    }

    /// As [`update`](Self::update), but the entries that leave are given to `take` in place of the listener, after the lock was released.
    #[inline]
    pub fn exchange<R>(
        &self,
        key: &str,
        decide: impl FnOnce(Option<Present<'_, V>>) -> (Decision<V>, R),
        take: impl FnOnce(smallvec::IntoIter<[Removed<V>; 2]>),
    ) -> R {
        self.change(key, decide, |left| take(left.into_iter()))
    }

    /// `take` gets the batch itself: an iterator over it would cost each write.
    #[inline]
    fn change<R>(
        &self,
        key: &str,
        decide: impl FnOnce(Option<Present<'_, V>>) -> (Decision<V>, R),
        take: impl FnOnce(Batch<V>),
    ) -> R {
        let inner = &*self.inner;
        let (tag, place) = self.table.locate(key);
        let mut out = Batch::new();
        let mut wake_at = NEVER;
        let mut guard = self.table.shards[place].0.write();
        let shard = &mut *guard;
        let found = shard.find(tag, key);
        let expired = found.is_some_and(|index| shard.has_expired(index, &self.table.clock));
        let (decision, result) = decide(found.filter(|_| !expired).and_then(|index| shard.present(index)));
        let before = shard.quota();
        match (decision, found) {
            (Decision::Keep, Some(index)) if expired => shard.delete(index, Cause::Expired, &mut out),
            (Decision::Keep | Decision::Delete | Decision::Expire { .. }, None) | (Decision::Keep, _) => {}
            (Decision::Store { value, weight, deadline }, found) => {
                debug_assert!(weight <= inner.capacity, "the caller checks");
                wake_at = deadline;
                let new = New { value, weight, deadline };
                let mut room = inner.room();
                match found {
                    Some(index) => {
                        let cause = if expired { Cause::Expired } else { Cause::Replaced };
                        shard.replace(index, new, cause, room, &mut out);
                    }
                    None => {
                        let lacks_room = shard.weight() + weight > shard.quota().saturating_add(room.free);
                        if lacks_room && self.may_hold_expired() {
                            shard.expire(self.table.clock.coarse(), EXPIRY_BEFORE_EVICTION, &mut out);
                            room.free += before - shard.quota();
                        }
                        shard.insert(tag, key, new, room, &mut out);
                    }
                }
            }
            (Decision::Expire { deadline }, Some(index)) if !expired => {
                wake_at = deadline;
                shard.expire_at(index, deadline);
            }
            (Decision::Delete | Decision::Expire { .. }, Some(index)) => {
                let cause = if expired { Cause::Expired } else { Cause::Deleted };
                shard.delete(index, cause, &mut out);
            }
        }
        let after = shard.quota();
        let exceeded = before != after && inner.count_claim(before, after) > inner.capacity;
        drop(guard);
        if exceeded {
            self.settle(place, &mut out);
        }
        // Before the listener runs or a value is dropped: either may panic.
        self.wake_reaper(wake_at);
        take(out);
        result
    }

    /// The number of entries, including expired ones that aren't removed yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.shards.iter().map(|shard| shard.0.read().len()).sum()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The weight of all entries together.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.table.shards.iter().map(|shard| shard.0.read().weight()).sum()
    }

    /// The greatest weight of all entries together; `u64::MAX` where the store is unbounded.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.inner.capacity
    }

    /// Sets the [listener](Builder::listener), unless there is one already. Returns whether it was set.
    pub fn listen(&self, listener: impl Fn(Removed<V>) + Send + Sync + 'static) -> bool {
        self.inner.listener.set(Box::new(listener)).is_ok()
    }

    /// The clock of the engine.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.table.clock
    }

    /// Has the other shards make room after one has claimed too much.
    #[cold]
    fn settle(&self, place: usize, out: &mut Batch<V>) {
        let inner = &*self.inner;
        let share = inner.room().share;
        let mask = self.table.shards.len() - 1;
        // The changed shard comes last, since it holds the new entry.
        for offset in 1..=self.table.shards.len() {
            let mut shard = self.table.shards[(place + offset) & mask].0.write();
            let excess = inner.claimed.0.load(Ordering::Relaxed).saturating_sub(inner.capacity);
            let before = shard.quota();
            shard.give_back(excess, share, out);
            if inner.count_claim(before, shard.quota()) <= inner.capacity {
                return;
            }
        }
    }

    /// Whether there may be entries whose deadline has passed. While the thread that removes them is at rest there are none, or only those
    /// of the last moment: a writer needn't read a clock.
    #[inline]
    fn may_hold_expired(&self) -> bool {
        !matches!(self.table.clock, Clock::System) || reaper::is_at_work()
    }

    #[inline]
    fn wake_reaper(&self, deadline: u64) {
        if deadline == NEVER || !matches!(self.table.clock, Clock::System) {
            return;
        }
        if !self.inner.swept.load(Ordering::Relaxed) && !self.inner.swept.swap(true, Ordering::Relaxed) {
            let store: Weak<Inner<V, L>> = Arc::downgrade(&self.inner);
            reaper::register(store);
        }
        reaper::wake_by(wheel::due_after(deadline));
    }
}

impl<V, L: Layout> Inner<V, L> {
    fn room(&self) -> Room {
        let free = match self.capacity {
            u64::MAX => u64::MAX,
            capacity => capacity.saturating_sub(self.claimed.0.load(Ordering::Relaxed)),
        };
        Room { free, share: self.share }
    }

    /// Counts a shard's change of quota. Returns the sum that all shards have claimed after it. To be called under the shard's lock:
    /// otherwise another thread's return could be counted before this claim, and the sum fall below zero.
    pub(crate) fn count_claim(&self, before: u64, after: u64) -> u64 {
        if self.capacity == u64::MAX {
            return 0;
        }
        let change = after.wrapping_sub(before);
        self.claimed.0.fetch_add(change, Ordering::Relaxed).wrapping_add(change)
    }

    /// For tests, while nothing else runs: the counted claims are the shards' claims.
    #[cfg(test)]
    pub(crate) fn check_claims(&self) {
        if self.capacity == u64::MAX {
            return;
        }
        let claimed: u64 = self.table.shards.iter().map(|shard| shard.0.read().quota()).sum();
        assert_eq!(claimed, self.claimed.0.load(Ordering::Relaxed));
        assert!(claimed <= self.capacity);
    }

    /// Drops all entries that left, or hands them to the listener. If the listener panics, the first panic goes on after the last entry. No
    /// lock may be held.
    #[inline]
    pub(crate) fn dispose(&self, left: impl IntoIterator<Item = Removed<V>>) {
        if let Some(listener) = self.listener.get() {
            tell(listener, left);
        }
    }
}

fn tell<V>(listener: &dyn Fn(Removed<V>), left: impl IntoIterator<Item = Removed<V>>) {
    let mut first = None;
    for removed in left {
        match (catch_unwind(AssertUnwindSafe(|| listener(removed))), &first) {
            (Ok(()), _) => {}
            (Err(payload), None) => first = Some(payload),
            // Dropping the payload may panic, too.
            (Err(payload), Some(_)) => std::mem::forget(payload),
        }
    }
    if let Some(payload) = first {
        resume_unwind(payload);
    }
}

impl<V, L: Layout> Table<V, L> {
    #[inline]
    pub(crate) fn locate(&self, key: &str) -> (u32, usize) {
        self.place(key::hash(&self.hasher, key.as_bytes()))
    }

    #[inline]
    pub(crate) fn place(&self, hash: u64) -> (u32, usize) {
        ((hash >> 32) as u32, hash as usize & (self.shards.len() - 1))
    }
}

impl<V, L: Layout> Clone for Table<V, L> {
    fn clone(&self) -> Self {
        Self { shards: Arc::clone(&self.shards), hasher: self.hasher.clone(), clock: self.clock.clone() }
    }
}

impl<V, L: Layout> Clone for Engine<V, L> {
    fn clone(&self) -> Self {
        Self { table: self.table.clone(), inner: Arc::clone(&self.inner) }
    }
}

impl<V, L: Layout> fmt::Debug for Engine<V, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("capacity", &self.inner.capacity)
            .field("shards", &self.table.shards.len())
            .field("clock", &self.table.clock)
            .finish_non_exhaustive()
    }
}
