//! Entries with tags: a backend around the cache's own, which hides those whose tags were cleared.
//!
//! The head of an entry has, for each of its tags, the generation that the tag had when the entry's computation began. The entry is there
//! as long as all these generations are the present ones. Generations are entries of the backend (`records`), or counts where the backend
//! keeps the clears itself ([`Clears`]).

mod operations;
mod records;
mod unasked;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use compact_str::CompactString;

pub(crate) use self::records::{Known, Tag};
use crate::backend::{Backend, Clears, Found, Key, OwnedKey, Permit, SetOptions, Want, When};
use crate::join::{join, together};
use crate::lease::is_lease;
use crate::repeated::tell_repeated;
use crate::{Head, Reply, Result, Ttl, Value};

/// The backend of a cache, for all but the hits of entries without tags.
#[derive(Debug, Clone)]
pub(crate) struct Tagged {
    inner: Arc<dyn Backend>,
    shared: Arc<Shared>,
    /// Tags that are read with each entry. The first of them are those of what is stored, unless it has its own.
    tags: Arc<[Tag]>,
    own: usize,
    /// Whether an entry with a grace whose tag was cleared is stale, and not gone.
    makes_stale: bool,
}

/// What all views of a cache share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clears: Option<Arc<Clears>>,
    /// See [`Backend::marks_hits`].
    pub(crate) marks_hits: bool,
    /// Whether this process has come upon tags: before, it doesn't look for them where no value is asked for.
    used: AtomicBool,
    pub(crate) known: Known,
}

impl Shared {
    pub(crate) fn new(backend: &dyn Backend) -> Arc<Self> {
        let (clears, marks_hits) = (backend.clears(), backend.marks_hits());
        Arc::new(Self { clears, marks_hits, used: AtomicBool::new(false), known: Known::default() })
    }

    pub(crate) fn is_used(&self) -> bool {
        match &self.clears {
            Some(clears) => clears.is_used(),
            None => self.used.load(Ordering::Acquire),
        }
    }

    pub(crate) fn uses(&self) {
        match &self.clears {
            Some(clears) => clears.uses(),
            None if self.is_used() => {}
            None => self.used.store(true, Ordering::Release),
        }
    }
}

/// The generations of some tags.
type Generations = Vec<(CompactString, Option<u64>)>;

/// An entry that a write depends on.
enum Seen {
    Nothing,
    Valid,
    /// A tag of the entry was cleared, and it isn't stale: that is left to the grace.
    Cleared(Found),
}

impl Tagged {
    /// Reads all of `tags` with each entry, and gives the first `own` of them to what is stored.
    pub(crate) fn new(
        inner: Arc<dyn Backend>,
        shared: Arc<Shared>,
        tags: Arc<[Tag]>,
        own: usize,
        makes_stale: bool,
    ) -> Self {
        Self { inner, shared, tags, own, makes_stale }
    }

    fn own(&self) -> &[Tag] {
        &self.tags[..self.own.min(self.tags.len())]
    }

    /// Whether nothing has tags here, as far as this process knows.
    fn is_plain(&self) -> bool {
        self.tags.is_empty() && !self.shared.is_used()
    }

    /// The entries without those whose tags were cleared. `read` are the generations that were read with them.
    fn check(&self, found: Vec<Option<Found>>, read: Generations) -> Reply<Vec<Option<Found>>> {
        if !found.iter().flatten().filter_map(|found| found.value.as_ref()).any(Value::is_tagged) {
            return Reply::ready(found);
        }
        self.shared.uses();
        if let Some(clears) = &self.shared.clears {
            let judged = found.into_iter().map(|found| self.judge(found, |value| clears.spare(value)));
            return Reply::ready(judged.collect());
        }
        let this = self.clone();
        Reply::pending(async move {
            let mut generations = read;
            let mut missing: Vec<Tag> = Vec::new();
            for head in found.iter().flatten().filter_map(|found| found.value.as_ref()?.head()) {
                for (name, _) in head.tags() {
                    let is_known = generations.iter().any(|(known, _)| known == name);
                    if !is_known && !missing.iter().any(|tag| tag.name == name) {
                        missing.push(Tag::new(name));
                    }
                }
            }
            if !missing.is_empty() {
                let read = records::read(&*this.inner, &missing).await?;
                generations.extend(missing.into_iter().map(|tag| tag.name).zip(read));
            }
            let is_present = |name: &str, generation: u64| {
                generations.iter().any(|(known, present)| known == name && *present == Some(generation))
            };
            let spares = |value: &Value| {
                value.head().is_none_or(|head| head.tags().all(|(name, generation)| is_present(name, generation)))
            };
            Ok(found.into_iter().map(|found| this.judge(found, spares)).collect())
        })
    }

    fn judge(&self, found: Option<Found>, spares: impl Fn(&Value) -> bool) -> Option<Found> {
        let mut found = found?;
        let Some(value) = found.value.take_if(|value| value.is_tagged()) else { return Some(found) };
        if spares(&value) {
            found.value = Some(value.checked());
            return Some(found);
        }
        let head = value.head().filter(|head| self.makes_stale && head.grace().is_some())?.without_entry();
        // Older than any grace.
        found.value = Some(value.with_head(&head.with_grace(Duration::MAX)));
        Some(found)
    }

    fn check_one(&self, found: Option<Found>, read: Generations) -> Reply<Option<Found>> {
        match &found {
            Some(Found { value: Some(value), .. }) if value.is_tagged() => {}
            _ => return Reply::ready(found),
        }
        if let Some(clears) = &self.shared.clears {
            self.shared.uses();
            return Reply::ready(self.judge(found, |value| clears.spare(value)));
        }
        self.check(vec![found], read).map(|found| found.into_iter().next().flatten())
    }

    /// What a read finds, if its tags weren't cleared. Each hit in memory of a cache with a grace comes here.
    fn checking(&self, read: Reply<Option<Found>>) -> Reply<Option<Found>> {
        match read.now() {
            Ok(Ok(found)) => self.check_one(found, Vec::new()),
            Ok(Err(error)) => Reply::error(error),
            Err(pending) => {
                let this = self.clone();
                pending.and_then(move |found| this.check_one(found, Vec::new()))
            }
        }
    }

    /// Looks at the tags of what a read has found.
    pub(crate) fn checked(&self, found: Vec<Option<Found>>) -> Reply<Vec<Option<Found>>> {
        self.check(found, Vec::new())
    }

    /// Looks at the tags of a value that a read has found.
    pub(crate) fn checked_value(&self, value: Value) -> Reply<Option<Value>> {
        self.check_one(Some(Found::of(value)), Vec::new()).map(|found| found?.value)
    }

    /// Whether this view's tags are read with each entry.
    pub(crate) fn reads_tags(&self) -> bool {
        !self.tags.is_empty() && self.shared.clears.is_none()
    }

    /// Asks for an entry together with this view's generations, in one call.
    fn read_with_tags(&self, key: Key<'_>, want: Want) -> Reply<Vec<Option<Found>>> {
        let keys: Vec<Key<'_>> = std::iter::once(key).chain(self.tags.iter().map(Tag::record)).collect();
        self.inner.multi_get(&keys, want)
    }

    /// The entry of such a read, if it is there and none of its tags was cleared.
    async fn settle_one(&self, read: Reply<Vec<Option<Found>>>) -> Result<Option<Found>> {
        let mut found = read.await?.into_iter();
        let mut entry = found.next().flatten();
        let read: Vec<Option<u64>> = found.map(records::generation).collect();
        if read.len() != self.tags.len() {
            return Err(records::miscounted(&*self.inner, read.len(), self.tags.len()));
        }
        // What most reads find, at once: an entry that has no other tags.
        if let Some(Found { value: Some(value), .. }) = &mut entry
            && value.head().is_some_and(|head| head.tags().all(|tag| self.is_present(tag, &read)))
        {
            *value = std::mem::replace(value, Value::bytes([])).checked();
            return Ok(entry);
        }
        Ok(self.settle(vec![entry], read).await?.into_iter().next().flatten())
    }

    /// Whether it is a tag of this view's, with the generation that was `read`.
    fn is_present(&self, (name, generation): (&str, u64), read: &[Option<u64>]) -> bool {
        let mut present = self.tags.iter().zip(read);
        present.any(|(tag, read)| tag.name == name && *read == Some(generation))
    }

    /// Runs a read together with one of this view's generations. Where an entry is missing, tags without a generation get one, if they can:
    /// somebody is going to store something.
    async fn with_tags(&self, read: Reply<Vec<Option<Found>>>) -> Result<Vec<Option<Found>>> {
        let (found, generations) = together(join(read, records::read(&*self.inner, &self.tags))).await;
        self.settle(found?, generations?).await
    }

    async fn settle(&self, found: Vec<Option<Found>>, read: Vec<Option<u64>>) -> Result<Vec<Option<Found>>> {
        let names = self.tags.iter().map(|tag| tag.name.clone());
        let found = self.check(found, names.zip(read.iter().copied()).collect()).await?;
        if found.iter().any(Option::is_none)
            && let Err(error) = records::complete(&self.inner, &self.shared.known, &self.tags, read).await
        {
            // The read has its answer. What is computed now isn't stored, or is lost.
            let cause = (Arc::as_ptr(&self.shared).addr(), error.kind());
            tell_repeated!(WARN, cause, %error, "a tag gets no generation: what is computed with it isn't stored");
        }
        Ok(found)
    }

    /// Learns the present generations of this view's tags.
    pub(crate) fn learn(&self) -> Reply<()> {
        if !self.reads_tags() {
            return Reply::ready(());
        }
        let this = self.clone();
        Reply::pending(async move { this.generations(&this.tags).await.map(drop) })
    }

    /// The present generations of some tags.
    pub(crate) async fn generations(&self, tags: &[Tag]) -> Result<Vec<u64>> {
        let read = records::read(&*self.inner, tags).await?;
        records::complete(&self.inner, &self.shared.known, tags, read).await
    }

    /// The value with this view's tags, as of now, unless it has its own.
    fn mark(&self, key: Key<'_>, value: Value, ttl: Ttl) -> Reply<Value> {
        if (self.own == 0 && !value.is_tagged()) || is_lease(key.full()) {
            return Reply::ready(value);
        }
        self.shared.uses();
        if let Some(clears) = &self.shared.clears {
            let now = clears.now();
            return Reply::ready(match value.is_tagged() {
                true => value,
                false => with_tags(value, self.own().iter().map(|tag| (&*tag.name, now))),
            });
        }
        let this = self.clone();
        Reply::pending(async move {
            let (value, tags) = if value.is_tagged() {
                let head = value.head().unwrap_or_default();
                let tags: Vec<Tag> = head.tags().map(|(name, _)| Tag::new(name)).collect();
                (value, tags)
            } else {
                let numbers = this.generations(this.own()).await?;
                let tags = this.own().iter().zip(numbers).map(|(tag, number)| (&*tag.name, number));
                (with_tags(value, tags), this.own().to_vec())
            };
            records::prolong(&this.inner, &this.shared.known, &tags, ttl).await?;
            Ok(value)
        })
    }

    /// The entry under `key` with its version, for a write that depends on it.
    fn seen(&self, key: Key<'_>) -> Reply<Seen> {
        let this = self.clone();
        self.inner.look(key, Want::VERSIONED).and_then(move |found| {
            let version = found.as_ref().and_then(|found| found.version.clone());
            this.check_one(found, Vec::new()).map(move |checked| match (checked, version) {
                (Some(_), _) => Seen::Valid,
                (None, Some(version)) => {
                    let mut found = Found::new();
                    found.version = Some(version);
                    Seen::Cleared(found)
                }
                (None, None) => Seen::Nothing,
            })
        })
    }

    /// A write on a condition: an entry whose tag was cleared counts as none, and is replaced if it is still the one that was seen. Its
    /// version may be lost with the connection: so it is looked at `again`.
    fn set_if(self, key: OwnedKey, value: Value, mut options: SetOptions, again: bool) -> Reply<bool> {
        self.seen(key.key()).and_then(move |seen| {
            match (&options.when, seen) {
                (When::Absent, Seen::Valid) | (When::Unchanged(_), Seen::Cleared(_)) => return Reply::ready(false),
                // Who writes ends the lease first, so the lease guards the entry.
                (When::Absent, Seen::Cleared(_)) if options.permit.as_ref().and_then(Permit::lease).is_some() => {
                    options.when = When::Always;
                }
                (When::Absent, Seen::Cleared(Found { version: Some(version), .. })) => {
                    let once = SetOptions { when: When::Unchanged(version), ..options.clone() };
                    let stored = self.inner.set(key.key(), value.clone(), once);
                    return stored.and_then(move |stored| match stored || !again {
                        true => Reply::ready(stored),
                        false => self.set_if(key, value, options, false),
                    });
                }
                _ => {}
            }
            self.inner.set(key.key(), value, options)
        })
    }

    /// Clears a tag: it has no generation until somebody stores something with it. `every` is the tag that all clears clear, before any
    /// other: a value whose tags were not known when its computation began goes by it.
    pub(crate) fn clear_tag(&self, tag: &Tag, every: &Tag) -> Reply<()> {
        if let Some(clears) = &self.shared.clears {
            clears.clear(&tag.name);
            return Reply::ready(());
        }
        self.shared.uses();
        // Both are asked for at once, so that a backend which remembers lost writes knows of both.
        let first = self.inner.delete(every.record(), When::Always);
        let second = self.inner.delete(tag.record(), When::Always);
        let (inner, tag) = (Arc::clone(&self.inner), tag.clone());
        Reply::pending(async move {
            let Err(error) = first.await else { return second.await.map(drop) };
            // Asked for anew: by now such a backend knows what it has to make up for first.
            drop(second);
            inner.delete(tag.record(), When::Always).await?;
            Err(error)
        })
    }
}

/// The value with these tags.
pub(crate) fn with_tags<'a>(value: Value, tags: impl Iterator<Item = (&'a str, u64)>) -> Value {
    let head = value.head().map(Head::into_owned).unwrap_or_default();
    let head = tags.fold(head, |head, (name, number)| head.with_tag(name, number));
    value.with_head(&head)
}
