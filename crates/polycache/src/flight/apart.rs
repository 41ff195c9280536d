//! A computation in a task of its own, which goes on when its caller has left: of the runtime, or an errand of whoever polls.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use compact_str::CompactString;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::approach::{Approach, Course};
use super::circle::{self, Awaited, Node};
use super::errand::Errand;
use super::lead::{Lead, Policy, Terms};
use super::leader::Leader;
use super::sending::Seat;
use super::under_way::Task;
use crate::Cache;
use crate::cache::Form;

/// Gives the computation that this leader was to poll to a task.
pub(super) type Spawn<T, E, Fut> = fn(&Place, Led<T, E>, Fut, Policy<T>, (&Cache, &str)) -> Apart<T, E>;

/// Where a task goes.
pub struct Place(Option<Handle>);

impl Place {
    /// With whoever takes errands out of this poll, or else on the runtime. `None` where there is neither.
    pub(super) fn present() -> Option<Self> {
        if Errand::is_wanted() {
            Some(Self(None))
        } else {
            Handle::try_current().ok().map(|runtime| Self(Some(runtime)))
        }
    }
}

/// A leader, and how far it has come.
pub struct Led<T: Send + Sync + 'static, E: Send + Sync + 'static>(Way<T, E>);

enum Way<T: Send + Sync + 'static, E: Send + Sync + 'static> {
    Computes(Leader<T, E>, Terms),
    /// It still asks for a lease, or reads again.
    Approaches(Seat, Box<Approach<T, E>>),
}

/// The task, for a caller who waits for its result.
pub struct Apart<T, E> {
    task: Waits<T, E>,
    /// Noted where the caller is part of another computation.
    _awaited: Option<Box<Awaited>>,
}

enum Waits<T, E> {
    Task(JoinHandle<Result<T, E>>),
    Errand(oneshot::Receiver<Result<T, E>>),
}

impl<T: Send + Sync + 'static, E: Send + Sync + 'static> Led<T, E> {
    pub(super) fn computes(leader: Leader<T, E>, terms: Terms) -> Self {
        Self(Way::Computes(leader, terms))
    }

    /// `None` if the approach has no leader yet.
    pub(super) fn approaches(mut approach: Box<Approach<T, E>>) -> Option<Self>
    where
        T: Clone,
        E: Clone,
    {
        let seat = approach.leader()?.seat().clone();
        Some(Self(Way::Approaches(seat, approach)))
    }

    fn seat(&self) -> &Seat {
        match &self.0 {
            Way::Computes(leader, _) => leader.seat(),
            Way::Approaches(seat, _) => seat,
        }
    }
}

/// Such a task.
pub(super) fn spawn<K, T, E, Fut>(
    place: &Place,
    led: Led<T, E>,
    compute: Fut,
    policy: Policy<T>,
    (cache, key): (&Cache, &str),
) -> Apart<T, E>
where
    K: Form<T>,
    T: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<T, E>> + Send + 'static,
{
    let awaited = circle::wait_for(Node::of(led.seat())).ok().flatten();
    let task = Task::begin(led.seat());
    let (cache, key) = (cache.clone(), CompactString::new(key));
    let work = async move {
        let _task = task;
        let (leader, terms) = match led.0 {
            Way::Computes(leader, terms) => (leader, terms),
            Way::Approaches(_, mut approach) => {
                match poll_fn(|context| approach.poll::<K>(&cache, &key, context)).await {
                    Course::Arrived(result) => return result,
                    Course::Alone => return compute.await,
                    Course::Leads(mut leader, terms) => {
                        leader.begins(&cache, &key);
                        (leader, terms)
                    }
                }
            }
        };
        let mut lead = pin!(Lead::new(leader, terms, policy, compute));
        poll_fn(|context| lead.as_mut().poll::<K>(&cache, &key, context)).await
    };
    let task = match &place.0 {
        Some(runtime) => Waits::Task(runtime.spawn(work)),
        None => {
            let (sender, receiver) = oneshot::channel();
            // Nobody has stopped taking errands out since the place was chosen. If somebody had, the caller would see that it is lost.
            drop(Errand::begin(async move { drop(sender.send(work.await)) }));
            Waits::Errand(receiver)
        }
    };
    Apart { task, _awaited: awaited }
}

impl<T, E> Future for Apart<T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let task = match &mut self.task {
            Waits::Task(task) => task,
            // Whoever drops an errand drops its call, too.
            Waits::Errand(receiver) => match ready!(Pin::new(receiver).poll(context)) {
                Ok(result) => return Poll::Ready(result),
                Err(_) => return Poll::Pending,
            },
        };
        match ready!(Pin::new(task).poll(context)) {
            Ok(result) => Poll::Ready(result),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // There is nothing to return, and whoever polls this mustn't hang.
                Err(_) => resume_unwind(Box::new("the runtime that computed the value was shut down")),
            },
        }
    }
}

impl<T: Send + Sync + 'static, E: Send + Sync + 'static> fmt::Debug for Led<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Led").finish_non_exhaustive()
    }
}

impl<T, E> fmt::Debug for Apart<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Apart").finish_non_exhaustive()
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").finish_non_exhaustive()
    }
}
