//! A computed value on its way to a backend that takes a while.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

use super::leader::wake;
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
        let ticket = self.flights.ticket();
        if !poll_fn(|context| self.poll_start(ticket, context)).await {
            return Ok(false);
        }
        Sending { flights: self.flights, spot: self.spot, set: Some(set), last: false }.await
    }

    /// Whether it may be sent, once no other value of the same key is on its way.
    fn poll_start(&self, ticket: u64, context: &Context<'_>) -> Poll<bool> {
        let mut waker = Some(context.waker().clone());
        match self.flights.at(self.spot.hash, |table| table.start_fill(self.spot, ticket, &mut waker)) {
            Start::Now => Poll::Ready(true),
            Start::Never => Poll::Ready(false),
            Start::Wait => Poll::Pending,
        }
    }
}

/// A value that may have left.
struct Sending {
    flights: Arc<Flights>,
    spot: Spot,
    set: Option<Reply<bool>>,
    /// Whether nobody takes over if this is dropped: a runtime that shuts down drops what it is given.
    last: bool,
}

impl Sending {
    fn end(&mut self) {
        if self.set.take().is_some() {
            wake(self.flights.at(self.spot.hash, |table| table.end_fill(self.spot)));
        }
    }
}

impl Future for Sending {
    type Output = Result<bool>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(set) = &mut self.set else {
            return Poll::Ready(Ok(false));
        };
        let poll = Pin::new(set).poll(context);
        if poll.is_ready() {
            self.end();
        }
        poll
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        match Handle::try_current() {
            Ok(runtime) if !self.last && self.set.is_some() => {
                let flights = Arc::clone(&self.flights);
                let rest = Self { flights, spot: self.spot, set: self.set.take(), last: true };
                runtime.spawn(async move { rest.await.map(drop) });
            }
            _ => self.end(),
        }
    }
}
