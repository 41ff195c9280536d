//! Waiting for servers to agree.

use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// Asks again and again until there is an answer. `what` names the answer, for the panic.
///
/// # Panics
///
/// If there is none within a minute.
pub(super) async fn answer<T, F: Future<Output = Option<T>>>(what: &'static str, ask: impl Fn() -> F) -> T {
    let wait = Wait::new(what);
    loop {
        match ask().await {
            Some(answer) => return answer,
            None => wait.pause().await,
        }
    }
}

/// Returns once `ask` says yes, as [`answer`] does.
pub(super) async fn until<F: Future<Output = bool>>(what: &'static str, ask: impl Fn() -> F) {
    let wait = Wait::new(what);
    while !ask().await {
        wait.pause().await;
    }
}

/// A wait for something.
#[derive(Debug)]
struct Wait {
    what: &'static str,
    started: Instant,
}

impl Wait {
    fn new(what: &'static str) -> Self {
        Self { what, started: Instant::now() }
    }

    /// A pause before the next question. Panics when the wait has taken too long.
    async fn pause(&self) {
        assert!(self.started.elapsed() < PATIENCE, "{} has not come about within {PATIENCE:?}", self.what);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
