//! The queue of a process for a lock: first come, first served.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use compact_str::CompactString;
use parking_lot::Mutex;
use tokio::sync::{Mutex as Fair, OwnedMutexGuard};

/// What the head of the queue has in hand, and passes on.
#[derive(Debug, Default)]
pub(super) struct Baton {
    /// When this process last gave the lock back.
    pub(super) released: Option<Instant>,
}

/// For how long it matters that the lock was given back.
const REMEMBERED: Duration = Duration::from_secs(1);

/// The queues of a cache, with its clones and views: one for each lock that anybody of this process wants, has, or had a moment ago.
pub(crate) struct Queues {
    /// Tells this process from others.
    name: [u8; 16],
    queues: Mutex<HashMap<CompactString, Arc<Fair<Baton>>>>,
}

impl Queues {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { name: fastrand::u128(..).to_be_bytes(), queues: Mutex::default() })
    }

    pub(super) fn name(&self) -> &[u8] {
        &self.name
    }

    /// Waits in the queue of this full key.
    pub(super) async fn wait(&self, key: &str) -> OwnedMutexGuard<Baton> {
        self.queue(key).lock_owned().await
    }

    fn queue(&self, key: &str) -> Arc<Fair<Baton>> {
        let mut queues = self.queues.lock();
        if let Some(queue) = queues.get(key) {
            return Arc::clone(queue);
        }
        if queues.len() == queues.capacity() {
            // Before it grows: most are of locks that nobody wants any more.
            queues.retain(|_, queue| Arc::strong_count(queue) > 1 || was_held(queue));
        }
        Arc::clone(queues.entry(CompactString::new(key)).or_default())
    }
}

fn was_held(queue: &Fair<Baton>) -> bool {
    let baton = queue.try_lock();
    baton.is_ok_and(|baton| baton.released.is_some_and(|released| released.elapsed() < REMEMBERED))
}

impl fmt::Debug for Queues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queues").finish_non_exhaustive()
    }
}
