//! A call that may compute, and what goes on of it when its caller has left.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use polycache::{Errand, Inside};
use pyo3::exceptions::asyncio::CancelledError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

use super::job::{Course, Job};
use super::wish::{Answer, Computed, Wish};
use super::{Computing, Terms};
use crate::bridge::outcome::{TagsByName, Unkept, item};
use crate::bridge::work::Work;

/// What a call is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    One,
    Many,
    /// A value and what belongs to it.
    Item,
}

pub(super) struct Fill {
    /// Only empty during the drop.
    answer: Option<Answer>,
    subject: Subject,
    /// The computations whose task has made this call.
    inside: Option<Py<Insides>>,
    course: Course,
    errand: Option<Errand>,
}

impl Fill {
    pub(super) fn new<T: Terms + Sync>(
        computing: Computing<'_>,
        answer: Answer,
        subject: Subject,
        key: &str,
        wish: Wish,
        tags: TagsByName,
        terms: T,
    ) -> PyResult<Self> {
        let inside = inside(computing.event_loop.py())?;
        let key = (subject != Subject::Many).then_some(key);
        let job = Job::new(computing, key, wish, tags, Arc::new(terms))?;
        Ok(Self { answer: Some(answer), subject, inside, course: Course::new(Arc::new(job)), errand: None })
    }

    fn given(&self, py: Python<'_>, computed: Computed) -> PyResult<Py<PyAny>> {
        let Job { terms, prefix, .. } = &*self.course.job;
        let terms = &**terms;
        let values = computed.map_err(|raised| raised.error(py))?;
        let object = |value| Unkept::of(py, value).map_or_else(|| terms.object(py, value), Ok);
        match (self.subject, values.first()) {
            (Subject::Many, _) => {
                let found = PyDict::new(py);
                for (key, item) in &values {
                    found.set_item([prefix, key.as_str()].concat(), object(&item.value)?)?;
                }
                Ok(found.into_any().unbind())
            }
            (Subject::One, Some((_, one))) => object(&one.value),
            (Subject::Item, Some((_, one))) => item(py, terms, one),
            (_, None) => Ok(py.None()),
        }
    }
}

impl Work for Fill {
    fn holds_others_up(&self) -> bool {
        true
    }

    fn poll(&mut self, py: Python<'_>, context: &mut Context<'_>) -> Poll<PyResult<Py<PyAny>>> {
        loop {
            let Some(answer) = self.answer.as_mut().filter(|_| !self.course.job.is_cancelled()) else {
                return Poll::Ready(Err(CancelledError::new_err(())));
            };
            let (poll, errands) = Errand::taken_from(|| match &self.inside {
                None => answer.as_mut().poll(context),
                Some(inside) => inside.get().0.poll(|| answer.as_mut().poll(context)),
            });
            self.errand = self.errand.take().or_else(|| errands.into_iter().next());
            if let Poll::Ready(computed) = poll {
                return Poll::Ready(self.given(py, computed));
            }
            if !self.course.fulfil(py) {
                return Poll::Pending;
            }
        }
    }

    fn leaves(&mut self) -> Option<Box<dyn Work>> {
        let errand = self.errand.take()?;
        Some(Box::new(Detached { errand: Some(errand), course: Course::new(Arc::clone(&self.course.job)) }))
    }
}

/// Before the task is cancelled the core has to know that nobody waits.
impl Drop for Fill {
    fn drop(&mut self) {
        drop(self.answer.take());
    }
}

/// A computation that goes on without its caller.
struct Detached {
    /// Only empty during the drop.
    errand: Option<Errand>,
    course: Course,
}

impl Work for Detached {
    fn poll(&mut self, py: Python<'_>, context: &mut Context<'_>) -> Poll<PyResult<Py<PyAny>>> {
        loop {
            let Some(errand) = self.errand.as_mut().filter(|_| !self.course.job.is_cancelled()) else {
                return Poll::Ready(Ok(py.None()));
            };
            if Pin::new(errand).poll(context).is_ready() {
                return Poll::Ready(Ok(py.None()));
            }
            if !self.course.fulfil(py) {
                return Poll::Pending;
            }
        }
    }
}

impl Drop for Detached {
    fn drop(&mut self) {
        drop(self.errand.take());
    }
}

/// The computations that the task works for.
#[pyclass(frozen, module = "polycache._native")]
pub(super) struct Insides(pub(super) Inside);

/// The present task's.
fn inside(py: Python<'_>) -> PyResult<Option<Py<Insides>>> {
    static INSIDE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let found = INSIDE.import(py, "polycache._compute", "INSIDE")?.call_method0(intern!(py, "get"))?;
    Ok(found.cast_into::<Insides>().ok().map(Bound::unbind))
}
