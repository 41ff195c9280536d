//! Renewing a lease while its holder works.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, timeout, timeout_at};

use super::{GRACE, Lease};
use crate::Result;
use crate::repeated::tell_repeated;

/// The pause between two renewals that fail.
const PAUSE: Duration = Duration::from_millis(10);

/// When a lease ends, as its holder knows it; others leave the holder a grace beyond.
#[derive(Debug, Clone)]
pub(crate) struct Until(Arc<Mutex<Instant>>);

impl Until {
    pub(crate) fn is_past(&self) -> bool {
        Instant::now() >= self.get()
    }

    /// Whether others would have taken the lease over by now, if they wanted it.
    pub(crate) fn is_long_past(&self) -> bool {
        Instant::now() >= self.get() + 2 * GRACE
    }

    fn get(&self) -> Instant {
        *self.0.lock()
    }
}

/// Renews a lease until it is told to stop.
pub(crate) struct Keeper {
    lease: Lease,
    until: Until,
    /// Called if the lease is lost before.
    on_lost: Box<dyn FnOnce() + Send + Sync>,
}

impl Keeper {
    /// For a lease that was taken after `asked`.
    pub(crate) fn new(lease: Lease, asked: Instant, on_lost: impl FnOnce() + Send + Sync + 'static) -> Self {
        let until = Until(Arc::new(Mutex::new(asked + lease.life)));
        Self { lease, until, on_lost: Box::new(on_lost) }
    }

    pub(crate) fn until(&self) -> Until {
        self.until.clone()
    }

    /// Renews until `stopped`, then releases. Returns whether the lease was held to the end.
    pub(crate) async fn run(self, stopped: impl Future) -> Result<bool> {
        let mut stopped = pin!(stopped);
        let mut held = !self.lease.sealed || self.hold(self.lease.unseal()).await;
        while !held || timeout(self.pause(), &mut stopped).await.is_err() {
            held = held && self.hold(self.lease.renew()).await;
            if !held {
                let cause = self.lease.flights().mark();
                tell_repeated!(
                    WARN,
                    cause,
                    key = self.lease.key.key().full(),
                    "a lease was lost before its holder was done"
                );
                (self.on_lost)();
                return Ok(false);
            }
        }
        self.lease.release().await
    }

    /// Writes the lease's entry. Returns whether the lease isn't lost. A holder that was suspended tries all the same: perhaps nobody has
    /// wanted the lease meanwhile.
    async fn hold(&self, written: impl Future<Output = Result<bool>>) -> bool {
        let asked = Instant::now();
        let last = self.until.get().max(asked) + GRACE;
        match timeout_at(last, written).await {
            Ok(Ok(held)) => {
                if held {
                    *self.until.0.lock() = asked + self.lease.life;
                }
                held
            }
            Ok(Err(error)) => {
                let cause = (self.lease.flights().mark(), error.kind());
                tell_repeated!(WARN, cause, %error, "a lease could not be renewed");
                Instant::now() < self.until.get() + GRACE
            }
            Err(_) => false,
        }
    }

    /// The time until the next renewal. A renewal that fails, or comes late, leaves time for others.
    fn pause(&self) -> Duration {
        let left = self.until.get().saturating_duration_since(Instant::now());
        (self.lease.life / 4).min(left.max(PAUSE))
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").field("lease", &self.lease).finish_non_exhaustive()
    }
}
