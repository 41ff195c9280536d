//! How entries lie in memory: for the quickest read, or in the least room.

use std::fmt::Debug;
use std::sync::atomic::Ordering;

use crate::clock::NEVER;
use crate::engine::Engine;
use crate::index::WORDS;

/// How a store's entries lie in memory: [`Quick`] or [`Small`].
pub trait Layout: Debug + Copy + Send + Sync + 'static {
    /// The deadline in a slot.
    type Here: Deadline;
    /// The deadline among what only entries with one have.
    type Beside: Deadline;
    /// What stands beside the words of a line of the index.
    type Hints: Hints;
    /// Whether writes are numbered from the first on.
    const NUMBERED: bool;
}

/// A read of a cold entry waits for memory once. What an engine is unless its [builder](crate::Builder) says otherwise.
#[derive(Debug, Clone, Copy)]
pub struct Quick;

/// An entry without a deadline takes half the room: no place for a deadline, no hints in the index, and no versions until they are
/// [asked for](crate::Engine::number_writes). A read of a cold entry waits for memory twice.
#[derive(Debug, Clone, Copy)]
pub struct Small;

impl Layout for Quick {
    type Here = u64;
    type Beside = ();
    type Hints = [u32; WORDS];
    const NUMBERED: bool = true;
}

impl Layout for Small {
    type Here = ();
    type Beside = u64;
    type Hints = ();
    const NUMBERED: bool = false;
}

impl<V: Send + Sync + 'static, L: Layout> Engine<V, L> {
    /// Has writes numbered from now on, if they aren't, so that [`Present::version`](crate::Present::version) tells the values of a key
    /// apart. To be called before the first version is looked at. In an engine of the layout [`Quick`] writes always are.
    ///
    /// ```
    /// use polycache_engine::{Decision, Engine, NEVER};
    ///
    /// let engine = Engine::builder().small().build();
    /// engine.number_writes();
    /// let put = |value| engine.update("k", |_| (Decision::Store { value, weight: 1, deadline: NEVER }, ()));
    /// put("old");
    /// let version = engine.peek("k", |present| present.version);
    /// put("new");
    /// assert_ne!(engine.peek("k", |present| present.version), version);
    /// ```
    pub fn number_writes(&self) {
        if !self.inner.is_numbered.load(Ordering::Acquire) {
            self.inner.table.shards.iter().for_each(|shard| shard.0.write().number_writes());
            self.inner.is_numbered.store(true, Ordering::Release);
        }
    }
}

/// A place for a deadline, or none.
pub trait Deadline: Debug + Copy + Send + Sync + 'static {
    /// What holds no deadline, or [`NEVER`].
    const EMPTY: Self;

    /// `None` where there is no place.
    fn get(self) -> Option<u64>;

    /// Does nothing where there is no place.
    fn set(&mut self, deadline: u64);
}

impl Deadline for u64 {
    const EMPTY: Self = NEVER;

    #[inline]
    fn get(self) -> Option<u64> {
        Some(self)
    }

    #[inline]
    fn set(&mut self, deadline: u64) {
        *self = deadline;
    }
}

impl Deadline for () {
    const EMPTY: Self = ();

    #[inline]
    fn get(self) -> Option<u64> {
        None
    }

    #[inline]
    fn set(&mut self, _: u64) {}
}

/// The hints of a line of the index, or none.
pub trait Hints: Debug + Clone + Default + Send + Sync + 'static {
    /// Aligned as a line of the index.
    type Unit: Debug + Clone + Send + Sync + 'static;
    /// Whether there are hints.
    const KEPT: bool;

    /// The hint at this place; zero where there is none.
    fn at(&self, place: usize) -> u32;

    /// Does nothing where there is no hint.
    fn set(&mut self, place: usize, hint: u32);
}

/// Cache lines that processors fetch as a pair.
#[derive(Debug, Clone)]
#[repr(align(128))]
pub struct Pair;

/// A cache line.
#[derive(Debug, Clone)]
#[repr(align(64))]
pub struct Single;

impl Hints for [u32; WORDS] {
    type Unit = Pair;
    const KEPT: bool = true;

    #[inline]
    fn at(&self, place: usize) -> u32 {
        self[place]
    }

    #[inline]
    fn set(&mut self, place: usize, hint: u32) {
        self[place] = hint;
    }
}

impl Hints for () {
    type Unit = Single;
    const KEPT: bool = false;

    #[inline]
    fn at(&self, _: usize) -> u32 {
        0
    }

    #[inline]
    fn set(&mut self, _: usize, _: u32) {}
}
