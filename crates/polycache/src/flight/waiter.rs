//! A caller that waits for the leader's result.

use std::any::TypeId;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::Landing;
use super::circle::Awaited;
use super::leader::{Leader, wake};
use super::sending::Seat;
use super::table::Look;

/// A place among the waiters.
pub(crate) struct Waiter<T: Send + Sync + 'static, E: Send + Sync + 'static> {
    seat: Seat,
    ticket: u64,
    /// `None` if the leader's result has other types.
    landing: Option<Arc<Landing<T, E>>>,
    /// Whether it has given up its place.
    done: bool,
    /// Set if the waiter is within a computation.
    awaited: Option<Box<Awaited>>,
}

/// The end of waiting.
pub(crate) enum Arrival<T: Send + Sync + 'static, E: Send + Sync + 'static> {
    /// The leader's result.
    Landed(Result<T, E>),
    /// The leader is gone: this caller computes.
    Leads(Leader<T, E>),
    /// There is nothing to share: read the cache again.
    Again,
}

impl<T: Clone + Send + Sync + 'static, E: Clone + Send + Sync + 'static> Waiter<T, E> {
    pub(super) fn new(seat: Seat, ticket: u64, landing: Option<Arc<Landing<T, E>>>) -> Self {
        Self { seat, ticket, landing, done: false, awaited: None }
    }

    /// Notes that computations wait for the waiter's flight.
    pub(super) fn is_awaited(&mut self, awaited: Option<Box<Awaited>>) {
        self.awaited = awaited;
    }

    /// Not to be polled after its end.
    pub(super) fn poll(&mut self, context: &Context<'_>) -> Poll<Arrival<T, E>> {
        if let Some(result) = self.landed() {
            return self.end(Arrival::Landed(result));
        }
        let mut waker = Some(context.waker().clone());
        let kind = TypeId::of::<Landing<T, E>>();
        let look = self
            .seat
            .flights
            .at(self.seat.spot.hash, |table| table.look(self.seat.spot, self.ticket, kind, &mut waker));
        match look {
            Look::Nothing { first } => {
                if first {
                    self.seat.flights.watch();
                }
                Poll::Pending
            }
            Look::Leads(permit) => {
                self.end(Arrival::Leads(Leader::new(Arc::clone(&self.seat.flights), self.seat.spot, permit)))
            }
            Look::Gone => {
                let arrival = self.landed().map_or(Arrival::Again, Arrival::Landed);
                self.end(arrival)
            }
        }
    }

    fn landed(&self) -> Option<Result<T, E>> {
        self.landing.as_ref()?.get().cloned()
    }

    fn end(&mut self, arrival: Arrival<T, E>) -> Poll<Arrival<T, E>> {
        self.done = true;
        self.awaited = None;
        Poll::Ready(arrival)
    }
}

impl<T: Send + Sync + 'static, E: Send + Sync + 'static> Drop for Waiter<T, E> {
    fn drop(&mut self) {
        if !self.done {
            let Seat { flights, spot } = &self.seat;
            let [own, next] = flights.at(spot.hash, |table| table.leave(*spot, self.ticket));
            drop(own);
            wake(next);
        }
    }
}
