//! How long a caller waits for a computation: until the soft timeout, if there is a stale value, and until the hard one in any case.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Sleep;

use super::slow::{Call, Slow};
use crate::cache::{Form, Patience};
use crate::limit::timer;
use crate::repeated::tell_repeated;
use crate::{Cache, Error, ErrorKind, Reply};

/// A call with limits.
pub(super) struct Patient<T: Send + Sync + 'static, E: Send + Sync + 'static, Fut> {
    slow: Slow<T, E, Fut>,
    soft: Soft<T>,
    hard: Hard<T>,
}

/// The wait for the soft timeout.
enum Soft<T> {
    /// Not begun. A stale value may be there whose source isn't to be asked yet.
    Begins(Duration),
    Rests(Reply<Option<T>>, Duration),
    Waits(Pin<Box<Sleep>>),
    /// It is over.
    Looks(Reply<Option<T>>),
    /// There is none, or no stale value.
    None,
}

/// The wait for the hard timeout.
enum Hard<T> {
    Begins(Duration),
    Waits(Pin<Box<Sleep>>, Duration),
    /// It is over. A stale value is better than an error.
    Looks(Reply<Option<T>>, Duration),
    None,
}

impl<T, E, Fut> Patient<T, E, Fut>
where
    T: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<T, E>>,
{
    /// Gives a call the limits of its cache; `None` if that has none. `soft` tells whether a stale value will do.
    pub(super) fn new(cache: &Cache, soft: bool) -> Option<impl FnOnce(Slow<T, E, Fut>) -> Self + use<T, E, Fut>> {
        let Patience { soft_timeout, hard_timeout } = cache.options().patience;
        let soft = soft_timeout.filter(|_| soft && cache.may_serve_stale()).map_or(Soft::None, Soft::Begins);
        let hard = if hard_timeout.is_zero() { Hard::None } else { Hard::Begins(hard_timeout) };
        let limited = !matches!((&soft, &hard), (Soft::None, Hard::None));
        limited.then_some(move |slow| Self { slow, soft, hard })
    }

    pub(super) fn poll<K: Form<T>>(
        &mut self,
        call: &Call<'_, T, E, Fut>,
        compute: &mut impl FnMut() -> Option<Fut>,
        context: &mut Context<'_>,
    ) -> Poll<Result<T, E>> {
        if let Poll::Ready(result) = self.slow.poll::<K>(call, compute, context) {
            return Poll::Ready(result);
        }
        // The cache's timeout is for reads.
        if self.slow.reads() {
            return Poll::Pending;
        }
        if let Hard::Begins(limit) = self.hard {
            self.hard = timer(limit).map_or(Hard::None, |timer| Hard::Waits(Box::pin(timer), limit));
        }
        // Who computes itself has to go on: otherwise nobody would.
        if !self.slow.computes()
            && let Poll::Ready(value) = self.poll_soft::<K>(call, context)
        {
            return Poll::Ready(Ok(value));
        }
        self.poll_hard::<K>(call, context)
    }

    fn poll_soft<K: Form<T>>(&mut self, call: &Call<'_, T, E, Fut>, context: &mut Context<'_>) -> Poll<T> {
        let (cache, key) = (call.cache, call.key);
        loop {
            self.soft = match std::mem::replace(&mut self.soft, Soft::None) {
                Soft::Begins(limit) if limit.is_zero() => Soft::Looks(cache.bare().serve_stale(key, K::read_aged)),
                Soft::Begins(limit) => Soft::Rests(K::serve(&cache.bare(), key), limit),
                Soft::Rests(mut reply, limit) => match Pin::new(&mut reply).poll(context) {
                    Poll::Ready(Ok(Some(value))) => return Poll::Ready(value),
                    // Without timers it waits for the computation.
                    Poll::Ready(_) => timer(limit).map_or(Soft::None, |timer| Soft::Waits(Box::pin(timer))),
                    Poll::Pending => {
                        self.soft = Soft::Rests(reply, limit);
                        return Poll::Pending;
                    }
                },
                Soft::Waits(mut timer) => match timer.as_mut().poll(context) {
                    Poll::Ready(()) => Soft::Looks(cache.bare().rescue(key, K::read_aged)),
                    Poll::Pending => {
                        self.soft = Soft::Waits(timer);
                        return Poll::Pending;
                    }
                },
                Soft::Looks(mut reply) => match Pin::new(&mut reply).poll(context) {
                    Poll::Ready(result) => match given(cache, result) {
                        Some(value) => return Poll::Ready(value),
                        None => Soft::None,
                    },
                    Poll::Pending => {
                        self.soft = Soft::Looks(reply);
                        return Poll::Pending;
                    }
                },
                Soft::None => return Poll::Pending,
            }
        }
    }

    fn poll_hard<K: Form<T>>(&mut self, call: &Call<'_, T, E, Fut>, context: &mut Context<'_>) -> Poll<Result<T, E>> {
        loop {
            self.hard = match std::mem::replace(&mut self.hard, Hard::None) {
                Hard::Waits(mut timer, limit) => match timer.as_mut().poll(context) {
                    Poll::Ready(()) => Hard::Looks(call.cache.bare().rescue(call.key, K::read_aged), limit),
                    Poll::Pending => {
                        self.hard = Hard::Waits(timer, limit);
                        return Poll::Pending;
                    }
                },
                Hard::Looks(mut reply, limit) => match Pin::new(&mut reply).poll(context) {
                    Poll::Ready(result) => {
                        return match given(call.cache, result) {
                            Some(value) => Poll::Ready(Ok(value)),
                            // Where the caller's error has no room for it, the caller waits on.
                            None => match (call.times_out)(too_slow(limit, "get_or_set", call.key)) {
                                Some(error) => Poll::Ready(Err(error)),
                                None => Poll::Pending,
                            },
                        };
                    }
                    Poll::Pending => {
                        self.hard = Hard::Looks(reply, limit);
                        return Poll::Pending;
                    }
                },
                Hard::Begins(_) | Hard::None => return Poll::Pending,
            }
        }
    }
}

/// The stale value, where there is one.
pub(super) fn given<T>(cache: &Cache, stale: crate::Result<Option<T>>) -> Option<T> {
    match stale {
        Ok(stale) => stale,
        Err(error) => {
            let cause = (cache.flights().mark(), error.kind());
            tell_repeated!(WARN, cause, %error, "a computation takes long, and no stale value could be read");
            None
        }
    }
}

#[cold]
pub(super) fn too_slow(limit: Duration, command: &'static str, key: &str) -> Error {
    let text = format!(
        "its computation takes longer than {limit:?}; `with_hard_timeout` and the builder's `hard_timeout` set how long a caller waits"
    );
    Error::new(ErrorKind::HardTimeout, text).during(command, Some(key))
}
