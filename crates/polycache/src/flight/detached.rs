//! `get_or_set` whose computation outlives its caller.

use std::fmt;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use compact_str::CompactString;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::approach::{Approach, Course};
use super::circle::{self, Awaited, Node};
use super::get_or_set::GetOrSet;
use super::lead::{Lead, Policy};
use super::shareable::Shareable;
use super::under_way::Task;
use crate::Cache;
use crate::cache::{Encoded, Form};

impl<'a, T, E, F, Fut, K, const BEHIND: bool> GetOrSet<'a, T, E, F, Fut, K, BEHIND>
where
    T: Send + Sync + 'static,
    E: Send + Sync + 'static,
    F: FnOnce() -> Fut,
{
    /// Lets the computation, once begun, go on in a task of the tokio runtime even if this call is dropped; the others share it. Without
    /// a runtime this changes nothing.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use polycache::Cache;
    /// use std::time::Duration;
    ///
    /// let cache = Cache::memory();
    /// let slow = || async {
    ///     tokio::time::sleep(Duration::from_millis(50)).await;
    ///     Ok::<_, std::convert::Infallible>(42)
    /// };
    /// let call = cache.get_or_set("answer", slow).detached();
    /// assert!(tokio::time::timeout(Duration::from_millis(5), call).await.is_err());
    ///
    /// // The computation goes on: this waits for it.
    /// let answer = cache.get_or_set("answer", || async { Ok::<i32, std::convert::Infallible>(0) }).await;
    /// assert_eq!(answer, Ok(42));
    /// # }
    /// ```
    pub fn detached(self) -> Detached<'a, T, E, F, K>
    where
        Fut: Send + 'static,
    {
        Detached {
            cache: self.cache,
            key: self.key,
            compute: self.compute,
            approach: None,
            work: None,
            awaited: None,
            behind: BEHIND,
            form: PhantomData,
        }
    }
}

/// The future of [`Cache::get_or_set`] and [`Cache::get_or_set_object`] after [`detached`](GetOrSet::detached).
#[must_use = "nothing is read or computed until it is awaited"]
pub struct Detached<'a, T: Send + Sync + 'static, E: Send + Sync + 'static, F, K = Encoded> {
    cache: &'a Cache,
    key: &'a str,
    compute: Option<F>,
    approach: Option<Box<Approach<T, E>>>,
    work: Option<Work<T, E>>,
    awaited: Option<Box<Awaited>>,
    /// Whether its caller gets the value before it is stored.
    behind: bool,
    form: PhantomData<K>,
}

/// The place of the leader's work.
enum Work<T, E> {
    Task(JoinHandle<Result<T, E>>),
    Here(Pin<Box<dyn Future<Output = Result<T, E>> + Send>>),
}

/// The closure isn't pinned, since it is called before anything borrows from it.
impl<T: Send + Sync + 'static, E: Send + Sync + 'static, F, K> Unpin for Detached<'_, T, E, F, K> {}

impl<T, E, F, Fut, K> Future for Detached<'_, T, E, F, K>
where
    K: Form<T>,
    T: Clone + Send + Sync + 'static,
    E: Shareable,
    F: FnOnce() -> Fut,
    Fut: Future<Output = Result<T, E>> + Send + 'static,
{
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            let approach = match &mut this.approach {
                Some(approach) => approach,
                none => match K::get(this.cache, this.key).now() {
                    Ok(Ok(Some(value))) => return Poll::Ready(Ok(value)),
                    asked => none.insert(Box::new(Approach::Asked(asked))),
                },
            };
            match &mut this.work {
                Some(Work::Task(task)) => {
                    return match ready!(Pin::new(task).poll(context)) {
                        Ok(result) => Poll::Ready(result),
                        Err(error) => match error.try_into_panic() {
                            Ok(panic) => resume_unwind(panic),
                            // There is nothing to return, and whoever polls this mustn't hang.
                            Err(_) => resume_unwind(Box::new("the runtime that computed the value was shut down")),
                        },
                    };
                }
                Some(Work::Here(work)) => return work.as_mut().poll(context),
                None => match ready!(approach.poll::<K>(this.cache, this.key, context)) {
                    Course::Arrived(result) => return Poll::Ready(result),
                    Course::Alone => match this.compute.take() {
                        Some(compute) => this.work = Some(Work::Here(Box::pin(compute()))),
                        None => return Poll::Pending,
                    },
                    Course::Leads(mut leader, terms) => {
                        let Some(compute) = this.compute.take() else {
                            // Only if it is polled after its end.
                            return Poll::Pending;
                        };
                        leader.begins(this.cache, this.key);
                        // Within a computation it is awaited from now on: nobody waits for a flight that has just begun to compute.
                        this.awaited = circle::wait_for(Node::of(leader.seat())).ok().flatten();
                        let turn = leader.turn();
                        let compute = compute();
                        drop(turn);
                        let seat = leader.seat().clone();
                        let lead =
                            Lead::new(leader, terms, Policy { behind: this.behind, ..Policy::default() }, compute);
                        let (cache, key) = (this.cache.clone(), CompactString::new(this.key));
                        let runtime = Handle::try_current().ok();
                        let task = runtime.as_ref().map(|_| Task::begin(&seat));
                        let lead = async move {
                            let _task = task;
                            let mut lead = pin!(lead);
                            poll_fn(|context| lead.as_mut().poll::<K>(&cache, &key, context)).await
                        };
                        this.work = Some(match runtime {
                            Some(runtime) => Work::Task(runtime.spawn(lead)),
                            None => Work::Here(Box::pin(lead)),
                        });
                    }
                },
            }
        }
    }
}

impl<T: Send + Sync + 'static, E: Send + Sync + 'static, F, K> fmt::Debug for Detached<'_, T, E, F, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detached").field("key", &self.key).finish_non_exhaustive()
    }
}
