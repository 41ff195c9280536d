//! Stale entries: kept for a while after their TTL, for when their source fails.

use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;

use super::gate::Gate;
use super::keys::checked;
use super::tags::unless_cleared;
use super::{Cache, Layers};
use crate::backend::{Backend, Found, Key, SetOptions, Want, When};
use crate::backends::graced::{Age, FRESHNESS, Graced, ROUGHLY};
use crate::key::OwnedKey;
use crate::range::Range;
use crate::{Answer, CommandName, Error, ErrorKind, Readable, Reply, Result, Ttl, Value};

#[cfg(feature = "config")]
pub(crate) const GRACE: Range<Duration> = Range::from("grace", Duration::ZERO);
pub(crate) const REFRESH_EARLY: Range<f64> = Range::new("refresh_early", 0.0, NEVER_EARLY);

/// A longer grace counts as this one: with a life beyond what a backend can tell an entry would never be stale, or always.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The whole TTL.
pub(crate) const NEVER_EARLY: f64 = 1.0;

#[cfg(feature = "config")]
pub(crate) const THROTTLE: Range<Duration> = Range::from("throttle", Duration::ZERO);

/// Where stale entries are found, in a cache with a grace.
#[derive(Debug, Clone)]
pub(crate) struct Grace {
    /// The backend that the cache's own is around.
    inner: Arc<dyn Backend>,
    /// The part of a TTL after which an entry is refreshed early; 1 for never.
    early: f64,
}

/// Makes a computed value of what is stored.
type Read<T> = fn(&Cache, &str, Value, Age) -> Result<T>;

/// The age of a value whose reader doesn't ask how much of its TTL is left.
const CALM: Age = Age::Fresh(Ttl::Never);

impl Grace {
    /// The grace of a cache on `inner`, and the backend that keeps it; none where that is zero and nothing is refreshed early.
    pub(crate) fn around(inner: Arc<dyn Backend>, grace: Duration, early: f64) -> (Option<Self>, Arc<dyn Backend>) {
        if grace.is_zero() && early >= NEVER_EARLY {
            return (None, inner);
        }
        let backend = Arc::new(Graced::new(Arc::clone(&inner), grace.min(LONGEST), early));
        (Some(Self { inner, early }), backend)
    }
}

impl Cache {
    /// A view whose entries stay for so long after their TTL, a year at most, as by [`CacheBuilder::grace`](crate::CacheBuilder::grace);
    /// zero for none. Costs allocations.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// use polycache::{Cache, Ttl};
    /// use std::time::Duration;
    ///
    /// let prices = Cache::memory().with_ttl(Ttl::secs(60)).with_grace(Duration::from_secs(3_600));
    /// let price: Result<u32, &str> = prices.get_or_set("cup", || async { Ok(5) }).await;
    /// assert_eq!(price, Ok(5)); // within the next hour it is given where the source fails
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_grace(&self, grace: Duration) -> Self {
        self.on_layers(&Layers { grace, ..self.view.layers.clone() })
    }

    /// A view whose entries are refreshed early, as by [`CacheBuilder::refresh_early`](crate::CacheBuilder::refresh_early); 1 for never.
    /// What is out of bounds counts as the nearest bound. Costs allocations.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// use polycache::{Cache, Ttl};
    ///
    /// let prices = Cache::memory().with_ttl(Ttl::secs(60)).with_refresh_early(0.8);
    /// let price: Result<u32, &str> = prices.get_or_set("cup", || async { Ok(5) }).detached().await;
    /// assert_eq!(price, Ok(5)); // who asks in its last twelve seconds gets it at once, and has it computed anew
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_refresh_early(&self, part: f64) -> Self {
        let early = if part.is_nan() { NEVER_EARLY } else { part.clamp(0.0, NEVER_EARLY) };
        self.on_layers(&Layers { early, ..self.view.layers.clone() })
    }

    /// The value under `key` as by [`get`](Self::get), where there is no reason to compute it anew: it isn't to be
    /// [refreshed early](crate::CacheBuilder::refresh_early). For whoever then needs no [`get_or_set`](Self::get_or_set).
    ///
    /// # Errors
    /// As `get`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// use polycache::{Cache, Ttl};
    ///
    /// let cache = Cache::memory().with_ttl(Ttl::secs(60)).with_refresh_early(0.8);
    /// cache.set("cup", 5).await?;
    /// // For the next 48 seconds. Then it is `None`, and still `Some(5)` by `get`.
    /// assert_eq!(cache.get_calm::<u32>("cup").await?, Some(5));
    /// # Ok(()) }
    /// ```
    pub fn get_calm<T: Readable>(&self, key: &str) -> Reply<Option<T>> {
        self.serve_calm(key, |cache, key, stored, _| T::read(cache, key, stored))
    }

    pub(crate) fn has_grace(&self) -> bool {
        self.view.grace.is_some()
    }

    /// What there is under `key`, fresh or stale, and which of these it is. Plugins hear of a `get` that finds only what is fresh.
    pub(crate) fn aged<T: Send + 'static>(&self, key: &str, read: Read<T>) -> Reply<Option<(T, Age)>> {
        const NAME: CommandName = CommandName::Get;
        let recover = |cache: &Self, error: Error| cache.missed(error, None);
        match self.gate() {
            Gate::Shut => self.shut(NAME, None),
            Gate::Open => {
                if let Some(value) = self.calm_hit(key, read) {
                    return Reply::ready(Some((value, CALM)));
                }
                let want = if self.has_grace() { ROUGHLY } else { Want::VALUE };
                let found = self.with_key(key, |_, key| checked(key, |key| self.beneath().look(key, want)));
                self.finish(NAME, Some(key), found, move |cache, key, found| {
                    let read = |found: Found| {
                        let age = Age::of(&found);
                        let value = found.value.map_or(Ok(None), |value| unless_cleared(read(cache, key, value, age)));
                        value.map(|value| value.map(|value| (value, age)))
                    };
                    let aged = found.and_then(|found| found.map_or(Ok(None), read));
                    aged.or_else(|error| recover(cache, error.of(NAME, Some(key))))
                })
            }
            Gate::Hooked => self.hooked(
                NAME,
                [key],
                move |cache, keys| cache.aged(&keys[0], read),
                |aged| Answer::found(&aged.as_ref().filter(|(_, age)| age.is_fresh())),
                recover,
            ),
        }
    }

    /// A fresh value that isn't to be refreshed, if the store tells that at once.
    #[inline]
    fn calm_hit<T>(&self, key: &str, read: Read<T>) -> Option<T> {
        if !self.has_grace() || !self.view.layers.shared.marks_hits {
            return None;
        }
        match self.with_key(key, |_, key| self.view.direct.get(key)).now() {
            Ok(Ok(Some(value))) if value.is_calm_hit() => read(self, key, value, CALM).ok(),
            _ => None,
        }
    }

    /// The same of many keys. Plugins hear of a `multi_get`.
    pub(crate) fn multi_aged<T: Clone + Send + 'static>(
        &self,
        keys: &[impl AsRef<str>],
        read: Read<T>,
    ) -> Reply<Vec<Option<(T, Age)>>> {
        const NAME: CommandName = CommandName::MultiGet;
        let misses = keys.len();
        match self.gate() {
            Gate::Shut => self.shut(NAME, vec![None; misses]),
            Gate::Open => {
                let full = match self.checked_keys(keys) {
                    Ok(full) => full,
                    Err(error) => return Reply::error(error.of(NAME, None)),
                };
                let full: Vec<Key<'_>> = full.iter().map(OwnedKey::key).collect();
                let found = self.beneath().multi_get(&full, if self.has_grace() { FRESHNESS } else { Want::VALUE });
                let names: Vec<CompactString> = keys.iter().map(|key| CompactString::new(key)).collect();
                self.finish(NAME, None, found, move |cache, _, found| cache.read_all_aged(&names, found, read))
            }
            Gate::Hooked => self.hooked(
                NAME,
                keys,
                move |cache, keys| cache.multi_aged(keys, read),
                |aged| {
                    let fresh = |aged: &Option<(T, Age)>| aged.as_ref().is_some_and(|(_, age)| age.is_fresh());
                    Answer::Found {
                        hits: aged.iter().filter(|aged| fresh(aged)).count() as u64,
                        asked: aged.len() as u64,
                    }
                },
                move |cache, error| cache.missed(error, vec![None; misses]),
            ),
        }
    }

    fn read_all_aged<T: Clone>(
        &self,
        names: &[CompactString],
        found: Result<Vec<Option<Found>>>,
        read: Read<T>,
    ) -> Result<Vec<Option<(T, Age)>>> {
        const NAME: &str = CommandName::MultiGet.as_str();
        let found = match found {
            Ok(found) if found.len() == names.len() => found,
            Ok(found) => return Err(self.miscounted(found.len(), names.len())),
            Err(error) => return self.missed(error.during(NAME, None), vec![None; names.len()]),
        };
        let read_one = |(name, found): (&CompactString, Option<Found>)| {
            let Some(found) = found else { return Ok(None) };
            let age = Age::of(&found);
            let Some(value) = found.value else { return Ok(None) };
            match unless_cleared(read(self, name, value, age)) {
                Ok(value) => Ok(value.map(|value| (value, age))),
                Err(error) => self.missed(error.about(name).during(NAME, None), None),
            }
        };
        names.iter().zip(found).map(read_one).collect()
    }

    /// What there is under `key` for who would compute it otherwise: a fresh value, or a stale one whose source isn't to be asked yet.
    pub(super) fn serve<T: Send + 'static>(&self, key: &str, read: Read<T>) -> Reply<Option<T>> {
        self.aged(key, read)
            .map(|aged| aged.filter(|(_, age)| !matches!(age, Age::Stale { .. })).map(|(value, _)| value))
    }

    /// What there is under `key`, where it need not be renewed.
    pub(crate) fn serve_calm<T: Send + 'static>(&self, key: &str, read: Read<T>) -> Reply<Option<T>> {
        self.aged(key, read).map(|aged| aged.filter(|(_, age)| age.is_calm()).map(|(value, _)| value))
    }

    /// Whether a call whose computation may go on in a task asks how old the value is.
    #[inline]
    pub(crate) fn asks_age(&self) -> bool {
        self.view
            .grace
            .as_ref()
            .is_some_and(|grace| grace.early < NEVER_EARLY || self.view.options.patience.soft_timeout.is_some())
    }

    /// The backend with the entries that the cache's own takes for missing.
    pub(crate) fn beneath(&self) -> &dyn Backend {
        self.view.grace.as_ref().map_or(&*self.view.backend, |grace| &*grace.inner)
    }

    /// What there is under `key`, be it stale.
    pub(crate) fn serve_stale<T: Send + 'static>(&self, key: &str, read: Read<T>) -> Reply<Option<T>> {
        self.aged(key, read).map(|aged| aged.map(|(value, _)| value))
    }

    /// The value for a caller whose computation has failed: stale, or to be refreshed early, where nothing newer has come. Then its source
    /// isn't asked again for a while, which the entry says to other processes too.
    pub(crate) fn rescue<T: Send + 'static>(&self, key: &str, read: Read<T>) -> Reply<Option<T>> {
        const NAME: CommandName = CommandName::Get;
        let Some(grace) = self.view.grace.clone().filter(|_| !matches!(self.gate(), Gate::Shut)) else {
            return Reply::ready(None);
        };
        let looked =
            self.with_key(key, |_, key| checked(key, |key| grace.inner.look(key, FRESHNESS.and(Want::VERSION))));
        let (full, throttle) = (self.full_key(key), self.view.options.throttle);
        let rested = looked.and_then(move |found| {
            let Some(found) = found else { return Reply::ready(None) };
            let age = Age::of(&found);
            let Found { value: Some(value), version: Some(version), ttl, .. } = found else {
                return Reply::ready(None);
            };
            let (Some(Ttl::After(left)), false, false) = (ttl, age.is_calm(), throttle.is_zero()) else {
                return Reply::ready(Some((value, age)));
            };
            let head = value.head().map(|head| head.with_rests(left.saturating_sub(throttle)).into_owned());
            let resting = value.clone().with_head(&head.unwrap_or_default());
            let options = SetOptions::new(Ttl::After(left), When::unchanged(version));
            // Where this fails, the next caller asks the source.
            grace.inner.set(full.key(), resting, options).then(move |_| Reply::ready(Some((value, age))))
        });
        self.finish(NAME, Some(key), rested, move |cache, key, found| {
            found?.map_or(Ok(None), |(value, age)| unless_cleared(read(cache, key, value, age)))
        })
    }

    /// Whether it is to be asked for once more, of the backend that knows of the grace: the store was asked directly, and hasn't marked the
    /// value as a hit.
    #[inline]
    pub(super) fn is_doubtful(&self, value: &Value) -> bool {
        !value.is_plain() && self.has_grace() && self.view.layers.shared.marks_hits && !value.is_hit()
    }

    /// Whether the mark of a hit tells all: it comes from the cache's own store, and a value with a grace is for a cache with one.
    pub(super) fn trusts(&self, has_grace: bool) -> bool {
        self.view.layers.shared.marks_hits && (!has_grace || self.has_grace())
    }

    /// Refuses a value with a grace where the cache has none: it would take a stale one for a fresh one. And one whose tags forbid it.
    #[cold]
    pub(super) fn may_read(&self, value: &Value) -> Result<()> {
        if self.has_grace() || value.grace().is_none() {
            return self.spares(value);
        }
        let text = "it has a grace, and this cache has none: a stale value would pass for a fresh one; give the cache a `grace`";
        Err(Error::new(ErrorKind::Decode, text))
    }
}
