//! The leader's work: compute, store, share.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use compact_str::CompactString;
use pin_project_lite::pin_project;
use tokio::runtime::Handle;

use super::Filling;
use super::finish::Finish;
use super::leader::Leader;
use super::tenure::Tenure;
use crate::backend::When;
use crate::{Cache, Reply, Storable, Ttl};

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
            finish: Finish::new(leader, tenure),
            compute: Some(compute),
        }
    }
}

impl<T, E, Fut> Future for Lead<T, E, Fut>
where
    T: Storable + Clone,
    E: Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<T, E>>,
{
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let finish = this.finish;
        if let Some(compute) = this.compute.as_mut().as_pin_mut() {
            let result = match finish.leader() {
                None => ready!(compute.poll(context)),
                Some(leader) => {
                    leader.stir();
                    let Poll::Ready(result) = compute.poll(context) else {
                        leader.rest(context);
                        finish.keep();
                        return Poll::Pending;
                    };
                    result
                }
            };
            this.compute.set(None);
            let tenure = if result.is_ok() { finish.take_tenure() } else { None };
            let Some(leader) = finish.leader() else {
                return Poll::Ready(result);
            };
            let fill = match &result {
                Ok(value) => this.policy.fill(this.cache, this.key, value, this.when.clone(), leader, tenure),
                Err(_) => None,
            };
            if this.policy.behind && Handle::try_current().is_ok() {
                finish.start(fill, result.clone());
                finish.go_behind();
                return Poll::Ready(result);
            }
            finish.start(fill, result);
        }
        finish.poll(context)
    }
}

impl<T: Send + Sync + 'static, E: Send + Sync + 'static> Leader<T, E> {
    pub(super) fn filling(&self, tenure: Option<Tenure>) -> Filling {
        Filling { flights: self.flights().clone(), spot: self.spot(), permit: self.permit().clone(), tenure }
    }
}

impl<T: Storable + Clone> Policy<T> {
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
                cache.limited(cache.backend().delete(key.key(), When::unchanged(replaced))).await?;
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
