//! The commands that delete, and the backend's own commands.

use super::Cache;
use super::gate::Gate;
use crate::backend::When;
use crate::switch::State;
use crate::{Answer, CommandName, Error, ErrorKind, Raw, Reply};

impl Cache {
    /// Deletes the entry under `key`. Returns whether there was one. Runs even while the cache is turned off.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// let cache = polycache::Cache::memory();
    /// cache.set("k", 1).await?;
    /// assert!(cache.delete("k").await?);
    /// assert!(!cache.delete("k").await?);
    /// # Ok(()) }
    /// ```
    pub fn delete(&self, key: &str) -> Reply<bool> {
        const NAME: CommandName = CommandName::Delete;
        let open = |cache: &Self, key: &str| {
            cache.change_one(NAME, key, |backend, key| backend.delete(key, When::Always), |_, _, result| result)
        };
        let shut = |cache: &Self, _: &str| cache.shut(NAME, false);
        self.pass(Self::removal_gate, NAME, Some(key), open, |deleted| Answer::Did(*deleted), shut)
    }

    /// Deletes the entries under `keys`. Returns how many there were. One round trip to each server. Runs even while the cache is turned
    /// off.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// let cache = polycache::Cache::memory();
    /// cache.multi_set([("a", 1), ("b", 2)]).await?;
    /// assert_eq!(cache.multi_delete(&["a", "b", "x"]).await?, 2);
    /// # Ok(()) }
    /// ```
    pub fn multi_delete(&self, keys: &[impl AsRef<str>]) -> Reply<u64> {
        const NAME: CommandName = CommandName::MultiDelete;
        match self.removal_gate() {
            Gate::Open if keys.is_empty() => Reply::ready(0),
            Gate::Open => {
                let reply = match self.checked_keys(keys) {
                    Ok(full) => self.change(full, |backend, keys| backend.multi_delete(keys)),
                    Err(error) => Reply::error(error),
                };
                self.finish(NAME, None, reply, |_, _, result| result)
            }
            Gate::Hooked => self.hooked(
                NAME,
                keys,
                |cache, keys| cache.multi_delete(keys),
                |count| Answer::Count(*count),
                |_, error| Err(error),
            ),
            Gate::Shut => self.shut(NAME, 0),
        }
    }

    /// Deletes everything in the cache's namespace and those nested in it: `foo` includes `foo:a` and `foo:a:b`, never `foobar:a` (unless
    /// the cache has [no separator](crate::CacheBuilder::separator)). Without a namespace, deletes everything on the backend. Runs even
    /// while the cache is turned off.
    ///
    /// This takes time proportional to the number of keys *in the backend*. It goes in batches that hold up nobody else. An entry that is
    /// stored meanwhile may be deleted or not.
    ///
    /// # Errors
    /// [`Refused`](ErrorKind::Refused) without a namespace on a server, where others may have keys too, unless the cache was built with
    /// [`allow_flush`](crate::CacheBuilder::allow_flush).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// let cache = polycache::Cache::memory();
    /// cache.set("foo:a", 1).await?;
    /// cache.set("foobar", 2).await?;
    /// cache.namespace("foo").clear().await?;
    /// assert!(!cache.exists("foo:a").await? && cache.exists("foobar").await?);
    /// # Ok(()) }
    /// ```
    pub fn clear(&self) -> Reply<()> {
        const NAME: CommandName = CommandName::Clear;
        let open = |cache: &Self, _: &str| {
            let harmless = cache.info().capabilities.exclusive || cache.view.options.allow_flush;
            let reply = if cache.view.prefix.is_empty() && !harmless {
                let text = "the cache has no namespace, so this would delete what others keep on the server; give it a namespace, or build it with `allow_flush(true)`";
                Reply::error(Error::new(ErrorKind::Refused, text))
            } else {
                cache.change_all(|backend, prefix| backend.clear(prefix))
            };
            cache.finish(NAME, None, reply, |_, _, result| result)
        };
        self.pass(Self::removal_gate, NAME, None, open, |()| Answer::Done, |cache, _| cache.shut(NAME, ()))
    }

    /// Runs one of the backend's own commands, and returns its answer: any command of a server, and `len`, `weight` and `keys` on the
    /// memory backend. Keys among the arguments are taken as they are, without the namespace.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) or [`Backend`](ErrorKind::Backend) if the backend doesn't know the command;
    /// [`Refused`](ErrorKind::Refused) while the cache is turned off.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// use polycache::{Cache, Raw};
    ///
    /// let cache = Cache::memory();
    /// cache.set("answer", 42).await?;
    /// assert_eq!(cache.raw("len", &[""; 0]).await?, Raw::Int(1));
    /// # Ok(()) }
    /// ```
    pub fn raw(&self, command: &str, args: &[impl AsRef<[u8]>]) -> Reply<Raw> {
        const NAME: CommandName = CommandName::Raw;
        match self.gate() {
            Gate::Open => {
                let args: Vec<&[u8]> = args.iter().map(AsRef::as_ref).collect();
                let reply = self.view.backend.raw(command, &args);
                self.finish(NAME, None, reply, |_, _, result| result)
            }
            Gate::Hooked => {
                let command = command.to_owned();
                let args: Vec<Vec<u8>> = args.iter().map(|arg| arg.as_ref().to_vec()).collect();
                let run = move |cache: &Self, _: &[_]| cache.raw(&command, &args);
                self.hooked(NAME, [""; 0], run, |_| Answer::Done, |_, error| Err(error))
            }
            Gate::Shut if self.view.switch.state() == State::Closed => self.shut(NAME, Raw::Nil),
            Gate::Shut => {
                let error = Error::new(ErrorKind::Refused, "the cache is turned off");
                Reply::error(error.of(NAME, None))
            }
        }
    }
}
