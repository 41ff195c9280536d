//! The memory backend's operations. Each is done when it returns.

use std::sync::Arc;

use polycache_engine::{Cursor as Place, Decision, Life, Present};

use super::Memory;
use super::counter::{self, Number};
use crate::backend::{
    Backend, BackendInfo, Clears, Cursor, Entry, Found, Key, Page, Pattern, SetOptions, Version, Want, When,
};
use crate::events::{EventKinds, Listener};
use crate::value::{Looked, Validity};
use crate::{Error, ErrorKind, Raw, Reply, Result, Ttl, Value};

/// How often `increment` asks an object of a foreign type for its number while others write.
const MAX_ASKED: usize = 1_000;

/// How many places of the table `clear`, `scan` and `raw keys` visit in one hold of a lock.
const BATCH: u32 = 1_024;

impl Backend for Memory {
    fn info(&self) -> &BackendInfo {
        &self.info
    }

    #[inline]
    fn get(&self, key: Key<'_>) -> Reply<Option<Value>> {
        match key.parts() {
            None => Reply::ready(self.engine.view_life(key.full(), |value, life| self.hit(value, life))),
            Some((prefix, name)) => self.get_joined(prefix, name),
        }
    }

    fn look(&self, key: Key<'_>, want: Want) -> Reply<Option<Found>> {
        Reply::ready(self.find(key.full(), want))
    }

    fn multi_get(&self, keys: &[Key<'_>], want: Want) -> Reply<Vec<Option<Found>>> {
        let keys = keys.iter().map(|key| key.full());
        Reply::ready(match want {
            Want::VALUE => keys.map(|key| self.find_value(key)).collect(),
            _ => keys.map(|key| self.find(key, want)).collect(),
        })
    }

    fn set(&self, key: Key<'_>, value: Value, options: SetOptions) -> Reply<bool> {
        Reply::from(self.store(key, value, &options))
    }

    fn multi_set(&self, entries: Vec<Entry<'_>>) -> Reply<()> {
        // All entries are weighed before the first is stored: if one is too large, nothing changes.
        let weigh = |entry: &Entry<'_>| {
            let key = entry.key.full();
            self.weigher.weigh(key, &entry.value).map_err(|error| error.about(key))
        };
        let weights = match entries.iter().map(weigh).collect::<Result<Vec<u64>>>() {
            Ok(weights) => weights,
            Err(error) => return Reply::error(error),
        };
        for (Entry { key, value, ttl }, weight) in entries.into_iter().zip(weights) {
            let deadline = self.deadline(ttl);
            let value = value.shared();
            self.engine.update(key.full(), |_| (Decision::Store { value, weight, deadline }, ()));
        }
        Reply::ready(())
    }

    fn increment(&self, key: Key<'_>, delta: i64, ttl: Ttl) -> Reply<i64> {
        Reply::from(self.add_to(key.full(), delta, ttl))
    }

    fn expire(&self, key: Key<'_>, ttl: Ttl) -> Reply<bool> {
        let deadline = self.deadline(ttl);
        Reply::ready(self.engine.update(key.full(), |present| (Decision::Expire { deadline }, present.is_some())))
    }

    fn delete(&self, key: Key<'_>, when: When) -> Reply<bool> {
        Reply::ready(match when {
            When::Always => self.remove(key),
            when => self.engine.update(key.full(), |present| match present {
                Some(_) if allows(&when, present) => (Decision::Delete, true),
                _ => (Decision::Keep, false),
            }),
        })
    }

    fn multi_delete(&self, keys: &[Key<'_>]) -> Reply<u64> {
        Reply::ready(keys.iter().filter(|key| self.remove(**key)).count() as u64)
    }

    fn clear(&self, prefix: &str) -> Reply<()> {
        if prefix.is_empty() {
            self.engine.clear();
            return Reply::ready(());
        }
        self.delete_where(|key, _| key.starts_with(prefix));
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

    fn raw(&self, command: &str, args: &[&[u8]]) -> Reply<Raw> {
        let refuse = |text| Reply::error(Error::new(ErrorKind::InvalidInput, text));
        if !args.is_empty() {
            return refuse(format!("the memory backend's {command:?} takes no arguments"));
        }
        match command {
            "len" => Reply::ready(Raw::Int(self.len() as i64)),
            "weight" => Reply::ready(Raw::Int(self.weight() as i64)),
            "keys" => Reply::ready(Raw::List(self.all_keys())),
            other => refuse(format!("the memory backend knows no command {other:?}; it knows len, weight and keys")),
        }
    }

    fn close(&self) -> Reply<()> {
        self.engine.clear();
        Reply::ready(())
    }

    fn listen(&self, listener: Listener) {
        if listener.kinds().overlaps(EventKinds::REMOVALS) {
            self.listeners.add(listener);
            let listeners = Arc::clone(&self.listeners);
            // This becomes the engine's listener, unless the builder's is, which tells the listeners too.
            self.engine.listen(move |removed| Self::tell(&listeners, &removed.key, removed.cause));
        }
    }

    fn clears(&self) -> Option<Arc<Clears>> {
        Some(Arc::clone(&self.clears))
    }

    fn marks_hits(&self) -> bool {
        true
    }
}

impl Memory {
    /// Shows every entry to `visit`, unless it has expired. An entry that is there all the time is shown once. `visit` runs under a lock:
    /// it must be quick and not use the store. Plugins don't hear of it.
    ///
    /// ```
    /// use polycache::backends::memory::Memory;
    /// use polycache::Cache;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// let memory = Memory::new();
    /// let cache = Cache::builder().backend(memory.clone()).build()?;
    /// cache.multi_set([("a", 1), ("b", 2)]).await?;
    /// let mut sum = 0;
    /// memory.each(|_, value| sum += value.downcast_ref::<i32>().unwrap_or(&0));
    /// assert_eq!(sum, 3);
    /// # Ok(()) }
    /// ```
    pub fn each(&self, mut visit: impl FnMut(&str, &Value)) {
        let mut place = Some(Place::default());
        while let Some(from) = place {
            place = self.engine.walk(from, BATCH, &mut visit);
        }
    }

    /// Deletes the entries that `chosen` picks. `chosen` runs under a lock: it must be quick and not use the store. This is for the
    /// `clear` of a backend around this one: a cache on it doesn't hear of these deletions, and may store what it is computing.
    ///
    /// ```
    /// use polycache::backends::memory::Memory;
    /// use polycache::Cache;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// let memory = Memory::new();
    /// let cache = Cache::builder().backend(memory.clone()).build()?;
    /// cache.multi_set([("a", 1), ("b", 2)]).await?;
    /// memory.delete_where(|_, value| value.downcast_ref() == Some(&1));
    /// assert!(!cache.exists("a").await? && cache.exists("b").await?);
    /// # Ok(()) }
    /// ```
    pub fn delete_where(&self, chosen: impl Fn(&str, &Value) -> bool) {
        let mut place = Some(Place::default());
        while let Some(from) = place {
            place = self.engine.delete_where(from, BATCH, &chosen);
        }
    }

    /// A function of its own, so that a hit of a key without a namespace stays small.
    #[inline(never)]
    fn get_joined(&self, prefix: &str, name: &str) -> Reply<Option<Value>> {
        Reply::ready(self.engine.view_joined_life(prefix, name, |value, life| self.hit(value, life)))
    }

    #[inline]
    fn hit(&self, value: &Value, life: Life) -> Value {
        value.hit(|Validity { fresh, calm, since }| {
            let has_left = |millis| self.engine.clock().has_left(life, millis);
            if since <= self.clears.now() {
                Looked::Nowhere
            } else if has_left(calm) {
                Looked::Calm
            } else if calm > fresh && has_left(fresh) {
                Looked::Store
            } else {
                Looked::Nowhere
            }
        })
    }

    fn find(&self, key: &str, want: Want) -> Option<Found> {
        let look = |present: Present<'_, Value>| {
            let mut found = Found::new();
            found.value = want.has(Want::VALUE).then(|| present.value.clone());
            found.version = want.has(Want::VERSION).then_some(Version::number(present.version));
            found.ttl = want.has(Want::TTL).then(|| match want.has(Want::ROUGH) {
                true => self.roughly_remaining(present.deadline, present.value),
                false => self.remaining(present.deadline),
            });
            found
        };
        // Only a read of the value counts as a use of the entry.
        if want.has(Want::VALUE) { self.engine.read(key, look) } else { self.engine.peek(key, look) }
    }

    fn find_value(&self, key: &str) -> Option<Found> {
        self.engine.get(key).map(|value| {
            let mut found = Found::new();
            found.value = Some(value);
            found
        })
    }

    fn store(&self, key: Key<'_>, value: Value, options: &SetOptions) -> Result<bool> {
        let weight = self.weigher.weigh(key.full(), &value)?;
        let deadline = self.deadline(options.ttl);
        let mut value = Some(value.shared());
        let stored = self.engine.update(key.full(), |present| {
            match value.take_if(|_| allows(&options.when, present) && options.permitted()) {
                Some(value) => (Decision::Store { value, weight, deadline }, true),
                None => (Decision::Keep, false),
            }
        });
        Ok(stored)
    }

    fn remove(&self, key: Key<'_>) -> bool {
        self.engine.update(key.full(), |present| (Decision::Delete, present.is_some()))
    }

    fn add_to(&self, key: &str, delta: i64, ttl: Ttl) -> Result<i64> {
        let deadline = self.deadline(ttl);
        // The weight of the longest number, so that a counter always weighs the same.
        let weight = self.weigher.weigh(key, &self.counter(i64::MIN))?;
        let mut known = None;
        for _ in 0..MAX_ASKED {
            let step = self.engine.update(key, |present| {
                let Some(present) = present else {
                    return (Decision::Store { value: self.counter(delta), weight, deadline }, Ok(Step::Done(delta)));
                };
                let number = match (counter::find(present.value), known) {
                    (Number::Is(number), _) => number,
                    // The object's own code has told its number, for just this version.
                    (Number::Unknown, Some((version, number))) if version == present.version => number,
                    (Number::Unknown, _) => {
                        return (Decision::Keep, Ok(Step::Ask(present.version, present.value.clone())));
                    }
                    (Number::NotOne, _) => return (Decision::Keep, Err(counter::not_a_number())),
                };
                match counter::add(number, delta) {
                    Ok(sum) => {
                        let value = if present.value.is_object() { Value::typed(sum) } else { counter::text(sum) };
                        (Decision::Store { value, weight, deadline: present.deadline }, Ok(Step::Done(sum)))
                    }
                    Err(error) => (Decision::Keep, Err(error)),
                }
            })?;
            match step {
                Step::Done(sum) => return Ok(sum),
                Step::Ask(version, value) => match counter::find_in_object(&value) {
                    Number::Is(number) => known = Some((version, number)),
                    _ => return Err(counter::not_a_number()),
                },
            }
        }
        Err(Error::new(ErrorKind::Backend, "the value changed each time it was asked what number it is; try again"))
    }

    /// A new counter, as an object where the store holds objects.
    fn counter(&self, number: i64) -> Value {
        if self.info.capabilities.live_objects { Value::typed(number) } else { counter::text(number) }
    }

    fn all_keys(&self) -> Vec<Raw> {
        let mut keys = Vec::new();
        self.each(|key, _| keys.push(Raw::Bytes(key.into())));
        keys
    }
}

fn allows(when: &When, present: Option<Present<'_, Value>>) -> bool {
    match when {
        When::Always => true,
        When::Absent => present.is_none(),
        When::Unchanged(version) => present.is_some_and(|present| version.as_number() == Some(present.version)),
    }
}

enum Step {
    Done(i64),
    /// The value must be asked for its number outside of the lock.
    Ask(u64, Value),
}
