//! When the store may lose what it has acknowledged, as where a replica takes its primary's place.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::time::Instant;

/// Of the time of a loss nothing is asked. What was acknowledged meanwhile, or shortly before, doesn't count.
#[derive(Debug, Default)]
pub(super) struct Losses(RwLock<State>);

#[derive(Debug, Default)]
pub(super) struct State {
    active: bool,
    until: Option<Instant>,
}

impl Losses {
    pub(super) fn begin(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).active = true;
    }

    /// `revoke` takes back what was acknowledged.
    pub(super) fn end(&self, revoke: impl FnOnce()) {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        revoke();
        *state = State { active: false, until: Some(Instant::now()) };
    }

    /// Nothing is lost while this is held; `None` if it may be.
    pub(super) fn keeping(&self) -> Option<RwLockReadGuard<'_, State>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner)).filter(|state| !state.active)
    }

    /// Whether a read that began at `at` may have met a loss.
    pub(super) fn excuse(&self, at: Instant) -> bool {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        state.active || state.until.is_some_and(|until| at <= until)
    }
}
