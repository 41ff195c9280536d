//! Waiting for servers to agree.

use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// Asking again and again until there is an answer.
#[derive(Debug)]
pub(super) struct Wait {
    what: &'static str,
    started: Instant,
}

impl Wait {
    pub(super) fn new(what: &'static str) -> Self {
        Self { what, started: Instant::now() }
    }

    /// A pause before asking again; panics when that has taken too long.
    pub(super) async fn pause(&self) {
        assert!(self.started.elapsed() < PATIENCE, "{} has not come about within {PATIENCE:?}", self.what);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
