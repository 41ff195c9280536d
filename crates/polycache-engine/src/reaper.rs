//! The thread that removes expired entries without a call: one for the process, asleep until something is due.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Weak;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};

use crate::clock::{Clock, NEVER};
use crate::engine::{EXPIRY_BATCH, Inner};
use crate::fork;
use crate::layout::Layout;
use crate::removed::Batch;
use crate::shard::Shard;

/// A store that the thread looks after.
pub(crate) trait Sweep: Send + Sync {
    /// Removes expired entries. Returns when to come again, in milliseconds of the system clock.
    fn sweep(&self) -> u64;
}

impl<V: Send + Sync + 'static, L: Layout> Sweep for Inner<V, L> {
    /// Goes round the shards and takes a batch from each. Entries that were made one after the other lie in different shards, and the
    /// allocator takes back neighbours faster than scattered memory.
    fn sweep(&self) -> u64 {
        let mut spares = Vec::new();
        loop {
            let now = self.table.clock.now();
            let due = self.table.shards.iter().map(|shard| {
                let due = {
                    let _working = fork::working();
                    shard.0.read().next_due()
                };
                if due <= now {
                    spares.extend(self.sweep_shard(&shard.0, now));
                }
                due
            });
            let due = due.min().unwrap_or(NEVER);
            if due > now {
                return due;
            }
        }
    }
}

impl<V, L: Layout> Inner<V, L> {
    /// Removes a batch of expired entries. Returns the memory of a shard that is empty then, to be dropped after all values.
    fn sweep_shard(&self, lock: &RwLock<Shard<V, L>>, now: u64) -> Option<impl Sized + use<V, L>> {
        let mut out = Batch::with_capacity(EXPIRY_BATCH);
        let working = fork::working();
        let mut shard = lock.write();
        let before = shard.quota();
        shard.expire(now, EXPIRY_BATCH, &mut out);
        self.count_claim(before, shard.quota());
        let spare = shard.take_spare();
        drop(shard);
        drop(working);
        self.dispose(out);
        spare
    }
}

static STORES: Mutex<Vec<Weak<dyn Sweep>>> = Mutex::new(Vec::new());

/// When the thread will wake by itself, in milliseconds of the system clock.
static WAKES_AT: AtomicU64 = AtomicU64::new(NEVER);

/// Whether the thread is removing entries, or there is no such thread.
static AT_WORK: AtomicBool = AtomicBool::new(false);

/// The thread, once one was needed; the inner `None` where the system refuses to make it.
static REAPER: Mutex<Option<Option<Thread>>> = Mutex::new(None);

/// Has the thread look after a store from now on.
#[cold]
pub(crate) fn register(store: Weak<dyn Sweep>) {
    STORES.lock().push(store);
    // Another writer may have woken the thread before the thread knew this store.
    wake_earlier(0);
}

/// Makes the thread wake soon after `deadline`, or earlier.
#[inline]
pub(crate) fn wake_by(deadline: u64) {
    if WAKES_AT.load(Ordering::Acquire) > deadline {
        wake_earlier(deadline);
    }
}

#[inline]
pub(crate) fn is_at_work() -> bool {
    AT_WORK.load(Ordering::Relaxed)
}

#[cold]
fn wake_earlier(deadline: u64) {
    WAKES_AT.fetch_min(deadline, Ordering::AcqRel);
    // Without the thread (the system refuses to make one) expired entries stay in memory, unseen, until room is needed.
    if let Some(thread) = REAPER.lock().get_or_insert_with(spawn) {
        thread.unpark();
    }
}

/// For the child of a fork, which hasn't got the thread: makes it anew, if there is a store to look after.
pub(crate) fn restart() {
    *REAPER.lock() = None;
    AT_WORK.store(false, Ordering::Relaxed);
    WAKES_AT.store(NEVER, Ordering::Release);
    let is_needed = !STORES.lock().is_empty();
    if is_needed {
        wake_earlier(0);
    }
}

fn spawn() -> Option<Thread> {
    let thread = thread::Builder::new().name("polycache-expiry".into()).spawn(run);
    if thread.is_err() {
        AT_WORK.store(true, Ordering::Relaxed);
    }
    Some(thread.ok()?.thread().clone())
}

fn run() {
    loop {
        // Before the sweep: a deadline that is set meanwhile lowers the time again and unparks this thread.
        WAKES_AT.store(NEVER, Ordering::Release);
        AT_WORK.store(true, Ordering::Relaxed);
        let due = sweep_all();
        AT_WORK.store(false, Ordering::Relaxed);
        let wakes_at = WAKES_AT.fetch_min(due, Ordering::AcqRel).min(due);
        if wakes_at == NEVER {
            thread::park();
        } else {
            let wait = wakes_at.saturating_sub(Clock::System.now()).max(SHORTEST_WAIT_MS);
            thread::park_timeout(Duration::from_millis(wait));
        }
    }
}

/// Entries that are due within this time are removed together.
const SHORTEST_WAIT_MS: u64 = 16;

fn sweep_all() -> u64 {
    let stores: Vec<_> = {
        let _working = fork::working();
        let mut stores = STORES.lock();
        stores.retain(|store| store.strong_count() > 0);
        stores.clone()
    };
    let sweep = |store: &Weak<dyn Sweep>| {
        let store = store.upgrade()?;
        // A listener or the drop of a value may panic. The other stores still need the thread, and what was due in this one stays due.
        let later = Clock::System.now() + SHORTEST_WAIT_MS;
        Some(catch_unwind(AssertUnwindSafe(move || store.sweep())).unwrap_or_else(|payload| {
            // Dropping the payload may panic, too.
            std::mem::forget(payload);
            later
        }))
    };
    stores.iter().filter_map(sweep).min().unwrap_or(NEVER)
}
