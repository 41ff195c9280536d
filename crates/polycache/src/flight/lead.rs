//! The leader's work: compute, store, share.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use compact_str::CompactString;
use pin_project_lite::pin_project;
use serde::Serialize;
use tokio::runtime::Handle;

use super::Filling;
use super::leader::Leader;
use super::tenure::Tenure;
use crate::backend::When;
use crate::{Cache, Reply, Ttl};

/// What becomes of a computed value.
pub(crate) struct Policy<T> {
    /// Its TTL, where that isn't the cache's.
    pub(crate) ttl: Option<fn(&T) -> Ttl>,
    /// Whether it isn't stored.
    pub(crate) skip: Option<fn(&T) -> bool>,
    /// Whether its caller has it before it is stored.
    pub(crate) behind: bool,
}

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
        policy: Policy<T>,
        finish: Finish<T, E>,
        #[pin]
        compute: Option<Fut>,
    }
}

/// A result on its way to the backend, and then to those who wait.
pub(super) struct Finish<T: Send + Sync + 'static, E: Send + Sync + 'static> {
    tenure: Option<Tenure>,
    /// None once it has landed.
    leader: Option<Leader<T, E>>,
    fill: Option<Reply<()>>,
}

impl<T: Send + Sync + 'static, E: Send + Sync + 'static, Fut> Lead<T, E, Fut> {
    pub(super) fn new(
        cache: &Cache,
        key: &str,
        leader: Leader<T, E>,
        when: When,
        tenure: Option<Tenure>,
        policy: Policy<T>,
        compute: Fut,
    ) -> Self {
        Self {
            cache: cache.clone(),
            key: CompactString::new(key),
            when,
            policy,
            finish: Finish::new(leader, tenure, None),
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
        let finish = this.finish;
        if let Some(compute) = this.compute.as_mut().as_pin_mut() {
            let Poll::Ready(result) = compute.poll(context) else {
                if let Some(tenure) = &mut finish.tenure {
                    tenure.keep();
                }
                return Poll::Pending;
            };
            this.compute.set(None);
            let Some(leader) = &mut finish.leader else {
                return Poll::Ready(result);
            };
            if let Ok(value) = &result {
                let tenure = finish.tenure.take();
                finish.fill = this.policy.fill(this.cache, this.key, value, this.when.clone(), leader, tenure);
            }
            match Handle::try_current() {
                Ok(runtime) if this.policy.behind => {
                    leader.hold(result.clone());
                    runtime.spawn(finish.take());
                    return Poll::Ready(result);
                }
                _ => leader.hold(result),
            }
        }
        match ready!(Pin::new(finish).poll(context)) {
            Some(result) => Poll::Ready(result),
            // Only where it is polled after its end.
            None => Poll::Pending,
        }
    }
}

impl<T: Send + Sync + 'static, E: Send + Sync + 'static> Finish<T, E> {
    pub(super) fn new(leader: Leader<T, E>, tenure: Option<Tenure>, fill: Option<Reply<()>>) -> Self {
        Self { tenure, leader: Some(leader), fill }
    }

    fn take(&mut self) -> Self {
        Self { tenure: self.tenure.take(), leader: self.leader.take(), fill: self.fill.take() }
    }
}

/// Nothing in it is pinned.
impl<T: Send + Sync + 'static, E: Send + Sync + 'static> Unpin for Finish<T, E> {}

impl<T, E> Future for Finish<T, E>
where
    T: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
{
    type Output = Option<Result<T, E>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(fill) = &mut self.fill {
            if let Err(error) = ready!(Pin::new(fill).poll(context)) {
                tracing::warn!(%error, "a computed value could not be stored");
            }
            self.fill = None;
        }
        // The lease ends when the value is there.
        self.tenure = None;
        Poll::Ready(self.leader.take().and_then(Leader::land_held))
    }
}

impl<T: Send + Sync + 'static, E: Send + Sync + 'static> Leader<T, E> {
    pub(super) fn filling(&self, tenure: Option<Tenure>) -> Filling {
        Filling { flights: self.flights().clone(), spot: self.spot(), permit: self.permit().clone(), tenure }
    }
}

impl<T: Serialize + Clone + Send + Sync + 'static> Policy<T> {
    /// Stores what a leader has computed, if it is to be stored. What it was to replace isn't left there otherwise. Where the cache has
    /// leases, what was computed without one isn't stored: nobody could say what other processes have written meanwhile.
    pub(super) fn fill<E: Send + Sync + 'static>(
        &self,
        cache: &Cache,
        key: &str,
        value: &T,
        when: When,
        leader: &Leader<T, E>,
        tenure: Option<Tenure>,
    ) -> Option<Reply<()>> {
        let holds = leader.permit().holds();
        let unleased = tenure.is_none() && cache.lease_life().is_some();
        if unleased || self.skip.is_some_and(|skip| skip(value)) {
            return (holds && when == When::Always).then(|| removed(cache, key, tenure));
        }
        let replaced = tenure.as_ref().and_then(|tenure| tenure.replaced.clone());
        let stored = holds.then(|| {
            let filling = leader.filling(tenure);
            match self.ttl {
                None => cache.fill(key, value, when, filling),
                Some(ttl) => cache.with_ttl(ttl(value)).fill(key, value, when, filling),
            }
        });
        let Some(replaced) = replaced else {
            return stored.map(done);
        };
        let (cache, key) = (cache.clone(), cache.full_key(key));
        Some(Reply::pending(async move {
            let is_stored = match stored {
                Some(stored) => stored.await?,
                None => false,
            };
            if !is_stored {
                cache.limited(cache.backend().delete_if(key.key(), &replaced)).await?;
            }
            Ok(())
        }))
    }
}

/// Deletes what a computed value was to replace.
fn removed(cache: &Cache, key: &str, tenure: Option<Tenure>) -> Reply<()> {
    let deleted = done(cache.bare().delete(key));
    let Some(tenure) = tenure else { return deleted };
    Reply::pending(async move {
        // Or the deletion would wait for it.
        tenure.lease.unseal().await?;
        deleted.await
    })
}

fn done<T: Send + 'static>(reply: Reply<T>) -> Reply<()> {
    match reply.now() {
        Ok(result) => Reply::from(result.map(drop)),
        Err(pending) => Reply::pending(async { pending.await.map(drop) }),
    }
}

impl<T> Clone for Policy<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Policy<T> {}

impl<T> Default for Policy<T> {
    fn default() -> Self {
        Self { ttl: None, skip: None, behind: false }
    }
}
