//! The memory of this process.
//!
//! [`Memory`] holds live objects or bytes in a sharded hash table, bounded by [entries](MemoryBuilder::max_entries) or by
//! [bytes](MemoryBuilder::max_bytes). An expired entry is never read, to the millisecond, and is freed soon, without a call. A variant of
//! CLOCK-Pro decides which entry makes room for a new one: it keeps entries that are read often, and a scan doesn't push them out.
//!
//! By default it holds up to 100,000 entries: with values of a kilobyte about a hundred megabytes, which seldom hurts a service, and is
//! enough for the working set of most. Set the bound if you know a better one.
//!
//! Time comes from the machine's monotonic clock, which may stand still while the machine is suspended. In a child process made by `fork`
//! the thread that frees expired entries is missing: they stay unread, and are freed when room is needed. A process that calls
//! `polycache_engine::fork` around a `fork` has the thread in the child, too.

mod builder;
mod counter;
mod operations;
#[cfg(feature = "config")]
mod settings;
mod weight;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use polycache_engine::Engine;
pub use polycache_engine::{Cause, ManualClock};

pub(super) use self::builder::MAX_BYTES;
pub use self::builder::{MemoryBuilder, Removed};
#[cfg(feature = "config")]
pub(super) use self::settings::from_settings;
use self::weight::Weigher;
use crate::backend::{BackendInfo, Clears};
use crate::events::{Event, Listeners};
use crate::{Ttl, Value};

/// The bound of a memory backend by default.
const DEFAULT_MAX_ENTRIES: u64 = 100_000;

/// A store in the memory of this process. A clone is a handle on the same store.
///
/// ```
/// use polycache::backends::memory::Memory;
/// use polycache::Cache;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// let memory = Memory::builder().max_entries(2).build()?;
/// let cache = Cache::builder().backend(memory.clone()).build()?;
/// cache.multi_set([("a", 1), ("b", 2), ("c", 3)]).await?;
/// assert_eq!(memory.len(), 2);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Memory {
    engine: Engine<Value>,
    weigher: Weigher,
    info: BackendInfo,
    listeners: Arc<Listeners>,
    clears: Arc<Clears>,
}

impl Memory {
    /// A store with all defaults: up to 100,000 entries.
    #[must_use]
    pub fn new() -> Self {
        MemoryBuilder::new().assemble()
    }

    /// Settings for a new store.
    pub fn builder() -> MemoryBuilder {
        MemoryBuilder::new()
    }

    /// The number of entries. Expired ones count until they are freed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.engine.len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.engine.is_empty()
    }

    /// The weight of all entries together: their number, or their bytes where the store is bounded by bytes.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.engine.weight()
    }

    /// Frees all expired entries at once, in time proportional to the number of all entries. By themselves they are freed soon; with
    /// a manual clock only here.
    pub fn remove_expired(&self) {
        self.engine.remove_expired();
    }

    /// Tells the listeners of the entries that no command removed.
    fn tell(listeners: &Listeners, key: &str, cause: Cause) {
        match cause {
            Cause::Evicted => listeners.tell(&Event::Evicted { key }),
            Cause::Expired => listeners.tell(&Event::Expired { key }),
            // Commands show the others.
            _ => {}
        }
    }

    fn deadline(&self, ttl: Ttl) -> u64 {
        match ttl {
            Ttl::Never => polycache_engine::NEVER,
            Ttl::After(life) => self.engine.clock().deadline(life),
        }
    }

    /// As [`remaining`](Self::remaining), for readers who want to know whether more than the value's grace is left.
    fn roughly_remaining(&self, deadline: u64, value: &Value) -> Ttl {
        match self.engine.clock().roughly_remaining(deadline, value.grace().unwrap_or_default()) {
            Some(left) if deadline != polycache_engine::NEVER => Ttl::After(left),
            _ => self.remaining(deadline),
        }
    }

    fn remaining(&self, deadline: u64) -> Ttl {
        match deadline {
            polycache_engine::NEVER => Ttl::Never,
            // A live entry has at least part of a millisecond left.
            deadline => Ttl::After(self.engine.clock().remaining(deadline).max(Duration::from_millis(1))),
        }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("len", &self.len()).field("engine", &self.engine).finish_non_exhaustive()
    }
}
