//! What an event loop does whose bell has rung.

use std::os::fd::RawFd;
use std::sync::{Arc, Weak};
use std::task::Poll;

use pyo3::exceptions::{PyAttributeError, PyNotImplementedError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple, PyType};

use super::calls::Calls;
use super::clock::look;
use super::loops::{complete, on_leaving};
use super::mailbox::Mailbox;
use super::runtime;
use crate::fork;
use crate::shutdown::Within;

/// The native half of the loop's reader. Only the loop holds it, or a thread that watches for it: closing the loop drops it, and the calls
/// with it.
#[pyclass(frozen, module = "polycache._native")]
pub(super) struct Drain {
    calls: Arc<Calls>,
    /// The type of the futures whose tasks the reader itself goes on with: asyncio's own, in C. Python's may belong to a loop within a loop,
    /// which can't call the reader while one of its tasks runs on top of it. None while a loop is debugged: it times each of its steps.
    direct: Option<Py<PyType>>,
}

impl Drain {
    /// Makes the calls of an event loop, which reads its bell from now on.
    pub(super) fn attach(event_loop: &Bound<'_, PyAny>) -> PyResult<Arc<Calls>> {
        let py = event_loop.py();
        let mailbox = Mailbox::new()?;
        let fd = mailbox.reactor().fd();
        let calls = Calls::new(mailbox);
        let is_debugged = event_loop.call_method0(intern!(py, "get_debug"))?.is_truthy()?;
        let native = || py.import("_asyncio").ok()?.getattr("Future").ok()?.cast_into::<PyType>().ok();
        let direct = if is_debugged { None } else { native().map(Bound::unbind) };
        let drain = Bound::new(py, Self { calls: Arc::clone(&calls), direct })?;
        let waker = py.import("polycache._wake")?.call_method1(intern!(py, "waker"), (drain,))?;
        match event_loop.call_method1(intern!(py, "add_reader"), (fd, &waker)) {
            Ok(_) => {}
            Err(error) if has_no_readers(py, &error) => watch(event_loop, fd, &waker)?,
            Err(error) => return Err(error),
        }
        Ok(calls)
    }
}

/// Whether this error tells that the loop doesn't watch files.
fn has_no_readers(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<PyNotImplementedError>(py) || error.is_instance_of::<PyAttributeError>(py)
}

/// Has a thread watch the file for the loop.
#[cold]
fn watch(event_loop: &Bound<'_, PyAny>, fd: RawFd, waker: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = event_loop.py();
    py.import("polycache._watch")?.call_method1(intern!(py, "watch"), (event_loop, fd, waker))?;
    Ok(())
}

#[pymethods]
impl Drain {
    /// Ends the calls that have been woken. Returns the futures whose tasks are to go on, each with its callback and the callback's context.
    fn take<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let _within = Within::enter(py);
        let (calls, tasks) = (&self.calls, PyList::empty(py));
        if calls.generation != fork::generation() {
            // This is the parent's loop, which hears the same bell: it would miss a number that is read here.
            return Ok(tasks);
        }
        let mut woken = Vec::new();
        calls.mailbox.take(&mut woken);
        // Calls on memory alone need no runtime.
        let runtime = runtime::present();
        let _entered = runtime.as_ref().map(|runtime| runtime.handle.enter());
        for number in woken {
            let Some((mut call, waker)) = calls.take(number) else { continue };
            match calls.poll(&mut *call.work, py, &waker) {
                // The loop looks for its deadline already.
                Poll::Pending => drop(calls.put(number, call)),
                Poll::Ready(result) => {
                    calls.release(number);
                    let Some(future) = call.future.as_ref().map(|future| future.bind(py)) else { continue };
                    let is_direct = self.direct.as_ref().is_some_and(|direct| future.get_type().is(direct));
                    let task = if is_direct { take_task(future) } else { None };
                    if let Err(error) = complete(future, result) {
                        error.write_unraisable(py, Some(future));
                    }
                    if let Some(task) = task {
                        tasks.append((future, task))?;
                    }
                }
            }
        }
        // A reply that has come isn't late.
        if calls.mailbox.take_time() {
            look(calls, py);
        }
        Ok(tasks)
    }

    /// Sends what has been asked meanwhile.
    fn send(&self) {
        if self.calls.generation == fork::generation() {
            self.calls.mailbox.reactor().send();
        }
    }
}

/// The callback of a future's task, with its context, if nobody else waits for the future. The future doesn't call it any more.
fn take_task<'py>(future: &Bound<'py, PyAny>) -> Option<Bound<'py, PyTuple>> {
    let py = future.py();
    // Every future of asyncio's has this. One that is done has none any more.
    let callbacks = future.getattr(intern!(py, "_callbacks")).ok()?.cast_into_exact::<PyList>().ok()?;
    let last = callbacks.get_item(callbacks.len().checked_sub(1)?).ok()?.cast_into_exact::<PyTuple>().ok()?;
    if callbacks.len() > 1 {
        // Ours has nothing to do where the call has ended by itself.
        let left = on_leaving(py).ok()?;
        let mut others = callbacks.iter().take(callbacks.len() - 1);
        if !others.all(|other| other.get_item(0).is_ok_and(|callback| callback.is(left))) {
            return None;
        }
        future.call_method1(intern!(py, "remove_done_callback"), (left,)).ok()?;
    }
    let removed = future.call_method1(intern!(py, "remove_done_callback"), (last.get_item(0).ok()?,)).ok()?;
    removed.is_truthy().ok()?.then_some(last)
}

/// Has the requests sent that the loop's tasks have made: a callback that comes after them.
#[pyclass(frozen, module = "polycache._native")]
pub(super) struct Send(Weak<Calls>);

impl Send {
    /// Plans to send requests, if there are any and nobody plans to send them yet.
    #[inline]
    pub(super) fn plan(event_loop: &Bound<'_, PyAny>, calls: &Arc<Calls>) -> PyResult<()> {
        if calls.mailbox.reactor().plan() { Self::call_soon(event_loop, calls) } else { Ok(()) }
    }

    fn call_soon(event_loop: &Bound<'_, PyAny>, calls: &Arc<Calls>) -> PyResult<()> {
        let py = event_loop.py();
        let planned = event_loop.call_method1(intern!(py, "call_soon"), (Self(Arc::downgrade(calls)),));
        if planned.is_err() {
            calls.mailbox.reactor().send();
        }
        planned.map(drop)
    }
}

#[pymethods]
impl Send {
    fn __call__(&self) {
        if let Some(calls) = self.0.upgrade().filter(|calls| calls.generation == fork::generation()) {
            calls.mailbox.reactor().send();
        }
    }
}
