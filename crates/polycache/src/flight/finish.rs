//! A result on its way to the backend, and then to those who wait.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::future::join_all;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::leader::Leader;
use super::tenure::Tenure;
use crate::Reply;

/// For the one who has computed. Where the storing takes a while it is a task of the runtime: the others wait for it, and whoever has
/// computed may look late, or never.
pub(super) enum Finish<T: Send + Sync + 'static, E: Send + Sync + 'static> {
    Here(Storing<T, E>),
    Task(oneshot::Receiver<Result<T, E>>),
    Over,
}

/// What is stored, and then shared.
pub(super) struct Storing<T: Send + Sync + 'static, E: Send + Sync + 'static> {
    tenure: Option<Tenure>,
    /// None once it has landed.
    leader: Option<Leader<T, E>>,
    fill: Option<Reply<()>>,
    /// Who awaits it, where it is a task.
    caller: Option<oneshot::Sender<Result<T, E>>>,
}

impl<T: Send + Sync + 'static, E: Send + Sync + 'static> Finish<T, E> {
    pub(super) fn new(leader: Leader<T, E>, tenure: Option<Tenure>) -> Self {
        Self::Here(Storing { tenure, leader: Some(leader), fill: None, caller: None })
    }

    /// Until it has landed, or has become a task.
    pub(super) fn leader(&mut self) -> Option<&mut Leader<T, E>> {
        match self {
            Self::Here(storing) => storing.leader.as_mut(),
            Self::Task(_) | Self::Over => None,
        }
    }

    /// The lease, for the fill.
    pub(super) fn take_tenure(&mut self) -> Option<Tenure> {
        match self {
            Self::Here(storing) => storing.tenure.take(),
            Self::Task(_) | Self::Over => None,
        }
    }

    /// The computation takes a while: its lease is renewed.
    pub(super) fn keep(&mut self) {
        if let Self::Here(Storing { tenure: Some(tenure), .. }) = self {
            tenure.keep();
        }
    }

    /// From here on there is a result, which `fill` stores.
    pub(super) fn start(&mut self, fill: Option<Reply<()>>, result: Result<T, E>) {
        if let Self::Here(storing) = self {
            storing.fill = fill;
            if let Some(leader) = &mut storing.leader {
                leader.hold(result);
            }
        }
    }
}

impl<T, E> Finish<T, E>
where
    T: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
{
    /// Leaves it to a task, and nobody awaits it.
    pub(super) fn go_behind(&mut self) {
        if let (Self::Here(storing), Ok(runtime)) = (std::mem::replace(self, Self::Over), Handle::try_current()) {
            runtime.spawn(storing);
        }
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
            // Whoever has it to send tells it in any case.
            Self::Task(told) => ready!(Pin::new(told).poll(context)).ok(),
            Self::Over => None,
        };
        *self = Self::Over;
        // None only where it is polled after its end.
        result.map_or(Poll::Pending, Poll::Ready)
    }

    /// What is to be a task.
    fn detach(&mut self) -> Option<Storing<T, E>> {
        if !matches!(self, Self::Here(_)) {
            return None;
        }
        let (tell, told) = oneshot::channel();
        let Self::Here(mut storing) = std::mem::replace(self, Self::Task(told)) else { return None };
        storing.caller = Some(tell);
        Some(storing)
    }

    /// The results of many, in their order; all that takes a while is one task.
    pub(super) async fn all(mut finishes: Vec<Self>) -> Vec<Result<T, E>> {
        if let Ok(runtime) = Handle::try_current() {
            let tasks: Vec<_> =
                finishes.iter_mut().filter_map(|one| if one.is_pending() { one.detach() } else { None }).collect();
            if !tasks.is_empty() {
                runtime.spawn(join_all(tasks));
            }
        }
        join_all(finishes.into_iter().map(async |mut one| poll_fn(|context| one.poll_here(context)).await)).await
    }

    fn is_pending(&mut self) -> bool {
        let Self::Here(Storing { fill, .. }) = self else { return false };
        match fill.take().map(Reply::now) {
            None => false,
            Some(Ok(result)) => {
                *fill = Some(Reply::from(result));
                false
            }
            Some(Err(pending)) => {
                *fill = Some(pending);
                true
            }
        }
    }
}

/// Nothing in it is pinned.
impl<T: Send + Sync + 'static, E: Send + Sync + 'static> Unpin for Storing<T, E> {}

impl<T, E> Future for Storing<T, E>
where
    T: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
{
    /// None where the result was told to the caller.
    type Output = Option<Result<T, E>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { fill, leader, .. } = &mut *self;
        if let Some(storing) = fill {
            leader.iter().for_each(Leader::stir);
            let poll = Pin::new(storing).poll(context);
            if poll.is_pending() {
                leader.iter_mut().for_each(|leader| leader.rest(context));
            }
            if let Err(error) = ready!(poll) {
                tracing::warn!(%error, "a computed value could not be stored");
            }
            *fill = None;
        }
        // The lease ends when the value is there.
        self.tenure = None;
        let result = self.leader.take().and_then(Leader::land_held);
        Poll::Ready(match (self.caller.take(), result) {
            (Some(caller), Some(result)) => {
                // Who doesn't want it any more drops it.
                let _ = caller.send(result);
                None
            }
            (_, result) => result,
        })
    }
}

impl<T: Send + Sync + 'static, E: Send + Sync + 'static> Drop for Storing<T, E> {
    /// The runtime has ended, or a hook has panicked: whoever has computed gets the result all the same.
    fn drop(&mut self) {
        if let (Some(caller), Some(leader)) = (self.caller.take(), &mut self.leader)
            && !caller.is_closed()
            && let Some(result) = leader.take_held()
        {
            let _ = caller.send(result);
        }
    }
}
