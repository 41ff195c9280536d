//! Deleting pending keys.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::backlog::{Backlog, Claim, Work};
use crate::backend::Key;
use crate::limit::limited;
use crate::{Error, ErrorKind, Result};

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(5);

/// The pauses between attempts that fail.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How often a writer looks whether another has deleted a key.
const LOOK: Duration = Duration::from_millis(50);

impl Backlog {
    /// Has a task of the present runtime delete, unless one does. Without a runtime a later call starts it.
    pub(super) fn wake(self: &Arc<Self>) {
        if let Ok(runtime) = Handle::try_current()
            && self.wants_task()
        {
            // Made before `run`, since the future may be dropped before its first poll.
            let task = Task { backlog: Arc::clone(self), is_over: false };
            runtime.spawn(task.run());
        }
    }

    /// Deletes the pending ones of these keys, before a write to them.
    pub(super) async fn settle(self: &Arc<Self>, keys: &[CompactString]) -> Result<()> {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            if !keys.iter().any(|key| self.holds_up(key)) {
                return Ok(());
            }
            match self.claim_for(keys) {
                Work::Some(claim) => self.delete(claim).await?,
                Work::Nothing => return Ok(()),
                Work::Busy => wait(LOOK, changed).await?,
            }
        }
    }

    /// Deletes all pending keys, if `until` allows. Returns whether it has.
    pub(super) async fn drain(self: &Arc<Self>, until: Instant) -> bool {
        while !self.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let step = match self.claim_some() {
                Work::Some(claim) => limited(Some(left), left, self.delete(claim)).await,
                Work::Nothing => return true,
                Work::Busy => Err(Error::new(ErrorKind::Unavailable, "somebody else is at it")),
            };
            if step.is_err() && wait(SHORTEST_PAUSE.min(left), std::future::pending()).await.is_err() {
                return false;
            }
        }
        true
    }

    async fn delete(&self, mut claim: Claim) -> Result<()> {
        let ending = self.ending.lock().clone();
        for (prefix, _) in &claim.prefixes {
            // Twice, for values stored under a lease before the first run came to the lease.
            for _ in 0..if ending.is_some() { 2 } else { 1 } {
                match self.backend.clear(prefix).await {
                    Err(error) if is_refusal(&error) => {
                        tracing::error!(%error, prefix = &**prefix, "the clear in place of a lost write was refused");
                        claim.refused.push(prefix.clone());
                        break;
                    }
                    result => result?,
                }
            }
        }
        let writer = ending.as_deref().unwrap_or(&*self.backend);
        let keys: Vec<Key<'_>> = claim.keys.iter().map(|(key, _)| Key::plain(key)).collect();
        if !keys.is_empty() {
            match writer.multi_delete(&keys).await {
                Err(error) if is_refusal(&error) => {
                    // The refusal may be about one key of them.
                    for key in keys {
                        unless_refused(writer.multi_delete(&[key]).await.map(drop))?;
                    }
                }
                result => drop(result?),
            }
        }
        claim.is_done = true;
        Ok(())
    }
}

/// Whether the deletion can never be done. The lost write would have been refused as well, and would have changed nothing.
fn is_refusal(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::InvalidInput | ErrorKind::Refused)
}

/// The result of a deletion. After a refusal there is nothing more to do.
fn unless_refused(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if is_refusal(&error) => {
            tracing::warn!(%error, "the deletion in place of a lost write was refused");
            Ok(())
        }
        result => result,
    }
}

/// Deletes the keys of a backlog.
struct Task {
    backlog: Arc<Backlog>,
    is_over: bool,
}

impl Task {
    async fn run(mut self) {
        let backlog = &self.backlog;
        let mut pause = SHORTEST_PAUSE;
        // Ends also when the task's is the last handle: nobody reads these keys any more.
        while Arc::strong_count(backlog) > 1 {
            let attempt = match backlog.claim_some() {
                Work::Nothing if backlog.end_task() => {
                    self.is_over = true;
                    return;
                }
                Work::Nothing => Ok(()),
                Work::Busy => Err(None),
                Work::Some(claim) => limited(Some(ATTEMPT), ATTEMPT, backlog.delete(claim)).await.map_err(Some),
            };
            match attempt {
                Ok(()) => pause = SHORTEST_PAUSE,
                Err(error) => {
                    if let Some(error) = error {
                        let name = &*backlog.backend.info().name;
                        tracing::debug!(backend = name, %error, "lost writes can't be made up for yet");
                    }
                    // Not more often, however many calls succeed: only the deletion may be failing.
                    let waited = wait(SHORTEST_PAUSE, std::future::pending()).await;
                    if waited.is_err() || wait(pause, backlog.answered.notified()).await.is_err() {
                        return;
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }
}

/// The runtime may drop the task before its end.
impl Drop for Task {
    fn drop(&mut self) {
        if !self.is_over {
            self.backlog.lose_task();
        }
    }
}

/// Waits for the event, but no longer than `most`.
async fn wait(most: Duration, event: impl Future<Output = ()>) -> Result<()> {
    let event = async {
        event.await;
        Ok(())
    };
    match limited(Some(most), most, event).await {
        Err(error) if error.kind() == ErrorKind::NoRuntime => Err(error),
        _ => Ok(()),
    }
}
