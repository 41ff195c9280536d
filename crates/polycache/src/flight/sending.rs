//! A computed value on its way to a backend that takes a while.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::runtime::Handle;

use super::joint::{Follower, Joint};
use super::table::Start;
use super::under_way::Task;
use super::{Flights, Spot};
use crate::{Reply, Result, limit};

/// A flight, for the storing of its value.
#[derive(Debug, Clone)]
pub(crate) struct Seat {
    pub(super) flights: Arc<Flights>,
    pub(super) spot: Spot,
}

/// A value that may have left. Whoever waits for its end drives it.
pub(super) type Sending = Joint<Result<bool>>;

impl Seat {
    /// Sends the flight's value with `set`, unless a write has overtaken the flight. From then on writes wait for the end of `set`. The
    /// `set` isn't cut off half-way: a value that arrives late, after a delete, would be stale. If nobody awaits it any longer, the
    /// runtime drives it to its end.
    pub(crate) async fn send(self, set: Reply<bool>) -> Result<bool> {
        let Self { flights, spot } = self;
        let sending = Sending::new(InFlight { flights: Arc::clone(&flights), spot, set });
        loop {
            match flights.at(spot.hash, |table| table.start_sending(spot, &sending)) {
                Start::Now => break,
                Start::Never => return Ok(false),
                Start::After(other) => other.follow().await,
            }
        }
        Sent { seat: Self { flights, spot }, follower: sending.follow(), sending, last: false }.await
    }
}

/// The `set` itself. At its end it wakes nobody: the waiters drive it.
struct InFlight {
    flights: Arc<Flights>,
    spot: Spot,
    set: Reply<bool>,
}

impl Future for InFlight {
    type Output = Result<bool>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.set).poll(context)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let ended = self.flights.at(self.spot.hash, |table| table.end_sending(self.spot));
        drop(ended);
    }
}

/// The leader's part in the sending.
struct Sent {
    seat: Seat,
    sending: Sending,
    follower: Follower<Result<bool>>,
    /// Whether nobody takes over if this is dropped: a runtime that shuts down drops its tasks.
    last: bool,
}

impl Future for Sent {
    type Output = Result<bool>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(Pin::new(&mut self.follower).poll(context));
        Poll::Ready(self.sending.take().unwrap_or(Ok(false)))
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        if self.sending.is_done() {
            return;
        }
        match Handle::try_current() {
            Ok(runtime) if !self.last => {
                let rest = Self {
                    seat: self.seat.clone(),
                    follower: self.sending.follow(),
                    sending: self.sending.clone(),
                    last: true,
                };
                let task = Task::begin(&rest.seat);
                limit::spawn(&runtime, async move {
                    let _task = task;
                    drop(rest.await);
                });
            }
            _ => self.sending.abandon(),
        }
    }
}
