//! Futures side by side in one task. For this the crate futures-util would bring three crates, and take longer to compile than any other
//! dependency but tokio.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::Mutex;

/// Awaits a future that begins several calls of a backend: over a network they leave with one write.
pub(crate) async fn together<F: Future>(calls: F) -> F::Output {
    #[cfg(feature = "_server")]
    return polycache_wire::together(calls).await;
    #[cfg(not(feature = "_server"))]
    calls.await
}

/// Both results.
pub(crate) async fn join<A: Future, B: Future>(one: A, other: B) -> (A::Output, B::Output) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut first, mut second) = (None, None);
    poll_fn(|context| {
        poll_once(one.as_mut(), &mut first, context);
        poll_once(other.as_mut(), &mut second, context);
        match (first.take(), second.take()) {
            (Some(first), Some(second)) => Poll::Ready((first, second)),
            kept => {
                (first, second) = kept;
                Poll::Pending
            }
        }
    })
    .await
}

fn poll_once<F: Future>(future: Pin<&mut F>, result: &mut Option<F::Output>, context: &mut Context<'_>) {
    if result.is_none()
        && let Poll::Ready(ready) = future.poll(context)
    {
        *result = Some(ready);
    }
}

/// All results, in the order of the futures.
pub(crate) async fn join_all<F: Future + Unpin>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut open = Unordered::new(futures);
    let mut results: Vec<Option<F::Output>> = open.slots.iter().map(|_| None).collect();
    while let Some((at, result)) = open.next().await {
        if let Some(place) = results.get_mut(at) {
            *place = Some(result);
        }
    }
    results.into_iter().flatten().collect()
}

/// Futures whose results are taken as they come. Each is polled once at first, in their order; then only the woken ones.
pub(crate) struct Unordered<F> {
    slots: Vec<Slot<F>>,
    /// How many futures aren't over.
    left: usize,
    /// The futures to poll next. One that is woken meanwhile is polled at the task's next poll, so that the task returns.
    turns: VecDeque<usize>,
    woken: Arc<Woken>,
}

struct Slot<F> {
    /// None once the future is over.
    future: Option<F>,
    bell: Arc<Bell>,
}

/// The waker of one future.
struct Bell {
    at: usize,
    has_rung: AtomicBool,
    woken: Arc<Woken>,
}

/// The woken futures, and the task to wake.
#[derive(Default)]
struct Woken(Mutex<(Vec<usize>, Option<Waker>)>);

impl<F: Future + Unpin> Unordered<F> {
    pub(crate) fn new(futures: impl IntoIterator<Item = F>) -> Self {
        let woken = Arc::<Woken>::default();
        let slot = |(at, future)| {
            let bell = Bell { at, has_rung: AtomicBool::new(true), woken: Arc::clone(&woken) };
            Slot { future: Some(future), bell: Arc::new(bell) }
        };
        let slots: Vec<_> = futures.into_iter().enumerate().map(slot).collect();
        Self { left: slots.len(), turns: (0..slots.len()).collect(), slots, woken }
    }

    /// The next result, with the number of its future; `None` when all are over.
    pub(crate) async fn next(&mut self) -> Option<(usize, F::Output)> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// The same, as a step.
    pub(crate) fn poll_next(&mut self, context: &Context<'_>) -> Poll<Option<(usize, F::Output)>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let replaced = {
            let (woken, task) = &mut *self.woken.0.lock();
            self.turns.extend(woken.drain(..));
            task.replace(context.waker().clone())
        };
        // The waker may run its user's code.
        drop(replaced);
        while let Some(at) = self.turns.pop_front() {
            let Some(Slot { future, bell }) = self.slots.get_mut(at) else { continue };
            bell.has_rung.store(false, Ordering::Release);
            let Some(unfinished) = future else { continue };
            let waker = Waker::from(Arc::clone(bell));
            if let Poll::Ready(result) = Pin::new(unfinished).poll(&mut Context::from_waker(&waker)) {
                *future = None;
                self.left -= 1;
                return Poll::Ready(Some((at, result)));
            }
        }
        Poll::Pending
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.has_rung.swap(true, Ordering::AcqRel) {
            return;
        }
        let task = {
            let (woken, task) = &mut *self.woken.0.lock();
            woken.push(self.at);
            task.take()
        };
        if let Some(task) = task {
            task.wake();
        }
    }
}

impl<F> fmt::Debug for Unordered<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unordered").field("left", &self.left).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use futures_util::FutureExt;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn results_are_in_the_order_of_the_futures() {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..100).map(|_| oneshot::channel()).unzip();
        let all = tokio::spawn(join_all(receivers));
        for (number, sender) in senders.into_iter().enumerate().rev() {
            sender.send(number).unwrap();
            if number % 7 == 0 {
                tokio::task::yield_now().await;
            }
        }
        assert!(all.await.unwrap().into_iter().flatten().eq(0..100));
        assert!(join_all(Vec::<oneshot::Receiver<()>>::new()).await.is_empty());
    }

    #[tokio::test]
    async fn only_who_was_woken_is_polled() {
        let polls = AtomicUsize::new(0);
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..100).map(|_| oneshot::channel::<()>()).unzip();
        let counted = receivers.into_iter().map(|mut receiver| {
            let polls = &polls;
            poll_fn(move |context| {
                polls.fetch_add(1, Ordering::Relaxed);
                receiver.poll_unpin(context)
            })
        });
        let mut open = Unordered::new(counted);
        assert!(open.next().now_or_never().is_none());
        assert_eq!(polls.load(Ordering::Relaxed), 100);
        for (number, sender) in senders.into_iter().enumerate() {
            sender.send(()).unwrap();
            assert_eq!(open.next().await.unwrap().0, number);
        }
        assert_eq!(open.next().await.map(|(at, _)| at), None);
        assert_eq!(polls.load(Ordering::Relaxed), 200);
    }

    /// As tokio's resources do when a task has worked enough for the moment.
    #[test]
    fn one_that_wakes_itself_leaves_the_task_to_others() {
        let restless = poll_fn(|context| {
            context.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        assert!(Unordered::new([restless]).next().now_or_never().is_none());
    }

    #[tokio::test]
    async fn both_run_at_once() {
        let (tell, told) = oneshot::channel();
        let (answer, answered) = oneshot::channel();
        let one = async {
            tell.send(1).unwrap();
            answered.await.unwrap()
        };
        let other = async {
            answer.send(2).unwrap();
            told.await.unwrap()
        };
        assert_eq!(join(one, other).await, (2, 1));
    }
}
