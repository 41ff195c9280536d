//! Futures that nobody polls any more.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

/// How long a future may go without a wake: it waits for something that doesn't come by itself.
const QUIET: Duration = Duration::from_millis(50);

/// The state of a future.
#[derive(Debug)]
pub enum LeftAlone<F: Future> {
    /// It was ready before that many polls.
    Ready(F::Output),
    /// It exists, and nobody polls it: as in a `select!` that has gone on, or a stream that is consumed slowly.
    Waits(Pin<Box<F>>),
}

/// Begins `future`, and polls it at most `polls` times, each time after it has woken its task. Then leaves it alone: it is neither polled
/// nor dropped while the caller keeps the result.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use polycache_testkit::{LeftAlone, left_alone};
/// use std::time::Duration;
///
/// let left = left_alone(tokio::time::sleep(Duration::from_millis(1)), 1).await;
/// assert!(matches!(left, LeftAlone::Waits(_)));
/// let left = left_alone(tokio::time::sleep(Duration::from_millis(1)), 2).await;
/// assert!(matches!(left, LeftAlone::Ready(())));
/// # }
/// ```
pub async fn left_alone<F: Future>(future: F, polls: usize) -> LeftAlone<F> {
    let mut future = Box::pin(future);
    let woken = Arc::new(Woken(Notify::new()));
    let waker = Waker::from(Arc::clone(&woken));
    for poll in 0..polls {
        // A waker of its own, so that a later wake wakes nobody.
        if poll > 0 && timeout(QUIET, woken.0.notified()).await.is_err() {
            break;
        }
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return LeftAlone::Ready(output);
        }
    }
    LeftAlone::Waits(future)
}

struct Woken(Notify);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}
