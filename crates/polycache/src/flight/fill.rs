//! A computed value on its way to a backend that takes a while.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::runtime::Handle;

use super::joint::{Follower, Joint};
use super::table::Start;
use super::tenure::Tenure;
use super::{Flights, Spot};
use crate::backend::Permit;
use crate::lease::Lease;
use crate::{Reply, Result};

/// What a flight's `set` needs to know of the flight.
#[derive(Debug)]
pub(crate) struct Filling {
    pub(super) flights: Arc<Flights>,
    pub(super) spot: Spot,
    pub(super) permit: Permit,
    /// What it depends on besides. It isn't given up before the end of the `set`, even if the caller doesn't wait for that: what arrives
    /// afterwards would be stale.
    pub(super) tenure: Option<Tenure>,
}

/// A value that may have left; whoever waits for the end of that drives it.
pub(super) type Fill = Joint<Result<bool>>;

impl Filling {
    pub(crate) fn permit(&self) -> &Permit {
        &self.permit
    }

    /// What it depends on besides, and what keeps that.
    pub(crate) fn take_lease(&mut self) -> Option<(Lease, Tenure)> {
        self.tenure.take().map(|tenure| ((*tenure.lease).clone(), tenure))
    }

    /// Sends it, unless a write has overtaken it; from then on writes wait for its end. It isn't cut off half-way: a value that arrives
    /// late, after a delete, would be stale. If nobody awaits it any longer, the runtime sees to its end.
    pub(crate) async fn send(self, set: Reply<bool>) -> Result<bool> {
        let Self { flights, spot, .. } = self;
        let fill = Fill::new(Sending { flights: Arc::clone(&flights), spot, set });
        loop {
            match flights.at(spot.hash, |table| table.start_fill(spot, &fill)) {
                Start::Now => break,
                Start::Never => return Ok(false),
                Start::After(other) => other.follow().await,
            }
        }
        Sent { follower: fill.follow(), fill, last: false }.await
    }
}

/// The sending itself. Over, it wakes nobody: those who wait drive it.
struct Sending {
    flights: Arc<Flights>,
    spot: Spot,
    set: Reply<bool>,
}

impl Future for Sending {
    type Output = Result<bool>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.set).poll(context)
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        let ended = self.flights.at(self.spot.hash, |table| table.end_fill(self.spot));
        drop(ended);
    }
}

/// The leader's part in the sending.
struct Sent {
    fill: Fill,
    follower: Follower<Result<bool>>,
    /// Whether nobody takes over if this is dropped: a runtime that shuts down drops what it is given.
    last: bool,
}

impl Future for Sent {
    type Output = Result<bool>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(Pin::new(&mut self.follower).poll(context));
        Poll::Ready(self.fill.take().unwrap_or(Ok(false)))
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        if self.fill.is_done() {
            return;
        }
        match Handle::try_current() {
            Ok(runtime) if !self.last => {
                let rest = Self { follower: self.fill.follow(), fill: self.fill.clone(), last: true };
                runtime.spawn(async move { rest.await.map(drop) });
            }
            _ => self.fill.abandon(),
        }
    }
}
