//! The reads of the store.

use crate::clock::Life;
use crate::engine::Engine;
use crate::joined::{Long, Pieces, Probe, Usual};
use crate::key;
use crate::layout::Layout;
use crate::shard::Present;

impl<V: Clone + Send + Sync + 'static, L: Layout> Engine<V, L> {
    /// The value under `key`, unless it has expired. Counts as a use of the entry.
    #[inline]
    #[must_use]
    pub fn get(&self, key: &str) -> Option<V> {
        self.view(key, V::clone)
    }

    /// As [`get`](Self::get) of the key that is `prefix` followed by `name`. The two aren't copied together.
    ///
    /// ```
    /// use polycache_engine::{Decision, Engine, NEVER};
    ///
    /// let engine = Engine::builder().build();
    /// engine.update("users:7", |_| (Decision::Store { value: "v", weight: 1, deadline: NEVER }, ()));
    /// assert_eq!(engine.get_joined("users:", "7"), Some("v"));
    /// ```
    #[inline]
    #[must_use]
    pub fn get_joined(&self, prefix: &str, name: &str) -> Option<V> {
        self.view_joined(prefix, name, V::clone)
    }
}

impl<V: Send + Sync + 'static, L: Layout> Engine<V, L> {
    /// Shows the value under `key` to `look`, unless it has expired. Counts as a use of the entry. `look` runs under a lock: it must be
    /// quick and not call the engine.
    ///
    /// ```
    /// use polycache_engine::{Decision, Engine, NEVER};
    ///
    /// let engine = Engine::builder().build();
    /// engine.update("k", |_| (Decision::Store { value: "v", weight: 1, deadline: NEVER }, ()));
    /// assert_eq!(engine.view("k", |value| value.len()), Some(1));
    /// ```
    #[inline]
    pub fn view<R>(&self, key: &str, look: impl FnOnce(&V) -> R) -> Option<R> {
        self.view_life(key, |value, _| look(value))
    }

    /// As [`view`](Self::view), with the entry's life, to be asked by [`Clock::has_left`](crate::Clock::has_left).
    ///
    /// ```
    /// use polycache_engine::{Decision, Engine};
    ///
    /// let engine = Engine::builder().build();
    /// let deadline = engine.clock().deadline(std::time::Duration::from_secs(60));
    /// engine.update("k", |_| (Decision::Store { value: "v", weight: 1, deadline }, ()));
    /// assert_eq!(engine.view_life("k", |_, life| engine.clock().has_left(life, 30_000)), Some(true));
    /// ```
    #[inline]
    pub fn view_life<R>(&self, key: &str, look: impl FnOnce(&V, Life) -> R) -> Option<R> {
        let (tag, shard) = self.table.locate(key);
        let shard = self.table.shards[shard].0.read();
        let (value, life) = shard.get(tag, |found| key::equal(found, key.as_bytes()), &self.table.clock)?;
        Some(look(value, life))
    }

    /// As [`view`](Self::view) of the key that is `prefix` followed by `name`. The two aren't copied together.
    #[inline]
    pub fn view_joined<R>(&self, prefix: &str, name: &str, look: impl FnOnce(&V) -> R) -> Option<R> {
        self.view_joined_life(prefix, name, |value, _| look(value))
    }

    /// As [`view_life`](Self::view_life), of a key as for [`view_joined`](Self::view_joined).
    #[inline]
    pub fn view_joined_life<R>(&self, prefix: &str, name: &str, look: impl FnOnce(&V, Life) -> R) -> Option<R> {
        let (prefix, name) = (prefix.as_bytes(), name.as_bytes());
        match Usual::new(prefix, name) {
            Some(usual) => self.view_by(&usual, look),
            None => self.view_unusual(prefix, name, look),
        }
    }

    #[inline(never)]
    fn view_unusual<R>(&self, prefix: &[u8], name: &[u8], look: impl FnOnce(&V, Life) -> R) -> Option<R> {
        match Long::new(prefix, name) {
            Some(long) => self.view_by(&long, look),
            None => self.view_by(&Pieces { prefix, name }, look),
        }
    }

    #[inline]
    fn view_by<R>(&self, key: &impl Probe, look: impl FnOnce(&V, Life) -> R) -> Option<R> {
        let (tag, shard) = self.table.place(key.hash(&self.table.hasher));
        let shard = self.table.shards[shard].0.read();
        let (value, life) = shard.get(tag, |found| key.is(found), &self.table.clock)?;
        Some(look(value, life))
    }

    /// Shows the entry under `key` to `look`, unless it has expired. Doesn't count as a use of the entry. `look` runs under a lock: it must
    /// be quick and not call the engine.
    ///
    /// ```
    /// use polycache_engine::{Decision, Engine, NEVER};
    ///
    /// let engine = Engine::builder().build();
    /// engine.update("k", |_| (Decision::Store { value: "v", weight: 1, deadline: NEVER }, ()));
    /// assert_eq!(engine.peek("k", |entry| entry.deadline), Some(NEVER));
    /// ```
    pub fn peek<R>(&self, key: &str, look: impl FnOnce(Present<'_, V>) -> R) -> Option<R> {
        let (tag, shard) = self.table.locate(key);
        self.table.shards[shard].0.read().peek(tag, key, &self.table.clock).map(look)
    }

    /// As [`peek`](Self::peek), but counts as a use of the entry.
    pub fn read<R>(&self, key: &str, look: impl FnOnce(Present<'_, V>) -> R) -> Option<R> {
        let (tag, shard) = self.table.locate(key);
        self.table.shards[shard].0.read().read(tag, key, &self.table.clock).map(look)
    }
}
