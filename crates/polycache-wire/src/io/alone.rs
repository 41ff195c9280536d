//! A caller who is alone reads its reply by itself.
//!
//! While its call is the only one, the socket wakes the caller's task in place of the driver's: one wake-up for a reply, not two. The
//! caller may be slow to look, or never look again, so nobody else ever waits for it: whoever queues a request, waits for room, or leaves
//! wakes the driver, and each turn of the driver begins by taking the socket back.

use std::sync::atomic::Ordering;
use std::task::{Context, Waker};

use parking_lot::MutexGuard;

use super::{Io, Traffic};
use crate::ending::Reason;
use crate::protocol::{Protocol, Stream};
use crate::shared::{Shared, State};
use crate::signals::SOCKET;
use crate::slots::{NO_SLOT, SlotId};

impl<P: Protocol> Shared<P> {
    /// For the socket, which has something: who is to be woken, if it isn't the driver.
    pub(crate) fn call_reader(&self) -> Option<Waker> {
        // Whom this sees too late, the driver reads for.
        if self.reader.load(Ordering::Relaxed) == NO_SLOT {
            return None;
        }
        let mut state = self.state.lock();
        let slot = self.reader.load(Ordering::Relaxed);
        if slot == NO_SLOT {
            return None;
        }
        let waker = state.slots.take_waker(slot);
        if waker.is_some() {
            self.woken.store(slot, Ordering::Release);
        }
        self.reader.store(NO_SLOT, Ordering::Release);
        waker
    }

    /// For a call that is polled: reads, if the socket has woken it. With the reply the slot is free.
    #[inline]
    pub(crate) fn read_alone(&self, slot: SlotId) -> Option<P::Reply> {
        if self.woken.load(Ordering::Acquire) != slot {
            return None;
        }
        match self.io.try_lock() {
            Some(mut io) => io.as_mut()?.read_for(self, slot),
            None => {
                self.wake_driver(self.state.lock());
                None
            }
        }
    }

    /// For a call that is given up: the driver reads, if it isn't the one that does.
    pub(crate) fn leave(&self, slot: SlotId, state: MutexGuard<'_, State<P>>) {
        if self.reader.load(Ordering::Relaxed) == slot || self.woken.load(Ordering::Relaxed) == slot {
            self.wake_driver(state);
        }
    }
}

impl<P: Protocol> Io<P> {
    /// Has the socket wake the only call there is, if its caller waits already, and nobody else for what it gives back. Whether it has.
    pub(super) fn lend(&self, shared: &Shared<P>, state: &State<P>) -> bool {
        let lone = self.traffic.in_flight.front().filter(|_| self.traffic.in_flight.len() == 1 && state.waiting == 0);
        let slot = lone.and_then(|pending| pending.slot).filter(|&slot| state.slots.is_waited_for(slot));
        if let Some(slot) = slot {
            shared.reader.store(slot, Ordering::Relaxed);
        }
        slot.is_some()
    }

    /// Has the socket wake the driver again. A caller that it has woken may never look.
    pub(super) fn take_back(&mut self, shared: &Shared<P>) {
        // In this order: whoever is woken was the reader until then.
        let is_lent =
            shared.reader.load(Ordering::Acquire) != NO_SLOT || shared.woken.load(Ordering::Acquire) != NO_SLOT;
        if is_lent {
            let _state = shared.state.lock();
            shared.reader.store(NO_SLOT, Ordering::Relaxed);
            if shared.woken.load(Ordering::Relaxed) != NO_SLOT {
                shared.woken.store(NO_SLOT, Ordering::Relaxed);
                self.traffic.due |= SOCKET;
            }
        }
    }

    fn read_for(&mut self, shared: &Shared<P>, slot: SlotId) -> Option<P::Reply> {
        // The driver may just have taken it back.
        if shared.woken.load(Ordering::Relaxed) != slot {
            return None;
        }
        shared.woken.store(NO_SLOT, Ordering::Relaxed);
        let Self { stream, signals, traffic, .. } = self;
        let mut reply = None;
        let socket = &mut Context::from_waker(&signals.socket);
        if let Err(reason) = traffic.read_one(shared, &mut **stream, socket, &mut reply) {
            traffic.failed = Some(reason);
            signals.queue.wake_by_ref();
        }
        reply
    }
}

impl<P: Protocol> Traffic<P> {
    /// Reads what there is, while nobody but one caller waits for a reply. What comes later wakes the driver.
    fn read_one(
        &mut self,
        shared: &Shared<P>,
        stream: &mut dyn Stream,
        context: &mut Context<'_>,
        reply: &mut Option<P::Reply>,
    ) -> Result<(), Reason<P::Error>> {
        self.rewind();
        while self.read(shared, stream, context)? {
            let mut answered = None;
            let decoded = self.decode(shared, |pending, own| {
                answered = Some((pending.slot, pending.weight));
                *reply = Some(own);
            });
            if let Some((Some(slot), weight)) = answered {
                self.free(shared, slot, weight);
            }
            decoded?;
        }
        Ok(())
    }

    /// Does for a call that has its reply what [`hand_out`](Self::hand_out) does for many.
    fn free(&mut self, shared: &Shared<P>, slot: SlotId, weight: u32) {
        (self.answered, self.yielded) = (1, false);
        let mut state = shared.state.lock();
        let waker = state.slots.free(slot);
        shared.give_room(&mut state, weight as usize);
        drop(state);
        drop(waker);
    }
}
