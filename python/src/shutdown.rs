//! The end of the interpreter, with threads that still run.
//!
//! Before 3.14, Python ends a daemon thread that asks for the interpreter's lock, by unwinding its stack. If a native frame is on that
//! stack, because it has called Python code, the process would abort. So every native function that calls Python code says so. When the
//! interpreter is about to end, the last exit handler waits until no thread is within such a call; a thread that comes later stays
//! outside for ever, as Python has it.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pyo3::prelude::*;

/// Whether the interpreter is about to end.
static ENDS: AtomicBool = AtomicBool::new(false);

/// How many calls of Python code are under way. Only touched by threads that are attached, one at a time: no read-modify-write is needed.
static WITHIN: AtomicU32 = AtomicU32::new(0);

thread_local! {
    /// Whether this thread ends the interpreter, and so goes on to the end.
    static IS_LAST: Cell<bool> = const { Cell::new(false) };
}

/// How long the end waits for a call.
const PATIENCE: Duration = Duration::from_millis(500);

/// While this exists, its thread may run Python code within a native call.
#[derive(Debug)]
pub(crate) struct Within(());

impl Within {
    /// Returns at once, unless the interpreter is about to end: then only in the thread that ends it.
    #[inline]
    pub(crate) fn enter(py: Python<'_>) -> Self {
        if ENDS.load(Ordering::Relaxed) {
            stay_outside(py);
        }
        WITHIN.store(WITHIN.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Within {
    #[inline]
    fn drop(&mut self) {
        WITHIN.store(WITHIN.load(Ordering::Relaxed).wrapping_sub(1), Ordering::Relaxed);
    }
}

#[cold]
fn stay_outside(py: Python<'_>) {
    // A thread whose locals are gone is ending.
    if !IS_LAST.try_with(Cell::get).unwrap_or(true) {
        py.detach(|| {
            loop {
                thread::park();
            }
        });
    }
}

/// Makes Python tell of its end.
pub(crate) fn install(py: Python<'_>) -> PyResult<()> {
    let end = pyo3::wrap_pyfunction!(end, py)?;
    py.import("atexit")?.call_method1("register", (end,))?;
    Ok(())
}

#[pyfunction]
fn end(py: Python<'_>) {
    IS_LAST.set(true);
    ENDS.store(true, Ordering::Relaxed);
    let until = Instant::now() + PATIENCE;
    while WITHIN.load(Ordering::Relaxed) != 0 && Instant::now() < until {
        py.detach(|| thread::sleep(Duration::from_millis(1)));
    }
}

/// For the child of a fork, which lacks the threads that were within a call.
pub(crate) fn after_fork_in_child() {
    WITHIN.store(0, Ordering::Relaxed);
}
