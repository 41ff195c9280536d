//! Settings of the store.

use std::fmt;
use std::marker::PhantomData;

use crate::clock::Clock;
use crate::engine::{Engine, Listener};
use crate::layout::{Layout, Quick, Small};
use crate::removed::Removed;

/// The fewest entries worth a shard of their own: with fewer in a shard, hits are lost.
const MIN_SHARD_ENTRIES: u64 = 32;

/// Settings of an [`Engine`].
pub struct Builder<V, L: Layout = Quick> {
    pub(crate) capacity: u64,
    shards: Option<usize>,
    entry_weight: u64,
    pub(crate) clock: Clock,
    pub(crate) pointee: fn(&V) -> usize,
    pub(crate) listener: Option<Box<Listener<V>>>,
    layout: PhantomData<L>,
}

impl<V> Builder<V> {
    /// Has entries without a deadline take half the room, and reads of cold entries longer: the layout [`Small`].
    ///
    /// ```
    /// use polycache_engine::{Decision, Engine, NEVER};
    ///
    /// let engine = Engine::builder().small().build();
    /// engine.update("k", |_| (Decision::Store { value: "v", weight: 1, deadline: NEVER }, ()));
    /// assert_eq!(engine.get("k"), Some("v"));
    /// ```
    #[must_use]
    pub fn small(self) -> Builder<V, Small> {
        self.laid_out()
    }

    pub(crate) fn laid_out<L: Layout>(self) -> Builder<V, L> {
        let Self { capacity, shards, entry_weight, clock, pointee, listener, .. } = self;
        Builder { capacity, shards, entry_weight, clock, pointee, listener, layout: PhantomData }
    }
}

impl<V, L: Layout> Builder<V, L> {
    /// The greatest weight of all entries together. Unbounded by default.
    #[must_use]
    pub fn capacity(mut self, weight: u64) -> Self {
        self.capacity = weight;
        self
    }

    /// The rough weight of one entry; 1 by default. A store with room for few entries has fewer shards.
    #[must_use]
    pub fn entry_weight(mut self, weight: u64) -> Self {
        self.entry_weight = weight.max(1);
        self
    }

    /// The number of shards, rounded up to a power of two. By default four for each core, or fewer for a small capacity.
    #[must_use]
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = Some(shards);
        self
    }

    /// The clock of the store.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Tells the address that a value points to, where a reader of the value goes on reading. The processor fetches that memory while the
    /// entry is looked up. Nothing is read there: a wrong address costs time, no more. By default only the entry itself is fetched. The
    /// function runs under a lock: it must be quick and not call the engine.
    #[must_use]
    pub fn pointee(mut self, address: fn(&V) -> usize) -> Self {
        self.pointee = address;
        self
    }

    /// Called with every entry that leaves, on the thread whose call removed the entry, or on the thread that removes expired entries. No
    /// lock is held. If the listener panics, it is still called with the other entries that left at the same time; then the first panic
    /// goes on.
    #[must_use]
    pub fn listener(mut self, listener: impl Fn(Removed<V>) + Send + Sync + 'static) -> Self {
        self.listener = Some(Box::new(listener));
        self
    }
}

impl<V: Send + Sync + 'static, L: Layout> Builder<V, L> {
    /// Makes the engine.
    #[must_use]
    pub fn build(self) -> Engine<V, L> {
        let wanted = self.shards.unwrap_or_else(|| {
            let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
            let most = self.capacity / self.entry_weight.saturating_mul(MIN_SHARD_ENTRIES);
            let most = usize::try_from(most).unwrap_or(usize::MAX).max(1);
            // The largest power of two that isn't above `most`.
            (4 * cores).next_power_of_two().min(1 << most.ilog2())
        });
        Engine::new(self, wanted.max(1).next_power_of_two())
    }
}

impl<V> Default for Builder<V> {
    fn default() -> Self {
        let layout = PhantomData;
        let (capacity, entry_weight, clock) = (u64::MAX, 1, Clock::System);
        Self { capacity, shards: None, entry_weight, clock, pointee: |_| 0, listener: None, layout }
    }
}

impl<V, L: Layout> fmt::Debug for Builder<V, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("capacity", &self.capacity)
            .field("shards", &self.shards)
            .finish_non_exhaustive()
    }
}
