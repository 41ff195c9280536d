//! Listing keys, a batch at a time.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use parking_lot::Mutex;
use polycache::Scan;
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::bridge::{Runtime, Work, running_loop, start};
use crate::errors::raised;
use crate::fork;

/// The keys that a `scan` finds.
#[pyclass(frozen, module = "polycache._native")]
pub(crate) struct Keys {
    /// Empty while a batch is fetched.
    scan: Arc<Mutex<Option<Scan>>>,
    limit: Option<Duration>,
    runtime: Runtime,
}

impl Keys {
    pub(super) fn new(scan: Scan, limit: Option<Duration>, runtime: Runtime) -> Self {
        Self { scan: Arc::new(Mutex::new(Some(scan))), limit, runtime }
    }
}

#[pymethods]
impl Keys {
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if self.runtime.generation != fork::generation() {
            return Err(PyRuntimeError::new_err("a scan of the parent process"));
        }
        let Some(scan) = self.scan.lock().take() else {
            return Err(PyRuntimeError::new_err("the batch before this one is still under way, or was given up"));
        };
        let _entered = self.runtime.handle.enter();
        start(&running_loop(py)?, Batch { scan: Some(scan), place: Arc::clone(&self.scan) }, self.limit)
    }
}

/// A scan that a child of a fork has inherited belongs to the parent.
impl Drop for Keys {
    fn drop(&mut self) {
        if self.runtime.generation != fork::generation()
            && let Some(scan) = Arc::get_mut(&mut self.scan)
        {
            std::mem::forget(scan.get_mut().take());
        }
    }
}

struct Batch {
    scan: Option<Scan>,
    /// The place to put the scan back.
    place: Arc<Mutex<Option<Scan>>>,
}

impl Work for Batch {
    fn poll(&mut self, py: Python<'_>, context: &mut Context<'_>) -> Poll<PyResult<Py<PyAny>>> {
        let Some(scan) = &mut self.scan else { return Poll::Ready(Ok(py.None())) };
        let mut keys: Vec<String> = Vec::new();
        let ended = loop {
            match Pin::new(&mut *scan).poll_next(context) {
                Poll::Ready(Some(Ok(key))) => keys.push(key),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(raised(py, &error))),
                Poll::Ready(None) => break true,
                Poll::Pending if keys.is_empty() => return Poll::Pending,
                // The next batch goes on from here.
                Poll::Pending => break false,
            }
        };
        *self.place.lock() = self.scan.take();
        Poll::Ready(if ended && keys.is_empty() { Ok(py.None()) } else { keys.into_py_any(py) })
    }
}
