//! The way of a call without an immediate hit.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::apart::{Apart, Led, Place, Spawn};
use super::approach::{Approach, Asked, Course};
use super::lead::{Lead, Policy, Terms};
use super::leader::Leader;
use super::patient::Patient;
use super::stale::Ages;
use crate::cache::Form;
use crate::{Cache, Error};

/// The way from a miss to a result. It is in boxes, so that a hit doesn't move it.
pub(crate) struct Slow<T: Send + Sync + 'static, E: Send + Sync + 'static, Fut>(Stage<T, E, Fut>);

enum Stage<T: Send + Sync + 'static, E: Send + Sync + 'static, Fut> {
    Approaches(Box<Approach<T, E>>),
    Leads(Pin<Box<Lead<T, E, Fut>>>),
    /// A task computes.
    Apart(Box<Apart<T, E>>),
    /// The caller computes for itself alone.
    Alone(Pin<Box<Fut>>),
    /// It reads, and is told how old the value is.
    Ages(Box<Ages<T>>),
    /// The caller has limits.
    Patient(Box<Patient<T, E, Fut>>),
    /// It has its result.
    Over,
}

/// A call, as it is given with each poll.
pub(crate) struct Call<'a, T: Send + Sync + 'static, E: Send + Sync + 'static, Fut> {
    pub(crate) cache: &'a Cache,
    pub(crate) key: &'a str,
    pub(crate) policy: Policy<T>,
    /// Gives the computation to a task, if it may go on without its caller.
    pub(crate) spawn: Option<Spawn<T, E, Fut>>,
    /// Makes an error of the caller's type from ours, if that is possible.
    pub(crate) times_out: &'a dyn Fn(Error) -> Option<E>,
}

impl<T, E, Fut> Slow<T, E, Fut>
where
    T: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<T, E>>,
{
    /// Computes without a read, and replaces the stored value.
    #[cfg(feature = "macros")]
    pub(crate) fn anew<K: Form<T>>(cache: &Cache, key: &str) -> Self {
        let leader = cache.with_key(key, |_, key| cache.flights().lead(key));
        Self::approaches(Approach::anew::<K>(cache, key, leader)).patient(cache, false)
    }

    /// Begins after the cache has answered, without a step yet.
    #[cfg(feature = "macros")]
    pub(crate) fn start(cache: &Cache, asked: Asked<T>) -> Self {
        Self::approaches(Approach::Asked(asked)).patient(cache, true)
    }

    /// Begins with a read that tells how old the value is.
    pub(super) fn ages(ages: Ages<T>) -> Self {
        Self(Stage::Ages(Box::new(ages)))
    }

    pub(super) fn approaches(approach: Approach<T, E>) -> Self {
        Self(Stage::Approaches(Box::new(approach)))
    }

    /// With the limits that the cache has. `soft` tells whether a stale value will do.
    pub(super) fn patient(self, cache: &Cache, soft: bool) -> Self {
        match Patient::new(cache, soft) {
            Some(patient) => Self(Stage::Patient(Box::new(patient(self)))),
            None => self,
        }
    }

    /// Begins after the cache has answered, and goes on as [`poll`](Self::poll) does. If there is no result yet, the rest of the way is
    /// put into `slow`.
    pub(crate) fn begin<K: Form<T>>(
        slow: &mut Option<Self>,
        asked: Asked<T>,
        call: &Call<'_, T, E, Fut>,
        compute: &mut impl FnMut() -> Option<Fut>,
        context: &mut Context<'_>,
    ) -> Poll<Result<T, E>> {
        let begun = match Approach::start::<K>(call.cache, call.key, asked) {
            Err(approach) => Self::approaches(approach),
            Ok(Course::Arrived(result)) => return Poll::Ready(result),
            Ok(Course::Leads(leader, terms)) => match Self::lead(call, leader, terms, compute) {
                Some(leads) => leads,
                None => return Poll::Pending,
            },
            Ok(Course::Alone) => match compute() {
                Some(compute) => Self(Stage::Alone(Box::pin(compute))),
                None => return Poll::Pending,
            },
        };
        let mut begun = begun.patient(call.cache, true);
        let poll = begun.poll::<K>(call, compute, context);
        if poll.is_pending() {
            *slow = Some(begun);
        }
        poll
    }

    /// `compute` makes the computation; called once.
    pub(crate) fn poll<K: Form<T>>(
        &mut self,
        call: &Call<'_, T, E, Fut>,
        compute: &mut impl FnMut() -> Option<Fut>,
        context: &mut Context<'_>,
    ) -> Poll<Result<T, E>> {
        loop {
            match &mut self.0 {
                Stage::Leads(lead) => return lead.as_mut().poll::<K>(call.cache, call.key, context),
                Stage::Approaches(approach) => match approach.poll::<K>(call.cache, call.key, context) {
                    Poll::Ready(Course::Arrived(result)) => return Poll::Ready(result),
                    Poll::Ready(Course::Leads(leader, terms)) => match Self::lead(call, leader, terms, compute) {
                        Some(leads) => *self = leads,
                        None => return Poll::Pending,
                    },
                    Poll::Ready(Course::Alone) => match compute() {
                        Some(compute) => self.0 = Stage::Alone(Box::pin(compute)),
                        None => return Poll::Pending,
                    },
                    Poll::Pending => match call.leave(approach, compute) {
                        Some(apart) => self.0 = Stage::Apart(Box::new(apart)),
                        None => return Poll::Pending,
                    },
                },
                Stage::Apart(apart) => return Pin::new(&mut **apart).poll(context),
                Stage::Alone(compute) => return compute.as_mut().poll(context),
                Stage::Ages(ages) => {
                    let aged = ready!(ages.poll(context));
                    match ages.go_on::<K, E, Fut>(aged, call, compute) {
                        Ok(value) => return Poll::Ready(Ok(value)),
                        Err(approach) => *self = Self::approaches(approach).patient(call.cache, true),
                    }
                }
                Stage::Patient(patient) => {
                    let poll = patient.poll::<K>(call, compute, context);
                    if poll.is_ready() {
                        // It may have left others waiting for it.
                        self.0 = Stage::Over;
                    }
                    return poll;
                }
                Stage::Over => return Poll::Pending,
            }
        }
    }

    /// Whether it doesn't know yet that there is something to compute.
    pub(super) fn reads(&self) -> bool {
        matches!(&self.0, Stage::Approaches(approach) if approach.reads())
    }

    /// Whether this caller itself polls the computation.
    pub(super) fn computes(&self) -> bool {
        matches!(self.0, Stage::Leads(_) | Stage::Alone(_))
    }

    /// `None` only after its end.
    fn lead(
        call: &Call<'_, T, E, Fut>,
        mut leader: Leader<T, E>,
        terms: Terms,
        compute: &mut impl FnMut() -> Option<Fut>,
    ) -> Option<Self> {
        leader.begins(call.cache, call.key);
        let turn = leader.turn();
        let compute = compute()?;
        drop(turn);
        Some(Self(match call.task() {
            Some((place, spawn)) => {
                let led = Led::computes(leader, terms);
                Stage::Apart(Box::new(spawn(&place, led, compute, call.policy, (call.cache, call.key))))
            }
            None => Stage::Leads(Box::pin(Lead::new(leader, terms, call.policy, compute))),
        }))
    }
}

impl<T, E, Fut> Call<'_, T, E, Fut>
where
    T: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
{
    /// The place for the computation and the way to give it there, where it may go on without its caller.
    pub(super) fn task(&self) -> Option<(Place, Spawn<T, E, Fut>)> {
        let spawn = self.spawn?;
        Some((Place::present()?, spawn))
    }

    /// Leaves the rest of the way to a task, if this caller leads and may be gone before it has begun to compute.
    fn leave(&self, approach: &mut Approach<T, E>, compute: &mut impl FnMut() -> Option<Fut>) -> Option<Apart<T, E>> {
        if !self.cache.may_serve_stale() && self.cache.options().patience.hard_timeout.is_zero() {
            return None;
        }
        self.give_away(approach, compute)
    }

    /// Leaves the rest of the way to a task. `None` if it has no leader, or there can be no task.
    pub(super) fn give_away(
        &self,
        approach: &mut Approach<T, E>,
        compute: &mut impl FnMut() -> Option<Fut>,
    ) -> Option<Apart<T, E>> {
        let (place, spawn) = self.task()?;
        let turn = approach.leader()?.turn();
        let compute = compute()?;
        drop(turn);
        let led = Led::approaches(Box::new(std::mem::replace(approach, Approach::Circles)))?;
        Some(spawn(&place, led, compute, self.policy, (self.cache, self.key)))
    }
}
