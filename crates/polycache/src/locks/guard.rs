//! The holder's side of a lock.

use std::fmt;

use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::queue::Place;
use crate::Result;
use crate::lease::{Keeper, Lease, Until};

/// A held lock. When the guard is [released](Self::release) the lock is free; when it is dropped, a task of the runtime releases it.
#[must_use = "the lock is released when this is dropped"]
pub struct RedLockGuard {
    kept: Kept,
    /// When dropped, it tells the keeper to release.
    _stop: oneshot::Sender<()>,
}

enum Kept {
    /// The lock is a lease, which this task renews.
    Lease { keeper: JoinHandle<Result<bool>>, until: Until, lost: watch::Receiver<bool> },
    /// The lock is a place in this process's queue.
    Local { _place: Place },
}

impl RedLockGuard {
    pub(super) fn local(place: Place) -> Self {
        Self { kept: Kept::Local { _place: place }, _stop: oneshot::channel().0 }
    }

    /// Keeps a lease that was taken after `asked`.
    pub(super) fn start(lease: Lease, asked: Instant, place: Place) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (tell, lost) = watch::channel(false);
        let keeper = Keeper::new(lease, asked, move || {
            tell.send_replace(true);
        });
        let until = keeper.until();
        // If this place was passed over a moment ago, the next one in the queue asks for the lease, and finds it taken.
        place.hold(Some(until.clone()));
        let keeper = tokio::spawn(async move {
            let held = keeper.run(stopped).await;
            place.give_back();
            held
        });
        Self { kept: Kept::Lease { keeper, until, lost }, _stop: stop }
    }

    /// Whether nobody else can have the lock yet, by this process's clock. `false` while a renewal is late, and for good once the lock is
    /// lost.
    #[must_use]
    pub fn is_held(&self) -> bool {
        match &self.kept {
            Kept::Lease { until, lost, .. } => !*lost.borrow() && !until.is_past(),
            Kept::Local { .. } => true,
        }
    }

    /// Waits until the lock is lost: the lease couldn't be renewed in time and its grace is over, or somebody has removed it. For a
    /// `select!` beside the work.
    pub async fn lost(&self) {
        match &self.kept {
            Kept::Lease { lost, .. } => {
                // An error means that the keeper has ended with its runtime: nothing renews the lease.
                let _ = lost.clone().wait_for(|lost| *lost).await;
            }
            Kept::Local { .. } => std::future::pending().await,
        }
    }

    /// Releases the lock. Returns whether it was held until then.
    ///
    /// # Errors
    /// Trouble with the backend: then the lock is free when the lease ends.
    pub async fn release(self) -> Result<bool> {
        let Self { kept, _stop: stop } = self;
        drop(stop);
        match kept {
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
