//! The reply that a call waits for, and its result for Python.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use polycache::{Error, Result};
use pyo3::prelude::*;

use crate::errors::raised;

/// A reply, and its result for Python. Polled on the thread of an event loop, attached to the interpreter.
pub(crate) trait Work: Send {
    /// The object for Python, or the exception, once the reply is there.
    fn poll(&mut self, py: Python<'_>, context: &mut Context<'_>) -> Poll<PyResult<Py<PyAny>>>;

    /// Whether the call must end as soon as its future is cancelled, which costs a callback. Others end with their reply, or when their
    /// time is over.
    fn holds_others_up(&self) -> bool {
        false
    }

    /// What goes on when this one has ended: a call of its own from now on. Asked after each poll.
    fn leaves(&mut self) -> Option<Box<dyn Work>> {
        None
    }
}

struct Converted<F, C> {
    future: F,
    convert: Option<C>,
}

/// The work of a future, whose result `convert` turns into an object.
pub(crate) fn work<T, F, C>(future: F, convert: C) -> impl Work
where
    F: Future<Output = Result<T>> + Send + Unpin,
    C: FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send,
{
    Converted { future, convert: Some(convert) }
}

impl<T, F, C> Work for Converted<F, C>
where
    F: Future<Output = Result<T>> + Send + Unpin,
    C: FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send,
{
    fn poll(&mut self, py: Python<'_>, context: &mut Context<'_>) -> Poll<PyResult<Py<PyAny>>> {
        let result = match Pin::new(&mut self.future).poll(context) {
            Poll::Ready(result) => result,
            Poll::Pending => return Poll::Pending,
        };
        Poll::Ready(match (result, self.convert.take()) {
            (Ok(value), Some(convert)) => convert(py, value),
            (Err(error), _) => Err(raised(py, &error)),
            (Ok(_), None) => Err(raised(py, &Error::new(polycache::ErrorKind::InvalidInput, "polled again"))),
        })
    }
}
