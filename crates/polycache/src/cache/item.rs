//! A value and what belongs to it.

use std::any::Any;
use std::fmt;
use std::time::{Duration, SystemTime};

use super::form::private::{Keep, Reads};
use super::{Cache, Encoded, Form};
use crate::backends::graced::Age;
use crate::{Head, Readable, Reply, Result, Storable, Ttl, Value};

/// A value and what belongs to it: the answer of a computation, and what callers get, by [`Cache::get_or_renew`].
///
/// ```
/// use polycache::{Freshness, Item, Ttl};
///
/// let item = Item::new("7 euros").with_etag("v7").with_ttl(Ttl::secs(60));
/// assert_eq!((item.value, item.etag(), item.freshness()), ("7 euros", Some("v7"), Freshness::Fresh));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Item<T> {
    /// The value.
    pub value: T,
    ttl: Option<Ttl>,
    freshness: Freshness,
    age: Duration,
    /// The birth and the `ETag`.
    head: Head<'static>,
}

/// How a value stands to its TTL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Freshness {
    /// Its TTL isn't over, or it has just been computed.
    Fresh,
    /// Its TTL isn't over, and it is to be [refreshed early](crate::CacheBuilder::refresh_early).
    Early,
    /// Its TTL is over: it has a [grace](crate::CacheBuilder::grace).
    Stale,
}

impl<T> Item<T> {
    /// A computed value, to be stored with the cache's TTL.
    pub fn new(value: T) -> Self {
        Self { value, ttl: None, freshness: Freshness::Fresh, age: Duration::ZERO, head: Head::new() }
    }

    /// The same, stored with this TTL.
    #[must_use]
    pub fn with_ttl(self, ttl: impl Into<Ttl>) -> Self {
        Self { ttl: Some(ttl.into()), ..self }
    }

    /// The same with this text, which tells it from other versions of the value.
    #[must_use]
    pub fn with_etag(self, etag: &str) -> Self {
        Self { head: self.head.with_etag(etag), ..self }
    }

    /// The text that tells it from other versions of the value, if it was given one.
    #[must_use]
    pub fn etag(&self) -> Option<&str> {
        self.head.etag()
    }

    /// How the value stands to its TTL.
    #[must_use]
    pub const fn freshness(&self) -> Freshness {
        self.freshness
    }

    /// How long ago it was computed, or last found unchanged: by the clocks of the machine that did so and of this one. Zero for what has
    /// just been computed, and for an entry that doesn't tell.
    #[must_use]
    pub const fn age(&self) -> Duration {
        self.age
    }

    /// The same, computed now.
    pub(crate) fn computed(self, now: SystemTime) -> Self {
        Self { freshness: Freshness::Fresh, age: Duration::ZERO, head: self.head.with_born(now), ..self }
    }
}

/// Values with what belongs to them, as [`Item`]s.
#[derive(Debug, Clone, Copy)]
pub struct Items;

#[diagnostic::do_not_recommend]
impl<T: Storable + Readable> Form<Item<T>> for Items {}

impl<T: Readable> Reads<Item<T>> for Items {
    fn read(cache: &Cache, key: &str, stored: Value) -> Result<Item<T>> {
        Self::read_aged(cache, key, stored, Age::Fresh(Ttl::Never))
    }

    fn read_aged(cache: &Cache, key: &str, stored: Value, age: Age) -> Result<Item<T>> {
        let head = stored.head().map(|head| own(&head)).unwrap_or_default();
        let freshness = match age {
            Age::Fresh(_) => Freshness::Fresh,
            Age::Early(_) => Freshness::Early,
            Age::Stale { .. } | Age::Resting => Freshness::Stale,
        };
        let age = head.born().and_then(|born| cache.now().duration_since(born).ok()).unwrap_or_default();
        Ok(Item { value: T::read(cache, key, stored)?, ttl: None, freshness, age, head })
    }
}

/// What of a head belongs to the value, and not to the entry that it was read from: that had its own grace and tags.
fn own(head: &Head<'_>) -> Head<'static> {
    let own = head.born().map_or(Head::new(), |born| Head::new().with_born(born));
    head.etag().map_or(own.clone(), |etag| own.with_etag(etag))
}

impl<T: Storable + Readable> Keep<Item<T>> for Items {
    fn lease_life(cache: &Cache) -> Option<Duration> {
        <Encoded as Keep<T>>::lease_life(cache)
    }

    fn get(cache: &Cache, key: &str) -> Reply<Option<Item<T>>> {
        let fresh = |(item, age): (Item<T>, Age)| age.is_fresh().then_some(item);
        cache.aged(key, Self::read_aged).map(move |aged| aged.and_then(fresh))
    }

    fn multi_get(cache: &Cache, keys: &[impl AsRef<str>]) -> Reply<Vec<Option<Item<T>>>> {
        cache.multi_read::<Self, _>(keys)
    }

    fn store(cache: &Cache, key: &str, item: &Item<T>) -> Result<Value> {
        Ok(item.value.store_copy(cache, key)?.with_head(&item.head))
    }

    fn plain(item: &Item<T>) -> &dyn Any {
        &item.value
    }

    fn ttl(item: &Item<T>) -> Option<Ttl> {
        item.ttl
    }
}

impl<T: fmt::Debug> fmt::Debug for Item<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Item")
            .field("value", &self.value)
            .field("freshness", &self.freshness)
            .field("age", &self.age)
            .field("etag", &self.etag())
            .finish_non_exhaustive()
    }
}
