//! The commands that read.

use std::any::Any;
use std::sync::Arc;

use compact_str::CompactString;

use super::form::private::Reads;
use super::gate::Gate;
use super::tags::unless_cleared;
use super::{Cache, Encoded};
use crate::backend::{Found, Key, Version, Want};
use crate::error::Note;
use crate::key::OwnedKey;
use crate::{Answer, CommandName, Error, ErrorKind, Readable, Reply, Result, Ttl, Value};

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

    /// The values under `keys`, in their order; a key may come more than once. One round trip to each server.
    ///
    /// # Errors
    /// All fails if a server fails, or if one of the values is no `T`, as for [`get`](Self::get).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// let cache = polycache::Cache::memory();
    /// cache.multi_set([("a", 1), ("b", 2)]).await?;
    /// assert_eq!(cache.multi_get::<i32>(&["b", "x", "a"]).await?, [Some(2), None, Some(1)]);
    /// # Ok(()) }
    /// ```
    pub fn multi_get<T: Readable>(&self, keys: &[impl AsRef<str>]) -> Reply<Vec<Option<T>>> {
        self.multi_read::<Encoded, T>(keys)
    }

    /// As `multi_get`, for values in the form `K`.
    pub(super) fn multi_read<K, T>(&self, keys: &[impl AsRef<str>]) -> Reply<Vec<Option<T>>>
    where
        K: Reads<T>,
        T: Clone + Send + 'static,
    {
        let misses = keys.len();
        match self.gate() {
            Gate::Shut => return self.shut(CommandName::MultiGet, vec![None; misses]),
            Gate::Hooked => {
                return self.hooked(
                    CommandName::MultiGet,
                    keys,
                    |cache, keys| cache.multi_read::<K, T>(keys),
                    |values| Answer::found_all(values),
                    move |cache, error| cache.missed(error, vec![None; misses]),
                );
            }
            Gate::Open if keys.is_empty() => return Reply::ready(Vec::new()),
            Gate::Open => {}
        }
        let full = self.full_keys(keys);
        let full: Vec<Key<'_>> = full.iter().map(OwnedKey::key).collect();
        let backend = if self.has_grace() { &self.view.backend } else { &self.view.direct };
        let pending = match backend.multi_get(&full, Want::VALUE).now() {
            // Only errors need the keys' names; here they can be borrowed.
            Ok(result) => match self.decode_all::<K, T>(result, misses, |index| keys[index].as_ref()) {
                Err(error) if error.note() == Some(Note::Unchecked) => self.view.backend.multi_get(&full, Want::VALUE),
                result => return Reply::from(result.map_err(|error| error.of(CommandName::MultiGet, None))),
            },
            Err(pending) => pending,
        };
        let names: Vec<CompactString> = keys.iter().map(|key| CompactString::new(key)).collect();
        let cache = self.clone();
        Reply::pending(async move {
            let found = cache.limited(async {
                let found = pending.await?;
                match found.iter().flatten().filter_map(|found| found.value.as_ref()).any(Value::is_tagged) {
                    true => cache.view.tagged.checked(found).await,
                    false => Ok(found),
                }
            });
            let result = cache.decode_all::<K, T>(found.await, misses, |index| &names[index]);
            result.map_err(|error| error.of(CommandName::MultiGet, None))
        })
    }

    fn decode_all<'a, K: Reads<T>, T: Clone>(
        &self,
        result: Result<Vec<Option<Found>>>,
        asked: usize,
        name: impl Fn(usize) -> &'a str,
    ) -> Result<Vec<Option<T>>> {
        const NAME: &str = CommandName::MultiGet.as_str();
        let found = match result {
            Ok(found) if found.len() == asked => found,
            Ok(found) => return Err(self.miscounted(found.len(), asked)),
            Err(error) => return self.missed(error.during(NAME, None), vec![None; asked]),
        };
        let mut values = Vec::with_capacity(asked);
        for (index, found) in found.into_iter().enumerate() {
            let value = match found.and_then(|found| found.value) {
                Some(value) => match K::read(self, name(index), value) {
                    Ok(value) => Some(value),
                    Err(error) if error.note() == Some(Note::Cleared) => None,
                    Err(error) if error.note() == Some(Note::Unchecked) => return Err(error),
                    Err(error) => self.missed(error.about(name(index)).during(NAME, None), None)?,
                },
                None => None,
            };
            values.push(value);
        }
        Ok(values)
    }

    #[cold]
    pub(super) fn miscounted(&self, given: usize, asked: usize) -> Error {
        let text = format!("the backend {} gave {given} values for {asked} keys", self.info().name);
        Error::new(ErrorKind::Backend, text)
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
                let reply = self.with_key(key, |backend, key| backend.look(key, want));
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
            Ok(Ok(None)) => Reply::ready(None),
            Ok(Err(error)) => self.failed_read(name, key, error, decode),
            Err(pending) => self.fetch_later(name, key, pending, decode),
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
