//! The callback of an event loop whose bell has rung.

use std::os::fd::RawFd;
use std::sync::{Arc, Weak};
use std::task::Poll;

use pyo3::exceptions::{PyAttributeError, PyNotImplementedError};
use pyo3::intern;
use pyo3::prelude::*;

use super::calls::Calls;
use super::loops::complete;
use super::mailbox::Mailbox;
use super::runtime;
use crate::fork;
use crate::shutdown::Within;

/// The loop's reader. Only the loop holds it, or a thread that watches for it: closing the loop drops it, and the calls with it.
#[pyclass(frozen, module = "polycache._native")]
pub(super) struct Drain {
    calls: Arc<Calls>,
}

impl Drain {
    /// Makes the calls of an event loop, which reads its bell from now on.
    pub(super) fn attach(event_loop: &Bound<'_, PyAny>) -> PyResult<Arc<Calls>> {
        let py = event_loop.py();
        let mailbox = Mailbox::new()?;
        let fd = mailbox.reactor().fd();
        let calls = Calls::new(mailbox);
        let drain = Bound::new(py, Self { calls: Arc::clone(&calls) })?;
        match event_loop.call_method1(intern!(py, "add_reader"), (fd, &drain)) {
            Ok(_) => {}
            Err(error) if has_no_readers(py, &error) => watch(event_loop, fd, &drain)?,
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
fn watch(event_loop: &Bound<'_, PyAny>, fd: RawFd, drain: &Bound<'_, Drain>) -> PyResult<()> {
    let py = event_loop.py();
    py.import("polycache._watch")?.call_method1(intern!(py, "watch"), (event_loop, fd, drain))?;
    Ok(())
}

#[pymethods]
impl Drain {
    fn __call__(&self, py: Python<'_>) {
        let _within = Within::enter(py);
        let calls = &self.calls;
        if calls.generation != fork::generation() {
            // This is the parent's loop, which hears the same bell: it would miss a number that is read here.
            return;
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
                    if let Err(error) = complete(future, result) {
                        error.write_unraisable(py, Some(future));
                    }
                }
            }
        }
        calls.mailbox.reactor().send();
    }
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
