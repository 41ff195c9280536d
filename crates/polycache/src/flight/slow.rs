//! What a call has to do where there is no hit at once.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::approach::{Approach, Asked, Course};
use super::lead::{Lead, Policy};
use crate::{Cache, Readable, Storable};

pin_project! {
    /// The way from a miss to a result: in a box, apart from what a hit needs.
    pub(crate) struct Slow<T, E, Fut>
    where
        T: Send, T: Sync, T: 'static,
        E: Send, E: Sync, E: 'static,
    {
        approach: Approach<T, E>,
        policy: Policy<T>,
        #[pin]
        lead: Option<Lead<T, E, Fut>>,
    }
}

impl<T: Send + Sync + 'static, E: Send + Sync + 'static, Fut> Slow<T, E, Fut> {
    /// After the cache was asked.
    #[cold]
    pub(crate) fn start(asked: Asked<T>, policy: Policy<T>) -> Pin<Box<Self>> {
        Box::pin(Self { approach: Approach::Asked(asked), policy, lead: None })
    }
}

impl<T, E, Fut> Slow<T, E, Fut>
where
    T: Storable + Readable,
    E: Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<T, E>>,
{
    /// Computes without a look at what is there, and replaces it.
    pub(crate) fn anew(cache: &Cache, key: &str, policy: Policy<T>) -> Pin<Box<Self>> {
        let leader = cache.with_key(key, |_, key| cache.flights().lead(key));
        Box::pin(Self { approach: Approach::anew(cache, key, leader), policy, lead: None })
    }

    /// `compute` gives the computation, if it hasn't before.
    pub(crate) fn poll(
        self: Pin<&mut Self>,
        cache: &Cache,
        key: &str,
        compute: impl FnOnce() -> Option<Fut>,
        context: &mut Context<'_>,
    ) -> Poll<Result<T, E>> {
        let mut this = self.project();
        if this.lead.is_none() {
            match ready!(this.approach.poll(cache, key, context)) {
                Course::Arrived(result) => return Poll::Ready(result),
                Course::Leads(leader, when, tenure) => match compute() {
                    Some(compute) => {
                        this.lead.set(Some(Lead::new(cache, key, leader, when, tenure, *this.policy, compute)));
                    }
                    // Only where it is polled after its end.
                    None => return Poll::Pending,
                },
            }
        }
        match this.lead.as_pin_mut() {
            Some(lead) => lead.poll(context),
            None => Poll::Pending,
        }
    }
}
