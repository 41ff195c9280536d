//! The settings of a memory backend.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use polycache_engine::{Cause, Clock, Engine, ManualClock};

use super::weight::{Weigh, Weigher};
use super::{DEFAULT_MAX_ENTRIES, Memory};
use crate::backend::{BackendInfo, WallClock};
use crate::events::Listeners;
use crate::range::Range;
use crate::{Error, ErrorKind, Result, Value};

pub(super) const MAX_ENTRIES: Range<u64> = Range::new("max_entries", 1, u64::MAX);
/// So sums of a few weights stay far within 64 bits.
pub(in crate::backends) const MAX_BYTES: Range<u64> = Range::new("max_bytes", 1, 1 << 60);

/// The assumed weight of an entry in bytes, which decides how many shards a store has.
const TYPICAL_ENTRY_BYTES: u64 = 1_024;

/// The time of day at which a manual clock starts, in seconds since 1970: a test may go back from there.
const MANUAL_START: Duration = Duration::from_secs(1_000_000_000);

/// Settings for a new [`Memory`].
#[must_use = "a builder does nothing until `build`"]
pub struct MemoryBuilder {
    bound: Bound,
    weigher: Option<Arc<Weigh>>,
    listener: Option<Box<Listener>>,
    clock: Clock,
}

type Listener = dyn Fn(&Removed<'_>) + Send + Sync;

#[derive(Debug, Clone, Copy)]
enum Bound {
    Entries(u64),
    Bytes(u64),
    None,
}

/// An entry that has left a memory backend; see [`MemoryBuilder::listener`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Removed<'a> {
    /// Its full key, with the namespace.
    pub key: &'a str,
    /// Its value.
    pub value: &'a Value,
    /// Why it left.
    pub cause: Cause,
}

impl MemoryBuilder {
    pub(super) fn new() -> Self {
        Self { bound: Bound::Entries(DEFAULT_MAX_ENTRIES), weigher: None, listener: None, clock: Clock::System }
    }

    /// Holds up to this many entries, of any size, and for a moment those that other threads are just storing. The default, with 100,000.
    pub fn max_entries(mut self, entries: u64) -> Self {
        self.bound = Bound::Entries(entries);
        self
    }

    /// Holds up to this many bytes. An entry counts the bytes of its key and its encoded value, and 128 for its place in the table. The
    /// size of live objects isn't known: without a [`weigher`](Self::weigher) the cache must encode its values, by default as JSON.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.bound = Bound::Bytes(bytes);
        self
    }

    /// Holds all values until they expire or are deleted.
    pub fn unbounded(mut self) -> Self {
        self.bound = Bound::None;
        self
    }

    /// Sets the function that weighs an entry against [`max_bytes`](Self::max_bytes). Called with the full key, on the thread that
    /// writes; no lock is held.
    ///
    /// ```
    /// use polycache::backends::memory::Memory;
    /// use polycache::Cache;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// let memory = Memory::builder()
    ///     .max_bytes(1_000)
    ///     .weigher(|key, value| key.len() as u64 + value.downcast_ref::<String>().map_or(8, |text| text.len() as u64))
    ///     .build()?;
    /// let cache = Cache::builder().backend(memory).build()?; // live objects, since they can be weighed
    /// cache.set("k", "x".repeat(900)).await?;
    /// let error = cache.set("k", "x".repeat(1_100)).await.unwrap_err();
    /// assert_eq!(error.kind(), polycache::ErrorKind::TooLarge);
    /// # Ok(()) }
    /// ```
    pub fn weigher(mut self, weigh: impl Fn(&str, &Value) -> u64 + Send + Sync + 'static) -> Self {
        self.weigher = Some(Arc::new(weigh));
        self
    }

    /// Called with every entry that leaves and the reason, but not when the whole store is dropped. It runs on the thread whose call
    /// removed the entry, or on the one that frees expired entries; no lock is held, so it may use the cache. It should be quick: a slow
    /// listener holds up the freeing of expired entries for every memory backend of the process. One that stores into a full store for
    /// each `Evicted` never comes to an end. If it panics, it is still called with the other entries that left in the same step, and the
    /// panic goes on in the call that removed them: a `clear` of a namespace or a `multi_delete` may be done in part then. The thread
    /// that frees expired entries survives it.
    ///
    /// ```
    /// use polycache::backends::memory::{Cause, Memory};
    /// use polycache::Cache;
    /// use std::sync::mpsc;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// let (sender, receiver) = mpsc::channel();
    /// let memory = Memory::builder()
    ///     .listener(move |removed| drop(sender.send((removed.key.to_owned(), removed.cause))))
    ///     .build()?;
    /// let cache = Cache::builder().backend(memory).build()?;
    /// cache.set("k", 1).await?;
    /// cache.delete("k").await?;
    /// assert_eq!(receiver.recv().ok(), Some(("k".to_owned(), Cause::Deleted)));
    /// # Ok(()) }
    /// ```
    pub fn listener(mut self, listener: impl Fn(&Removed<'_>) + Send + Sync + 'static) -> Self {
        self.listener = Some(Box::new(listener));
        self
    }

    /// Uses a clock that moves only when told to, for tests; [`Cache::now`](crate::Cache::now) moves with it. Expired entries are never
    /// read, and only [`Memory::remove_expired`] frees them.
    ///
    /// ```
    /// use polycache::backends::memory::{ManualClock, Memory};
    /// use polycache::{Cache, Ttl};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// let clock = ManualClock::new();
    /// let memory = Memory::builder().manual_clock(&clock).build()?;
    /// let cache = Cache::builder().backend(memory).ttl(Ttl::secs(60)).build()?;
    /// cache.set("k", 1).await?;
    /// clock.advance(Duration::from_millis(59_999));
    /// assert!(cache.exists("k").await?);
    /// let before = cache.now();
    /// clock.advance(Duration::from_millis(1));
    /// assert!(!cache.exists("k").await?);
    /// assert_eq!(cache.now(), before + Duration::from_millis(1));
    /// # Ok(()) }
    /// ```
    pub fn manual_clock(mut self, clock: &ManualClock) -> Self {
        self.clock = Clock::Manual(clock.clone());
        self
    }

    /// Makes the store.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) for a bound of zero or above 2^60 bytes, and for a weigher without [`max_bytes`](Self::max_bytes).
    pub fn build(self) -> Result<Memory> {
        match self.bound {
            Bound::Entries(entries) => drop(MAX_ENTRIES.check(entries)?),
            Bound::Bytes(bytes) => drop(MAX_BYTES.check(bytes)?),
            Bound::None => {}
        }
        if self.weigher.is_some() && !matches!(self.bound, Bound::Bytes(_)) {
            let text = "a weigher has no effect without `max_bytes`; set that, or leave the weigher out";
            return Err(Error::new(ErrorKind::Config, text));
        }
        Ok(self.assemble())
    }

    pub(super) fn assemble(self) -> Memory {
        let mut info = BackendInfo::new("memory");
        info.capabilities.live_objects = true;
        info.capabilities.exclusive = true;
        // The weight of bytes wouldn't count decoded objects.
        info.capabilities.keeps_decoded = !matches!(self.bound, Bound::Bytes(_));
        if let Clock::Manual(_) = &self.clock {
            let clock = self.clock.clone();
            info.clock =
                WallClock::new(move || SystemTime::UNIX_EPOCH + MANUAL_START + Duration::from_millis(clock.now()));
        }
        let mut engine = Engine::builder().clock(self.clock).pointee(Value::address);
        let weigher = match (self.bound, self.weigher) {
            (Bound::None, _) => Weigher::Entries,
            (Bound::Entries(max), _) => {
                engine = engine.capacity(max);
                Weigher::Entries
            }
            (Bound::Bytes(max), weigh) => {
                engine = engine.capacity(max).entry_weight(TYPICAL_ENTRY_BYTES);
                info.capabilities.live_objects = weigh.is_some();
                match weigh {
                    Some(weigh) => Weigher::Custom { max, weigh },
                    None => Weigher::Bytes { max },
                }
            }
        };
        let listeners = Arc::new(Listeners::new());
        if let Some(listener) = self.listener {
            let listeners = Arc::clone(&listeners);
            engine = engine.listener(move |removed| {
                let polycache_engine::Removed { key, value, cause, .. } = &removed;
                Memory::tell(&listeners, key, *cause);
                listener(&Removed { key, value, cause: *cause });
            });
        }
        Memory { engine: engine.build(), weigher, info, listeners, clears: Arc::default() }
    }
}

impl fmt::Debug for MemoryBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBuilder").field("bound", &self.bound).field("clock", &self.clock).finish_non_exhaustive()
    }
}
