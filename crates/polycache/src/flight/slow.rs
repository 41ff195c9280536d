//! The way of a call without an immediate hit.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::approach::{Approach, Asked, Course};
use super::lead::{Lead, Policy, Terms};
use super::leader::Leader;
use crate::Cache;
use crate::cache::Form;

/// The way from a miss to a result. It is in boxes, so that a hit doesn't move it.
pub(crate) struct Slow<T: Send + Sync + 'static, E: Send + Sync + 'static, Fut>(Stage<T, E, Fut>);

enum Stage<T: Send + Sync + 'static, E: Send + Sync + 'static, Fut> {
    Approaches(Box<Approach<T, E>>),
    Leads(Pin<Box<Lead<T, E, Fut>>>),
    /// The caller computes for itself alone.
    Alone(Pin<Box<Fut>>),
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
        Self(Stage::Approaches(Box::new(Approach::anew::<K>(cache, key, leader))))
    }

    /// Begins after the cache has answered, without a step yet.
    #[cfg(feature = "macros")]
    pub(crate) fn start(asked: Asked<T>) -> Self {
        Self(Stage::Approaches(Box::new(Approach::Asked(asked))))
    }

    /// Begins after the cache has answered, and goes on as [`poll`](Self::poll) does. If there is no result yet, the rest of the way is
    /// put into `slow`.
    pub(crate) fn begin<K: Form<T>>(
        slow: &mut Option<Self>,
        asked: Asked<T>,
        (cache, key): (&Cache, &str),
        policy: Policy<T>,
        compute: &mut impl FnMut() -> Option<Fut>,
        context: &mut Context<'_>,
    ) -> Poll<Result<T, E>> {
        let mut begun = match Approach::start::<K>(cache, key, asked) {
            Err(approach) => Self(Stage::Approaches(Box::new(approach))),
            Ok(Course::Arrived(result)) => return Poll::Ready(result),
            Ok(Course::Leads(leader, terms)) => match Self::lead((cache, key), leader, terms, policy, compute) {
                Some(leads) => leads,
                None => return Poll::Pending,
            },
            Ok(Course::Alone) => match compute() {
                Some(compute) => Self(Stage::Alone(Box::pin(compute))),
                None => return Poll::Pending,
            },
        };
        let poll = begun.poll::<K>((cache, key), policy, compute, context);
        if poll.is_pending() {
            *slow = Some(begun);
        }
        poll
    }

    /// `compute` makes the computation; called once.
    pub(crate) fn poll<K: Form<T>>(
        &mut self,
        (cache, key): (&Cache, &str),
        policy: Policy<T>,
        compute: &mut impl FnMut() -> Option<Fut>,
        context: &mut Context<'_>,
    ) -> Poll<Result<T, E>> {
        loop {
            match &mut self.0 {
                Stage::Leads(lead) => return lead.as_mut().poll::<K>(cache, key, context),
                Stage::Alone(compute) => return compute.as_mut().poll(context),
                Stage::Approaches(approach) => match ready!(approach.poll::<K>(cache, key, context)) {
                    Course::Arrived(result) => return Poll::Ready(result),
                    Course::Leads(leader, terms) => match Self::lead((cache, key), leader, terms, policy, compute) {
                        Some(leads) => *self = leads,
                        None => return Poll::Pending,
                    },
                    Course::Alone => match compute() {
                        Some(compute) => self.0 = Stage::Alone(Box::pin(compute)),
                        None => return Poll::Pending,
                    },
                },
            }
        }
    }

    /// `None` only after its end.
    fn lead(
        (cache, key): (&Cache, &str),
        mut leader: Leader<T, E>,
        terms: Terms,
        policy: Policy<T>,
        compute: &mut impl FnMut() -> Option<Fut>,
    ) -> Option<Self> {
        leader.begins(cache, key);
        let turn = leader.turn();
        let compute = compute()?;
        drop(turn);
        Some(Self(Stage::Leads(Box::pin(Lead::new(leader, terms, policy, compute)))))
    }
}
