//! The source of truth, and the acknowledged writes.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use polycache::{Error, ErrorKind};
use serde::{Deserialize, Serialize};

use super::Tally;
use super::clears::Clears;
use super::counters::Counters;
use super::lives::Lives;
use super::locks::Locks;
use super::log::Log;
use super::losses::Losses;

pub(super) const COUNTERS: usize = 2;
pub(super) const LOCKS: usize = 2;

/// A stored value: its key, the source's version, and the number of the command or computation that stored it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) key: usize,
    pub(super) version: u64,
    pub(super) number: u64,
}

#[derive(Debug)]
pub(super) struct Books {
    pub(super) log: Log,
    pub(super) clears: Clears,
    pub(super) counters: Counters,
    pub(super) locks: Locks,
    pub(super) lives: Lives,
    pub(super) losses: Losses,
    /// Taken by whoever writes a key other than deleting it: of two concurrent writers the earlier one could win.
    pub(super) turns: Vec<tokio::sync::Mutex<()>>,
    pub(super) stop: AtomicBool,
    pub(super) commands: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) computed: AtomicU64,
    pub(super) faults: AtomicU64,
    checked: AtomicU64,
    excused: AtomicU64,
    keys: Vec<Truth>,
    next: AtomicU64,
    /// Commands whose callers were told that the outcome is unknown.
    unknown: Mutex<HashSet<u64>>,
    /// Calls under way that may share their result within their process, by process and key: the version acknowledged when each began.
    sharing: Vec<Mutex<HashMap<u64, u64>>>,
    believed: Duration,
    near: Duration,
    stale_fills: bool,
    finding: Mutex<Option<String>>,
}

/// The truth about one key.
#[derive(Debug, Default)]
struct Truth {
    version: AtomicU64,
    /// The version that was acknowledged last.
    acknowledged: AtomicU64,
    /// The acknowledged version by process.
    by_process: Vec<AtomicU64>,
    /// When each version was acknowledged that was later than all before.
    history: Mutex<Vec<(Instant, u64)>>,
}

/// The acknowledged versions when a command began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Floor {
    key: usize,
    process: usize,
    at: Instant,
    version: u64,
    own: u64,
    shares: bool,
    /// The version for the earliest call whose result the command may share.
    shared: Option<u64>,
}

/// A call whose result others of its process may share, while this exists.
pub(super) struct Sharing {
    books: Arc<Books>,
    place: usize,
    call: u64,
}

impl Drop for Sharing {
    fn drop(&mut self) {
        self.books.sharing[self.place].lock().unwrap_or_else(PoisonError::into_inner).remove(&self.call);
    }
}

/// A computation's number holds its process.
const PROCESSES: u64 = 64;

/// The process that computed the value with this number; `None` for a write.
fn computed_by(number: u64) -> Option<usize> {
    usize::try_from(number % PROCESSES).ok()?.checked_sub(1)
}

impl Books {
    pub(super) fn new(
        processes: usize,
        lives: Lives,
        keys: usize,
        believed: Duration,
        near: Duration,
        stale_fills: bool,
    ) -> Self {
        let truth = || Truth { by_process: (0..processes).map(|_| AtomicU64::new(0)).collect(), ..Truth::default() };
        Self {
            log: Log::new(keys + COUNTERS + LOCKS),
            clears: Clears::default(),
            counters: Counters::new(COUNTERS),
            locks: Locks::new(LOCKS),
            lives,
            losses: Losses::default(),
            turns: (0..keys).map(|_| tokio::sync::Mutex::default()).collect(),
            stop: AtomicBool::new(false),
            commands: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            computed: AtomicU64::new(0),
            faults: AtomicU64::new(0),
            checked: AtomicU64::new(0),
            excused: AtomicU64::new(0),
            keys: (0..keys).map(|_| truth()).collect(),
            next: AtomicU64::new(PROCESSES),
            unknown: Mutex::default(),
            sharing: (0..processes * keys).map(|_| Mutex::default()).collect(),
            believed,
            near,
            stale_fills,
            finding: Mutex::default(),
        }
    }

    /// The keys of values. Those that aren't [`written`](Self::written) are only computed and deleted.
    pub(super) fn keys(&self) -> Range<usize> {
        0..self.keys.len()
    }

    /// The last third: these keys are written too, each by one task at a time.
    pub(super) fn written(&self) -> Range<usize> {
        self.keys.len() * 2 / 3..self.keys.len()
    }

    /// A number for a command.
    pub(super) fn number(&self) -> u64 {
        self.next.fetch_add(PROCESSES, Ordering::SeqCst)
    }

    /// A number for a computation by this process.
    pub(super) fn number_fill(&self, process: usize) -> u64 {
        self.computed.fetch_add(1, Ordering::Relaxed);
        self.number() + 1 + process as u64
    }

    /// The source's present version of a key.
    pub(super) fn version(&self, key: usize) -> u64 {
        self.keys[key].version.load(Ordering::SeqCst)
    }

    /// Changes a key in the source.
    pub(super) fn bump(&self, key: usize) -> u64 {
        self.keys[key].version.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// From now on nobody may read an older version.
    pub(super) fn acknowledge(&self, process: usize, key: usize, version: u64) {
        let Some(_kept) = self.losses.keeping() else { return };
        let truth = &self.keys[key];
        truth.by_process[process].fetch_max(version, Ordering::SeqCst);
        let before = truth.acknowledged.fetch_max(version, Ordering::SeqCst);
        if before < version {
            let mut history = truth.history.lock().unwrap_or_else(PoisonError::into_inner);
            if history.last().is_none_or(|(_, last)| *last < version) {
                history.push((Instant::now(), version));
            }
        }
    }

    /// Forgets what was acknowledged after `since`, since the store may have lost it.
    pub(super) fn revoke(&self, since: Instant) {
        for truth in &self.keys {
            let mut history = truth.history.lock().unwrap_or_else(PoisonError::into_inner);
            let kept = history.partition_point(|(at, _)| *at < since);
            history.truncate(kept);
            let version = history.last().map_or(0, |(_, version)| *version);
            truth.acknowledged.store(version, Ordering::SeqCst);
            truth.by_process.iter().for_each(|own| _ = own.fetch_min(version, Ordering::SeqCst));
        }
    }

    /// The command may still take effect, or never.
    pub(super) fn leave_unknown(&self, command: u64) {
        self.unknown.lock().unwrap_or_else(PoisonError::into_inner).insert(command);
    }

    pub(super) fn floor(&self, process: usize, key: usize) -> Floor {
        let truth = &self.keys[key];
        Floor {
            key,
            process,
            at: Instant::now(),
            version: truth.acknowledged.load(Ordering::SeqCst),
            own: truth.by_process[process].load(Ordering::SeqCst),
            shares: false,
            shared: None,
        }
    }

    /// As `floor`, for a call that may share results with others of its process.
    pub(super) fn share(self: &Arc<Self>, process: usize, key: usize) -> (Floor, Sharing) {
        let floor = self.floor(process, key);
        let (place, call) = (process * self.keys.len() + key, self.number());
        let mut sharing = self.sharing[place].lock().unwrap_or_else(PoisonError::into_inner);
        let shared = sharing.values().min().copied();
        sharing.insert(call, floor.version);
        (Floor { shares: true, shared, ..floor }, Sharing { books: Arc::clone(self), place, call })
    }

    /// Compares a read value with the versions that had been acknowledged before.
    pub(super) fn check(&self, floor: Floor, read: Stored, command: &str) {
        self.checked.fetch_add(1, Ordering::Relaxed);
        let Floor { key, process, version, .. } = floor;
        if let Some(wrong) = self.never_was(key, read).or_else(|| self.outlived(floor, read)) {
            return self.find(Some(key), &format!("`{command}` by process {process} read {read:?}: {wrong}"));
        }
        if read.version >= version || self.losses.excuse(floor.at) {
            return;
        }
        if self.is_possible(floor, read) {
            self.excused.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let Stored { version: found, number, .. } = read;
        let origin = match computed_by(number) {
            Some(by) => format!("computed by process {by}"),
            None => "written".to_owned(),
        };
        self.find(
            Some(key),
            &format!(
                "`{command}` by process {process} read version {found} of key {key} (#{number}, {origin}), though version {version} had been acknowledged before it began"
            ),
        );
    }

    fn never_was(&self, key: usize, read: Stored) -> Option<&'static str> {
        match () {
            () if read.key != key => Some("the value of another key"),
            () if read.version > self.version(key) || read.number >= self.next.load(Ordering::SeqCst) => {
                Some("a value that never was")
            }
            () => None,
        }
    }

    /// A call that may share a result may get one that was read before it began.
    fn outlived(&self, floor: Floor, read: Stored) -> Option<&'static str> {
        if floor.shares { None } else { self.lives.outlived(floor.key, read.number, floor.at) }
    }

    fn is_possible(&self, floor: Floor, Stored { version: read, number, .. }: Stored) -> bool {
        let computed = computed_by(number).is_some();
        let unknown = || self.unknown.lock().unwrap_or_else(PoisonError::into_inner).contains(&number);
        let shared = floor.shared.is_some_and(|shared| read >= shared.max(floor.own));
        shared
            || self.is_believing(floor.at)
            || self.is_near(floor, read)
            || if computed { self.stale_fills } else { unknown() }
    }

    /// Whether the read version was still near: another process has replaced it a short while ago.
    fn is_near(&self, floor: Floor, read: u64) -> bool {
        if self.near.is_zero() || read < floor.own {
            return false;
        }
        let history = self.keys[floor.key].history.lock().unwrap_or_else(PoisonError::into_inner);
        let replaced = history.partition_point(|(_, version)| *version <= read);
        // Whoever has acknowledged may be about to write that down.
        history.get(replaced).is_none_or(|(at, _)| floor.at < *at + self.near)
    }

    /// Whether values may be near.
    pub(super) fn has_near(&self) -> bool {
        !self.near.is_zero()
    }

    /// Whether a read that began at `at` may not know of a clear yet.
    pub(super) fn is_believing(&self, at: Instant) -> bool {
        !self.believed.is_zero() && self.clears.within(self.believed, at)
    }

    /// An error that trouble doesn't explain is a finding.
    pub(super) fn fail(&self, key: Option<usize>, command: &str, error: &Error) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        if !matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Unavailable | ErrorKind::UnknownOutcome) {
            self.find(key, &format!("`{command}` failed with {error:?}"));
        }
    }

    /// The first finding is kept, and ends the histories.
    pub(super) fn find(&self, key: Option<usize>, what: &str) {
        let mut finding = self.finding.lock().unwrap_or_else(PoisonError::into_inner);
        if finding.is_none() {
            *finding = Some(format!("{what}\n{}", self.log.tell(key)));
        }
        self.stop.store(true, Ordering::SeqCst);
    }

    pub(super) fn finding(&self) -> Option<String> {
        self.finding.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn is_over(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    pub(super) fn tally(&self) -> Tally {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Tally {
            commands: read(&self.commands),
            failed: read(&self.failed),
            checked: read(&self.checked),
            computed: read(&self.computed),
            excused: read(&self.excused),
            faults: read(&self.faults),
        }
    }
}
