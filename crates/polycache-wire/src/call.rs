//! A call that waits for its reply.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::protocol::{Failure, Protocol, Request, Trouble};
use crate::shared::{Outcome, Shared, State};
use crate::slots::SlotId;

/// A call that queues its request when it is first polled, and then waits. `None` where the queue has no room.
pub(crate) struct Call<'a, P: Protocol, R> {
    shared: &'a Arc<Shared<P>>,
    request: &'a R,
    weight: u32,
    sent: Option<Sent<'a, P>>,
}

impl<'a, P: Protocol, R: Request<P>> Call<'a, P, R> {
    pub(crate) fn new(shared: &'a Arc<Shared<P>>, request: &'a R, weight: u32) -> Self {
        Self { shared, request, weight, sent: None }
    }
}

impl<P: Protocol, R: Request<P>> Future for Call<'_, P, R> {
    type Output = Option<Outcome<P>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(sent) = &mut self.sent {
            return Pin::new(sent).poll(context).map(Some);
        }
        let Self { shared, request, weight, .. } = *self;
        // With its waker from the beginning: it needn't look before there is a reply.
        let push = |state: &mut State<P>| state.push(request, weight, Some(context));
        match shared.enqueue(weight, false, push) {
            Ok(Some(slot)) => {
                self.sent = Some(Sent::new(shared, slot));
                Poll::Pending
            }
            Ok(None) => Poll::Ready(None),
            Err(error) => Poll::Ready(Some(Err(Failure::not_sent(error)))),
        }
    }
}

/// A call that was queued. Dropped before its reply came, the reply goes to nobody.
pub(crate) struct Sent<'a, P: Protocol> {
    shared: &'a Arc<Shared<P>>,
    slot: Option<SlotId>,
}

impl<'a, P: Protocol> Sent<'a, P> {
    pub(crate) fn new(shared: &'a Arc<Shared<P>>, slot: SlotId) -> Self {
        Self { shared, slot: Some(slot) }
    }
}

impl<P: Protocol> Future for Sent<'_, P> {
    type Output = Outcome<P>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(slot) = self.slot else { return Poll::Pending };
        if let Some(reply) = self.shared.read_alone(slot) {
            self.slot = None;
            return Poll::Ready(Ok(reply));
        }
        let poll = self.shared.state.lock().slots.poll(slot, context);
        let Poll::Ready(outcome) = poll else { return Poll::Pending };
        self.slot = None;
        Poll::Ready(outcome.unwrap_or_else(|| {
            let error = self.shared.protocol.error(Trouble::Garbled("a reply went astray"));
            Err(Failure { error, fate: crate::Fate::Unknown, again: false })
        }))
    }
}

impl<P: Protocol> Drop for Sent<'_, P> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            let mut state = self.shared.state.lock();
            let outcome = state.slots.abandon(slot);
            // What it holds is dropped after the lock.
            self.shared.leave(slot, state);
            if outcome.is_none() {
                self.shared.suspect();
            }
        }
    }
}
