//! Tells whether anybody polls the future of a leader.
//!
//! A leader may wait for its source for as long as it likes. From outside it looks like a future that nobody polls. There is one
//! difference: the leader is polled after it was woken, and the other future isn't.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use tokio::time::{Instant, sleep};

use super::sync::Mutex;
use super::watch::{LATE, ROUND};
use super::{Flights, Spot};

/// The pulse of one leader, or of all leaders of a bulk call.
#[derive(Debug)]
pub(super) struct Pulse(Mutex<Beat>);

#[derive(Debug)]
struct Beat {
    /// How often it was polled.
    polls: u64,
    /// Wakes the future. `None` while it is being polled.
    waker: Option<Waker>,
}

impl Pulse {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Beat { polls: 0, waker: None })))
    }

    /// Notes that the future is being polled.
    pub(super) fn stir(&self) {
        let waker = {
            let mut beat = self.0.lock();
            beat.polls += 1;
            beat.waker.take()
        };
        drop(waker);
    }

    /// Notes that the future waits.
    pub(super) fn rest(&self, context: &Context<'_>) {
        let waker = Some(context.waker().clone());
        let replaced = std::mem::replace(&mut self.0.lock().waker, waker);
        drop(replaced);
    }

    /// Wakes the future, if it isn't being polled. Returns how often it was polled so far.
    pub(super) fn wake(&self) -> Option<u64> {
        let (waker, polls) = {
            let beat = self.0.lock();
            (beat.waker.clone()?, beat.polls)
        };
        waker.wake();
        Some(polls)
    }

    /// Whether the future has been polled since, or is being polled.
    pub(super) fn has_stirred(&self, polls: u64) -> bool {
        let beat = self.0.lock();
        beat.polls != polls || beat.waker.is_none()
    }

    /// Waits until nobody polls the future any more.
    pub(super) async fn stopped(&self) {
        loop {
            sleep(ROUND).await;
            let Some(polls) = self.wake() else { continue };
            let due = Instant::now() + ROUND;
            sleep(ROUND).await;
            if Instant::now() < due + LATE && !self.has_stirred(polls) {
                return;
            }
        }
    }

    /// Runs the work of leaders that share this.
    pub(super) async fn of<T>(&self, work: impl Future<Output = T>) -> T {
        let _gone = Gone(self);
        let mut work = pin!(work);
        poll_fn(|context| {
            self.stir();
            let poll = work.as_mut().poll(context);
            if poll.is_pending() {
                self.rest(context);
            }
            poll
        })
        .await
    }
}

/// Takes the waker out at the end, so that it isn't dropped under a lock.
struct Gone<'a>(&'a Pulse);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        self.0.stir();
    }
}

impl Flights {
    /// Gives the flight the pulse of its leader, for the watch to look at.
    pub(super) fn attend(&self, spot: Spot, pulse: &Arc<Pulse>) {
        let replaced = self.at(spot.hash, |table| table.attend(spot, Arc::clone(pulse)));
        drop(replaced);
    }
}
