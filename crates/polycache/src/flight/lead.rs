//! The leader's work: compute, store, share.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tokio::runtime::Handle;

use super::finish::{Finish, note};
use super::leader::Leader;
use super::report;
use super::tenure::Tenure;
use crate::backend::When;
use crate::cache::Form;
use crate::events::Refusal;
use crate::repeated::tell_repeated;
use crate::{Cache, ErrorKind, Reply, Ttl};

/// What happens to a computed value.
#[derive(Debug)]
pub struct Policy<T> {
    /// Gives its TTL, if that isn't the cache's.
    pub(crate) ttl: Option<fn(&T) -> Ttl>,
    /// Tells that it isn't stored.
    pub(crate) skip: Option<fn(&T) -> bool>,
    /// Whether its caller gets it before it is stored.
    pub(crate) behind: bool,
}

/// The leader's condition and lease.
pub(super) struct Terms {
    /// The condition to store on.
    pub(super) when: When,
    /// The lease, if there is one.
    pub(super) tenure: Option<Box<Tenure>>,
}

pin_project! {
    /// Computes, stores on a condition, and shares with the waiters.
    pub(super) struct Lead<T, E, Fut>
    where
        T: Send, T: Sync, T: 'static,
        E: Send, E: Sync, E: 'static,
    {
        policy: Policy<T>,
        // `None` once there is a result.
        computes: Option<(Leader<T, E>, Terms)>,
        // Set once the computation has failed, while a stale value is looked for.
        rescue: Option<Box<Rescue<T, E>>>,
        // Set if storing takes a while.
        finish: Option<Finish<T, E>>,
        #[pin]
        compute: Option<Fut>,
    }
}

impl<T: Send + Sync + 'static, E: Send + Sync + 'static, Fut> Lead<T, E, Fut> {
    pub(super) fn new(leader: Leader<T, E>, terms: Terms, policy: Policy<T>, compute: Fut) -> Self {
        Self { policy, computes: Some((leader, terms)), rescue: None, finish: None, compute: Some(compute) }
    }
}

impl<T, E, Fut> Lead<T, E, Fut>
where
    T: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<T, E>>,
{
    pub(super) fn poll<K: Form<T>>(
        self: Pin<&mut Self>,
        cache: &Cache,
        key: &str,
        context: &mut Context<'_>,
    ) -> Poll<Result<T, E>> {
        let mut this = self.project();
        if let (Some((leader, terms)), Some(compute)) = (&mut *this.computes, this.compute.as_mut().as_pin_mut()) {
            leader.stir();
            let turn = leader.turn();
            let poll = compute.poll(context);
            drop(turn);
            let Poll::Ready(result) = poll else {
                leader.rest(context);
                if let Some(tenure) = &mut terms.tenure {
                    tenure.keep();
                }
                return Poll::Pending;
            };
            leader.ends();
            this.compute.set(None);
            if let Some((mut leader, terms)) = this.computes.take() {
                let fill = match &result {
                    Ok(value) => this.policy.fill::<K, E>(cache, key, value, terms, &mut leader),
                    Err(_) if cache.has_grace() => {
                        let stale = cache.bare().rescue(key, K::read_aged);
                        *this.rescue = Some(Box::new(Rescue { stale, result, leader, _terms: terms }));
                        return Self::look_for_stale(this.rescue, cache, key, context);
                    }
                    Err(_) => None,
                };
                match fill.map(Reply::now) {
                    None => return Poll::Ready(leader.land(result)),
                    Some(Ok(stored)) => {
                        note(cache.flights(), stored);
                        return Poll::Ready(leader.land(result));
                    }
                    Some(Err(fill)) if this.policy.goes_behind(cache) && Handle::try_current().is_ok() => {
                        Finish::new(leader, fill, result.clone()).go_behind();
                        return Poll::Ready(result);
                    }
                    Some(Err(fill)) => *this.finish = Some(Finish::new(leader, fill, result)),
                }
            }
        }
        match this.finish {
            Some(finish) => finish.poll(context),
            // `None` only after its end.
            None => Self::look_for_stale(this.rescue, cache, key, context),
        }
    }

    fn look_for_stale(
        rescue: &mut Option<Box<Rescue<T, E>>>,
        cache: &Cache,
        key: &str,
        context: &mut Context<'_>,
    ) -> Poll<Result<T, E>> {
        let Some(Rescue { stale, leader, .. }) = rescue.as_deref_mut() else { return Poll::Pending };
        leader.stir();
        let Poll::Ready(stale) = Pin::new(stale).poll(context) else {
            leader.rest(context);
            return Poll::Pending;
        };
        match rescue.take() {
            Some(rescue) => Poll::Ready(rescue.leader.land(rescued(cache, key, rescue.result, stale))),
            None => Poll::Pending,
        }
    }
}

/// A leader whose computation has failed, while it looks for a stale value.
struct Rescue<T: Send + Sync + 'static, E: Send + Sync + 'static> {
    stale: Reply<Option<T>>,
    result: Result<T, E>,
    leader: Leader<T, E>,
    /// The lease is held until the end.
    _terms: Terms,
}

/// The stale value in place of an error, where there is one.
pub(super) fn rescued<T, E>(
    cache: &Cache,
    key: &str,
    failed: Result<T, E>,
    stale: crate::Result<Option<T>>,
) -> Result<T, E> {
    let full = || cache.full_key(key);
    match stale {
        Ok(Some(value)) => {
            tell_repeated!(
                WARN,
                (cache.flights().mark(), "rescued"),
                key = full().key().full(),
                "a computation has failed: the stale value is given"
            );
            Ok(value)
        }
        Ok(None) => failed,
        Err(error) => {
            let cause = (cache.flights().mark(), error.kind());
            tell_repeated!(
                WARN,
                cause,
                key = full().key().full(),
                %error,
                "a computation has failed, and no stale value could be read"
            );
            failed
        }
    }
}

impl<T: Clone + Send + Sync + 'static> Policy<T> {
    /// Whether its caller gets the value before it is stored.
    pub(super) fn goes_behind(&self, cache: &Cache) -> bool {
        self.behind || cache.options().write_behind
    }

    /// Stores a leader's value, unless the policy skips it. Then the value that it was to replace is deleted. If the cache has leases, a
    /// value that was computed without one isn't stored: other processes may have written meanwhile.
    pub(super) fn fill<K: Form<T>, E: Send + Sync + 'static>(
        &self,
        cache: &Cache,
        key: &str,
        value: &T,
        terms: Terms,
        leader: &mut Leader<T, E>,
    ) -> Option<Reply<()>> {
        let Terms { when, tenure } = terms;
        let (permit, marks) = (leader.take_permit(), leader.take_marks());
        let report = report::Fill::new(cache, key);
        let skipped = self.skip.is_some_and(|skip| skip(value));
        let unleased = tenure.is_none() && K::lease_life(cache).is_some();
        if let (Some(report), false) = (&report, skipped) {
            match permit {
                None => report.refused(Refusal::Overtaken),
                Some(_) if unleased => report.refused(Refusal::NoLease),
                Some(_) => {}
            }
        }
        if unleased || skipped {
            return (permit.is_some() && when == When::Always).then(|| removed(cache, key, tenure));
        }
        let replaced = tenure.as_ref().and_then(|tenure| tenure.replaced.clone());
        let seat = leader.seat();
        let encoded = K::store(cache, key, value);
        let encoded = match marks {
            None => Reply::from(encoded.map(Some)),
            Some(marks) => marks.attach(cache, key, K::plain(value), encoded),
        };
        let ttl = self.ttl.map(|ttl| ttl(value)).or_else(|| K::ttl(value));
        let replaces = when == When::Always;
        let stored = permit.map(|permit| match ttl {
            None => cache.fill(key, encoded, when, permit, seat, tenure),
            Some(ttl) => cache.with_ttl(ttl).fill(key, encoded, when, permit, seat, tenure),
        });
        let stored = stored.map(|stored| if replaces { or_removed(cache, key, stored) } else { stored });
        let stored = match (stored, report) {
            (Some(stored), Some(report)) => Some(report.watch(stored)),
            (stored, _) => stored,
        };
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

/// Deletes the value that a computed one was to replace where that can't be stored at all: it has no form, no TTL, no room.
fn or_removed(cache: &Cache, key: &str, stored: Reply<bool>) -> Reply<bool> {
    let (cache, key) = (cache.bare(), key.to_owned());
    stored.then(move |stored| match stored {
        Err(error) if matches!(error.kind(), ErrorKind::Encode | ErrorKind::InvalidInput | ErrorKind::TooLarge) => {
            cache.delete(&key).then(|_| Reply::error(error))
        }
        stored => Reply::from(stored),
    })
}

/// Deletes the value that a computed one was to replace.
fn removed(cache: &Cache, key: &str, tenure: Option<Box<Tenure>>) -> Reply<()> {
    let deleted = done(cache.bare().delete(key));
    let Some(tenure) = tenure else { return deleted };
    Reply::pending(async move {
        // The deletion would wait for a sealed lease.
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
