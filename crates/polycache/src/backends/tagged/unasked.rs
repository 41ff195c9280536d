//! Writes that haven't reached the backend yet: the generations of their tags are read first.

use std::sync::Arc;

use crate::Error;
use crate::backend::{Backend, Key, OwnedKey, When};

/// A write that isn't asked for yet. If it never is, since the server is out of reach or the caller has left, a backend that remembers lost
/// writes hears of it: what is stored would be stale.
pub(super) struct Unasked(Option<(Arc<dyn Backend>, Vec<OwnedKey>)>);

impl Unasked {
    pub(super) fn new<'a>(backend: &Arc<dyn Backend>, keys: impl Iterator<Item = Key<'a>>) -> Self {
        Self(Some((Arc::clone(backend), keys.map(Key::into_owned).collect())))
    }

    /// A write on a condition, which isn't remembered.
    pub(super) const fn forgotten() -> Self {
        Self(None)
    }

    /// Now it is asked for.
    pub(super) fn begins(mut self) {
        self.0 = None;
    }

    /// It failed before.
    pub(super) fn failed(mut self, error: &Error) {
        if !error.kind().is_out_of_reach() {
            self.0 = None;
        }
    }
}

impl Drop for Unasked {
    fn drop(&mut self) {
        let Some((backend, keys)) = self.0.take() else { return };
        // Never polled: over a network nothing is sent.
        keys.iter().for_each(|key| drop(backend.delete(key.key(), When::Always)));
    }
}
