//! What a process does around a `fork` whose child goes on using its stores.
//!
//! The child has only the forking thread, and a copy of the locks that other threads held at that moment. One of these may be the thread
//! that removes expired entries. So that thread is stopped before, while it holds no lock, and made anew in the child. Whoever forks must
//! keep other threads from using stores meanwhile; in Python the interpreter's lock does that. Use `pthread_atfork`, or what a language has
//! in its place:
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
//! A store must not be used between these two calls: the thread stands still.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use crate::reaper;

/// Whether the thread that removes expired entries shall stand still.
static STOPPED: AtomicBool = AtomicBool::new(false);

/// How many threads hold a lock that a child would find locked: the one that removes expired entries, or none.
static WORKING: AtomicU32 = AtomicU32::new(0);

/// How often the stopped thread looks whether it may go on. Forks are rare and take longer.
const LOOK: Duration = Duration::from_millis(1);

/// Stops the thread that removes expired entries. Waits until it holds no lock, for a batch at most.
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

/// Starts the thread again, if a store has entries that expire.
pub fn after_in_child() {
    // The parent's thread may have been within `working`, about to look whether it shall stand still.
    WORKING.store(0, Ordering::SeqCst);
    STOPPED.store(false, Ordering::SeqCst);
    reaper::restart();
}

/// While this exists, its thread may hold a lock.
#[derive(Debug)]
pub(crate) struct Working(());

/// Says that this thread is about to take a lock. Waits while the thread shall stand still.
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
