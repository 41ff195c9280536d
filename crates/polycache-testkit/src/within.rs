//! A subject inside another backend.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use polycache::Reply;
use polycache::backend::Backend;

use crate::Subject;

/// The subject `S`, whose backend is inside another one: your wrapper on a real server, say.
pub struct Within<S> {
    subject: S,
    backend: Arc<dyn Backend>,
}

impl<S: Subject> Within<S> {
    /// The subject with what `wrap` puts around its backend.
    #[must_use]
    pub fn new<B: Backend>(subject: S, wrap: impl FnOnce(Arc<dyn Backend>) -> B) -> Self {
        Self { backend: Arc::new(wrap(subject.backend())), subject }
    }
}

impl<S: Subject> Subject for Within<S> {
    fn backend(&self) -> Arc<dyn Backend> {
        Arc::clone(&self.backend)
    }

    fn advance(&self, by: Duration) -> Reply<()> {
        self.subject.advance(by)
    }

    fn exact_time(&self) -> bool {
        self.subject.exact_time()
    }

    fn longest_life(&self) -> Duration {
        self.subject.longest_life()
    }

    fn max_value_bytes(&self) -> usize {
        self.subject.max_value_bytes()
    }
}

impl<S> fmt::Debug for Within<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Within").field("backend", &self.backend).finish_non_exhaustive()
    }
}
