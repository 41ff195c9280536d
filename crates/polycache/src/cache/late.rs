//! A value that may have been stored too late.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;

use super::Cache;
use crate::backend::{Found, Want, When};
use crate::key::OwnedKey;
use crate::lease::Lease;
use crate::limit;
use crate::repeated::tell_repeated;
use crate::{ErrorKind, Result, Value};

/// The pauses between two tries while the backend fails.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The looks of one try, for a backend whose versions never match.
const LOOKS: usize = 100;

/// For how long it is tried.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// A value that was sent under a lease, where the backend hasn't told that the lease held until then.
pub(super) struct Late {
    pub(super) cache: Cache,
    pub(super) key: OwnedKey,
    pub(super) value: Value,
    pub(super) lease: Lease,
    /// Whether it may be stored.
    pub(super) may_be_there: bool,
}

impl Late {
    /// Releases the lease. If that was lost before, the value is deleted, unless somebody has written since: other writers of the key have
    /// waited, but not for a holder that was suspended or cut off. Returns whether the lease was held, or nothing was stored.
    pub(super) async fn settle(&self) -> Result<bool> {
        if self.lease.release().await? || !self.may_be_there {
            return Ok(true);
        }
        let backend = self.cache.backend();
        for _ in 0..LOOKS {
            let (found, version) = Found::versioned(backend.look(self.key.key(), Want::VERSIONED).await?);
            let is_there = found.is_some_and(|found| found.as_bytes() == self.value.as_bytes());
            if !is_there || backend.delete(self.key.key(), When::unchanged(version)).await? {
                return Ok(false);
            }
            // Somebody has written, or the version was of a connection that was lost since.
        }
        Ok(false)
    }

    /// The same in a task, once the backend can be reached: nobody else can tell that the value is late. Closing waits for the task.
    pub(super) fn settle_in_time(self) {
        let Ok(runtime) = Handle::try_current() else { return };
        let task = self.cache.flights().task();
        limit::spawn(&runtime, async move {
            let _task = task;
            let (begun, mut pause) = (Instant::now(), FIRST_PAUSE);
            while limit::pause(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await.is_ok() {
                pause = (pause * 2).min(LONGEST_PAUSE);
                let Err(error) = self.settle().await else { return };
                if error.kind() == ErrorKind::Closed || begun.elapsed() >= PATIENCE {
                    let (cause, key) = (self.cache.flights().mark(), self.key.key().full());
                    tell_repeated!(WARN, cause, %error, key, "a value that may be outdated could not be deleted");
                    return;
                }
            }
        });
    }
}
