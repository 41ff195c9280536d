//! The locks of one `Memory`: a cache of their own in this process, made with the first lock.

use parking_lot::Mutex;
use polycache::{Cache, Result};

use crate::bridge::{Runtime, runtime};
use crate::fork;
use crate::locks::no_runtime;

/// The locks of one `Memory`. Only touched by threads that are attached.
#[derive(Debug, Default)]
pub(super) struct LockSpace(Mutex<Option<(Cache, Runtime)>>);

impl LockSpace {
    /// The locks of this process: a child of a fork begins with none.
    pub(super) fn get(&self) -> Result<(Cache, Runtime)> {
        let mut space = self.0.lock();
        if let Some(space) = space.as_ref().filter(|(_, runtime)| runtime.generation == fork::generation()) {
            return Ok(space.clone());
        }
        let made = (Cache::memory(), runtime().map_err(no_runtime)?);
        // The parent's cache isn't touched.
        std::mem::forget(space.replace(made.clone()));
        Ok(made)
    }
}

impl Drop for LockSpace {
    fn drop(&mut self) {
        let space = self.0.get_mut().take();
        if space.as_ref().is_some_and(|(_, runtime)| runtime.generation != fork::generation()) {
            std::mem::forget(space);
        }
    }
}
