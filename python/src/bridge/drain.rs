//! What an event loop calls when its bell has rung.

use std::sync::Arc;
use std::task::{Context, Poll};

use pyo3::intern;
use pyo3::prelude::*;

use super::calls::{Calls, complete};
use super::mailbox::Mailbox;
use super::runtime::runtime;

/// The loop's reader. Only the loop holds it: when the loop is closed it is dropped, and the calls with it.
#[pyclass(frozen, module = "polycache._native")]
pub(super) struct Drain {
    calls: Arc<Calls>,
}

impl Drain {
    /// Makes the calls of an event loop, which reads its bell from now on.
    pub(super) fn attach(event_loop: &Bound<'_, PyAny>) -> PyResult<Arc<Calls>> {
        let py = event_loop.py();
        let mailbox = Mailbox::new()?;
        let fd = mailbox.fd();
        let calls = Calls::new(mailbox);
        let drain = Bound::new(py, Self { calls: Arc::clone(&calls) })?;
        event_loop.call_method1(intern!(py, "add_reader"), (fd, drain))?;
        Ok(calls)
    }
}

#[pymethods]
impl Drain {
    fn __call__(&self, py: Python<'_>) -> PyResult<()> {
        let calls = &self.calls;
        let mut woken = Vec::new();
        calls.mailbox.take(&mut woken);
        let runtime = runtime()?;
        for number in woken {
            let Some((mut call, waker)) = calls.take(number) else { continue };
            let polled = {
                let _entered = runtime.handle.enter();
                call.work.poll(py, &mut Context::from_waker(&waker))
            };
            match polled {
                Poll::Pending => calls.put_back(number, call),
                Poll::Ready(result) => {
                    calls.release(number);
                    if let Err(error) = complete(call.future.bind(py), result) {
                        error.write_unraisable(py, Some(call.future.bind(py)));
                    }
                }
            }
        }
        Ok(())
    }
}
