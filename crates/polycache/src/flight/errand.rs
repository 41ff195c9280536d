//! Computations that go on without their caller, for executors other than tokio's.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A [detached](crate::GetOrSet::detached) computation, for whoever polls calls on an executor of their own.
///
/// Otherwise it is a task of the tokio runtime. The errands that begin during a poll are taken out by [`taken_from`](Self::taken_from), and
/// go on when they are polled. One that is dropped gives its computation up, and another caller takes over; the call that began it has no
/// result then, so drop that, too.
///
/// ```
/// use polycache::{Cache, Errand};
/// use std::convert::Infallible;
/// use std::pin::pin;
/// use std::task::{Context, Waker};
///
/// let cache = Cache::memory();
/// let mut context = Context::from_waker(Waker::noop());
/// let mut call = pin!(cache.get_or_set("k", || async { Ok::<i32, Infallible>(1) }).detached());
/// let (poll, errands) = Errand::taken_from(|| call.as_mut().poll(&mut context));
/// assert!(poll.is_pending());
/// for errand in errands {
///     assert!(pin!(errand).poll(&mut context).is_ready()); // this computes
/// }
/// assert!(call.poll(&mut context).is_ready());
/// ```
#[must_use = "its computation is given up when it is dropped"]
pub struct Errand(Pin<Box<dyn Future<Output = ()> + Send>>);

thread_local! {
    /// The errands of the poll that takes them out; none outside of such a poll.
    static TAKEN: RefCell<Option<Vec<Errand>>> = const { RefCell::new(None) };
}

impl Errand {
    /// Polls, and returns the result with the errands that have begun meanwhile.
    pub fn taken_from<T>(poll: impl FnOnce() -> T) -> (T, Vec<Self>) {
        let outer = Outer(TAKEN.replace(Some(Vec::new())));
        let result = poll();
        let errands = TAKEN.take().unwrap_or_default();
        drop(outer);
        (result, errands)
    }

    /// Whether somebody takes errands out.
    pub(super) fn is_wanted() -> bool {
        TAKEN.with_borrow(Option::is_some)
    }

    /// Gives whoever takes errands out this one. Otherwise returns the work.
    pub(super) fn begin<F: Future<Output = ()> + Send + 'static>(work: F) -> Result<(), F> {
        TAKEN.with_borrow_mut(|taken| match taken {
            Some(taken) => {
                taken.push(Self(Box::pin(work)));
                Ok(())
            }
            None => Err(work),
        })
    }
}

/// What an outer poll takes out, which goes on when this is dropped, by a panic too.
struct Outer(Option<Vec<Errand>>);

impl Drop for Outer {
    fn drop(&mut self) {
        drop(TAKEN.replace(self.0.take()));
    }
}

impl Future for Errand {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for Errand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Errand")
    }
}
