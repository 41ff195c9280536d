//! The time a command may take.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Sleep;

use crate::{Error, ErrorKind, Result};

/// Awaits `future`, but no longer than `left` (of `timeout` in all). A future that is ready at its first poll is never cut off, and costs
/// no timer. `None`: no limit.
pub(crate) async fn limited<T>(
    left: Option<Duration>,
    timeout: Duration,
    future: impl Future<Output = Result<T>>,
) -> Result<T> {
    let Some(left) = left else {
        return future.await;
    };
    let mut future = pin!(Some(future));
    let mut alarm = pin!(None);
    poll_fn(|context| {
        if let Some(Poll::Ready(result)) = future.as_mut().as_pin_mut().map(|future| future.poll(context)) {
            return Poll::Ready(result);
        }
        match rings(alarm.as_mut(), left, context) {
            Poll::Ready(Ok(())) => {
                give_up(|| future.set(None));
                Poll::Ready(Err(too_slow(timeout)))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Whether the time is over; it begins with the first question. Apart, since it is the same for every type of `future`.
fn rings(mut alarm: Pin<&mut Option<Sleep>>, left: Duration, context: &mut Context<'_>) -> Poll<Result<()>> {
    if alarm.is_none() {
        alarm.set(Some(timer(left)?));
    }
    let mut rings = || alarm.as_mut().as_pin_mut().map_or(Poll::Pending, |alarm| alarm.poll(context));
    match catch_unwind(AssertUnwindSafe(&mut rings)) {
        Ok(rings) => rings.map(Ok),
        Err(_) => Poll::Ready(Err(no_runtime("the tokio runtime that this reply was first polled on is gone"))),
    }
}

/// Gives a runtime a task. In a box: a task of another type is another thousand instructions of tokio to compile.
pub(crate) fn spawn(runtime: &Handle, task: impl Future<Output = ()> + Send + 'static) {
    let task: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(task);
    drop(runtime.spawn(task));
}

thread_local! {
    /// Whether the call that is being dropped has run into its timeout.
    static IS_OVERDUE: Cell<bool> = const { Cell::new(false) };
}

/// Whether the call that this thread is dropping has run into its timeout. If not, it was cancelled.
pub(crate) fn is_overdue() -> bool {
    IS_OVERDUE.get()
}

/// Drops a call that has waited for as long as it may: its server may be gone, and nobody else needs to find that out.
#[cold]
fn give_up(drop_it: impl FnOnce()) {
    /// Takes the flag back, also after a panic.
    struct Over;

    impl Drop for Over {
        fn drop(&mut self) {
            IS_OVERDUE.set(false);
        }
    }

    IS_OVERDUE.set(true);
    let _over = Over;
    #[cfg(feature = "_server")]
    polycache_wire::in_vain(drop_it);
    #[cfg(not(feature = "_server"))]
    drop_it();
}

fn too_slow(timeout: Duration) -> Error {
    let text =
        format!("took longer than {timeout:?}; `with_timeout` and the builder's `timeout` set how long it may take");
    Error::new(ErrorKind::Timeout, text)
}

fn no_runtime(what: &str) -> Error {
    let text = format!(
        "{what}; await it inside a tokio runtime with `enable_time`, or build the cache with a timeout of zero"
    );
    Error::new(ErrorKind::NoRuntime, text)
}

/// Lets this much time pass.
pub(crate) async fn pause(time: Duration) -> Result<()> {
    timer(time)?.await;
    Ok(())
}

/// A timer, if the runtime has any.
pub(crate) fn timer(left: Duration) -> Result<Sleep> {
    if Handle::try_current().is_err() {
        return Err(no_runtime("this reply has to wait, which needs a tokio runtime for its timeout"));
    }
    // Only the panic tells a runtime without timers.
    catch_unwind(|| tokio::time::sleep(left)).map_err(|_| no_runtime("this tokio runtime has no timers"))
}
