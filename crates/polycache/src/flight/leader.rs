//! The caller who computes.

use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Waker};

use super::circle::{Computes, Node, Turn};
use super::pulse::Pulse;
use super::report::Report;
use super::sending::Seat;
use super::{Flights, Landing, Spot};
use crate::Cache;
use crate::backend::Permit;
use crate::cache::Marks;
use crate::events::ComputationEnd;

/// The leadership of a flight. If it is dropped without a result, a waiter gets it.
pub(crate) struct Leader<T: Send + Sync + 'static, E: Send + Sync + 'static> {
    seat: Seat,
    /// `None` once it was given to the storing.
    permit: Option<Permit>,
    landed: bool,
    /// `None` until the leader has to wait.
    pulse: Option<Arc<Pulse>>,
    /// `None` where no plugin listens.
    report: Option<Box<Report>>,
    /// What is known of the view's tags as its computation begins, if it has any.
    marks: Option<Box<Marks>>,
    computes: PhantomData<Result<T, E>>,
}

impl<T: Send + Sync + 'static, E: Send + Sync + 'static> Leader<T, E> {
    pub(super) fn new(flights: Arc<Flights>, spot: Spot, permit: Permit) -> Self {
        let seat = Seat { flights, spot };
        Self {
            seat,
            permit: Some(permit),
            landed: false,
            pulse: None,
            report: None,
            marks: None,
            computes: PhantomData,
        }
    }

    pub(super) fn seat(&self) -> &Seat {
        &self.seat
    }

    /// Its computation is polled until the turn is dropped.
    pub(super) fn turn(&self) -> Turn {
        Turn::begin(Computes::One(Node::of(&self.seat)))
    }

    /// The permit to store, if nobody has taken it.
    pub(super) fn permit(&self) -> Option<&Permit> {
        self.permit.as_ref()
    }

    /// Takes the permit to store, if no write has overtaken the flight.
    pub(super) fn take_permit(&mut self) -> Option<Permit> {
        self.permit.take().filter(Permit::holds)
    }

    /// The leader asks for a lease.
    pub(super) fn asks(&mut self, cache: &Cache, key: &str) {
        self.report = Report::new(cache, key);
        self.report.iter_mut().for_each(|report| report.asks());
    }

    pub(super) fn take_marks(&mut self) -> Option<Box<Marks>> {
        self.marks.take()
    }

    /// The leader computes from now on.
    pub(super) fn begins(&mut self, cache: &Cache, key: &str) {
        self.marks = cache.marks();
        if let Some(tags) = cache.tags_to_come() {
            let Seat { flights, spot } = &self.seat;
            flights.at(spot.hash, |table| table.has_tags(*spot, tags));
        }
        if self.report.is_none() {
            self.report = Report::new(cache, key);
        }
        self.report.iter_mut().for_each(|report| report.begins());
    }

    /// The leader has computed.
    pub(super) fn ends(&mut self) {
        self.report.iter_mut().for_each(|report| report.ends());
    }

    /// How many callers wait; counted only if a plugin listens.
    fn waiting(&self) -> usize {
        let Seat { flights, spot } = &self.seat;
        self.report.as_ref().map_or(0, |_| flights.at(spot.hash, |table| table.waiting(*spot)))
    }

    fn tell(&mut self, end: ComputationEnd, waiting: usize) {
        if let Some(report) = self.report.take() {
            report.tell(end, waiting);
        }
    }

    /// Notes that the leader's future is being polled.
    pub(super) fn stir(&self) {
        if let Some(pulse) = &self.pulse {
            pulse.stir();
        }
    }

    /// Gives the leader a pulse that it shares with other leaders of the same future.
    pub(super) fn share(&mut self, pulse: &Arc<Pulse>) {
        self.seat.flights.attend(self.seat.spot, pulse);
        self.pulse = Some(Arc::clone(pulse));
    }

    /// The leader's pulse, which shows others whether anybody polls it.
    pub(super) fn pulse(&mut self) -> &Arc<Pulse> {
        let Self { seat: Seat { flights, spot }, pulse, .. } = self;
        pulse.get_or_insert_with(|| {
            let new = Pulse::new();
            flights.attend(*spot, &new);
            new
        })
    }

    /// Notes that the leader's future waits.
    pub(super) fn rest(&mut self, context: &Context<'_>) {
        self.pulse().rest(context);
    }

    /// Gives the waiters this result, and returns it.
    pub(super) fn land(mut self, result: Result<T, E>) -> Result<T, E>
    where
        T: Clone,
        E: Clone,
    {
        let (spot, waiting) = (self.seat.spot, self.waiting());
        match self.seat.flights.at(spot.hash, |table| table.land_unawaited(spot)) {
            Some(wakers) => {
                self.landed = true;
                wake(wakers);
                self.tell(end_of(&result), waiting);
            }
            // `clone` is the caller's code: it runs outside of the lock.
            None => self.give(result.clone()),
        }
        result
    }

    /// Gives the waiters this result.
    pub(super) fn give(&mut self, result: Result<T, E>) {
        let (spot, waiting, end) = (self.seat.spot, self.waiting(), end_of(&result));
        self.landed = true;
        // In one step, so that a waiter that finds the flight gone finds the result.
        let (_landing, wakers) = self.seat.flights.at(spot.hash, |table| {
            let (landing, wakers) = table.land(spot);
            if let Some(landing) = landing.as_ref().and_then(|landing| landing.downcast_ref::<Landing<T, E>>()) {
                // Nobody has set it before.
                let _ = landing.set(result);
            }
            (landing, wakers)
        });
        wake(wakers);
        self.tell(end, waiting);
    }
}

impl<T: Send + Sync + 'static, E: Send + Sync + 'static> Drop for Leader<T, E> {
    fn drop(&mut self) {
        self.stir();
        if !self.landed {
            let Seat { flights, spot } = &self.seat;
            let waiting = self.waiting();
            wake(flights.at(spot.hash, |table| table.vacate(*spot)));
            self.tell(ComputationEnd::Abandoned, waiting);
        }
    }
}

fn end_of<T, E>(result: &Result<T, E>) -> ComputationEnd {
    if result.is_ok() { ComputationEnd::Value } else { ComputationEnd::Error }
}

pub(super) fn wake(wakers: impl IntoIterator<Item = Waker>) {
    wakers.into_iter().for_each(Waker::wake);
}
