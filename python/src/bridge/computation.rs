//! `get_or_set`: the core decides whether a value is to be computed and who waits for it. A task of the caller's loop computes it.
//!
//! While the core polls, it only notes its wish: the task is made after the poll, so no Python code runs within the core.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use polycache::{Cache, Value};
use pyo3::exceptions::asyncio::CancelledError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use tokio::sync::oneshot;

use super::work::Work;
use crate::graveyard;
use crate::shutdown::Within;

/// Turns a computed object into a value, and a value into an object.
pub(crate) trait Terms: Send + 'static {
    fn value(&self, computed: &Bound<'_, PyAny>) -> PyResult<Value>;
    fn object(&self, py: Python<'_>, value: &Value) -> PyResult<Py<PyAny>>;
}

/// The exception of a computation, the same for all who wait.
#[derive(Debug, Clone)]
struct Raised(Arc<Exception>);

#[derive(Debug)]
struct Exception(Option<Py<PyAny>>);

impl Raised {
    fn new(py: Python<'_>, error: PyErr) -> Self {
        Self(Arc::new(Exception(Some(error.into_value(py).into_any()))))
    }

    fn error(&self, py: Python<'_>) -> PyErr {
        match &self.0.0 {
            Some(exception) => PyErr::from_value(exception.bind(py).clone()),
            None => CancelledError::new_err(()),
        }
    }
}

impl Drop for Exception {
    fn drop(&mut self) {
        if let Some(exception) = self.0.take() {
            graveyard::give_back(exception);
        }
    }
}

type Computed = Result<Value, Raised>;

/// The core's wish to have the value computed, until the poll is over.
type Wish = Arc<Mutex<Option<oneshot::Sender<Computed>>>>;

/// The computation, and its event loop.
pub(crate) struct Computing<'py> {
    pub(crate) event_loop: Bound<'py, PyAny>,
    pub(crate) compute: Bound<'py, PyAny>,
}

struct GetOrSet<T> {
    /// Only empty during the drop.
    inner: Option<Pin<Box<dyn Future<Output = Computed> + Send>>>,
    wish: Wish,
    event_loop: Py<PyAny>,
    compute: Py<PyAny>,
    context: Py<PyAny>,
    terms: Arc<T>,
    task: Option<Py<PyAny>>,
    /// Whether somebody else cancelled the task.
    cancelled: Arc<Mutex<bool>>,
}

/// The work of a `get_or_set` on this cache.
pub(crate) fn get_or_set<T: Terms + Sync>(
    cache: Cache,
    key: &str,
    Computing { event_loop, compute }: Computing<'_>,
    terms: T,
) -> PyResult<impl Work + use<T>> {
    let py = event_loop.py();
    static COPY_CONTEXT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let context = COPY_CONTEXT.import(py, "contextvars", "copy_context")?.call0()?.unbind();
    let wish = Wish::default();
    let (key, wished) = (key.to_owned(), Arc::clone(&wish));
    let inner = Box::pin(async move {
        let compute = || {
            let (sender, receiver) = oneshot::channel();
            *wished.lock() = Some(sender);
            // If the task was cancelled nobody is left to send: then this future is dropped, too, before it is polled again.
            async move { receiver.await.unwrap_or(Err(Raised(Arc::new(Exception(None))))) }
        };
        cache.get_or_set(&key, compute).await
    });
    Ok(GetOrSet {
        inner: Some(inner),
        wish,
        event_loop: event_loop.unbind(),
        compute: compute.unbind(),
        context,
        terms: Arc::new(terms),
        task: None,
        cancelled: Arc::default(),
    })
}

impl<T: Terms + Sync> Work for GetOrSet<T> {
    fn holds_others_up(&self) -> bool {
        true
    }

    fn poll(&mut self, py: Python<'_>, context: &mut Context<'_>) -> Poll<PyResult<Py<PyAny>>> {
        loop {
            let Some(inner) = self.inner.as_mut().filter(|_| !*self.cancelled.lock()) else {
                return Poll::Ready(Err(CancelledError::new_err(())));
            };
            if let Poll::Ready(computed) = inner.as_mut().poll(context) {
                return Poll::Ready(match computed {
                    Ok(value) => self.terms.object(py, &value),
                    Err(raised) => Err(raised.error(py)),
                });
            }
            let Some(sender) = self.wish.lock().take() else { return Poll::Pending };
            match self.begin(py, sender) {
                Ok(()) => return Poll::Pending,
                Err((error, sender)) => drop(sender.send(Err(Raised::new(py, error)))),
            }
        }
    }
}

impl<T: Terms + Sync> GetOrSet<T> {
    /// Makes the task that computes.
    fn begin(
        &mut self,
        py: Python<'_>,
        sender: oneshot::Sender<Computed>,
    ) -> Result<(), (PyErr, oneshot::Sender<Computed>)> {
        let made = coroutine(py, &self.compute).and_then(|coroutine| {
            // Not as an argument of `create_task`, which not every loop's task factory takes.
            let create_task = self.event_loop.bind(py).getattr(intern!(py, "create_task"))?;
            self.context.bind(py).call_method1(intern!(py, "run"), (create_task, coroutine))
        });
        let task = match made {
            Ok(task) => task,
            Err(error) => return Err((error, sender)),
        };
        self.task = Some(task.clone().unbind());
        let ended = Ended {
            sender: Mutex::new(Some(sender)),
            terms: Arc::clone(&self.terms) as Arc<dyn Terms + Sync>,
            cancelled: Arc::clone(&self.cancelled),
        };
        // Only a lack of memory makes this fail, and then the sender is dropped.
        if let Err(error) = task.call_method1(intern!(py, "add_done_callback"), (ended,)) {
            error.write_unraisable(py, Some(&task));
        }
        Ok(())
    }
}

/// A coroutine that awaits what `compute` returns.
fn coroutine<'py>(py: Python<'py>, compute: &Py<PyAny>) -> PyResult<Bound<'py, PyAny>> {
    static RUN: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    RUN.import(py, "polycache._compute", "run")?.call1((compute,))
}

/// A computation whose caller leaves is cancelled; the core hands over to another caller, if one waits.
impl<T> Drop for GetOrSet<T> {
    fn drop(&mut self) {
        drop(self.inner.take());
        let Some(task) = self.task.take() else { return };
        Python::attach(|py| {
            let _within = Within::enter(py);
            // Does nothing if the task has ended, and fails if the loop is closed: nothing runs then.
            drop(task.call_method0(py, intern!(py, "cancel")));
        });
    }
}

/// The callback of a task that has ended.
#[pyclass(frozen, module = "polycache._native")]
struct Ended {
    sender: Mutex<Option<oneshot::Sender<Computed>>>,
    terms: Arc<dyn Terms + Sync>,
    cancelled: Arc<Mutex<bool>>,
}

#[pymethods]
impl Ended {
    fn __call__(&self, task: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = task.py();
        let _within = Within::enter(py);
        let Some(sender) = self.sender.lock().take() else { return Ok(()) };
        if task.call_method0(intern!(py, "cancelled"))?.is_truthy()? {
            *self.cancelled.lock() = true;
            drop(sender); // wakes the call
            return Ok(());
        }
        let computed = task.call_method0(intern!(py, "result")).and_then(|computed| self.terms.value(&computed));
        // If the caller has left, nobody listens.
        drop(sender.send(computed.map_err(|error| Raised::new(py, error))));
        Ok(())
    }
}
