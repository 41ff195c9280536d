//! This process's memory in place of a server that is away.

mod outage;
mod switch;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use self::outage::Outage;
use self::switch::Switch;
#[cfg(feature = "config")]
use crate::Settings;
use crate::backend::{self, Backend, BackendInfo, Entry, Found, Holder, Key, OwnedKey, SetOptions, Want, When};
use crate::backends::memory::MAX_BYTES;
use crate::backends::recovery::{Lost, Pending, Recovery};
use crate::lease::{is_lock, is_tag};
use crate::range::Range;
use crate::{Error, ErrorKind, Reply, Result, Ttl, Value};

const TTL: Range<Duration> = Range::from("ttl", Duration::from_millis(1));

/// Two backends: a server, and this process's memory while the server is away.
///
/// If a call fails since the server can't be reached, memory does it instead, and all later ones too, without asking the server. The memory
/// is empty at the beginning of each outage. A task asks the server whether it is back. Then the fallback's [`Recovery`] deletes on the
/// server all keys that were written to memory meanwhile, the memory is dropped, and calls go to the server again.
///
/// | while the server is away | |
/// |---|---|
/// | reads | find what this process has written since then, and nothing else |
/// | `set`, `add`, `cas`, `increment`, `expire`, `delete`, `clear` | work in memory; their keys are remembered, to be deleted on the server |
/// | `get_or_set`, cached functions | compute once in this process, and store in memory |
/// | a TTL | is at most [`ttl`](FallbackBuilder::ttl), 30 seconds by default: so long another process's writes may be missed |
/// | a version from before, or from another outage | matches nothing: `cas` is `false` |
/// | locks, `scan`, `raw` | ask the server, and fail: memory can't answer them |
/// | a write for whose key the recovery has [no room](crate::backends::recovery::RecoveryBuilder::max_pending) | is an error, and isn't done |
///
/// | when the server is back | |
/// |---|---|
/// | keys that were written to meanwhile | are gone, from memory and from the server: the next read misses |
/// | all other keys | are as the server has them |
/// | a version from the outage | matches nothing |
///
/// So no read returns a value older than this process's last write. Writes of other processes are seen once the server is back. Values are
/// always bytes.
///
/// A clone is a handle on the same two backends.
///
/// ```
/// use polycache::backends::fallback::Fallback;
/// use polycache::backends::redis::Redis;
/// use polycache::Cache;
/// use std::sync::Arc;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// let fallback = Fallback::new(Arc::new(Redis::open("redis://127.0.0.1:1")?)); // where no server is
/// let cache = Cache::builder().backend(fallback.clone()).build()?;
/// cache.set("k", 1).await?;
/// assert_eq!(cache.get::<i32>("k").await?, Some(1));
/// assert!(fallback.is_away());
/// assert_eq!(fallback.pending().keys, ["k"]);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Fallback {
    /// A handle of the recovery.
    server: Arc<dyn Backend>,
    switch: Arc<Switch>,
    /// Whether writes by this handle end leases.
    ends_leases: bool,
}

/// Settings for a new [`Fallback`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct FallbackBuilder {
    max_bytes: u64,
    ttl: Duration,
}

impl FallbackBuilder {
    fn new() -> Self {
        Self { max_bytes: 64 << 20, ttl: Duration::from_secs(30) }
    }

    /// How many bytes the memory holds: 64 MiB by default.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// How long an entry in memory lives at most: 30 seconds by default.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// The fallback for the server in `recovery`, which remembers the keys to delete there.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) for a memory without room, or a TTL of less than a millisecond.
    pub fn build(self, recovery: Recovery) -> Result<Fallback> {
        MAX_BYTES.check(self.max_bytes)?;
        TTL.check(self.ttl)?;
        Ok(self.assemble(recovery))
    }

    fn assemble(self, recovery: Recovery) -> Fallback {
        let server = Arc::new(recovery.clone());
        Fallback { server, switch: Arc::new(Switch::new(recovery, self.max_bytes, self.ttl)), ends_leases: false }
    }

    #[cfg(feature = "config")]
    pub(super) fn from_settings(settings: &mut Settings) -> Result<Self> {
        let mut builder = Self::new();
        if let Some(bytes) = settings.ranged(&MAX_BYTES)? {
            builder.max_bytes = bytes;
        }
        if let Some(ttl) = settings.ranged(&TTL)? {
            builder.ttl = ttl;
        }
        Ok(builder)
    }
}

impl Fallback {
    /// With all defaults, and a recovery with all defaults around `server`.
    #[must_use]
    pub fn new(server: Arc<dyn Backend>) -> Self {
        FallbackBuilder::new().assemble(Recovery::new(server))
    }

    /// Settings for a new fallback.
    pub fn builder() -> FallbackBuilder {
        FallbackBuilder::new()
    }

    /// Whether calls are answered from memory.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.switch.outage().is_some()
    }

    /// The keys that are still to be deleted on the server.
    #[must_use]
    pub fn pending(&self) -> Pending {
        self.switch.recovery.pending()
    }

    /// Has the server do a call, or memory if the server is away.
    fn call<T, A>(
        &self,
        argument: A,
        by_server: impl FnOnce(&dyn Backend, &A) -> Reply<T>,
        by_memory: impl FnOnce(&Self, A) -> Reply<T> + Send + 'static,
    ) -> Reply<T>
    where
        T: Send + 'static,
        A: Send + 'static,
    {
        if self.is_away() {
            return by_memory(self, argument);
        }
        let call = self.switch.watch();
        match by_server(&*self.server, &argument).now() {
            Ok(result) => match call.end(result) {
                Some(result) => Reply::from(result),
                None => by_memory(self, argument),
            },
            Err(pending) => {
                let this = self.clone();
                Reply::pending(async move {
                    match call.end(pending.await) {
                        Some(result) => result,
                        None => by_memory(&this, argument).await,
                    }
                })
            }
        }
    }

    fn read<T>(&self, read: impl FnOnce(&Outage) -> Reply<T>) -> Reply<T> {
        match self.switch.present() {
            Ok(outage) => read(&outage),
            Err(error) => Reply::error(error),
        }
    }

    /// A write in memory, after its keys are remembered. What gives a tag a generation there is none: were it remembered, the server's
    /// would end, and all entries with the tag.
    fn write<T>(&self, keys: &[Key<'_>], lost: &Lost, write: impl FnOnce(&Outage) -> Reply<T>) -> Reply<T> {
        match self.switch.present_for(lost) {
            Ok(outage) if self.ends_leases => outage.ending(keys, write),
            Ok(outage) => write(&outage),
            Err(error) => Reply::error(error),
        }
    }

    fn write_one<T>(&self, key: Key<'_>, write: impl FnOnce(&Outage, Key<'_>) -> Reply<T>) -> Reply<T> {
        self.write(&[key], &Lost::key(key), |outage| write(outage, key))
    }
}

#[cold]
fn not_ready() -> Error {
    Error::new(ErrorKind::Backend, "the memory of the fallback has not answered at once")
}

/// Whether this is the condition of a version that memory had: the server has it nowhere.
fn is_of_outage(when: &When) -> bool {
    matches!(when, When::Unchanged(version) if outage::is_own(version))
}

fn owned(keys: &[Key<'_>]) -> Vec<OwnedKey> {
    keys.iter().map(|key| key.into_owned()).collect()
}

fn borrowed(keys: &[OwnedKey]) -> Vec<Key<'_>> {
    keys.iter().map(OwnedKey::key).collect()
}

impl Backend for Fallback {
    backend::forward!(self.server, all but [
        info get look multi_get set multi_set increment expire delete multi_delete clear close
    ]);

    fn info(&self) -> &BackendInfo {
        &self.switch.info
    }

    fn get(&self, key: Key<'_>) -> Reply<Option<Value>> {
        if is_lock(key.full()) {
            return self.server.get(key);
        }
        self.call(
            key.into_owned(),
            |server, key| server.get(key.key()),
            |this, key| this.read(|outage| outage.get(key.key())),
        )
    }

    fn look(&self, key: Key<'_>, want: Want) -> Reply<Option<Found>> {
        if is_lock(key.full()) {
            return self.server.look(key, want);
        }
        self.call(
            key.into_owned(),
            |server, key| server.look(key.key(), want),
            move |this, key| this.read(|outage| outage.look(key.key(), want)),
        )
    }

    fn multi_get(&self, keys: &[Key<'_>], want: Want) -> Reply<Vec<Option<Found>>> {
        self.call(
            owned(keys),
            |server, keys| server.multi_get(&borrowed(keys), want),
            move |this, keys| this.read(|outage| outage.multi_get(&borrowed(&keys), want)),
        )
    }

    fn set(&self, key: Key<'_>, value: Value, options: SetOptions) -> Reply<bool> {
        if is_lock(key.full()) {
            return self.server.set(key, value, options);
        }
        self.call(
            (key.into_owned(), value.shared(), options),
            |server, (key, value, options)| match is_of_outage(&options.when) {
                true => Reply::ready(false),
                false => server.set(key.key(), value.clone(), options.clone()),
            },
            |this, (key, value, options)| match options.when {
                // The server's generation is as good as before.
                When::Absent if is_tag(key.key().full()) => this.read(|outage| outage.set(key.key(), value, options)),
                _ => this.write_one(key.key(), |outage, key| outage.set(key, value, options)),
            },
        )
    }

    fn multi_set(&self, entries: Vec<Entry<'_>>) -> Reply<()> {
        let entries: Vec<(OwnedKey, Value, Ttl)> =
            entries.into_iter().map(|entry| (entry.key.into_owned(), entry.value.shared(), entry.ttl)).collect();
        self.call(
            entries,
            |server, entries| server.multi_set(as_entries(entries)),
            |this, entries| {
                let keys: Vec<Key<'_>> = entries.iter().map(|(key, ..)| key.key()).collect();
                let lost = Lost::keys(keys.iter().copied());
                this.write(&keys, &lost, |outage| outage.multi_set(as_entries(&entries)))
            },
        )
    }

    fn increment(&self, key: Key<'_>, delta: i64, ttl: Ttl) -> Reply<i64> {
        self.call(
            key.into_owned(),
            |server, key| server.increment(key.key(), delta, ttl),
            move |this, key| this.write_one(key.key(), |outage, key| outage.increment(key, delta, ttl)),
        )
    }

    fn expire(&self, key: Key<'_>, ttl: Ttl) -> Reply<bool> {
        self.call(
            key.into_owned(),
            |server, key| server.expire(key.key(), ttl),
            move |this, key| match is_tag(key.key().full()) {
                true => this.read(|outage| outage.expire(key.key(), ttl)),
                false => this.write_one(key.key(), |outage, key| outage.expire(key, ttl)),
            },
        )
    }

    fn delete(&self, key: Key<'_>, when: When) -> Reply<bool> {
        if is_lock(key.full()) {
            return self.server.delete(key, when);
        }
        self.call(
            (key.into_owned(), when),
            |server, (key, when)| match is_of_outage(when) {
                true => Reply::ready(false),
                false => server.delete(key.key(), when.clone()),
            },
            |this, (key, when)| this.write_one(key.key(), |outage, key| outage.delete(key, when)),
        )
    }

    fn multi_delete(&self, keys: &[Key<'_>]) -> Reply<u64> {
        self.call(
            owned(keys),
            |server, keys| server.multi_delete(&borrowed(keys)),
            |this, keys| {
                let keys = borrowed(&keys);
                this.write(&keys, &Lost::keys(keys.iter().copied()), |outage| outage.multi_delete(&keys))
            },
        )
    }

    fn clear(&self, prefix: &str) -> Reply<()> {
        self.call(
            prefix.to_owned(),
            |server, prefix| server.clear(prefix),
            |this, prefix| this.write(&[], &Lost::prefix(&prefix), |outage| outage.clear(&prefix)),
        )
    }

    fn close(&self) -> Reply<()> {
        self.switch.end();
        self.server.close()
    }

    fn ending_leases(&self, holder: &Holder) -> Option<Arc<dyn Backend>> {
        let server = self.server.ending_leases(holder)?;
        Some(Arc::new(Self { server, switch: Arc::clone(&self.switch), ends_leases: true }))
    }
}

fn as_entries(entries: &[(OwnedKey, Value, Ttl)]) -> Vec<Entry<'_>> {
    entries.iter().map(|(key, value, ttl)| Entry::new(key.key(), value.clone(), *ttl)).collect()
}

impl fmt::Debug for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fallback")
            .field("is_away", &self.is_away())
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}
