//! Timeouts: one timer of the loop for all its calls. A call with a timeout costs a look at the clock, and no timer of its own.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use polycache_wire::in_vain;
use pyo3::exceptions::PyTimeoutError;
use pyo3::intern;
use pyo3::prelude::*;

use super::calls::{Call, Calls};
use super::loops::{complete, running_loop};
use super::runtime;
use crate::fork;
use crate::shutdown::Within;

/// A loop whose timer comes so soon has looked for replies while a call waited.
const PUNCTUAL: Duration = Duration::from_millis(50);

/// The callback of the loop's timer.
#[pyclass(frozen, module = "polycache._native")]
struct Look {
    calls: Weak<Calls>,
    at: Instant,
}

/// Has the loop look for late calls at this time.
pub(super) fn look_at(event_loop: &Bound<'_, PyAny>, calls: &Arc<Calls>, at: Instant) -> PyResult<()> {
    let py = event_loop.py();
    let look = Bound::new(py, Look { calls: Arc::downgrade(calls), at })?;
    let after = at.saturating_duration_since(Instant::now());
    event_loop.call_method1(intern!(py, "call_later"), (after.as_secs_f64(), look))?;
    Ok(())
}

#[pymethods]
impl Look {
    fn __call__(&self, py: Python<'_>) -> PyResult<()> {
        let _within = Within::enter(py);
        let Some(calls) = self.calls.upgrade().filter(|calls| calls.generation == fork::generation()) else {
            return Ok(());
        };
        let now = Instant::now();
        // Otherwise it may be the loop that stood still, and not the server: further calls needn't fail at once.
        let is_punctual = now.saturating_duration_since(self.at) < PUNCTUAL;
        let (late, next) = calls.take_late(self.at, now);
        let runtime = runtime::present();
        let _entered = runtime.as_ref().map(|runtime| runtime.handle.enter());
        for Call { work, future, .. } in late {
            // The call ends here, before anybody hears of it.
            if is_punctual {
                in_vain(|| drop(work));
            } else {
                drop(work);
            }
            if let Some(future) = future {
                complete(future.bind(py), Err(PyTimeoutError::new_err("the cache took longer than the timeout")))?;
            }
        }
        if let Some(next) = next {
            look_at(&running_loop(py)?, &calls, next)?;
        }
        Ok(())
    }
}
