//! The part of the one who computes.

use std::sync::Arc;
use std::task::{Context, Waker};

use super::pulse::Pulse;
use super::{Flights, Landing, Spot};
use crate::backend::Permit;

/// The leadership of a flight. Dropped without a result, it goes to a waiter.
pub(crate) struct Leader<T: Send + Sync + 'static, E: Send + Sync + 'static> {
    flights: Arc<Flights>,
    spot: Spot,
    permit: Permit,
    /// What was computed, while it is being stored.
    result: Option<Result<T, E>>,
    landed: bool,
    /// Once it has waited.
    pulse: Option<Arc<Pulse>>,
}

impl<T: Send + Sync + 'static, E: Send + Sync + 'static> Leader<T, E> {
    pub(super) fn new(flights: Arc<Flights>, spot: Spot, permit: Permit) -> Self {
        Self { flights, spot, permit, result: None, landed: false, pulse: None }
    }

    pub(super) fn flights(&self) -> &Arc<Flights> {
        &self.flights
    }

    pub(super) fn spot(&self) -> Spot {
        self.spot
    }

    pub(super) fn permit(&self) -> &Permit {
        &self.permit
    }

    /// The result that waiters get even if this is dropped from now on.
    pub(super) fn hold(&mut self, result: Result<T, E>) {
        self.result = Some(result);
    }

    /// The future that has this is being polled.
    pub(super) fn stir(&self) {
        if let Some(pulse) = &self.pulse {
            pulse.stir();
        }
    }

    /// Its future is one that polls others' work as well.
    pub(super) fn share(&mut self, pulse: &Arc<Pulse>) {
        self.flights.attend(self.spot, pulse);
        self.pulse = Some(Arc::clone(pulse));
    }

    /// By which others see whether anybody polls it.
    pub(super) fn pulse(&mut self) -> &Arc<Pulse> {
        let Self { flights, spot, pulse, .. } = self;
        pulse.get_or_insert_with(|| {
            let new = Pulse::new();
            flights.attend(*spot, &new);
            new
        })
    }

    /// It waits.
    pub(super) fn rest(&mut self, context: &Context<'_>) {
        self.pulse().rest(context);
    }

    pub(super) fn take_held(&mut self) -> Option<Result<T, E>> {
        self.result.take()
    }

    /// Gives the waiters the result that is held.
    pub(super) fn land_held(mut self) -> Option<Result<T, E>>
    where
        T: Clone,
        E: Clone,
    {
        let result = self.result.take()?;
        Some(self.land(result))
    }

    /// Gives the waiters this result, and returns it.
    pub(super) fn land(mut self, result: Result<T, E>) -> Result<T, E>
    where
        T: Clone,
        E: Clone,
    {
        let spot = self.spot;
        let alone = self.flights.at(spot.hash, |table| (!table.is_awaited(spot)).then(|| table.land(spot)));
        match alone {
            Some((_, wakers)) => {
                self.landed = true;
                wake(wakers);
            }
            // Cloned outside of the lock: that is the caller's code.
            None => self.give(result.clone()),
        }
        result
    }

    fn give(&mut self, result: Result<T, E>) {
        let spot = self.spot;
        self.landed = true;
        // In one step: who finds the flight gone finds the result.
        let (_landing, wakers) = self.flights.at(spot.hash, |table| {
            let (landing, wakers) = table.land(spot);
            if let Some(landing) = landing.as_ref().and_then(|landing| landing.downcast_ref::<Landing<T, E>>()) {
                // Nobody has set it before.
                let _ = landing.set(result);
            }
            (landing, wakers)
        });
        wake(wakers);
    }
}

impl<T: Send + Sync + 'static, E: Send + Sync + 'static> Drop for Leader<T, E> {
    fn drop(&mut self) {
        self.stir();
        if self.landed {
            return;
        }
        match self.result.take() {
            Some(result) => self.give(result),
            None => wake(self.flights.at(self.spot.hash, |table| table.vacate(self.spot))),
        }
    }
}

pub(super) fn wake(wakers: impl IntoIterator<Item = Waker>) {
    wakers.into_iter().for_each(Waker::wake);
}
