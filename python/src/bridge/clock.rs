//! Timeouts: one timer for all calls of a loop. A call with a timeout costs a look at the clock, and no timer of its own.
//!
//! The runtime has the timer, and rings. With one of its own an asyncio loop reads its clock twice in every turn.

use std::sync::Arc;
use std::time::{Duration, Instant};

use polycache_wire::in_vain;
use pyo3::exceptions::PyTimeoutError;
use pyo3::prelude::*;

use super::calls::{Call, Calls};
use super::loops::complete;
use super::runtime;

/// A loop that looks so soon has looked for replies while a call waited.
const PUNCTUAL: Duration = Duration::from_millis(50);

/// Has the loop look for late calls at this time.
pub(super) fn look_at(calls: &Calls, at: Instant) {
    // There is one where a call has a timeout.
    let Some(runtime) = runtime::present() else { return };
    let mailbox = Arc::downgrade(&calls.mailbox);
    runtime.handle.spawn(async move {
        tokio::time::sleep_until(at.into()).await;
        if let Some(mailbox) = mailbox.upgrade() {
            mailbox.put_time();
        }
    });
}

/// Ends the calls that are late. To be called within the runtime.
pub(super) fn look(calls: &Calls, py: Python<'_>) {
    let now = Instant::now();
    let Some(late) = calls.take_late(now) else { return };
    // Otherwise it may be the loop that stood still, and not the server: further calls needn't fail at once.
    let is_punctual = now.saturating_duration_since(late.due) < PUNCTUAL;
    for Call { work, future, .. } in late.calls {
        // The call ends here, before anybody hears of it.
        if is_punctual {
            in_vain(|| drop(work));
        } else {
            drop(work);
        }
        let Some(future) = future.as_ref().map(|future| future.bind(py)) else { continue };
        let error = PyTimeoutError::new_err("the cache took longer than the timeout");
        if let Err(error) = complete(future, Err(error)) {
            error.write_unraisable(py, Some(future));
        }
    }
    if let Some(next) = late.next {
        look_at(calls, next);
    }
}
