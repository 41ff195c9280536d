//! What a process does around a `fork` whose child goes on using its stores.
//!
//! The child has the forking thread alone, and a copy of what the others held at that moment: also of a lock that the thread which removes
//! expired entries had just then. So that thread is stopped before, outside of its locks, and made anew in the child. Other threads that use
//! stores must be kept from doing so by whoever forks; in Python its lock does that. For `pthread_atfork`, or what a language has in its place:
//!
//! ```
//! use polycache_engine::fork;
//!
//! fork::before();
//! // fork()
//! # let is_child = false;
//! if is_child { fork::after_in_child() } else { fork::after_in_parent() }
//! ```
//!
//! A store is not for the time between these two: the thread stands still.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use crate::reaper;

/// Whether the thread shall stand still.
static STOPPED: AtomicBool = AtomicBool::new(false);

/// How many threads hold what a child would miss: the thread, or none.
static WORKING: AtomicU32 = AtomicU32::new(0);

/// How often the thread looks whether it may go on. Forks are rare and take longer.
const LOOK: Duration = Duration::from_millis(1);

/// Stops the thread that removes expired entries, as soon as it holds no lock: after a batch at most.
pub fn before() {
    STOPPED.store(true, Ordering::SeqCst);
    while WORKING.load(Ordering::SeqCst) != 0 {
        thread::yield_now();
    }
}

/// Lets the thread go on.
pub fn after_in_parent() {
    STOPPED.store(false, Ordering::SeqCst);
}

/// Makes the thread anew, if a store has entries that expire.
pub fn after_in_child() {
    // The thread may have been about to look whether it shall stand still.
    WORKING.store(0, Ordering::SeqCst);
    STOPPED.store(false, Ordering::SeqCst);
    reaper::restart();
}

/// While it lives, its thread holds a lock.
#[derive(Debug)]
pub(crate) struct Working(());

/// Says that this thread is about to take a lock; waits where it shall stand still.
pub(crate) fn working() -> Working {
    loop {
        WORKING.fetch_add(1, Ordering::SeqCst);
        if !STOPPED.load(Ordering::SeqCst) {
            return Working(());
        }
        WORKING.fetch_sub(1, Ordering::SeqCst);
        thread::park_timeout(LOOK);
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        WORKING.fetch_sub(1, Ordering::SeqCst);
    }
}
