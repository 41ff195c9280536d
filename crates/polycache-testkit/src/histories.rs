//! Random histories of commands, faults and clears, checked for what a cache must never do.
//!
//! Several caches on one store stand for processes: each has a backend of its own and knows nothing of the others. A version counter for
//! each key is the source of truth. Whoever changes the source raises the counter, then writes or deletes the key; once that is
//! acknowledged nobody may read an older version. Nor does anybody read a version that never was, or after its TTL. Also, no acknowledged
//! increment is lost, and no two processes hold one lock.
//!
//! ```
//! use polycache::backends::memory::Memory;
//! use polycache_testkit::histories::{Fault, Histories};
//! use polycache_testkit::Intercept;
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "multi_thread", worker_threads = 2)] async fn main() {
//! // Around your own backend, as each process would open it.
//! let (backend, faults) = Intercept::failing(Arc::new(Memory::new()));
//! let tally = Histories::new("mine", vec![Arc::new(backend)])
//!     .fault(Fault::new("failing", move |time| {
//!         let faults = faults.clone();
//!         async move {
//!             faults.set(Some(polycache::ErrorKind::Unavailable));
//!             tokio::time::sleep(time).await;
//!             faults.set(None);
//!         }
//!     }))
//!     .run(Duration::from_millis(300))
//!     .await;
//! assert!(tally.checked > 0);
//! # }
//! ```
//!
//! A finding is a panic that tells the history of its key in order. Randomness comes from a seed, which is printed. The environment's
//! `POLYCACHE_HISTORY_SEED` repeats the commands and faults, though not their exact times.
//!
//! These aren't findings, since the documentation of the library declares them possible:
//! - A write whose caller was told that its outcome is unknown may take effect later.
//! - Without leases, a value that one process computes may be stored after another one has deleted its key.
//! - A caller that joins a `get_or_set` of its own process shares its result, even after another process has deleted the key.
//! - Where clears are [believed](Histories::believed) late, reads of other processes may see cleared values.
//! - Where the processes have [near](Histories::near) caches, a read may get what another process has replaced within their bound.
//! - A holder that can't renew its lock in time learns so from its guard, and another one may have the lock.

mod books;
mod clears;
mod counters;
mod fault;
mod lives;
mod locks;
mod log;
mod losses;
mod process;
mod reads;
#[cfg(feature = "servers")]
mod servers;
mod tags;
mod writes;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use polycache::backend::Backend;
use polycache::{Cache, ErrorKind};
use tokio::task::JoinSet;

use self::books::Books;
pub use self::fault::Fault;
use self::lives::Lives;
use self::process::Process;

/// Repeats the commands and faults of a run.
const SEED: &str = "POLYCACHE_HISTORY_SEED";
/// How long a command may take beyond the timeout of a cache, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
const WORKERS: usize = 24;
const PROGRESS: Duration = Duration::from_secs(5);

/// Processes on one store, and the faults during their work.
#[derive(Debug)]
#[must_use = "nothing happens before `run`"]
pub struct Histories {
    name: String,
    processes: Vec<Arc<dyn Backend>>,
    faults: Vec<Fault>,
    lease: Option<Duration>,
    timeout: Duration,
    believed: Duration,
    near: Duration,
    workers: usize,
    keys: usize,
    readers: usize,
    lives: Option<Duration>,
    evicts: bool,
    clears: bool,
    tagged: bool,
}

/// The counts of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// Commands that ended.
    pub commands: u64,
    /// Commands that failed.
    pub failed: u64,
    /// Values that were read and compared with the acknowledged versions.
    pub checked: u64,
    /// Values that were computed.
    pub computed: u64,
    /// Older values that were read and are declared possible.
    pub excused: u64,
    /// Faults.
    pub faults: u64,
}

impl Histories {
    /// Processes with these backends, which share one store, empty at first.
    pub fn new(name: &str, processes: Vec<Arc<dyn Backend>>) -> Self {
        Self {
            name: name.to_owned(),
            workers: (WORKERS / processes.len().max(1)).max(1),
            processes,
            faults: Vec::new(),
            lease: None,
            timeout: Duration::from_millis(500),
            believed: Duration::ZERO,
            near: Duration::ZERO,
            keys: 6,
            readers: 0,
            lives: None,
            evicts: false,
            clears: true,
            tagged: false,
        }
    }

    /// Gives the caches leases of this life, or none if it is zero. By default they have the library's default, which is none on a
    /// backend whose writes don't end leases: several processes on such a backend need this.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = Some(lease);
        self
    }

    /// The timeout of the caches; half a second by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long after a clear the reads of other processes may still see cleared values.
    pub fn believed(mut self, believed: Duration) -> Self {
        self.believed = believed;
        self
    }

    /// How long ago another process may have replaced or deleted a value that is still read: what a near cache in front of the store
    /// promises. What a process has written itself is seen at once.
    pub fn near(mut self, bound: Duration) -> Self {
        self.near = bound;
        self
    }

    /// Leaves out clears after the beginning. Counters are compared only while no clear can take effect, and a failed one may for
    /// seconds.
    pub fn without_clears(mut self) -> Self {
        self.clears = false;
        self
    }

    /// Gives all values tags, and clears these, too.
    pub fn tagged(mut self) -> Self {
        self.tagged = true;
        self
    }

    /// The number of keys; six by default, so that most calls meet others.
    pub fn keys(mut self, keys: usize) -> Self {
        self.keys = keys.max(3);
        self
    }

    /// So many of the processes only read and compute: what they miss of others' writes isn't made up for by their own.
    pub fn readers(mut self, processes: usize) -> Self {
        self.readers = processes;
        self
    }

    /// Gives entries TTLs of up to this, and changes these. By default entries live until they are deleted.
    pub fn lives(mut self, most: Duration) -> Self {
        self.lives = Some(most);
        self
    }

    /// The store may forget anything at any time, to make room. So counters aren't compared, and nobody looks who holds a lock.
    pub fn evicts(mut self) -> Self {
        self.evicts = true;
        self
    }

    /// How many tasks each process has; by default all processes together have 24.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// Adds a fault that happens now and then.
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Adds faults that happen now and then, one at a time.
    pub fn faults(mut self, faults: impl IntoIterator<Item = Fault>) -> Self {
        self.faults.extend(faults);
        self
    }

    /// Lets the processes work for this long, with faults meanwhile.
    ///
    /// # Panics
    ///
    /// With the first finding, and if the store isn't there at the beginning.
    pub async fn run(self, duration: Duration) -> Tally {
        let given = std::env::var(SEED).ok();
        let seed = given.map_or_else(|| fastrand::u64(..), |seed| seed.parse().expect("a seed is a number"));
        eprintln!("histories of {}, {duration:?}: {SEED}={seed}", self.name);
        let caches: Vec<Cache> = self.processes.iter().map(|backend| self.cache(backend)).collect();
        let clears = match caches[0].with_timeout(PATIENCE).clear().await {
            Ok(()) => self.clears,
            Err(error) if error.kind() == ErrorKind::Unsupported => false,
            Err(error) => panic!("the store isn't there: {error}"),
        };
        let stale_fills = self.lease == Some(Duration::ZERO) && caches.len() > 1;
        let resolution = self.processes.iter().map(|backend| backend.info().ttl_resolution).max().unwrap_or_default();
        let lives = Lives::new(self.keys, self.lives, resolution);
        let books = Arc::new(Books::new(caches.len(), lives, self.keys, self.believed, self.near, stale_fills));
        if self.evicts {
            books.clears.begin();
        }
        let mut tasks = JoinSet::new();
        for (index, cache) in caches.into_iter().enumerate() {
            let end =
                if index < self.processes.len().saturating_sub(self.readers) { process::ALL } else { process::READS };
            let process = Arc::new(Process::new(index, cache, Arc::clone(&books), end, clears, self.tagged));
            for worker in 0..self.workers {
                let rng = fastrand::Rng::with_seed(seed ^ ((index as u64) << 32 | worker as u64));
                tasks.spawn(Arc::clone(&process).work(rng));
            }
        }
        if !self.faults.is_empty() {
            tasks.spawn(fault::happen(self.faults, fastrand::Rng::with_seed(!seed), Arc::clone(&books)));
        }
        let (started, mut told) = (Instant::now(), Instant::now());
        while started.elapsed() < duration && !books.is_over() {
            tokio::time::sleep(Duration::from_millis(20)).await;
            if told.elapsed() > PROGRESS {
                told = Instant::now();
                eprintln!("histories of {}, {:?}: {:?}", self.name, started.elapsed(), books.tally());
            }
        }
        books.stop.store(true, Ordering::SeqCst);
        while let Some(ended) = tokio::time::timeout(2 * PATIENCE, tasks.join_next()).await.expect("all tasks end") {
            ended.expect("a task of the histories ends well");
        }
        let tally = books.tally();
        eprintln!("histories of {}: {tally:?}", self.name);
        if let Some(finding) = books.finding() {
            panic!("histories of {}, after {:?}, {SEED}={seed}: {finding}", self.name, started.elapsed());
        }
        tally
    }

    fn cache(&self, backend: &Arc<dyn Backend>) -> Cache {
        let builder = Cache::builder().shared_backend(Arc::clone(backend)).namespace("histories").timeout(self.timeout);
        let builder = match self.lease {
            Some(lease) => builder.lease(lease),
            None => builder,
        };
        builder.build().expect("a cache that fits the backend")
    }
}
