//! The commands that read.

use std::any::Any;
use std::sync::Arc;

use compact_str::CompactString;

use super::Cache;
use super::gate::Gate;
use super::keys::checked;
use super::tags::unless_cleared;
use crate::backend::{Found, Version, Want};
use crate::error::Note;
use crate::{Answer, CommandName, Error, Readable, Reply, Result, Ttl, Value};

impl Cache {
    /// The value under `key`, or `None` if there is none.
    ///
    /// A stored `None` of an `Option<X>` is a hit: read as `Option<X>` it is `Some(None)`. Read as a [`Value`], it is the stored value,
    /// not decoded.
    ///
    /// # Errors
    /// [`Decode`](crate::ErrorKind::Decode) if the stored value is no `T`, unless the builder's
    /// [`on_decode_error`](crate::CacheBuilder::on_decode_error) makes that a miss.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// let cache = polycache::Cache::memory();
    /// cache.set("answer", 42).await?;
    /// assert_eq!(cache.get::<i64>("answer").await?, Some(42));
    /// assert_eq!(cache.get::<i64>("question").await?, None);
    /// assert!(cache.get::<String>("answer").await.is_err()); // no silent miss
    /// # Ok(()) }
    /// ```
    #[inline]
    pub fn get<T: Readable>(&self, key: &str) -> Reply<Option<T>> {
        match self.gate() {
            Gate::Open => self.fetch(CommandName::Get, key, T::read),
            Gate::Hooked => self.hooked_read(CommandName::Get, key, |cache, key| cache.get(key)),
            Gate::Shut => self.shut(CommandName::Get, None),
        }
    }

    /// The live object under `key`, shared: no copy is made and no serde is needed.
    ///
    /// # Errors
    /// [`Decode`](crate::ErrorKind::Decode) if bytes or an object of another type are stored, as for [`get`](Self::get).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// use std::sync::Arc;
    ///
    /// struct Model(Vec<f32>); // nothing that serde knows
    ///
    /// let cache = polycache::Cache::memory();
    /// cache.set_object("model", Arc::new(Model(vec![0.5; 1_000]))).await?;
    /// let model: Arc<Model> = cache.get_object("model").await?.expect("set above");
    /// assert_eq!(model.0.len(), 1_000);
    /// # Ok(()) }
    /// ```
    #[inline]
    pub fn get_object<T: Any + Send + Sync>(&self, key: &str) -> Reply<Option<Arc<T>>> {
        match self.gate() {
            Gate::Open => self.fetch(CommandName::GetObject, key, Self::decode_object),
            Gate::Hooked => self.hooked_read(CommandName::GetObject, key, |cache, key| cache.get_object(key)),
            Gate::Shut => self.shut(CommandName::GetObject, None),
        }
    }

    /// Whether there is a value under `key`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// let cache = polycache::Cache::memory();
    /// cache.set("k", 1).await?;
    /// assert!(cache.exists("k").await? && !cache.exists("x").await?);
    /// # Ok(()) }
    /// ```
    pub fn exists(&self, key: &str) -> Reply<bool> {
        self.inspect(
            CommandName::Exists,
            key,
            Want::NOTHING,
            |_, _, found| Ok(found.is_some()),
            |found| Answer::Did(*found),
            || false,
        )
    }

    /// The rest of the TTL of the entry under `key`: `None` if there is no entry, [`Ttl::Never`] if it doesn't expire.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// use polycache::{Cache, Ttl};
    ///
    /// let cache = Cache::memory();
    /// cache.set("k", 1).await?;
    /// assert_eq!(cache.ttl("k").await?, Some(Ttl::Never));
    /// assert_eq!(cache.ttl("x").await?, None);
    /// # Ok(()) }
    /// ```
    pub fn ttl(&self, key: &str) -> Reply<Option<Ttl>> {
        self.inspect(
            CommandName::Ttl,
            key,
            Want::TTL,
            |_, _, found| Ok(found.and_then(|found| found.ttl)),
            |ttl| Answer::Did(ttl.is_some()),
            || None,
        )
    }

    /// The parts of the entry under `key` that `want` asks for, from one moment and in one round trip; `None` if there is no entry. Each
    /// part of the result is `Some` exactly if `want` has it.
    ///
    /// The [head](Found::head) of a value comes with it. If `want` has no value, `T` may be any type. If it has the version, the
    /// builder's `on_error` and `on_decode_error` don't apply: an unknown version can't be compared.
    ///
    /// # Errors
    /// [`Decode`](crate::ErrorKind::Decode) if a value is wanted and the stored one is no `T`, as for [`get`](Self::get).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// use polycache::backend::Want;
    /// use polycache::{Cache, Ttl};
    ///
    /// let cache = Cache::builder().ttl(Ttl::secs(60)).build()?;
    /// cache.set("k", 1).await?;
    /// let found = cache.look::<i32>("k", Want::VALUE.and(Want::TTL)).await?.expect("set above");
    /// assert_eq!(found.value, Some(1));
    /// assert!(matches!(found.ttl, Some(Ttl::After(left)) if left.as_secs() <= 60));
    /// assert_eq!(found.version, None); // not asked for
    /// assert!(cache.look::<i32>("x", Want::NOTHING).await?.is_none());
    /// # Ok(()) }
    /// ```
    pub fn look<T: Readable>(&self, key: &str, want: Want) -> Reply<Option<Found<T>>> {
        self.inspect(
            CommandName::Look,
            key,
            want,
            |cache, key, found| found.map(|found| found.read(|value| T::read(cache, key, value))).transpose(),
            Answer::found,
            || None,
        )
    }

    /// The value under `key` with its version, for [`cas`](Self::cas). Without a value, the version is that of absence.
    ///
    /// The builder's `on_error` doesn't apply: an unknown version can't be compared.
    ///
    /// # Errors
    /// [`Decode`](crate::ErrorKind::Decode) if the stored value is no `T`.
    pub fn get_versioned<T: Readable>(&self, key: &str) -> Reply<(Option<T>, Version)> {
        self.inspect(
            CommandName::GetVersioned,
            key,
            Want::VERSIONED,
            |cache, key, found| {
                let (value, version) = Found::versioned(found);
                Ok((value.map(|value| T::read(cache, key, value)).transpose()?, version))
            },
            |(value, _)| Answer::found(value),
            || (None, Version::ABSENT),
        )
    }

    /// A read by `look`. `read` makes the command's result of what is found; `miss` is the result without an entry.
    fn inspect<B: Send + 'static>(
        &self,
        name: CommandName,
        key: &str,
        want: Want,
        read: fn(&Self, &str, Option<Found>) -> Result<B>,
        answer: fn(&B) -> Answer,
        miss: fn() -> B,
    ) -> Reply<B> {
        // An unknown version can't be compared, so its readers get every error.
        let recover =
            move |cache: &Self, error| if want.has(Want::VERSION) { Err(error) } else { cache.missed(error, miss()) };
        match self.gate() {
            Gate::Open => {
                let reply = self.with_key(key, |backend, key| checked(key, |key| backend.look(key, want)));
                self.finish(name, Some(key), reply, move |cache, key, result| {
                    let result = result.and_then(|found| read(cache, key, found));
                    result.or_else(|error| match error.note() {
                        Some(Note::Cleared) => Ok(miss()),
                        _ => recover(cache, error.of(name, Some(key))),
                    })
                })
            }
            Gate::Hooked => self.hooked(
                name,
                [key],
                move |cache, keys| cache.inspect(name, &keys[0], want, read, answer, miss),
                answer,
                recover,
            ),
            Gate::Shut => self.shut(name, miss()),
        }
    }

    /// A read of one key through the backend.
    #[inline]
    fn fetch<B: Send + 'static>(
        &self,
        name: CommandName,
        key: &str,
        decode: fn(&Self, &str, Value) -> Result<B>,
    ) -> Reply<Option<B>> {
        // The two most frequent cases come first, apart from the rest: this is the cost of a hit.
        match self.with_key(key, |_, key| self.view.direct.get(key)).now() {
            Ok(Ok(Some(value))) if !self.is_doubtful(&value) => match decode(self, key, value) {
                Ok(value) => Reply::ready(Some(value)),
                Err(error) => self.failed_read(name, key, error, decode),
            },
            Ok(Ok(Some(_))) => self.fetch_anew(name, key, decode),
            Ok(Ok(None)) => self.missing(name, key),
            Ok(Err(error)) => self.failed_read(name, key, error, decode),
            Err(pending) => self.fetch_later(name, key, pending, decode),
        }
    }

    /// The answer where nothing is stored.
    #[inline]
    fn missing<B>(&self, name: CommandName, key: &str) -> Reply<Option<B>> {
        match self.check_key(key) {
            Ok(()) => Reply::ready(None),
            Err(error) => Reply::error(error.of(name, Some(key))),
        }
    }

    /// The same by all layers of the backend.
    #[inline(never)]
    fn fetch_anew<B: Send + 'static>(
        &self,
        name: CommandName,
        key: &str,
        decode: fn(&Self, &str, Value) -> Result<B>,
    ) -> Reply<Option<B>> {
        let read = match self.with_key(key, |backend, key| backend.get(key)).now() {
            Ok(Ok(Some(value))) => decode(self, key, value),
            Ok(Ok(None)) => return Reply::ready(None),
            Ok(Err(error)) => Err(error),
            Err(pending) => return self.fetch_later(name, key, pending, decode),
        };
        match read {
            Ok(value) => Reply::ready(Some(value)),
            Err(error) => self.failed_read(name, key, error, decode),
        }
    }

    #[cold]
    fn failed_read<B: Send + 'static>(
        &self,
        name: CommandName,
        key: &str,
        error: Error,
        decode: fn(&Self, &str, Value) -> Result<B>,
    ) -> Reply<Option<B>> {
        if let Err(error) = self.check_key(key) {
            return Reply::error(error.of(name, Some(key)));
        }
        match error.note() {
            Some(Note::Cleared) => Reply::ready(None),
            Some(Note::Unchecked) => {
                self.fetch_later(name, key, self.with_key(key, |backend, key| backend.get(key)), decode)
            }
            None => Reply::from(self.missed(error.of(name, Some(key)), None)),
        }
    }

    #[inline(never)]
    fn fetch_later<B: Send + 'static>(
        &self,
        name: CommandName,
        key: &str,
        pending: Reply<Option<Value>>,
        decode: fn(&Self, &str, Value) -> Result<B>,
    ) -> Reply<Option<B>> {
        if let Err(error) = self.check_key(key) {
            return Reply::error(error.of(name, Some(key)));
        }
        let (cache, key) = (self.clone(), CompactString::new(key));
        Reply::pending(async move {
            let found = cache.limited(async {
                match pending.await? {
                    // Its reply is a box already: others need no room for it.
                    Some(value) if value.is_tagged() => cache.view.tagged.checked_value(value).await,
                    found => Ok(found),
                }
            });
            let read = match found.await {
                Ok(None) => return Ok(None),
                Ok(Some(value)) => unless_cleared(decode(&cache, &key, value)),
                Err(error) => Err(error),
            };
            read.or_else(|error| cache.missed(error.of(name, Some(&key)), None))
        })
    }

    fn hooked_read<B: Send + 'static>(
        &self,
        name: CommandName,
        key: &str,
        read: impl FnOnce(&Self, &str) -> Reply<Option<B>> + Send + 'static,
    ) -> Reply<Option<B>> {
        self.hooked(
            name,
            [key],
            move |cache, keys| read(cache, &keys[0]),
            Answer::found,
            |cache, error| cache.missed(error, None),
        )
    }
}
