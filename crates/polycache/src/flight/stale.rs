//! Calls that may be given a stale value at once, while a task computes.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::approach::{Approach, Asked, Seen, when_missing};
use super::leader::Leader;
use super::slow::{Call, Slow};
use crate::backends::graced::Age;
use crate::cache::Form;
use crate::{Reply, Result};

/// A read that tells how old the value is.
pub(super) struct Ages<T> {
    reply: Reply<Option<(T, Age)>>,
    seen: Option<Seen>,
}

type Aged<T> = Result<Option<(T, Age)>>;

/// Such a read's answer, or the reply to come.
pub(crate) type AgedRead<T> = std::result::Result<Aged<T>, Reply<Option<(T, Age)>>>;

impl<T, E, Fut> Slow<T, E, Fut>
where
    T: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
    Fut: Future<Output = std::result::Result<T, E>>,
{
    /// Begins with a read that tells how old the value is, for a call whose computation may go on in a task.
    pub(crate) fn begin_aged<K: Form<T>>(
        slow: &mut Option<Self>,
        read: AgedRead<T>,
        call: &Call<'_, T, E, Fut>,
        compute: &mut impl FnMut() -> Option<Fut>,
        context: &mut Context<'_>,
    ) -> Poll<std::result::Result<T, E>> {
        match read {
            Ok(aged) => match asked::<K, T, E, Fut>(aged, call, compute) {
                Ok(Ok(Some(value))) => Poll::Ready(Ok(value)),
                asked => Self::begin::<K>(slow, asked, call, compute, context),
            },
            Err(reply) => {
                // Nothing has been sent yet: the reply starts at its first poll.
                let seen = Some(Seen::now(call.cache, call.key));
                slow.insert(Self::ages(Ages { reply, seen })).poll::<K>(call, compute, context)
            }
        }
    }
}

impl<T: Clone + Send + Sync + 'static> Ages<T> {
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Aged<T>> {
        Pin::new(&mut self.reply).poll(context)
    }

    /// The value, if it is to be given at once, or the way to one.
    pub(super) fn go_on<K, E, Fut>(
        &mut self,
        aged: Aged<T>,
        call: &Call<'_, T, E, Fut>,
        compute: &mut impl FnMut() -> Option<Fut>,
    ) -> std::result::Result<T, Approach<T, E>>
    where
        K: Form<T>,
        E: Clone + Send + Sync + 'static,
    {
        match (asked::<K, T, E, Fut>(aged, call, compute), self.seen.take()) {
            (Ok(Ok(Some(value))), _) => Ok(value),
            (Ok(Ok(None)), Some(seen)) => {
                Err(Approach::missed::<K>(call.cache, call.key, Some(seen), when_missing(call.cache)))
            }
            (asked, _) => Err(Approach::Asked(asked)),
        }
    }
}

/// The read's answer for this caller. A stale value that is to be given at once is renewed by a task.
fn asked<K, T, E, Fut>(aged: Aged<T>, call: &Call<'_, T, E, Fut>, compute: &mut impl FnMut() -> Option<Fut>) -> Asked<T>
where
    K: Form<T>,
    T: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
{
    Ok(aged.map(|found| {
        let (value, age) = found?;
        let given = match age {
            Age::Fresh(_) | Age::Resting => true,
            Age::Early(_) => {
                renew(call, compute, |leader| Approach::renews::<K>(call.cache, call.key, leader));
                true
            }
            Age::Stale { .. } => {
                call.cache.serves_stale_at_once()
                    && renew(call, compute, |leader| Approach::replaces::<K>(call.cache, call.key, leader))
            }
        };
        given.then_some(value)
    }))
}

/// Has a task compute, unless somebody does. Returns whether somebody does.
fn renew<T, E, Fut>(
    call: &Call<'_, T, E, Fut>,
    compute: &mut impl FnMut() -> Option<Fut>,
    approach: impl FnOnce(Leader<T, E>) -> Approach<T, E>,
) -> bool
where
    T: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
{
    let Call { cache, key, .. } = *call;
    if call.task().is_none() {
        return false;
    }
    let Some(leader) = cache.with_key(key, |_, key| cache.flights().try_lead(key)) else { return true };
    call.give_away(&mut approach(leader), compute).is_some()
}
