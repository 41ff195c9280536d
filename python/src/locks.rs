//! Locks of the core, as objects with futures.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use polycache::locks::{RedLock, RedLockGuard};
use polycache::{Cache, Error, ErrorKind, Reply};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyRuntimeError;
use pyo3::intern;
use pyo3::prelude::*;

use crate::bridge::{Runtime, abandon, running_loop, start, work};
use crate::errors::invalid;
use crate::fork;
use crate::shutdown::Within;

/// A lock that has one holder at a time, among all processes that use the same server.
#[pyclass(frozen, module = "polycache._native")]
#[derive(Debug)]
pub(crate) struct Lock {
    lock: Mutex<Option<RedLock>>,
    /// The holder's guard.
    guard: Arc<Mutex<Option<RedLockGuard>>>,
    runtime: Runtime,
}

impl Lock {
    pub(crate) fn new(py: Python<'_>, cache: &Cache, key: &str, lease: f64, runtime: Runtime) -> PyResult<Self> {
        let life =
            Duration::try_from_secs_f64(lease).map_err(|_| invalid(py, &format!("a lease of {lease} seconds")))?;
        let lock = RedLock::new(cache, key, life);
        Ok(Self { lock: Mutex::new(Some(lock)), guard: Arc::default(), runtime })
    }

    /// The lock, unless a child of a fork has inherited it.
    fn red_lock(&self) -> PyResult<RedLock> {
        let lock = if self.runtime.generation == fork::generation() { self.lock.lock().clone() } else { None };
        lock.ok_or_else(|| PyRuntimeError::new_err("a lock of the parent process"))
    }
}

#[pymethods]
impl Lock {
    #[pyo3(signature = (within = None))]
    fn acquire<'py>(&self, py: Python<'py>, within: Option<f64>) -> PyResult<Bound<'py, PyAny>> {
        let lock = self.red_lock()?;
        let within =
            within.map_or(Duration::MAX, |within| Duration::try_from_secs_f64(within).unwrap_or(Duration::MAX));
        let guard = Arc::clone(&self.guard);
        let acquired = Reply::pending(async move {
            match lock.acquire(within).await {
                Ok(held) => Ok(Some(held)),
                Err(error) if error.kind() == ErrorKind::Timeout => Ok(None),
                Err(error) => Err(error),
            }
        });
        let _entered = self.runtime.handle.enter();
        let work = work(acquired, move |py, held| {
            let acquired = held.is_some();
            if let Some(held) = held {
                *guard.lock() = Some(held);
            }
            acquired.into_py_any(py)
        });
        let future = start(&running_loop(py)?, work, None)?;
        let ended = Ended { guard: Arc::clone(&self.guard) };
        future.call_method1(intern!(py, "add_done_callback"), (ended,))?;
        Ok(future)
    }

    fn release<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        drop(self.red_lock()?);
        let held = self.guard.lock().take();
        let released = Reply::pending(async move {
            match held {
                Some(held) => held.release().await,
                None => Ok(false),
            }
        });
        let _entered = self.runtime.handle.enter();
        start(&running_loop(py)?, work(released, |py, held: bool| held.into_py_any(py)), None)
    }

    /// Whether nobody else can have the lock yet, by this process's clock.
    #[getter]
    fn is_held(&self) -> bool {
        self.runtime.generation == fork::generation() && self.guard.lock().as_ref().is_some_and(RedLockGuard::is_held)
    }
}

/// The callback of an `acquire`'s future that is done: a caller that has left while it waited must not have the lock.
#[pyclass(frozen, module = "polycache._native")]
struct Ended {
    guard: Arc<Mutex<Option<RedLockGuard>>>,
}

#[pymethods]
impl Ended {
    fn __call__(&self, future: &Bound<'_, PyAny>) -> PyResult<()> {
        let _within = Within::enter(future.py());
        if future.call_method0(intern!(future.py(), "cancelled"))?.is_truthy()? {
            abandon(future)?;
            // The lock may have come at the same moment.
            drop(self.guard.lock().take());
        }
        Ok(())
    }
}

/// A lock that a child of a fork has inherited belongs to the parent.
impl Drop for Lock {
    fn drop(&mut self) {
        if self.runtime.generation != fork::generation() {
            std::mem::forget(self.lock.get_mut().take());
            if let Some(guard) = Arc::get_mut(&mut self.guard) {
                std::mem::forget(guard.get_mut().take());
            }
        }
    }
}

/// The error where there is no runtime and none can be made.
pub(crate) fn no_runtime(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "no thread can be made").with_source(error)
}
