//! The memory backend as a subject.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use polycache::Reply;
use polycache::backend::Backend;
use polycache::backends::memory::{ManualClock, Memory, MemoryBuilder};

use crate::Subject;

/// The memory backend, or your backend around it, with a clock that only tests move.
///
/// ```
/// use polycache_testkit::{InMemory, Intercept};
///
/// polycache_testkit::conformance!(unbounded, InMemory::new(|memory| memory.unbounded()));
/// polycache_testkit::conformance!(delayed, InMemory::new(|memory| memory).inside(Intercept::delayed));
/// # fn main() {}
/// ```
pub struct InMemory {
    backend: Arc<dyn Backend>,
    clock: ManualClock,
}

impl InMemory {
    /// An empty store with these settings.
    ///
    /// # Panics
    /// If the settings don't fit together.
    #[must_use]
    pub fn new(settings: impl FnOnce(MemoryBuilder) -> MemoryBuilder) -> Self {
        let clock = ManualClock::new();
        let memory = settings(Memory::builder()).manual_clock(&clock).build().unwrap();
        Self { backend: Arc::new(memory), clock }
    }

    /// The same store inside another backend.
    #[must_use]
    pub fn inside<B: Backend>(self, wrap: impl FnOnce(Arc<dyn Backend>) -> B) -> Self {
        self.inside_with_clock(|backend, _| wrap(backend))
    }

    /// The same for a backend that needs the clock, too.
    #[must_use]
    pub fn inside_with_clock<B: Backend>(self, wrap: impl FnOnce(Arc<dyn Backend>, &ManualClock) -> B) -> Self {
        Self { backend: Arc::new(wrap(self.backend, &self.clock)), clock: self.clock }
    }
}

impl Subject for InMemory {
    fn backend(&self) -> Arc<dyn Backend> {
        Arc::clone(&self.backend)
    }

    fn advance(&self, by: Duration) -> Reply<()> {
        self.clock.advance(by);
        Reply::ready(())
    }

    fn exact_time(&self) -> bool {
        true
    }
}

impl fmt::Debug for InMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemory").field("backend", &self.backend).field("clock", &self.clock).finish()
    }
}
