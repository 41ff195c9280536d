//! A result on its way to the backend, and then to the waiters.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::Flights;
use super::leader::Leader;
use super::under_way::Task;
use crate::Reply;
use crate::join::{join_all, together};
use crate::repeated::tell_repeated;

/// The rest of a leader's work after the computation, if storing takes a while. It becomes a task of the runtime: others wait for it, and
/// the leader's own caller may poll late, or never.
pub(super) enum Finish<T: Send + Sync + 'static, E: Send + Sync + 'static> {
    Here(Storing<T, E>),
    Task(oneshot::Receiver<Result<T, E>>),
    Over,
}

/// A value that is stored before it is shared.
pub(super) struct Storing<T: Send + Sync + 'static, E: Send + Sync + 'static> {
    fill: Reply<()>,
    /// This and the result are here until the flight has landed.
    leader: Option<Leader<T, E>>,
    result: Option<Result<T, E>>,
    /// The caller who awaits the result, if this is a task.
    caller: Option<oneshot::Sender<Result<T, E>>>,
    /// Set if a task does this.
    task: Option<Task>,
}

impl<T: Send + Sync + 'static, E: Send + Sync + 'static> Finish<T, E> {
    /// The result that `fill` stores.
    pub(super) fn new(leader: Leader<T, E>, fill: Reply<()>, result: Result<T, E>) -> Self {
        Self::Here(Storing { fill, leader: Some(leader), result: Some(result), caller: None, task: None })
    }
}

impl<T, E> Finish<T, E>
where
    T: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
{
    /// Leaves it to a task that nobody awaits.
    pub(super) fn go_behind(self) {
        Self::all_behind(vec![self]);
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<T, E>> {
        let poll = self.poll_here(context);
        if poll.is_pending()
            && let Ok(runtime) = Handle::try_current()
            && let Some(storing) = self.detach()
        {
            runtime.spawn(storing);
            return self.poll_here(context);
        }
        poll
    }

    fn poll_here(&mut self, context: &mut Context<'_>) -> Poll<Result<T, E>> {
        let result = match self {
            Self::Here(storing) => ready!(Pin::new(storing).poll(context)),
            // The task sends the result in any case, even when it is dropped.
            Self::Task(told) => ready!(Pin::new(told).poll(context)).ok(),
            Self::Over => None,
        };
        *self = Self::Over;
        // `None` only after its end.
        result.map_or(Poll::Pending, Poll::Ready)
    }

    /// The part that becomes a task; from then on this waits for the task.
    fn detach(&mut self) -> Option<Storing<T, E>> {
        if !matches!(self, Self::Here(_)) {
            return None;
        }
        let (tell, told) = oneshot::channel();
        let Self::Here(mut storing) = std::mem::replace(self, Self::Task(told)) else { return None };
        storing.caller = Some(tell);
        storing.becomes_task();
        Some(storing)
    }

    /// Leaves many to one task that nobody awaits.
    pub(super) fn all_behind(finishes: Vec<Self>) {
        let Ok(runtime) = Handle::try_current() else { return };
        let behind = |finish| match finish {
            Self::Here(mut storing) => {
                storing.becomes_task();
                Some(storing)
            }
            Self::Task(_) | Self::Over => None,
        };
        let tasks: Vec<_> = finishes.into_iter().filter_map(behind).collect();
        if !tasks.is_empty() {
            runtime.spawn(together(join_all(tasks)));
        }
    }

    /// The results of many, in their order. One task does all of the storing.
    pub(super) async fn all(mut finishes: Vec<Self>) -> Vec<Result<T, E>> {
        if let Ok(runtime) = Handle::try_current() {
            let tasks: Vec<_> = finishes.iter_mut().filter_map(Self::detach).collect();
            if !tasks.is_empty() {
                runtime.spawn(together(join_all(tasks)));
            }
        }
        join_all(finishes.into_iter().map(|mut one| poll_fn(move |context| one.poll_here(context)))).await
    }
}

/// Logs that a value could not be stored. The caller gets its value all the same.
pub(super) fn note(flights: &Flights, stored: crate::Result<()>) {
    if let Err(error) = stored {
        tell_repeated!(WARN, (flights.mark(), error.kind()), %error, "a computed value could not be stored");
    }
}

impl<T: Send + Sync + 'static, E: Send + Sync + 'static> Storing<T, E> {
    fn becomes_task(&mut self) {
        self.task = self.leader.as_ref().map(|leader| Task::begin(leader.seat()));
    }
}

/// Nothing in it is pinned.
impl<T: Send + Sync + 'static, E: Send + Sync + 'static> Unpin for Storing<T, E> {}

impl<T, E> Future for Storing<T, E>
where
    T: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
{
    /// `None` if the result was sent to the caller.
    type Output = Option<Result<T, E>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { fill, leader, result, caller, .. } = &mut *self;
        if let Some(leader) = leader {
            leader.stir();
            let poll = Pin::new(fill).poll(context);
            if poll.is_pending() {
                leader.rest(context);
            }
            note(&leader.seat().flights, ready!(poll));
        }
        let result = match (leader.take(), result.take()) {
            (Some(leader), Some(result)) => leader.land(result),
            _ => return Poll::Ready(None),
        };
        Poll::Ready(match caller.take() {
            Some(caller) => {
                // A caller that is gone needs no result.
                let _ = caller.send(result);
                None
            }
            None => Some(result),
        })
    }
}

impl<T: Send + Sync + 'static, E: Send + Sync + 'static> Drop for Storing<T, E> {
    /// The runtime has ended, or a hook has panicked. The computing caller gets the result all the same; if it is gone, the waiters get
    /// it.
    fn drop(&mut self) {
        let (Some(leader), Some(result)) = (&mut self.leader, self.result.take()) else { return };
        match self.caller.take().filter(|caller| !caller.is_closed()) {
            Some(caller) => drop(caller.send(result)),
            None => leader.give(result),
        }
    }
}
