//! What a computation needs: it makes the task that computes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyList, PyTuple};
use tokio::sync::oneshot;

use super::ended::Ended;
use super::fill::Insides;
use super::raised::Raised;
use super::wish::{Ask, Computed, Wanted, Wish};
use super::{Computing, Terms};
use crate::bridge::outcome::{TagsByName, item};
use crate::shutdown::Within;

/// The computation of a call, for the call and its errand.
pub(super) struct Job {
    wish: Wish,
    event_loop: Py<PyAny>,
    compute: Py<PyAny>,
    /// The caller's.
    context: Py<PyAny>,
    /// What stands before the names of keys.
    pub(super) prefix: String,
    /// The name of the key. `None` for a call about many.
    key: Option<String>,
    pub(super) tags: TagsByName,
    pub(super) terms: Arc<dyn Terms + Sync>,
    /// Whether somebody else cancelled the task.
    cancelled: AtomicBool,
}

/// A job whose task is cancelled when nobody polls for its result any longer.
pub(super) struct Course {
    pub(super) job: Arc<Job>,
    task: Option<Py<PyAny>>,
}

impl Job {
    pub(super) fn new(
        Computing { event_loop, compute, prefix, .. }: Computing<'_>,
        key: Option<&str>,
        wish: Wish,
        tags: TagsByName,
        terms: Arc<dyn Terms + Sync>,
    ) -> PyResult<Self> {
        static COPY_CONTEXT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let context = COPY_CONTEXT.import(event_loop.py(), "contextvars", "copy_context")?.call0()?.unbind();
        let (event_loop, compute) = (event_loop.unbind(), compute.unbind());
        let key = key.map(str::to_owned);
        Ok(Self { wish, event_loop, compute, context, prefix, key, tags, terms, cancelled: AtomicBool::new(false) })
    }

    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// A task that awaits what `compute` returns, in the caller's context.
    fn task<'py>(&self, py: Python<'py>, ask: Ask, inside: Insides) -> PyResult<Bound<'py, PyAny>> {
        static BEGIN: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let begin = BEGIN.import(py, "polycache._compute", "begin")?;
        let arguments = match ask {
            Ask::One => PyTuple::empty(py),
            Ask::Many(names) => {
                let keys = names.iter().map(|name| [&*self.prefix, name].concat());
                PyTuple::new(py, [PyList::new(py, keys.collect::<Vec<_>>())?])?
            }
            Ask::Item(present) => {
                let present = present.map_or_else(|| Ok(py.None()), |present| item(py, &*self.terms, &present))?;
                PyTuple::new(py, [present])?
            }
        };
        let inside = Bound::new(py, inside)?;
        let told = (begin, &self.event_loop, inside, &self.compute, arguments);
        self.context.bind(py).call_method1(intern!(py, "run"), told)
    }
}

impl Course {
    pub(super) const fn new(job: Arc<Job>) -> Self {
        Self { job, task: None }
    }

    /// Fulfils the wish of the poll that is over, if there was one. Returns whether the core has to be polled again.
    pub(super) fn fulfil(&mut self, py: Python<'_>) -> bool {
        let Some(wanted) = self.job.wish.lock().take() else { return false };
        match self.begin(py, wanted) {
            Ok(()) => false,
            Err((error, sender)) => {
                drop(sender.send(Err(Raised::new(py, error))));
                true
            }
        }
    }

    /// Makes the task that computes.
    fn begin(&mut self, py: Python<'_>, wanted: Wanted) -> Result<(), (PyErr, oneshot::Sender<Computed>)> {
        let Wanted { ask, sender, inside } = wanted;
        let job = &self.job;
        let task = match job.task(py, ask, Insides(inside)) {
            Ok(task) => task,
            Err(error) => return Err((error, sender)),
        };
        self.task = Some(task.clone().unbind());
        let ended = Ended::new(sender, job.key.clone(), Arc::clone(job));
        // Only a lack of memory makes this fail, and then the sender is dropped.
        if let Err(error) = task.call_method1(intern!(py, "add_done_callback"), (ended,)) {
            error.write_unraisable(py, Some(&task));
        }
        Ok(())
    }
}

/// A computation that nobody waits for is cancelled; the core hands over to another caller, if one waits.
impl Drop for Course {
    fn drop(&mut self) {
        let Some(task) = self.task.take() else { return };
        Python::attach(|py| {
            let _within = Within::enter(py);
            // Does nothing if the task has ended, and fails if the loop is closed: nothing runs then.
            drop(task.call_method0(py, intern!(py, "cancel")));
        });
    }
}
