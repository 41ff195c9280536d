//! Renewing a lease while its holder works.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::Lease;
use crate::Result;

/// When a lease ends, as far as its holder knows.
#[derive(Debug, Clone)]
pub(crate) struct Until(Arc<Mutex<Instant>>);

impl Until {
    pub(crate) fn is_past(&self) -> bool {
        Instant::now() >= *self.0.lock()
    }
}

/// What renews a lease until it is told to stop.
pub(crate) struct Keeper {
    lease: Lease,
    until: Until,
    /// Called where it is lost before.
    on_lost: Box<dyn FnOnce() + Send>,
}

impl Keeper {
    /// For a lease that was taken after `asked`.
    pub(crate) fn new(lease: Lease, asked: Instant, on_lost: impl FnOnce() + Send + 'static) -> Self {
        let until = Until(Arc::new(Mutex::new(asked + lease.life)));
        Self { lease, until, on_lost: Box::new(on_lost) }
    }

    pub(crate) fn until(&self) -> Until {
        self.until.clone()
    }

    /// Renews until told to stop, by a message or by the loss of the sender, then releases; whether the lease was held to the end.
    pub(crate) async fn run(self, mut stopped: oneshot::Receiver<()>) -> Result<bool> {
        while timeout(self.pause(), &mut stopped).await.is_err() {
            let asked = Instant::now();
            let lost = match self.lease.renew().await {
                Ok(true) => {
                    *self.until.0.lock() = asked + self.lease.life;
                    false
                }
                Ok(false) => true,
                Err(error) => {
                    tracing::warn!(%error, "a lease could not be renewed");
                    self.until.is_past()
                }
            };
            if lost {
                tracing::warn!(key = self.lease.key.key().full(), "a lease was lost before its holder was done");
                (self.on_lost)();
                return Ok(false);
            }
        }
        self.lease.release().await
    }

    /// Until the next renewal. One that fails, or comes late, leaves time for others.
    fn pause(&self) -> Duration {
        let left = self.until.0.lock().saturating_duration_since(Instant::now());
        (self.lease.life / 4).min(left).max(Duration::from_millis(1))
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").field("lease", &self.lease).finish_non_exhaustive()
    }
}
