//! The time a command may take.

use std::future::{Future, poll_fn};
use std::panic::catch_unwind;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Sleep;

use crate::{Error, ErrorKind, Result};

/// Awaits `future`, but no longer than `left` (of `timeout` in all). A future that is ready when first polled is never cut off,
/// and costs no timer. `None`: no limit.
pub(crate) async fn limited<T>(
    left: Option<Duration>,
    timeout: Duration,
    future: impl Future<Output = Result<T>>,
) -> Result<T> {
    let Some(left) = left else {
        return future.await;
    };
    let mut future = pin!(future);
    let mut timer = None;
    poll_fn(|context| {
        if let Poll::Ready(result) = future.as_mut().poll(context) {
            return Poll::Ready(result);
        }
        let timer = match &mut timer {
            Some(timer) => timer,
            none => match start(left) {
                Ok(started) => none.insert(started),
                Err(error) => return Poll::Ready(Err(error)),
            },
        };
        timer.as_mut().poll(context).map(|()| Err(too_slow(timeout)))
    })
    .await
}

fn too_slow(timeout: Duration) -> Error {
    let text =
        format!("took longer than {timeout:?}; `with_timeout` and the builder's `timeout` set how long it may take");
    Error::new(ErrorKind::Timeout, text)
}

fn start(left: Duration) -> Result<Pin<Box<Sleep>>> {
    let missing = |what| {
        Error::new(
            ErrorKind::NoRuntime,
            format!(
                "{what}; await it inside a tokio runtime with `enable_time`, or build the cache with a timeout of zero"
            ),
        )
    };
    if Handle::try_current().is_err() {
        return Err(missing("this reply has to wait, which needs a tokio runtime for its timeout"));
    }
    // A runtime without timers can't be told apart but by the panic.
    catch_unwind(|| Box::pin(tokio::time::sleep(left))).map_err(|_| missing("this tokio runtime has no timers"))
}
