//! The store of a memory cache: the engine, with Python objects as its values.
//!
//! The short way reads and writes it directly; all else comes through the core, for which it is a backend. The objects are its values
//! themselves: an allocation for each, as the core's own memory backend has it, would be a third of an entry. Its `clear` knows where a
//! namespace ends, though keys have no separator.

use std::sync::Arc;
use std::time::Duration;

use polycache::backend::{
    Backend, BackendInfo, Clears, Cursor, Entry, Found, Key, Page, Pattern, SetOptions, Version, Want, When,
};
use polycache::{Error, ErrorKind, Raw, Reply, Result, Ttl, Value};
use polycache_engine::{Cursor as Place, Decision, Engine, NEVER, Present, Removed, Small};
use pyo3::prelude::*;

use super::held::{Carried, Held, UsualLength};

/// Stands between a namespace and one nested in it.
const NESTS: u8 = b':';

/// The rough weight of an entry, which decides how many shards a store has.
const TYPICAL_BYTES: u64 = 1_024;

/// The shards of a store without a bound. Python's threads take turns, so more would only make `multi_get` slower; with one, the store
/// would stand still for long while its index is made anew.
const SHARDS: usize = 8;

/// How many places of the table are visited in one hold of a lock.
const BATCH: u32 = 1_024;

/// What an entry may be bounded by.
#[derive(Debug, Clone, Copy)]
pub(super) enum Capacity {
    None,
    Entries(u64),
    Bytes(u64),
}

/// A table of Python objects. A clone is a handle on the same one.
#[derive(Debug, Clone)]
pub(super) struct Store {
    engine: Engine<Held, Small>,
    usual: UsualLength,
    capacity: Capacity,
    /// Whether a separator stands behind a namespace, so that a prefix tells where it ends.
    is_separated: bool,
    info: BackendInfo,
    clears: Arc<Clears>,
    _emptied: Arc<Emptied>,
}

/// Empties the engine when the last handle goes: its entries have no destructors.
#[derive(Debug)]
struct Emptied(Engine<Held, Small>);

impl Drop for Emptied {
    fn drop(&mut self) {
        self.0.clear();
    }
}

impl Store {
    pub(super) fn new(capacity: Capacity, is_separated: bool) -> Self {
        let builder = Engine::builder().small().listener(|removed: Removed<Held>| removed.value.give_back());
        let engine = match capacity {
            Capacity::None => builder.shards(SHARDS),
            Capacity::Entries(entries) => builder.capacity(entries),
            Capacity::Bytes(bytes) => builder.capacity(bytes).entry_weight(TYPICAL_BYTES),
        };
        let mut info = BackendInfo::new("memory");
        info.capabilities.live_objects = true;
        info.capabilities.exclusive = true;
        let engine = engine.build();
        let _emptied = Arc::new(Emptied(engine.clone()));
        Self { engine, usual: UsualLength::default(), capacity, is_separated, info, clears: Arc::default(), _emptied }
    }

    /// Whether entries are weighed.
    pub(super) const fn weighs(&self) -> bool {
        matches!(self.capacity, Capacity::Bytes(_))
    }

    pub(super) fn len(&self) -> usize {
        self.engine.len()
    }

    /// The object under the key `prefix` + `name`. Of one with something beside it only that it is there: the cache has to be asked.
    #[inline]
    pub(super) fn find(&self, py: Python<'_>, prefix: &str, name: &str) -> Option<Option<Py<PyAny>>> {
        let look = |held: &Held| held.object(py);
        if prefix.is_empty() { self.engine.view(name, look) } else { self.engine.view_joined(prefix, name, look) }
    }

    /// As [`find`](Self::find) of many names. Who takes the objects does so under a lock.
    pub(super) fn find_many<'a>(
        &'a self,
        py: Python<'a>,
        prefix: &'a str,
        names: &'a [&str],
    ) -> impl ExactSizeIterator<Item = Option<Option<Py<PyAny>>>> {
        self.engine.view_many(prefix, names.iter().copied(), move |held| held.map(|held| held.object(py)))
    }

    /// Stores an object without a weight.
    #[inline]
    pub(super) fn put(
        &self,
        object: Bound<'_, PyAny>,
        key: &str,
        namespace_length: u32,
        deadline: u64,
    ) -> PyResult<()> {
        let py = object.py();
        let value = Held::plain(object, namespace_length, &self.usual)?;
        let decision = Decision::Store { value, weight: 1, deadline };
        self.engine.exchange(key, |_| (decision, ()), |left| left.for_each(|removed| removed.value.drop(py)));
        Ok(())
    }

    pub(super) fn deadline(&self, ttl: Ttl) -> u64 {
        match ttl {
            Ttl::Never => NEVER,
            Ttl::After(life) => self.engine.clock().deadline(life),
        }
    }

    /// Shows every live entry to `visit`, which runs under a lock.
    pub(super) fn each(&self, mut visit: impl FnMut(&str, &Held)) {
        let mut place = Some(Place::default());
        while let Some(from) = place {
            place = self.engine.walk(from, BATCH, &mut visit);
        }
    }

    /// The length of an entry's namespace.
    pub(super) fn namespace_length(&self, py: Python<'_>, held: &Held) -> Option<u32> {
        held.namespace_length(py, &self.usual)
    }

    fn look_at(&self, key: &str, want: Want) -> Option<Found> {
        if want.has(Want::VERSION) {
            self.engine.number_writes();
        }
        attached(|py| {
            let look = |present: Present<'_, Held>| {
                let mut found = Found::new();
                found.value = want.has(Want::VALUE).then(|| present.value.value(py, &self.usual));
                found.version = want.has(Want::VERSION).then_some(Version::number(present.version));
                found.ttl = want.has(Want::TTL).then(|| self.remaining(present.deadline));
                found
            };
            if want.has(Want::VALUE) { self.engine.read(key, look) } else { self.engine.peek(key, look) }
        })
    }

    fn remaining(&self, deadline: u64) -> Ttl {
        match deadline {
            NEVER => Ttl::Never,
            deadline => Ttl::After(self.engine.clock().remaining(deadline).max(Duration::from_millis(1))),
        }
    }

    fn weight(&self, value: &Value) -> Result<u64> {
        let Capacity::Bytes(most) = self.capacity else { return Ok(1) };
        let weight = value.downcast_ref::<Carried>().map_or(0, |carried| carried.weight);
        if weight > most {
            let text = format!(
                "the entry weighs {weight}, and the cache holds {most} in all; raise max_memory, or store less"
            );
            return Err(Error::new(ErrorKind::TooLarge, text));
        }
        Ok(weight)
    }

    fn store(&self, key: &str, value: Value, options: &SetOptions) -> Result<bool> {
        let weight = self.weight(&value)?;
        let deadline = self.deadline(options.ttl);
        let Some(held) = Python::try_attach(|py| Held::of(py, value, self.weighs(), &self.usual)) else {
            return Err(Error::new(ErrorKind::Closed, "Python is ending"));
        };
        let mut held = Some(held?);
        let stored = self.engine.update(key, |present| {
            match held.take_if(|_| allows(&options.when, present.as_ref()) && options.permitted()) {
                Some(value) => (Decision::Store { value, weight, deadline }, true),
                None => (Decision::Keep, false),
            }
        });
        held.into_iter().for_each(Held::give_back);
        Ok(stored)
    }
}

impl Backend for Store {
    fn info(&self) -> &BackendInfo {
        &self.info
    }

    fn get(&self, key: Key<'_>) -> Reply<Option<Value>> {
        Reply::ready(attached(|py| self.engine.view(key.full(), |held| held.value(py, &self.usual))))
    }

    fn look(&self, key: Key<'_>, want: Want) -> Reply<Option<Found>> {
        Reply::ready(self.look_at(key.full(), want))
    }

    fn multi_get(&self, keys: &[Key<'_>], want: Want) -> Reply<Vec<Option<Found>>> {
        Reply::ready(keys.iter().map(|key| self.look_at(key.full(), want)).collect())
    }

    fn set(&self, key: Key<'_>, value: Value, options: SetOptions) -> Reply<bool> {
        Reply::from(self.store(key.full(), value, &options))
    }

    fn multi_set(&self, entries: Vec<Entry<'_>>) -> Reply<()> {
        // All entries are weighed before the first is stored: if one is too large, nothing changes.
        for Entry { value, .. } in &entries {
            if let Err(error) = self.weight(value) {
                return Reply::error(error);
            }
        }
        for Entry { key, value, ttl, .. } in entries {
            if let Err(error) = self.store(key.full(), value, &SetOptions::new(ttl, When::Always)) {
                return Reply::error(error);
            }
        }
        Reply::ready(())
    }

    fn increment(&self, _: Key<'_>, _: i64, _: Ttl) -> Reply<i64> {
        unsupported("Python's numbers are added by Python")
    }

    fn expire(&self, key: Key<'_>, ttl: Ttl) -> Reply<bool> {
        let deadline = self.deadline(ttl);
        Reply::ready(self.engine.update(key.full(), |present| (Decision::Expire { deadline }, present.is_some())))
    }

    fn delete(&self, key: Key<'_>, when: When) -> Reply<bool> {
        Reply::ready(self.engine.update(key.full(), |present| match present {
            Some(present) if allows(&when, Some(&present)) => (Decision::Delete, true),
            // An expired entry may go at once.
            None if when == When::Always => (Decision::Delete, false),
            _ => (Decision::Keep, false),
        }))
    }

    fn multi_delete(&self, keys: &[Key<'_>]) -> Reply<u64> {
        let delete = |key: &&Key<'_>| self.engine.update(key.full(), |present| (Decision::Delete, present.is_some()));
        Reply::ready(keys.iter().filter(delete).count() as u64)
    }

    fn clear(&self, prefix: &str) -> Reply<()> {
        if prefix.is_empty() {
            self.engine.clear();
            return Reply::ready(());
        }
        let mut place = Some(Place::default());
        while let Some(from) = place {
            place = attached(|py| {
                self.engine.delete_where(from, BATCH, |key, held| {
                    if self.is_separated {
                        return key.starts_with(prefix);
                    }
                    let Some(length) = held.namespace_length(py, &self.usual).map(|length| length as usize) else {
                        return false;
                    };
                    let nests = length > prefix.len() && key.as_bytes()[prefix.len()] == NESTS;
                    (nests || length == prefix.len()) && key.starts_with(prefix)
                })
            });
        }
        Reply::ready(())
    }

    fn scan(&self, prefix: &str, pattern: &Pattern, cursor: Option<Cursor>) -> Reply<Page> {
        let from = cursor.map_or(Place::default(), |cursor| Place::new(cursor.part as usize, cursor.place as u32));
        let mut keys = Vec::new();
        let next = self.engine.walk(from, BATCH, |key, _| {
            if key.starts_with(prefix) {
                keys.push(key.to_owned());
            }
        });
        // Outside of the lock, since a pattern can take long.
        keys.retain(|key| key.strip_prefix(prefix).is_some_and(|name| pattern.matches(name)));
        let next = next.map(|place| Cursor { part: place.shard() as u64, place: u64::from(place.index()) });
        Reply::ready(Page::new(keys, next))
    }

    fn raw(&self, command: &str, _: &[&[u8]]) -> Reply<Raw> {
        unsupported(&format!("a memory cache has no command {command:?} of its own"))
    }

    fn close(&self) -> Reply<()> {
        self.engine.clear();
        Reply::ready(())
    }

    fn clears(&self) -> Option<Arc<Clears>> {
        Some(Arc::clone(&self.clears))
    }
}

fn allows(when: &When, present: Option<&Present<'_, Held>>) -> bool {
    match when {
        When::Always => true,
        When::Absent => present.is_none(),
        When::Unchanged(version) => present.is_some_and(|present| version.as_number() == Some(present.version)),
        _ => false,
    }
}

fn unsupported<T: Send + 'static>(text: &str) -> Reply<T> {
    Reply::error(Error::new(ErrorKind::Unsupported, text))
}

/// Attaches the thread, which most often is, before a lock of the engine is taken: who holds the interpreter's lock may wait for the
/// engine's, and never the other way round. At the interpreter's end nothing is found.
fn attached<T>(find: impl FnOnce(Python<'_>) -> Option<T>) -> Option<T> {
    Python::try_attach(find).flatten()
}
