//! The runtime's tasks for flights. Closing the cache waits for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use super::sending::Seat;
use super::{Flights, SHARDS};

/// How many such tasks there are.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    tasks: AtomicUsize,
    /// Notified when the last task ends.
    ended: Notify,
}

/// A task that computes or stores for a flight, until this is dropped.
#[derive(Debug)]
pub(crate) struct Task(Arc<Flights>);

impl Task {
    pub(super) fn begin(seat: &Seat) -> Self {
        let task = seat.flights.task();
        seat.flights.at(seat.spot.hash, |table| table.has_task(seat.spot));
        task
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let UnderWay { tasks, ended } = &self.0.under_way;
        if tasks.fetch_sub(1, Ordering::SeqCst) == 1 {
            ended.notify_waiters();
        }
    }
}

impl Flights {
    /// A task that belongs to no flight any more, until this is dropped.
    pub(crate) fn task(self: &Arc<Self>) -> Task {
        self.under_way.tasks.fetch_add(1, Ordering::SeqCst);
        Task(Arc::clone(self))
    }

    /// Whether a task is under way.
    pub(crate) fn is_under_way(&self) -> bool {
        self.under_way.tasks.load(Ordering::SeqCst) > 0
    }

    /// Waits until no task is under way.
    pub(crate) async fn settled(&self) {
        loop {
            let ended = self.under_way.ended.notified();
            if !self.is_under_way() {
                return;
            }
            ended.await;
        }
    }

    /// The full keys for which tasks are under way.
    pub(crate) fn unsettled(&self) -> Vec<String> {
        (0..SHARDS).flat_map(|shard| self.step(shard, |table| table.tasks())).collect()
    }
}
