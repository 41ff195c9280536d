//! The holder's side of a lock.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedMutexGuard, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::queue::Baton;
use crate::Result;
use crate::lease::Lease;

/// A lock that is held, until this is [released](Self::release) or dropped: then a task of the runtime releases it.
#[must_use = "the lock is released when this is dropped"]
pub struct RedLockGuard {
    kept: Kept,
    /// Dropped, it tells the keeper to release.
    _stop: oneshot::Sender<()>,
}

enum Kept {
    /// By a lease, which this task renews.
    Lease { keeper: JoinHandle<Result<bool>>, until: Arc<Mutex<Instant>>, lost: watch::Receiver<bool> },
    /// In this process alone: by its place in the queue.
    Local { _baton: OwnedMutexGuard<Baton> },
}

impl RedLockGuard {
    pub(super) fn local(baton: OwnedMutexGuard<Baton>) -> Self {
        Self { kept: Kept::Local { _baton: baton }, _stop: oneshot::channel().0 }
    }

    /// Keeps a lease that was taken after `asked`.
    pub(super) fn start(lease: Lease, asked: Instant, baton: OwnedMutexGuard<Baton>) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (tell, lost) = watch::channel(false);
        let until = Arc::new(Mutex::new(asked + lease.life()));
        let keeper = Keeper { lease, until: Arc::clone(&until), tell, baton };
        Self { kept: Kept::Lease { keeper: tokio::spawn(keeper.run(stopped)), until, lost }, _stop: stop }
    }

    /// Whether nobody else can have the lock yet: the lease was renewed in time. `false` is for good.
    #[must_use]
    pub fn is_held(&self) -> bool {
        match &self.kept {
            Kept::Lease { until, lost, .. } => !*lost.borrow() && Instant::now() < *until.lock(),
            Kept::Local { .. } => true,
        }
    }

    /// Waits until the lock is lost: the lease couldn't be renewed in time, or somebody has removed it. For a `select!` beside the
    /// work.
    pub async fn lost(&self) {
        match &self.kept {
            Kept::Lease { lost, .. } => {
                // The keeper ends for one reason but that it is lost: the runtime does.
                let _ = lost.clone().wait_for(|lost| *lost).await;
            }
            Kept::Local { .. } => std::future::pending().await,
        }
    }

    /// Releases the lock; whether it was held until then.
    ///
    /// # Errors
    /// Trouble with the backend: then the lock is free when the lease ends.
    pub async fn release(self) -> Result<bool> {
        let Self { kept, _stop: stop } = self;
        drop(stop);
        match kept {
            // A keeper that is gone with its runtime doesn't renew.
            Kept::Lease { keeper, .. } => keeper.await.unwrap_or(Ok(false)),
            Kept::Local { .. } => Ok(true),
        }
    }
}

impl fmt::Debug for RedLockGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedLockGuard").field("is_held", &self.is_held()).finish_non_exhaustive()
    }
}

/// What renews a lease.
struct Keeper {
    lease: Lease,
    /// When the lease ends, if it isn't renewed.
    until: Arc<Mutex<Instant>>,
    tell: watch::Sender<bool>,
    baton: OwnedMutexGuard<Baton>,
}

impl Keeper {
    /// Renews until told to stop, then releases; whether the lease was held to the end.
    async fn run(mut self, mut stopped: oneshot::Receiver<()>) -> Result<bool> {
        while timeout(self.pause(), &mut stopped).await.is_err() {
            let asked = Instant::now();
            match self.lease.renew().await {
                Ok(true) => *self.until.lock() = asked + self.lease.life(),
                Ok(false) => return self.lose(),
                Err(error) => {
                    tracing::warn!(%error, "a lock could not be renewed");
                    if Instant::now() >= *self.until.lock() {
                        return self.lose();
                    }
                }
            }
        }
        let released = self.lease.release().await;
        self.baton.released = Some(std::time::Instant::now());
        released
    }

    fn lose(self) -> Result<bool> {
        tracing::warn!(key = self.lease.key().key().full(), "a lock was lost before its holder released it");
        self.tell.send_replace(true);
        Ok(false)
    }

    /// Until the next renewal; at once where the lease is about to end.
    fn pause(&self) -> Duration {
        self.lease.renewed_every().min(self.until.lock().saturating_duration_since(Instant::now()))
    }
}
