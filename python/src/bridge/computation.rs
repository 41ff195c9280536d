//! `get_or_set` and `multi_get_or_set`: the core decides which values are to be computed and who waits for them. A task of the caller's
//! loop computes them.
//!
//! While the core polls, it only notes its wish: the task is made after the poll, so no Python code runs within the core.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use polycache::functions::{CallBuilder, Fallible, Keyed};
use polycache::{Cache, Inside, Value};
use pyo3::exceptions::asyncio::CancelledError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList};
use tokio::sync::oneshot;

use super::unkept::{Unkept, is_unkept};
use super::work::Work;
use crate::graveyard;
use crate::shutdown::Within;

/// Turns a computed object into a value, and a value into an object.
pub(crate) trait Terms: Send + 'static {
    fn value(&self, key: &str, computed: &Bound<'_, PyAny>) -> PyResult<Value>;
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

/// Values by their keys.
type Values = Vec<(String, Value)>;
type Computed = Result<Values, Raised>;
type Answer = Pin<Box<dyn Future<Output = Computed> + Send>>;

/// The core's wish to have the values of these keys computed, until the poll is over.
type Wish = Arc<Mutex<Option<Wanted>>>;

struct Wanted {
    keys: Vec<String>,
    sender: oneshot::Sender<Computed>,
    /// The computations that this one is a part of, and itself.
    inside: Inside,
}

/// Makes the wish when it is first polled.
async fn wanted(wish: Wish, keys: Vec<String>) -> Computed {
    let (sender, receiver) = oneshot::channel();
    *wish.lock() = Some(Wanted { keys, sender, inside: Inside::current() });
    // If the task was cancelled nobody is left to send: then this future is dropped, too, before it is polled again.
    receiver.await.unwrap_or(Err(Raised(Arc::new(Exception(None)))))
}

/// The computation, and its event loop.
pub(crate) struct Computing<'py> {
    pub(crate) event_loop: Bound<'py, PyAny>,
    pub(crate) compute: Bound<'py, PyAny>,
}

impl Computing<'_> {
    /// The work of a `get_or_set` on this cache.
    pub(crate) fn one<T: Terms + Sync>(self, cache: Cache, key: &str, terms: T) -> PyResult<impl Work + use<T>> {
        let wish = Wish::default();
        let body = {
            let (wish, key) = (Arc::clone(&wish), key.to_owned());
            async move {
                let computed = wanted(wish, vec![key]).await?;
                computed.into_iter().next().map(|(_, value)| value).ok_or_else(|| Raised(Arc::new(Exception(None))))
            }
        };
        let call = CallBuilder::new(cache, key).compute::<Fallible<Result<Value, Raised>>, _>(body);
        let call = call.skip_if(is_unkept).share_errors();
        let answer = Box::pin(async move { call.await.map(|value| vec![(String::new(), value)]) });
        self.fill(answer, wish, false, terms)
    }

    /// The work of a `multi_get_or_set` on this cache, with each key once.
    pub(crate) fn many<T: Terms + Sync>(
        self,
        cache: Cache,
        keys: Vec<String>,
        terms: T,
    ) -> PyResult<impl Work + use<T>> {
        let wish = Wish::default();
        let body = {
            let wish = Arc::clone(&wish);
            move |keys| -> Answer { Box::pin(wanted(Arc::clone(&wish), keys)) }
        };
        let keyed = Keyed::new(cache, keys, |key, out| out.write_str(key));
        let call = keyed.compute::<Fallible<Computed>>(body).skip_if(is_unkept).share_errors();
        self.fill(Box::pin(call), wish, true, terms)
    }

    fn fill<T: Terms + Sync>(self, answer: Answer, wish: Wish, is_many: bool, terms: T) -> PyResult<Fill<T>> {
        static COPY_CONTEXT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let Self { event_loop, compute } = self;
        let py = event_loop.py();
        let context = COPY_CONTEXT.import(py, "contextvars", "copy_context")?.call0()?.unbind();
        Ok(Fill {
            answer: Some(answer),
            wish,
            is_many,
            inside: inside(py)?,
            event_loop: event_loop.unbind(),
            compute: compute.unbind(),
            context,
            terms: Arc::new(terms),
            task: None,
            cancelled: Arc::default(),
        })
    }
}

/// The computations that the task works for.
#[pyclass(frozen, module = "polycache._native")]
struct Insides(Inside);

/// The present task's.
fn inside(py: Python<'_>) -> PyResult<Option<Py<Insides>>> {
    static INSIDE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let found = INSIDE.import(py, "polycache._compute", "INSIDE")?.call_method0(intern!(py, "get"))?;
    Ok(found.cast_into::<Insides>().ok().map(Bound::unbind))
}

struct Fill<T> {
    /// Only empty during the drop.
    answer: Option<Answer>,
    wish: Wish,
    is_many: bool,
    /// The computations whose task has made this call.
    inside: Option<Py<Insides>>,
    event_loop: Py<PyAny>,
    compute: Py<PyAny>,
    context: Py<PyAny>,
    terms: Arc<T>,
    task: Option<Py<PyAny>>,
    /// Whether somebody else cancelled the task.
    cancelled: Arc<Mutex<bool>>,
}

impl<T: Terms + Sync> Work for Fill<T> {
    fn holds_others_up(&self) -> bool {
        true
    }

    fn poll(&mut self, py: Python<'_>, context: &mut Context<'_>) -> Poll<PyResult<Py<PyAny>>> {
        loop {
            let Some(answer) = self.answer.as_mut().filter(|_| !*self.cancelled.lock()) else {
                return Poll::Ready(Err(CancelledError::new_err(())));
            };
            let poll = match &self.inside {
                None => answer.as_mut().poll(context),
                Some(inside) => inside.get().0.poll(|| answer.as_mut().poll(context)),
            };
            if let Poll::Ready(computed) = poll {
                return Poll::Ready(match computed {
                    Ok(values) => self.objects(py, values),
                    Err(raised) => Err(raised.error(py)),
                });
            }
            let Some(wanted) = self.wish.lock().take() else { return Poll::Pending };
            match self.begin(py, wanted) {
                Ok(()) => return Poll::Pending,
                Err((error, sender)) => drop(sender.send(Err(Raised::new(py, error)))),
            }
        }
    }
}

impl<T: Terms + Sync> Fill<T> {
    /// The one object, or a dict of all by their keys.
    fn objects(&self, py: Python<'_>, values: Values) -> PyResult<Py<PyAny>> {
        let object = |value: &Value| match Unkept::of(py, value) {
            Some(unkept) => Ok(unkept),
            None => self.terms.object(py, value),
        };
        if self.is_many {
            let found = PyDict::new(py);
            for (key, value) in values {
                found.set_item(key, object(&value)?)?;
            }
            return Ok(found.into_any().unbind());
        }
        values.first().map_or_else(|| Ok(py.None()), |(_, value)| object(value))
    }

    /// Makes the task that computes.
    fn begin(&mut self, py: Python<'_>, wanted: Wanted) -> Result<(), (PyErr, oneshot::Sender<Computed>)> {
        let Wanted { keys, sender, inside } = wanted;
        let task = match self.task_for(py, &keys, inside) {
            Ok(task) => task,
            Err(error) => return Err((error, sender)),
        };
        self.task = Some(task.clone().unbind());
        let ended = Ended {
            sender: Mutex::new(Some(sender)),
            keys,
            is_many: self.is_many,
            terms: Arc::clone(&self.terms) as Arc<dyn Terms + Sync>,
            cancelled: Arc::clone(&self.cancelled),
        };
        // Only a lack of memory makes this fail, and then the sender is dropped.
        if let Err(error) = task.call_method1(intern!(py, "add_done_callback"), (ended,)) {
            error.write_unraisable(py, Some(&task));
        }
        Ok(())
    }

    /// A task that awaits what `compute` returns, in the caller's context.
    fn task_for<'py>(&self, py: Python<'py>, keys: &[String], inside: Inside) -> PyResult<Bound<'py, PyAny>> {
        static BEGIN: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let begin = BEGIN.import(py, "polycache._compute", "begin")?;
        let keys = if self.is_many { Some(PyList::new(py, keys)?) } else { None };
        let inside = Bound::new(py, Insides(inside))?;
        self.context.bind(py).call_method1(intern!(py, "run"), (begin, &self.event_loop, inside, &self.compute, keys))
    }
}

/// A computation whose caller leaves is cancelled; the core hands over to another caller, if one waits.
impl<T> Drop for Fill<T> {
    fn drop(&mut self) {
        drop(self.answer.take());
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
    keys: Vec<String>,
    is_many: bool,
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
        let computed = task.call_method0(intern!(py, "result")).and_then(|computed| self.values(&computed));
        // If the caller has left, nobody listens.
        drop(sender.send(computed.map_err(|error| Raised::new(py, error))));
        Ok(())
    }
}

impl Ended {
    /// The values of the result: of the one key, or of pairs of keys and objects.
    fn values(&self, computed: &Bound<'_, PyAny>) -> PyResult<Values> {
        if self.is_many {
            let pair = |pair: PyResult<Bound<'_, PyAny>>| {
                let (key, object) = pair?.extract::<(String, Bound<'_, PyAny>)>()?;
                let value = self.value(&key, &object)?;
                Ok((key, value))
            };
            return computed.try_iter()?.map(pair).collect();
        }
        let key = self.keys.first().cloned().unwrap_or_default();
        let value = self.value(&key, computed)?;
        Ok(vec![(key, value)])
    }

    fn value(&self, key: &str, computed: &Bound<'_, PyAny>) -> PyResult<Value> {
        match computed.cast::<Unkept>() {
            Ok(unkept) => Ok(Unkept::value(unkept)),
            Err(_) => self.terms.value(key, computed),
        }
    }
}
