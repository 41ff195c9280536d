//! Errors of computations. Callers share an error that can be copied.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use parking_lot::Mutex;
use pin_project_lite::pin_project;

use super::shape::Shape;
use crate::Error;

/// Makes a factory of copies from an error of the computation, or one of the cache's; `None` where the type doesn't allow it. One function,
/// since a hit moves it with the call.
pub(super) type Share<E> = fn(Result<&E, Error>) -> Option<Copies<E>>;

/// A factory of copies.
pub(super) type Copies<E> = Arc<dyn Fn() -> E + Send + Sync>;

/// An error for those who share the computation: as copies, if it can be copied.
pub struct Failure<E>(Option<Copies<E>>);

impl<E> Failure<E> {
    /// The error for a call: its own one, or a copy of another call's. `None` if another call has failed and its error can't be copied.
    pub(super) fn error(&self, own: &Own<E>) -> Option<E> {
        let own = own.lock().take();
        own.or_else(|| self.0.as_ref().map(|copy| copy()))
    }

    /// The cache's error as one of the function's, if its type can be made from that.
    pub(super) fn of_cache(error: Error, share: Option<Share<E>>) -> Option<Self> {
        share?(Err(error)).map(|copies| Self(Some(copies)))
    }
}

impl<E> Clone for Failure<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// The place where the computing caller finds the error itself.
pub(super) type Own<E> = Arc<Mutex<Option<E>>>;

pin_project! {
    /// A computation. Its caller gets the error as it is, and waiting callers get a [`Failure`].
    pub struct Attempt<S: Shape, Fut> {
        share: Option<Share<S::Error>>,
        own: Own<S::Error>,
        #[pin]
        body: Fut,
    }
}

impl<S: Shape, Fut> Attempt<S, Fut> {
    pub(super) fn new(body: Fut, share: Option<Share<S::Error>>, own: Own<S::Error>) -> Self {
        Self { share, own, body }
    }
}

impl<S: Shape, Fut: Future<Output = S::Return>> Future for Attempt<S, Fut> {
    type Output = Result<S::Value, Failure<S::Error>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        Poll::Ready(match S::split(ready!(this.body.poll(context))) {
            Ok(value) => Ok(value),
            Err(error) => {
                let failure = Failure(this.share.and_then(|share| share(Ok(&error))));
                *this.own.lock() = Some(error);
                Err(failure)
            }
        })
    }
}

impl<S: Shape, Fut> fmt::Debug for Attempt<S, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt").finish_non_exhaustive()
    }
}

impl<E> fmt::Debug for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure").field("shared", &self.0.is_some()).finish()
    }
}
