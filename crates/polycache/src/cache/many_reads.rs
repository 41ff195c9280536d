//! The commands that read many keys.

use compact_str::CompactString;

use super::form::private::Reads;
use super::gate::Gate;
use super::keys::check_all;
use super::{Cache, Encoded};
use crate::backend::{Found, Key, Want};
use crate::error::Note;
use crate::key::OwnedKey;
use crate::{Answer, CommandName, Error, ErrorKind, Readable, Reply, Result, Value};

impl Cache {
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
            // What was found at once is checked where it is missing, or bytes.
            Err(pending) => match check_all(full.iter().copied(), keys) {
                Ok(()) => pending,
                Err(error) => return Reply::error(error.of(CommandName::MultiGet, None)),
            },
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
                None => match self.check_key(name(index)) {
                    Ok(()) => None,
                    Err(error) => return Err(error.about(name(index))),
                },
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
}
