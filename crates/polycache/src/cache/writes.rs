//! The commands that write.

use std::any::Any;
use std::sync::Arc;

use compact_str::CompactString;

use super::Cache;
use super::gate::Gate;
use crate::backend::{Entry, SetOptions, Version, When};
use crate::{Answer, CommandName, Error, ErrorKind, Reply, Result, Storable, Ttl, Value};

impl Cache {
    /// Stores `value` under `key`, in place of the present value and TTL. The TTL is the cache's; [`with_ttl`](Self::with_ttl) gives
    /// another one. A [`Value`] is stored as it is, not encoded.
    ///
    /// # Errors
    /// Nothing is changed on any of these: [`Unsupported`](ErrorKind::Unsupported) for a [`Value`] with a live object that the backend
    /// can't hold, [`Encode`](ErrorKind::Encode) if the serializer has no form for the value, [`TooLarge`](ErrorKind::TooLarge) if the
    /// backend can't hold it, [`InvalidInput`](ErrorKind::InvalidInput) for a TTL of zero.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// use polycache::{Cache, Ttl};
    ///
    /// let cache = Cache::memory();
    /// cache.set("k", vec!["a", "b"]).await?;
    /// assert_eq!(cache.get::<Vec<String>>("k").await?, Some(vec!["a".into(), "b".into()]));
    ///
    /// cache.with_ttl(Ttl::secs(60)).set("token", 7).await?;
    /// assert!(matches!(cache.ttl("token").await?, Some(Ttl::After(_))));
    /// # Ok(()) }
    /// ```
    pub fn set<T: Storable>(&self, key: &str, value: T) -> Reply<()> {
        self.put(CommandName::Set, key, value.store(self, key))
    }

    /// Stores a live object under `key`, which all readers share, without serde.
    ///
    /// # Errors
    /// [`Unsupported`](ErrorKind::Unsupported) if the backend can't hold live objects; otherwise those of [`set`](Self::set).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// use polycache::Cache;
    /// use std::sync::{Arc, Mutex};
    ///
    /// let cache = Cache::memory();
    /// let names = Arc::new(Mutex::new(vec!["Ada"])); // all readers share it
    /// cache.set_object("names", Arc::clone(&names)).await?;
    /// let found = cache.get_object::<Mutex<Vec<&str>>>("names").await?;
    /// assert!(found.is_some_and(|found| Arc::ptr_eq(&found, &names)));
    /// # Ok(()) }
    /// ```
    pub fn set_object<T: Any + Send + Sync>(&self, key: &str, object: Arc<T>) -> Reply<()> {
        self.put(CommandName::SetObject, key, self.takes_objects().map(|()| Value::object(object)))
    }

    /// Stores `value` under `key` if there is no value. Returns whether it was stored. Otherwise neither value nor TTL changes. Of
    /// several callers at once, exactly one gets `true`.
    ///
    /// # Errors
    /// Those of [`set`](Self::set).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// let cache = polycache::Cache::memory();
    /// assert!(cache.add("k", 1).await?);
    /// assert!(!cache.add("k", 2).await?);
    /// assert_eq!(cache.get::<i32>("k").await?, Some(1));
    /// # Ok(()) }
    /// ```
    pub fn add<T: Storable>(&self, key: &str, value: T) -> Reply<bool> {
        self.put_if(CommandName::Add, key, When::Absent, value.store(self, key))
    }

    /// Stores `value` under `key` if nobody has written, deleted or created it since [`get_versioned`](Self::get_versioned) read
    /// `version`. Returns whether it was stored. With the version of an absent key this is [`add`](Self::add).
    ///
    /// A change of TTL isn't a write. A backend may compare the stored bytes, so that a rewrite of equal bytes isn't noticed; then
    /// [`detects_equal_writes`](crate::backend::Capabilities::detects_equal_writes) is false.
    ///
    /// # Errors
    /// Those of [`set`](Self::set).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// let cache = polycache::Cache::memory();
    /// cache.set("stock", 5).await?;
    ///
    /// let (stock, version) = cache.get_versioned::<i32>("stock").await?;
    /// cache.set("stock", 4).await?; // somebody else
    /// assert!(!cache.cas("stock", stock.unwrap_or(0) - 1, version).await?);
    /// # Ok(()) }
    /// ```
    pub fn cas<T: Storable>(&self, key: &str, value: T, version: Version) -> Reply<bool> {
        self.put_if(CommandName::Cas, key, When::unchanged(version), value.store(self, key))
    }

    /// Stores all pairs; of pairs with the same key the last one stays. One round trip to each server.
    ///
    /// # Errors
    /// Those of [`set`](Self::set). If a value can't be encoded, nothing is changed; after trouble with the backend some pairs may be
    /// stored.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// let cache = polycache::Cache::memory();
    /// cache.multi_set((1..=3).map(|n| (format!("square:{n}"), n * n))).await?;
    /// assert_eq!(cache.get::<i32>("square:3").await?, Some(9));
    /// # Ok(()) }
    /// ```
    pub fn multi_set<T: Storable>(&self, pairs: impl IntoIterator<Item = (impl AsRef<str>, T)>) -> Reply<()> {
        let (names, values): (Vec<CompactString>, Vec<T>) =
            pairs.into_iter().map(|(key, value)| (CompactString::new(key), value)).unzip();
        self.put_all(&names, values)
    }

    fn put_all<T: Storable>(&self, names: &[CompactString], values: Vec<T>) -> Reply<()> {
        const NAME: CommandName = CommandName::MultiSet;
        match self.gate() {
            Gate::Open if names.is_empty() => return Reply::ready(()),
            Gate::Open => {}
            Gate::Hooked => {
                return self.hooked(
                    NAME,
                    names,
                    |cache, names| cache.put_all(names, values),
                    |()| Answer::Done,
                    |_, error| Err(error),
                );
            }
            Gate::Shut => return self.shut_write(NAME, names, ()),
        }
        let full = match self.checked_keys(names) {
            Ok(full) => full,
            Err(error) => return Reply::error(error.of(NAME, None)),
        };
        let encoded: Result<Vec<_>> = names
            .iter()
            .zip(values)
            .map(|(name, value)| {
                let value = value.store(self, name).map_err(|error| error.about(name))?;
                // Each pair has its own TTL, so that jitter spreads them.
                Ok((value, self.write_ttl()?))
            })
            .collect();
        let reply = match encoded {
            Ok(encoded) => self.change(full, |backend, keys| {
                let pairs = keys.iter().copied().zip(encoded);
                backend.multi_set(pairs.map(|(key, (value, ttl))| Entry::new(key, value, ttl)).collect())
            }),
            Err(error) => Reply::error(error),
        };
        self.finish(NAME, None, reply, |_, _, result| result)
    }

    /// Adds `delta` to the integer under `key` and returns the sum, atomically. A missing integer starts at `delta`, with the cache's
    /// TTL; a present one keeps its TTL. Sums below zero work on every backend.
    ///
    /// # Errors
    /// Nothing is changed on any of these: [`NotANumber`](ErrorKind::NotANumber) if the stored value is no integer of 64 bits,
    /// [`Overflow`](ErrorKind::Overflow) if the sum isn't one (a backend without
    /// [`prevents_overflow`](crate::backend::Capabilities::prevents_overflow) tells that after the fact),
    /// [`Unsupported`](ErrorKind::Unsupported) if the serializer doesn't read decimal text.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// let cache = polycache::Cache::memory();
    /// assert_eq!(cache.increment("visits", 1).await?, 1);
    /// assert_eq!(cache.increment("visits", -3).await?, -2);
    /// assert_eq!(cache.get::<i64>("visits").await?, Some(-2));
    /// # Ok(()) }
    /// ```
    pub fn increment(&self, key: &str, delta: i64) -> Reply<i64> {
        const NAME: CommandName = CommandName::Increment;
        let open = move |cache: &Self, key: &str| {
            let ttl = cache.counts().and_then(|()| cache.write_ttl());
            cache.change_one(
                NAME,
                key,
                |backend, key| match ttl {
                    Ok(ttl) => backend.increment(key, delta, ttl),
                    Err(error) => Reply::error(error),
                },
                |_, _, result| result,
            )
        };
        let shut = move |cache: &Self, key: &str| cache.shut_write(NAME, &[key], delta);
        self.pass(Self::gate, NAME, Some(key), open, |sum| Answer::Sum(*sum), shut)
    }

    /// Gives the entry under `key` another TTL, or none; `false` if there is no entry. The value stays, and for [`cas`](Self::cas) this
    /// isn't a write.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a TTL of zero.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// use polycache::{Cache, Ttl};
    ///
    /// let cache = Cache::memory();
    /// cache.set("k", 1).await?;
    /// assert!(cache.expire("k", Ttl::secs(10)).await?);
    /// assert!(cache.expire("k", Ttl::Never).await?);
    /// assert!(!cache.expire("x", Ttl::secs(10)).await?);
    /// # Ok(()) }
    /// ```
    pub fn expire(&self, key: &str, ttl: impl Into<Ttl>) -> Reply<bool> {
        const NAME: CommandName = CommandName::Expire;
        let ttl = ttl.into();
        let open = move |cache: &Self, key: &str| match ttl.checked() {
            Ok(ttl) => cache.change_one(NAME, key, |backend, key| backend.expire(key, ttl), |_, _, result| result),
            Err(error) => refused(NAME, key, error),
        };
        self.pass(Self::gate, NAME, Some(key), open, |done| Answer::Did(*done), |cache, _| cache.shut(NAME, false))
    }

    fn put(&self, name: CommandName, key: &str, value: Result<Value>) -> Reply<()> {
        match self.gate() {
            Gate::Open => self.store(name, key, || When::Always, value, |_| ()),
            Gate::Hooked => self.hooked(
                name,
                [key],
                move |cache, keys| cache.put(name, &keys[0], value),
                |()| Answer::Done,
                |_, error| Err(error),
            ),
            Gate::Shut => self.shut_write(name, &[key], ()),
        }
    }

    fn put_if(&self, name: CommandName, key: &str, when: When, value: Result<Value>) -> Reply<bool> {
        let open = move |cache: &Self, key: &str| cache.store(name, key, move || when, value, |stored| stored);
        let shut = move |cache: &Self, key: &str| cache.shut_write(name, &[key], true);
        self.pass(Self::gate, name, Some(key), open, |stored| Answer::Did(*stored), shut)
    }

    /// One `set` of the backend. The condition is made where it is used: so the one that always holds is never copied.
    #[inline]
    fn store<B: Send + 'static>(
        &self,
        name: CommandName,
        key: &str,
        when: impl FnOnce() -> When,
        value: Result<Value>,
        answer: fn(bool) -> B,
    ) -> Reply<B> {
        let value = match value {
            Ok(value) => value,
            Err(error) => return refused(name, key, error),
        };
        let ttl = match self.write_ttl() {
            Ok(ttl) => ttl,
            Err(error) => return refused(name, key, error),
        };
        self.change_one(
            name,
            key,
            move |backend, key| backend.set(key, value, SetOptions::new(ttl, when())),
            move |_, _, result| result.map(answer),
        )
    }

    /// The TTL of one more write.
    #[inline]
    pub(super) fn write_ttl(&self) -> Result<Ttl> {
        Ok(self.ttl.checked()?.jittered(self.view.options.ttl_jitter))
    }

    /// Whether counters work with this serializer.
    fn counts(&self) -> Result<()> {
        if self.view.serializer.reads_decimal_text() {
            return Ok(());
        }
        let name = self.view.serializer.name();
        let text =
            format!("the serializer {name} can't read a counter back; keep counters in a cache with json or text");
        Err(Error::new(ErrorKind::Unsupported, text))
    }
}

/// The answer of a write that doesn't reach the backend.
#[cold]
fn refused<B>(name: CommandName, key: &str, error: Error) -> Reply<B> {
    Reply::error(error.of(name, Some(key)))
}
