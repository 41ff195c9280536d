//! The reply of a command: a result that is here, or a future of one.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::{Error, ErrorKind, Result};

/// The result of a command, here already or to come. A future of [`Result<T>`].
///
/// A command on the memory backend takes effect when it is called, and its reply is ready: it allocates nothing and needs no runtime
/// ([`now`](Self::now)). A command over the network starts when its reply is first polled.
///
/// A reply needs no executor: it can be started, kept, and polled with any waker, from any thread, as bindings to other languages do.
/// Over the network it needs a tokio runtime that is driven somewhere (by its own worker threads, or a thread in `block_on`), and that
/// the polling thread has entered. The runtime has `enable_io`, and `enable_time` unless the cache's timeout is zero. Without one the
/// reply is an error of the kind [`NoRuntime`](ErrorKind::NoRuntime). The thread that drives the runtime wakes the waker.
///
/// ```
/// use polycache::Cache;
/// use std::pin::Pin;
/// use std::sync::Arc;
/// use std::task::{Context, Poll, Wake};
///
/// /// Wakes the thread that made it; another language would post to its event loop.
/// struct Unpark(std::thread::Thread);
///
/// impl Wake for Unpark {
///     fn wake(self: Arc<Self>) {
///         self.0.unpark();
///     }
/// }
///
/// let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
/// let cache = Cache::memory(); // or one on a server
///
/// let waker = Arc::new(Unpark(std::thread::current())).into();
/// let mut reply = cache.get::<i32>("k");
/// let found = loop {
///     let _entered = runtime.enter();
///     match Pin::new(&mut reply).poll(&mut Context::from_waker(&waker)) {
///         Poll::Ready(result) => break result?,
///         Poll::Pending => std::thread::park(),
///     }
/// };
/// assert_eq!(found, None);
/// # Ok::<(), polycache::Error>(())
/// ```
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// use polycache::Cache;
///
/// let cache = Cache::memory();
/// cache.set("k", 1).await?; // awaited, as on any backend
/// let hit = cache.get::<i32>("k").now(); // taken at once, on the memory backend
/// assert_eq!(hit.expect("ready")?, Some(1));
/// # Ok(()) }
/// ```
#[must_use = "a command over the network does nothing until its reply is awaited"]
pub struct Reply<T>(State<T>);

enum State<T> {
    Ready(Result<T>),
    Pending(Pin<Box<dyn Future<Output = Result<T>> + Send>>),
    Taken,
}

impl<T> Reply<T> {
    /// A result that is here.
    #[inline]
    pub fn ready(value: T) -> Self {
        Self(State::Ready(Ok(value)))
    }

    /// An error that is here.
    #[inline]
    pub fn error(error: Error) -> Self {
        Self(State::Ready(Err(error)))
    }

    /// A result to come.
    pub fn pending(future: impl Future<Output = Result<T>> + Send + 'static) -> Self {
        Self(State::Pending(Box::pin(future)))
    }

    /// The result, if it is here: no waker, no runtime. Otherwise the reply, to be awaited.
    ///
    /// # Errors
    /// The reply itself, if it isn't ready.
    #[inline]
    pub fn now(self) -> Result<Result<T>, Self> {
        match self.0 {
            State::Ready(result) => Ok(result),
            state => Err(Self(state)),
        }
    }

    /// With what `step` makes of the value; here if this one is.
    pub(crate) fn map<U>(self, step: impl FnOnce(T) -> U + Send + 'static) -> Reply<U>
    where
        T: Send + 'static,
    {
        match self.now() {
            Ok(result) => Reply::from(result.map(step)),
            Err(pending) => Reply::pending(async move { pending.await.map(step) }),
        }
    }

    /// The reply of `step`, which begins once this one has succeeded; at once if this one is here.
    pub(crate) fn and_then<U>(self, step: impl FnOnce(T) -> Reply<U> + Send + 'static) -> Reply<U>
    where
        T: Send + 'static,
        U: Send + 'static,
    {
        match self.now() {
            Ok(Ok(value)) => step(value),
            Ok(Err(error)) => Reply::error(error),
            Err(pending) => Reply::pending(async move { step(pending.await?).await }),
        }
    }

    /// The reply of `step`, which takes the result, be it an error.
    pub(crate) fn then<U>(self, step: impl FnOnce(Result<T>) -> Reply<U> + Send + 'static) -> Reply<U>
    where
        T: Send + 'static,
        U: Send + 'static,
    {
        match self.now() {
            Ok(result) => step(result),
            Err(pending) => Reply::pending(async move { step(pending.await).await }),
        }
    }

    #[inline(never)]
    fn poll_pending(&mut self, context: &mut Context<'_>) -> Poll<Result<T>> {
        let State::Pending(future) = &mut self.0 else {
            return Poll::Ready(Err(polled_again()));
        };
        let poll = future.as_mut().poll(context);
        if poll.is_ready() {
            self.0 = State::Taken;
        }
        poll
    }
}

impl<T> From<Result<T>> for Reply<T> {
    #[inline]
    fn from(result: Result<T>) -> Self {
        Self(State::Ready(result))
    }
}

/// Only the box in a reply is pinned, and the box may move.
impl<T> Unpin for Reply<T> {}

impl<T> Future for Reply<T> {
    type Output = Result<T>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if !matches!(self.0, State::Ready(_)) {
            return self.poll_pending(context);
        }
        match std::mem::replace(&mut self.0, State::Taken) {
            State::Ready(result) => Poll::Ready(result),
            State::Pending(_) | State::Taken => Poll::Ready(Err(polled_again())),
        }
    }
}

#[cold]
fn polled_again() -> Error {
    Error::new(ErrorKind::InvalidInput, "a reply was polled after it had given its result")
}

/// Shows the state, not the value.
impl<T> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            State::Ready(Ok(_)) => f.write_str("Reply::Ready(Ok)"),
            State::Ready(Err(error)) => write!(f, "Reply::Ready({error:?})"),
            State::Pending(_) => f.write_str("Reply::Pending"),
            State::Taken => f.write_str("Reply::Taken"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_hit_is_small() {
        assert_eq!(size_of::<Error>(), 8);
        assert!(size_of::<Reply<Option<Arc<u8>>>>() <= 24);
        assert!(size_of::<Reply<Option<crate::Value>>>() <= 32);
    }

    #[test]
    fn polled_again_it_says_so() {
        let mut reply = Reply::ready(1);
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(matches!(Pin::new(&mut reply).poll(&mut context), Poll::Ready(Ok(1))));
        assert!(matches!(Pin::new(&mut reply).poll(&mut context), Poll::Ready(Err(_))));
    }
}
