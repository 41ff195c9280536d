//! A computation in a task of the runtime, which goes on when its caller has left.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use compact_str::CompactString;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::approach::{Approach, Course};
use super::circle::{self, Awaited, Node};
use super::lead::{Lead, Policy, Terms};
use super::leader::Leader;
use super::sending::Seat;
use super::under_way::Task;
use crate::Cache;
use crate::cache::Form;

/// Gives the computation that this leader was to poll to a task.
pub(super) type Spawn<T, E, Fut> = fn(&Handle, Led<T, E>, Fut, Policy<T>, (&Cache, &str)) -> Apart<T, E>;

/// A leader, and how far it has come.
pub struct Led<T: Send + Sync + 'static, E: Send + Sync + 'static>(Way<T, E>);

enum Way<T: Send + Sync + 'static, E: Send + Sync + 'static> {
    Computes(Leader<T, E>, Terms),
    /// It still asks for a lease, or reads again.
    Approaches(Seat, Box<Approach<T, E>>),
}

/// The task, for a caller who waits for its result.
pub struct Apart<T, E> {
    task: JoinHandle<Result<T, E>>,
    /// Noted where the caller is part of another computation.
    _awaited: Option<Box<Awaited>>,
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
    runtime: &Handle,
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
    Apart { task: runtime.spawn(work), _awaited: awaited }
}

impl<T, E> Future for Apart<T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match ready!(Pin::new(&mut self.task).poll(context)) {
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
