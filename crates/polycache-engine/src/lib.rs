//! The in-memory store under polycache's memory backend: a bounded, sharded hash table whose entries expire.
//!
//! Synchronous, no I/O, no async runtime. Its promises:
//!
//! - **Atomic inspect-and-act.** Every write is one [`Engine::update`]: a decision taken on the present entry under the
//!   lock of its shard. `set`, `add`, compare-and-set, counters and changes of TTL are all that one call.
//! - **Exact expiry.** A reader never gets a value after its deadline, to the millisecond, whether or not the entry has
//!   been removed yet. A read of an entry without a deadline reads no clock.
//! - **Expiry without traffic.** A timing wheel in each shard and one thread for the process free expired entries, in
//!   bounded batches.
//! - **An exact bound.** The weight of all shards together stays within the capacity, and a value that fits the whole
//!   fits, however full its own shard is.
//! - **Nothing foreign under a lock.** Values leave the shard before they are dropped or shown to the listener.
//!
//! ```
//! use polycache_engine::{Decision, Engine, NEVER};
//!
//! let engine = Engine::builder().capacity(1_000).build();
//! engine.update("k", |_| (Decision::Store { value: "v", weight: 1, deadline: NEVER }, ()));
//! assert_eq!(engine.get("k"), Some("v"));
//! ```

mod builder;
mod clock;
mod engine;
pub mod fork;
mod ghost;
mod index;
mod joined;
mod key;
mod layout;
mod many;
mod places;
mod policy;
mod reads;
mod reaper;
mod removed;
mod shard;
mod slab;
mod walk;
mod wheel;

#[cfg(test)]
mod tests;

pub use builder::Builder;
pub use clock::{Clock, Life, ManualClock, NEVER};
pub use engine::Engine;
pub use layout::{Layout, Quick, Small};
pub use removed::{Cause, Removed};
pub use shard::{Decision, Present};
pub use walk::Cursor;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
