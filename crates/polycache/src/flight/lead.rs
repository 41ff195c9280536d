//! The leader's work: compute, store, share.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use compact_str::CompactString;
use pin_project_lite::pin_project;
use serde::Serialize;

use super::Filling;
use super::leader::Leader;
use super::tenure::Tenure;
use crate::backend::When;
use crate::{Cache, Reply};

pin_project! {
    /// Computes, stores on a condition, and shares with the waiters.
    pub(super) struct Lead<T, E, Fut>
    where
        T: Send, T: Sync, T: 'static,
        E: Send, E: Sync, E: 'static,
    {
        cache: Cache,
        key: CompactString,
        when: When,
        tenure: Option<Tenure>,
        // None once it has landed.
        leader: Option<Leader<T, E>>,
        // The value on its way to the backend.
        fill: Option<Reply<()>>,
        #[pin]
        compute: Option<Fut>,
    }
}

impl<T: Send + Sync + 'static, E: Send + Sync + 'static, Fut> Lead<T, E, Fut> {
    pub(super) fn new(
        cache: &Cache,
        key: &str,
        leader: Leader<T, E>,
        when: When,
        tenure: Option<Tenure>,
        compute: Fut,
    ) -> Self {
        Self {
            cache: cache.clone(),
            key: CompactString::new(key),
            when,
            tenure,
            leader: Some(leader),
            fill: None,
            compute: Some(compute),
        }
    }
}

impl<T, E, Fut> Future for Lead<T, E, Fut>
where
    T: Serialize + Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<T, E>>,
{
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some(compute) = this.compute.as_mut().as_pin_mut() {
            let result = ready!(compute.poll(context));
            this.compute.set(None);
            match (result, this.leader.as_mut()) {
                (Ok(value), Some(leader)) if leader.permit().holds() => {
                    *this.fill = Some(this.cache.fill(
                        this.key,
                        &value,
                        this.when.clone(),
                        leader.filling(this.tenure.as_ref()),
                    ));
                    leader.hold(Ok(value));
                }
                (result, Some(leader)) => leader.hold(result),
                (result, None) => return Poll::Ready(result),
            }
        }
        if let Some(fill) = this.fill {
            if let Err(error) = ready!(Pin::new(fill).poll(context)) {
                tracing::warn!(%error, "a computed value could not be stored");
            }
            *this.fill = None;
        }
        // The lease ends when the value is there.
        *this.tenure = None;
        match this.leader.take().and_then(Leader::land_held) {
            Some(result) => Poll::Ready(result),
            // Only where it is polled after its end.
            None => Poll::Pending,
        }
    }
}

impl<T: Send + Sync + 'static, E: Send + Sync + 'static> Leader<T, E> {
    pub(super) fn filling(&self, tenure: Option<&Tenure>) -> Filling {
        let lease = tenure.map(|tenure| tenure.lease.clone());
        Filling { flights: self.flights().clone(), spot: self.spot(), permit: self.permit().clone(), lease }
    }
}
