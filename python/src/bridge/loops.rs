//! The event loops of this process, and how a call begins on one.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::{Duration, Instant};

use pyo3::exceptions::asyncio::CancelledError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::calls::{Call, Calls};
use super::clock::look_at;
use super::drain::{Drain, Send};
use super::runtime;
use super::work::Work;
use crate::fork;
use crate::shutdown::Within;

thread_local! {
    /// The loops that have run in this thread, by address. An entry counts while its calls exist, which the loop owns.
    static LOOPS: RefCell<Vec<(usize, Weak<Calls>)>> = const { RefCell::new(Vec::new()) };
}

/// How many loops have made calls in this process.
static MET: AtomicU32 = AtomicU32::new(0);

/// The loop that runs in this thread.
pub(crate) fn running_loop(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    static RUNNING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    RUNNING.import(py, "asyncio", "get_running_loop")?.call0()
}

/// The calls of a loop, if it has made any in this thread.
fn known(event_loop: &Bound<'_, PyAny>) -> Option<Arc<Calls>> {
    let address = event_loop.as_ptr().addr();
    LOOPS.with_borrow(|loops| {
        let (_, calls) = loops.iter().find(|(known, _)| *known == address)?;
        calls.upgrade().filter(|calls| calls.generation == fork::generation())
    })
}

/// The calls of the loop that runs in this thread.
fn calls_of(event_loop: &Bound<'_, PyAny>) -> PyResult<Arc<Calls>> {
    if let Some(calls) = known(event_loop) {
        return Ok(calls);
    }
    let calls = Drain::attach(event_loop)?;
    MET.fetch_add(1, Ordering::Relaxed);
    let address = event_loop.as_ptr().addr();
    LOOPS.with_borrow_mut(|loops| {
        loops.retain(|(known, calls)| *known != address && calls.strong_count() > 0);
        loops.push((address, Arc::downgrade(&calls)));
    });
    Ok(calls)
}

/// Whether a call of this loop may have to wait for another loop, which may stand still.
pub(crate) fn has_company(event_loop: &Bound<'_, PyAny>) -> PyResult<bool> {
    calls_of(event_loop)?;
    Ok(MET.load(Ordering::Relaxed) > 1)
}

/// Begins a call, and returns the future of its result, which is the running loop's. The future ends with a `TimeoutError` when `limit`
/// is over.
pub(crate) fn start<'py>(
    event_loop: &Bound<'py, PyAny>,
    mut work: impl Work + 'static,
    limit: Option<Duration>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = event_loop.py();
    let _within = Within::enter(py);
    let calls = calls_of(event_loop)?;
    let future = event_loop.call_method0(intern!(py, "create_future"))?;
    let (number, waker) = calls.reserve();
    match calls.poll(&mut work, py, &waker) {
        Poll::Pending => {
            if work.holds_others_up() {
                future.call_method1(intern!(py, "add_done_callback"), (on_leaving(py)?,))?;
            }
            let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
            let call = Call { work: Box::new(work), future: Some(future.clone().unbind()), deadline };
            if let (true, Some(deadline)) = (calls.put(number, call), deadline) {
                look_at(&calls, deadline);
            }
            Send::plan(event_loop, &calls)?;
        }
        Poll::Ready(result) => {
            calls.release(number);
            complete(&future, result)?;
        }
    }
    Ok(future)
}

/// Ends the call of a future whose waiting task was cancelled: nobody wants the result.
#[pyfunction]
pub(crate) fn abandon(future: &Bound<'_, PyAny>) -> PyResult<()> {
    let _within = Within::enter(future.py());
    let event_loop = future.call_method0(intern!(future.py(), "get_loop"))?;
    let call = known(&event_loop).and_then(|calls| calls.take_by_future(future));
    let runtime = runtime::present();
    let _entered = runtime.as_ref().map(|runtime| runtime.handle.enter());
    drop(call);
    Ok(())
}

/// What is called when the future of a call that holds others up is done: `left`, the same object each time.
pub(super) fn on_leaving(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static LEFT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let made = LEFT.get_or_try_init(py, || Ok::<_, PyErr>(pyo3::wrap_pyfunction!(left, py)?.into_any().unbind()))?;
    Ok(made.bind(py))
}

#[pyfunction]
fn left(future: &Bound<'_, PyAny>) -> PyResult<()> {
    let _within = Within::enter(future.py());
    if future.call_method0(intern!(future.py(), "cancelled"))?.is_truthy()? { abandon(future) } else { Ok(()) }
}

/// Gives a future its result, unless it was cancelled.
pub(super) fn complete(future: &Bound<'_, PyAny>, result: PyResult<Py<PyAny>>) -> PyResult<()> {
    let py = future.py();
    let given = match result {
        Ok(value) => future.call_method1(intern!(py, "set_result"), (value,)),
        Err(error) if error.is_instance_of::<CancelledError>(py) => future.call_method0(intern!(py, "cancel")),
        Err(error) => future.call_method1(intern!(py, "set_exception"), (error,)),
    };
    match given {
        Err(_) if future.call_method0(intern!(py, "done"))?.is_truthy()? => Ok(()),
        given => given.map(drop),
    }
}
