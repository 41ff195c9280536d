//! When clears may have taken effect.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a clear may take effect after its caller was told of trouble: longer than any fault.
const LATE: Duration = Duration::from_secs(2);

/// The clears so far. Between two of them is an epoch, in which nothing is cleared.
#[derive(Debug, Default)]
pub(super) struct Clears(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    begun: u64,
    active: u32,
    /// Until when a failed clear may take effect.
    until: Option<Instant>,
}

impl Clears {
    pub(super) fn begin(&self) {
        let mut state = self.state();
        state.begun += 1;
        state.active += 1;
    }

    pub(super) fn end(&self, done: bool) {
        let mut state = self.state();
        state.active -= 1;
        let until = if done { Instant::now() } else { Instant::now() + LATE };
        state.until = state.until.max(Some(until));
    }

    /// The present epoch; `None` while a clear may take effect.
    pub(super) fn epoch(&self) -> Option<u64> {
        let state = self.state();
        let quiet = state.active == 0 && state.until.is_none_or(|until| until < Instant::now());
        quiet.then_some(state.begun)
    }

    /// Whether a clear may have taken effect less than `time` before `before`.
    pub(super) fn within(&self, time: Duration, before: Instant) -> bool {
        let state = self.state();
        state.active > 0 || state.until.is_some_and(|until| until + time > before)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
