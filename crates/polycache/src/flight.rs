//! Single-flight: of all the tasks that miss a key, one computes.
//!
//! [`Flights`] is a table of computations, one flight for each key. Whoever joins a flight either leads, and computes, or waits. A leader
//! that is dropped hands over to a waiter. A write to the key *overtakes* its flight: the flight's value is not stored any more, and
//! newcomers start another one.
//!
//! Foreign code never runs under a lock: a step under a lock returns what it removes.

mod apart;
mod approach;
mod circle;
mod entry;
mod errand;
mod finish;
mod get_or_set;
mod joint;
mod lead;
mod leader;
#[cfg(all(test, polycache_shuttle))]
mod model;
mod multi;
mod multi_get_or_set;
mod multi_leases;
mod multi_patient;
mod multi_read;
mod objects;
mod options;
mod overtake;
mod patient;
mod pulse;
mod renewal;
mod report;
mod sending;
mod shareable;
mod slow;
mod stale;
mod sync;
mod table;
mod tenure;
#[cfg(all(test, feature = "memory", not(polycache_shuttle)))]
mod tests;
mod under_way;
mod waiter;
mod watch;

use std::any::{Any, TypeId};
use std::fmt;
use std::hash::BuildHasher;
use std::sync::{Arc, OnceLock};

use compact_str::CompactString;
use foldhash::fast::RandomState;

#[cfg(feature = "macros")]
pub(crate) use self::approach::Asked;
pub use self::circle::Inside;
use self::circle::{Circle, Node};
pub use self::errand::Errand;
pub use self::get_or_set::GetOrSet;
#[cfg(feature = "macros")]
pub(crate) use self::lead::Policy;
use self::leader::Leader;
pub use self::multi_get_or_set::MultiGetOrSet;
#[cfg(feature = "macros")]
pub(crate) use self::multi_patient::{SpawnMany, run as run_multi, spawn as spawn_multi};
pub use self::options::{Behind, CallOptions, Detached, TimesOut};
pub(crate) use self::overtake::Scope;
pub use self::renewal::Renewal;
pub(crate) use self::sending::Seat;
pub use self::shareable::Shareable;
#[cfg(feature = "macros")]
pub(crate) use self::slow::{Call, Slow};
#[cfg(feature = "macros")]
pub(crate) use self::stale::AgedRead;
use self::sync::{AtomicUsize, Mutex, Ordering};
use self::table::{Joined, Table};
pub(crate) use self::tenure::Tenure;
use self::under_way::UnderWay;
use self::waiter::Waiter;
use self::watch::Watched;
use crate::backend::Key;
use crate::lease::Holder;
use crate::repeated::tell_repeated;

/// The number of shards. A lock is held for well under a microsecond, so these suffice for any number of cores.
const SHARDS: usize = 32;

/// The computations of this process, for one cache with all its clones and views.
pub(crate) struct Flights {
    /// How many flights there are, in all shards. Writes look at this.
    live: AtomicUsize,
    watched: Watched,
    under_way: UnderWay,
    hasher: RandomState,
    /// The holder of the leases of its leaders.
    holder: Holder,
    shards: Box<[Mutex<Table>]>,
}

/// The place of a flight in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Spot {
    hash: u64,
    /// Unique within its shard.
    id: u64,
}

/// The place for the result of a flight, for waiters of exactly these types.
type Landing<T, E> = OnceLock<Result<T, E>>;

/// A caller's part in a flight.
pub(crate) enum Part<T: Send + Sync + 'static, E: Send + Sync + 'static> {
    /// The caller computes. The number counts the landings near this key so far.
    Leads(Leader<T, E>, u64),
    Waits(Waiter<T, E>),
    /// Waiting would never end: this caller is part of the computation, or of one that waits for it.
    Circles,
}

impl Flights {
    pub(crate) fn new() -> Arc<Self> {
        let shards = (0..SHARDS).map(|_| Mutex::new(Table::default())).collect();
        Arc::new(Self {
            live: AtomicUsize::new(0),
            watched: Watched::default(),
            under_way: UnderWay::default(),
            hasher: RandomState::default(),
            holder: Holder::new(),
            shards,
        })
    }

    /// Whether anything is being computed. If not, a write has nothing to overtake: a later computation uses what the writer has already
    /// written to the source.
    #[inline]
    pub(crate) fn any(&self) -> bool {
        // Not relaxed, for sources without a lock or a system call; the same instruction on x86.
        self.live.load(Ordering::SeqCst) != 0
    }

    /// Tells the flights of one cache from those of another, for events that repeat.
    pub(crate) fn mark(&self) -> CompactString {
        CompactString::new(self.holder.name())
    }

    /// How many flights near this key have landed. While the number stays the same, no flight has stored a value for it.
    fn landings(&self, key: Key<'_>) -> u64 {
        self.at(self.hash(key.full()), |table| table.landings)
    }

    /// Joins the flight of `key`, or starts one.
    fn join<T, E>(self: &Arc<Self>, key: Key<'_>) -> Part<T, E>
    where
        T: Clone + Send + Sync + 'static,
        E: Clone + Send + Sync + 'static,
    {
        let hash = self.hash(key.full());
        let fresh = || Arc::new(Landing::<T, E>::new()) as Arc<dyn Any + Send + Sync>;
        let joined = self.at(hash, |table| table.join(hash, key.full(), TypeId::of::<Landing<T, E>>(), fresh));
        match joined {
            Joined::Leads { id, permit, landings } => {
                Part::Leads(Leader::new(Arc::clone(self), Spot { hash, id }, permit), landings)
            }
            Joined::Waits { id, ticket, landing } => {
                let landing = landing.and_then(|landing| landing.downcast().ok());
                let seat = Seat { flights: Arc::clone(self), spot: Spot { hash, id } };
                let node = Node::of(&seat);
                let mut waiter = Waiter::new(seat, ticket, landing);
                match circle::wait_for(node) {
                    Ok(awaited) => {
                        waiter.is_awaited(awaited);
                        Part::Waits(waiter)
                    }
                    Err(Circle) => {
                        tell_repeated!(
                            WARN,
                            (self.mark(), key.full()),
                            key = key.full(),
                            "the computation for this key asks for the key itself, or for one whose computation waits for it: \
                             it is computed there once more, and that isn't stored"
                        );
                        Part::Circles
                    }
                }
            }
        }
    }

    /// Starts a flight of `key`, unless there is one.
    fn try_lead<T, E>(self: &Arc<Self>, key: Key<'_>) -> Option<Leader<T, E>>
    where
        T: Send + Sync + 'static,
        E: Send + Sync + 'static,
    {
        let hash = self.hash(key.full());
        let kind = TypeId::of::<Landing<T, E>>();
        let (id, permit) = self.at(hash, |table| table.try_start(hash, key.full(), kind))?;
        Some(Leader::new(Arc::clone(self), Spot { hash, id }, permit))
    }

    /// Starts a flight of `key`, and overtakes the present ones.
    fn lead<T, E>(self: &Arc<Self>, key: Key<'_>) -> Leader<T, E>
    where
        T: Send + Sync + 'static,
        E: Send + Sync + 'static,
    {
        let (hash, key) = (self.hash(key.full()), key.full());
        let (wakers, (id, permit)) = self.at(hash, |table| {
            let wakers = table.overtake(hash, key);
            (wakers, table.start(hash, key, TypeId::of::<Landing<T, E>>()))
        });
        leader::wake(wakers);
        Leader::new(Arc::clone(self), Spot { hash, id }, permit)
    }

    pub(crate) fn holder(&self) -> &Holder {
        &self.holder
    }

    fn hash(&self, key: &str) -> u64 {
        self.hasher.hash_one(key)
    }

    /// One step under the lock of a shard.
    fn at<R>(&self, hash: u64, step: impl FnOnce(&mut Table) -> R) -> R {
        // The middle bits, since the low and the top ones place the key in the table.
        self.step((hash >> 32) as usize % SHARDS, step)
    }

    fn step<R>(&self, shard: usize, step: impl FnOnce(&mut Table) -> R) -> R {
        let mut table = self.shards[shard].lock();
        let before = table.len();
        let result = step(&mut table);
        match (before, table.len()) {
            (before, after) if after > before => self.live.fetch_add(after - before, Ordering::SeqCst),
            (before, after) if after < before => self.live.fetch_sub(before - after, Ordering::SeqCst),
            _ => 0,
        };
        result
    }
}

impl fmt::Debug for Flights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flights").field("live", &self.live.load(Ordering::Relaxed)).finish_non_exhaustive()
    }
}
