//! A call, and how it waits for its reply.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::connection::Connection;
use crate::protocol::{Failure, Fate, Protocol, Request, Trouble};
use crate::shared::{Outcome, Shared, State};
use crate::slots::{ALONE, SlotId};

/// A call, which makes its request at its first poll. A future by hand: each `async fn` around a reply would move it once more.
#[must_use = "nothing is asked before it is polled"]
pub struct Call<'a, P: Protocol, R> {
    connection: &'a Connection<P>,
    request: &'a R,
    stage: Stage<'a, P>,
}

enum Stage<'a, P: Protocol> {
    New,
    Sent(Sent<'a, P>),
    /// For a queue without room, or a request that is sent a second time. Boxed, since both are rare.
    Queued(Pin<Box<dyn Future<Output = Outcome<P>> + Send + 'a>>),
}

impl<'a, P: Protocol, R: Request<P>> Call<'a, P, R> {
    pub(crate) fn new(connection: &'a Connection<P>, request: &'a R) -> Self {
        Self { connection, request, stage: Stage::New }
    }

    /// Queues the request.
    #[inline(never)]
    fn begin(&mut self, context: &mut Context<'_>) -> Poll<Outcome<P>> {
        let Self { connection, request, .. } = *self;
        let weight = connection.weight(request);
        // The slot gets the waker at once, so the caller needn't look before there is a reply.
        let push = |state: &mut State<P>| state.push(request, weight, Some(context.waker().clone()));
        match connection.shared().enqueue(weight, |state| state.has_room(weight), push) {
            Ok(Some(slot)) => self.stage = Stage::Sent(Sent::new(connection.shared(), slot)),
            Ok(None) => return self.queue(context),
            Err(error) => return Poll::Ready(Err(Failure::not_sent(error))),
        }
        Poll::Pending
    }

    /// Waits for room in the queue, or sends the request again.
    #[cold]
    #[inline(never)]
    fn queue(&mut self, context: &mut Context<'_>) -> Poll<Outcome<P>> {
        let mut queued = self.connection.queued(self.request);
        let poll = queued.as_mut().poll(context);
        self.stage = Stage::Queued(queued);
        poll
    }
}

impl<P: Protocol, R: Request<P>> Future for Call<'_, P, R> {
    type Output = Outcome<P>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.stage {
            Stage::Sent(sent) => match Pin::new(sent).poll(context) {
                Poll::Ready(Err(failure)) if failure.again => self.queue(context),
                poll => poll,
            },
            Stage::New => {
                let shared = self.connection.shared();
                if !shared.begin_alone(std::slice::from_ref(self.request), context) {
                    return self.begin(context);
                }
                self.stage = Stage::Sent(Sent::new(shared, ALONE));
                Poll::Pending
            }
            Stage::Queued(queued) => queued.as_mut().poll(context),
        }
    }
}

impl<P: Protocol, R> fmt::Debug for Call<'_, P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("connection", self.connection).finish_non_exhaustive()
    }
}

/// A call that was queued or sent. If it is dropped before its reply has come, nobody gets the reply.
pub(crate) struct Sent<'a, P: Protocol> {
    shared: &'a Arc<Shared<P>>,
    slot: Option<SlotId>,
}

impl<'a, P: Protocol> Sent<'a, P> {
    pub(crate) fn new(shared: &'a Arc<Shared<P>>, slot: SlotId) -> Self {
        Self { shared, slot: Some(slot) }
    }
}

impl<P: Protocol> Sent<'_, P> {
    /// Whether the call's slot has the reply.
    #[inline(never)]
    fn look(&mut self, context: &Context<'_>) -> Poll<Outcome<P>> {
        let Some(slot) = self.slot else { return Poll::Pending };
        let poll = self.shared.state.lock().slots.poll(slot, context);
        let Poll::Ready(outcome) = poll else { return Poll::Pending };
        self.slot = None;
        Poll::Ready(outcome.unwrap_or_else(|| {
            let error = self.shared.protocol.error(Trouble::Garbled("a reply went astray"));
            Err(Failure { error, fate: Fate::Unknown, again: false })
        }))
    }
}

impl<P: Protocol> Future for Sent<'_, P> {
    type Output = Outcome<P>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.slot != Some(ALONE) {
            return self.look(context);
        }
        let mut reply = None;
        if let Some(slot) = self.shared.poll_alone(context, |own| reply = Some(own)) {
            self.slot = Some(slot);
            return self.look(context);
        }
        let Some(reply) = reply else { return Poll::Pending };
        self.slot = None;
        Poll::Ready(Ok(reply))
    }
}

impl<P: Protocol> Drop for Sent<'_, P> {
    fn drop(&mut self) {
        let slot = match self.slot {
            None => return,
            Some(ALONE) => self.shared.leave_alone(),
            slot => slot,
        };
        if let Some(slot) = slot {
            // Dropped after the lock is released.
            let outcome = self.shared.state.lock().slots.abandon(slot);
            if outcome.is_none() {
                self.shared.suspect();
                self.shared.given_up(Some(slot));
            }
        }
    }
}

/// The calls of a caller who is alone, until all replies are here or the driver has taken the calls over.
pub(crate) struct Alone<'a, P: Protocol> {
    shared: &'a Arc<Shared<P>>,
    /// It was only just sent: a caller who found the reply at once, again and again, would never let others run.
    is_new: bool,
    /// How many replies are missing.
    missing: usize,
    replies: Vec<Outcome<P>>,
}

impl<'a, P: Protocol> Alone<'a, P> {
    /// Sends the requests, if nobody else has anything under way.
    pub(crate) fn begin<R: Request<P>>(
        shared: &'a Arc<Shared<P>>,
        requests: &[R],
        context: &Context<'_>,
    ) -> Option<Self> {
        let begun = !requests.is_empty() && shared.begin_alone(requests, context);
        begun.then(|| Self {
            shared,
            is_new: true,
            missing: requests.len(),
            replies: Vec::with_capacity(requests.len()),
        })
    }
}

impl<P: Protocol> Unpin for Alone<'_, P> {}

impl<'a, P: Protocol> Future for Alone<'a, P> {
    /// The first replies, and the calls that wait for the others.
    type Output = (Vec<Outcome<P>>, Vec<Sent<'a, P>>);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if std::mem::take(&mut self.is_new) {
            return Poll::Pending;
        }
        let Self { shared, missing, replies, .. } = &mut *self;
        let moved = shared.poll_alone(context, |own| {
            *missing -= 1;
            replies.push(Ok(own));
        });
        let calls = moved.map(|first| self.moved(first)).unwrap_or_default();
        if self.missing == 0 { Poll::Ready((std::mem::take(&mut self.replies), calls)) } else { Poll::Pending }
    }
}

impl<'a, P: Protocol> Alone<'a, P> {
    fn moved(&mut self, first: SlotId) -> Vec<Sent<'a, P>> {
        self.missing = 0;
        let mut state = self.shared.state.lock();
        let slots = [first].into_iter().chain(state.moved.drain(..));
        slots.map(|slot| Sent::new(self.shared, slot)).collect()
    }
}

/// Dropped before its replies have come, nobody gets the replies.
impl<P: Protocol> Drop for Alone<'_, P> {
    fn drop(&mut self) {
        if self.missing > 0
            && let Some(first) = self.shared.leave_alone()
        {
            drop(self.moved(first));
        }
    }
}
