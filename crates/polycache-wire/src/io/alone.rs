//! A caller who is alone sends its request and reads its reply by itself, or several that are answered in their order.
//!
//! Where nothing is under way, such a call takes one lock to send and one to read: no queue, no slot, and the socket wakes the caller's
//! task instead of the driver's. The caller may be slow to look, or never look again, so nobody else ever waits for it. Whoever queues a
//! request, waits for room or leaves wakes the driver, and each turn of the driver begins by making that call one like any other.
//!
//! Afterwards nobody watches the socket until the next call or the driver's next turn. Each of them looks at it before sending anything. So
//! nobody goes alone on a connection that [listens](crate::ConnectionOptions::listens).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Waker};

use super::{Io, Traffic};
use crate::ending::Reason;
use crate::options::Reconnect;
use crate::protocol::{Protocol, Request, Stream};
use crate::shared::{Pending, Phase, Shared, State};
use crate::signals::SOCKET;
use crate::slots::{ALONE, GONE, NO_SLOT, SlotId};
use crate::together::has_more;

impl<P: Protocol> Shared<P> {
    /// Sends the requests, if nobody else has one under way. Returns whether it did; the replies wake the caller then.
    #[inline]
    pub(crate) fn begin_alone<R: Request<P>>(&self, requests: &[R], context: &Context<'_>) -> bool {
        if !self.is_quiet.load(Ordering::Acquire) || self.alone.load(Ordering::Relaxed) != NO_SLOT || has_more() {
            return false;
        }
        // Whoever holds the lock has requests under way.
        let Some(mut io) = self.io.try_lock() else { return false };
        io.as_mut().is_some_and(|io| self.alone.load(Ordering::Relaxed) == NO_SLOT && io.begin(self, requests, context))
    }

    /// For the caller who began alone: reads, and gives the replies that have come to `take`. If the driver has taken over, returns the
    /// slot of the next reply; the slots of further replies are in the state.
    #[inline(never)]
    pub(crate) fn poll_alone(&self, context: &Context<'_>, take: impl FnMut(P::Reply)) -> Option<SlotId> {
        let moved = self.moved();
        if moved.is_some() {
            return moved;
        }
        let Some(mut io) = self.io.try_lock() else {
            // Another thread holds the connection for a moment.
            context.waker().wake_by_ref();
            return None;
        };
        let moved = self.moved();
        // A connection that ended has taken the call over before.
        if moved.is_none()
            && let Some(io) = &mut *io
        {
            io.read_alone(self, context, take);
        }
        moved
    }

    fn moved(&self) -> Option<SlotId> {
        match self.alone.load(Ordering::Acquire) {
            ALONE => None,
            slot => {
                self.alone.store(NO_SLOT, Ordering::Release);
                Some(slot)
            }
        }
    }

    /// For a caller who began alone and leaves: its slot, if the driver has given it one.
    #[cold]
    pub(crate) fn leave_alone(self: &Arc<Self>) -> Option<SlotId> {
        match self.alone.compare_exchange(ALONE, GONE, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => {
                self.wake_driver(self.state.lock());
                self.suspect();
                self.given_up(None);
                None
            }
            Err(slot) => {
                self.alone.store(NO_SLOT, Ordering::Release);
                Some(slot)
            }
        }
    }

    /// Notes whether a caller may go ahead alone. Called last in the driver's turn, with the number of slots that one caller may have.
    pub(crate) fn note_quiet(&self, state: &State<P>, is_idle: bool, slots: usize) {
        // Callers who were answered together will ask again together. One who has asked several things is one caller.
        let is_quiet = is_idle
            && state.queued.is_empty()
            && state.line.is_empty()
            && state.slots.count() <= slots
            && matches!(state.phase, Phase::Open)
            && !state.renew
            && !self.options.listens;
        self.is_quiet.store(is_quiet, Ordering::Release);
    }
}

impl<P: Protocol> Io<P> {
    fn begin<R: Request<P>>(&mut self, shared: &Shared<P>, requests: &[R], context: &Context<'_>) -> bool {
        // The socket's runtime may stand still; a queued request can be sent by another runtime.
        if self.is_elsewhere() {
            return false;
        }
        let Traffic { in_flight, failed, .. } = &self.traffic;
        if !in_flight.is_empty() || !self.traffic.is_written() || failed.is_some() || !self.settle(shared) {
            return false;
        }
        let Self { connection, stream, traffic, .. } = self;
        // Reads first, since the connection may have ended. From now on the socket wakes the caller.
        self.wakes_driver = false;
        if let Err(reason) = traffic.drain(shared, &mut **stream, &mut Context::from_waker(context.waker())) {
            self.fail(reason);
            return false;
        }
        self.caller.clone_from(context.waker());
        self.hosting.expect(context.waker());
        traffic.add_alone(*connection, requests);
        shared.alone.store(ALONE, Ordering::Release);
        match traffic.write(shared, &mut **stream, &mut Context::from_waker(&self.signals.socket)) {
            Ok(()) if traffic.is_written() => {}
            Ok(()) => self.signals.queue.wake_by_ref(),
            Err(reason) => self.fail(reason),
        }
        true
    }

    fn read_alone(&mut self, shared: &Shared<P>, context: &Context<'_>, take: impl FnMut(P::Reply)) {
        let Self { stream, traffic, .. } = self;
        // The caller may be in another task by now.
        self.caller.clone_from(context.waker());
        self.hosting.expect(context.waker());
        let mut read = traffic.read_alone(shared, &mut **stream, &mut Context::from_waker(context.waker()), take);
        if traffic.in_flight.is_empty() {
            shared.alone.store(NO_SLOT, Ordering::Release);
            self.hosting.rest();
            (traffic.answered, traffic.yielded) = (1, false);
            // The loss of a connection must be noticed at once. A host goes on watching.
            let is_watched = self.hosting.is_hosted();
            if read.is_ok() && shared.options.reconnect == Reconnect::Always && !is_watched {
                self.wakes_driver = true;
                read = traffic.drain(shared, &mut **stream, &mut Context::from_waker(&self.signals.socket));
            }
        }
        if let Err(reason) = read {
            self.fail(reason);
        }
    }

    /// Leaves it to the driver to end the connection.
    #[cold]
    #[inline(never)]
    pub(super) fn fail(&mut self, reason: Reason<P::Error>) {
        self.traffic.failed = Some(reason);
        self.signals.queue.wake_by_ref();
    }

    /// Makes the call of a caller who is alone one like any other, and has the socket wake the driver.
    pub(super) fn take_over(&mut self, shared: &Shared<P>) {
        if !std::mem::replace(&mut self.wakes_driver, true) {
            self.traffic.due |= SOCKET;
        }
        let is_alone = matches!(shared.alone.load(Ordering::Acquire), ALONE | GONE);
        if !is_alone && self.caller.will_wake(Waker::noop()) {
            return;
        }
        // The caller's task may have ended, so its waker isn't kept.
        let caller = std::mem::replace(&mut self.caller, Waker::noop().clone());
        if !is_alone {
            return;
        }
        let mut state = shared.state.lock();
        let state = &mut *state;
        state.moved.clear();
        for pending in self.traffic.in_flight.iter_mut().filter(|pending| pending.slot == Some(ALONE)) {
            let slot = state.slots.open(Some(caller.clone()));
            pending.slot = Some(slot);
            state.moved.push_back(slot);
        }
        let Some(first) = state.moved.pop_front() else { return };
        let moved = shared.alone.compare_exchange(ALONE, first, Ordering::AcqRel, Ordering::Acquire);
        if moved.is_err() {
            for slot in [first].into_iter().chain(state.moved.drain(..)) {
                state.slots.abandon(slot);
            }
            shared.alone.store(NO_SLOT, Ordering::Release);
        }
    }
}

impl<P: Protocol> Traffic<P> {
    /// Adds the bytes of calls that were alone to the ends of queued requests.
    pub(super) fn count_alone(&mut self, state: &mut State<P>) {
        let bytes = std::mem::take(&mut self.bytes_alone);
        if bytes > 0 {
            state.end += bytes;
            state.queued.iter_mut().for_each(|pending| pending.end += bytes);
        }
    }

    /// Reads bytes that the server sent without being asked.
    fn drain(
        &mut self,
        shared: &Shared<P>,
        stream: &mut dyn Stream,
        context: &mut Context<'_>,
    ) -> Result<(), Reason<P::Error>> {
        self.rewind();
        while self.read(shared, stream, context)? {
            self.decode(shared, |_, _| {})?;
        }
        Ok(())
    }

    fn add_alone<R: Request<P>>(&mut self, connection: u64, requests: &[R]) {
        self.clear_outgoing();
        for request in requests {
            self.number = self.number.wrapping_add(1);
            let expect = request.encode_for(connection, self.number, &mut self.outgoing);
            let end = self.written + self.outgoing.len() as u64;
            let is_read = request.is_read();
            self.in_flight.push_back(Pending { slot: Some(ALONE), expect, end, weight: 0, is_read });
        }
        self.bytes_alone += self.outgoing.len() as u64;
    }

    /// Reads until the replies are here; no others can come.
    fn read_alone(
        &mut self,
        shared: &Shared<P>,
        stream: &mut dyn Stream,
        context: &mut Context<'_>,
        mut take: impl FnMut(P::Reply),
    ) -> Result<(), Reason<P::Error>> {
        while !self.in_flight.is_empty() && self.read(shared, stream, context)? {
            self.decode(shared, |_, own| take(own))?;
        }
        Ok(())
    }
}
