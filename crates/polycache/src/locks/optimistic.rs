//! A lock that keeps nobody out.

use compact_str::CompactString;
use serde_core::Serialize;

use crate::backend::{Found, Version, Want};
use crate::cache::checked;
use crate::switch::State;
use crate::{Cache, Error, ErrorKind, Reply, Result};

/// Remembers the version of a key, to write only if nobody else has written meanwhile. Absence is a version too.
///
/// Nobody waits for this lock, and it needs no release. The same things count as a write as for [`Cache::cas`].
///
/// ```
/// use polycache::locks::OptimisticLock;
/// use polycache::{Cache, ErrorKind};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// let cache = Cache::memory();
/// let lock = OptimisticLock::acquire(&cache, "report").await?;
/// // ... a long computation ...
/// lock.cas("done").await?;
///
/// let late = OptimisticLock::acquire(&cache, "report").await?;
/// cache.set("report", "somebody else's").await?;
/// assert_eq!(late.cas("mine").await.unwrap_err().kind(), ErrorKind::Conflict);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
#[must_use = "it does nothing until `cas`"]
pub struct OptimisticLock {
    cache: Cache,
    key: CompactString,
    version: Version,
}

impl OptimisticLock {
    /// Remembers the present version of `key`. A cache that is turned off has none, and `cas` always succeeds.
    ///
    /// # Errors
    /// Those of every command.
    pub async fn acquire(cache: &Cache, key: &str) -> Result<Self> {
        let version = match cache.state() {
            State::On => {
                let read = cache.with_key(key, |backend, key| checked(key, |key| backend.look(key, Want::VERSION)));
                let found = cache.limited(read).await.map_err(|error| error.during("look", Some(key)))?;
                Found::versioned(found).1
            }
            State::Disabled | State::Off => Version::ABSENT,
            State::Closed => return Err(cache.closed("look")),
        };
        Ok(Self { cache: cache.clone(), key: CompactString::new(key), version })
    }

    /// Stores `value` with the cache's TTL, if nobody has written, deleted or created the key since the lock was acquired. To plugins it
    /// is the command [`cas`](Cache::cas).
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) if somebody has: nothing is changed; acquire another lock and begin again. Otherwise those of
    /// [`Cache::cas`].
    pub fn cas<T: Serialize + Send + Sync + 'static>(self, value: T) -> Reply<()> {
        let Self { cache, key, version } = self;
        match cache.cas(&key, value, version).now() {
            Ok(stored) => Reply::from(stored.and_then(|stored| unless_conflict(stored, &key))),
            Err(pending) => Reply::pending(async move { unless_conflict(pending.await?, &key) }),
        }
    }
}

fn unless_conflict(stored: bool, key: &str) -> Result<()> {
    if stored {
        return Ok(());
    }
    let text = "somebody else has written since the lock was acquired; acquire another and begin again";
    Err(Error::new(ErrorKind::Conflict, text).during("cas", Some(key)))
}
