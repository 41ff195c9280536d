//! Slots in which replies wait for their callers.

use std::task::{Context, Poll, Waker};

/// The number of a slot.
pub(crate) type SlotId = u32;

/// No slot: the queue's bound is far below, as a call weighs hundreds of bytes.
pub(crate) const NO_SLOT: SlotId = SlotId::MAX;

/// Stands for the slot of a caller who is alone and reads its reply by itself.
pub(crate) const ALONE: SlotId = SlotId::MAX - 1;

/// Stands for the slot of a caller who was alone and has gone.
pub(crate) const GONE: SlotId = SlotId::MAX - 2;

/// Slots for calls that are under way. Free slots are used again, so a call allocates nothing here.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    slots: Vec<Slot<T>>,
    /// The first of the list of free slots.
    first_free: Option<SlotId>,
    /// How many slots aren't free.
    count: usize,
}

#[derive(Debug)]
enum Slot<T> {
    Free {
        next: Option<SlotId>,
    },
    /// The request is sent or queued; the caller may not have looked yet.
    Waiting(Option<Waker>),
    Done(T),
    /// The caller has gone: its reply will be dropped.
    Abandoned,
}

impl<T> Slots<T> {
    pub(crate) const fn new() -> Self {
        Self { slots: Vec::new(), first_free: None, count: 0 }
    }

    /// A slot for a new call, whose caller may wait already.
    pub(crate) fn open(&mut self, caller: Option<Waker>) -> SlotId {
        self.count += 1;
        let waiting = Slot::Waiting(caller);
        if let Some(id) = self.first_free {
            let slot = &mut self.slots[id as usize];
            if let Slot::Free { next } = *slot {
                self.first_free = next;
            }
            *slot = waiting;
            return id;
        }
        self.slots.push(waiting);
        (self.slots.len() - 1) as SlotId
    }

    /// Puts the reply into the slot. Returns the caller's waker.
    pub(crate) fn complete(&mut self, id: SlotId, reply: T) -> Option<Waker> {
        let slot = &mut self.slots[id as usize];
        match slot {
            Slot::Waiting(waker) => {
                let waker = waker.take();
                *slot = Slot::Done(reply);
                waker
            }
            Slot::Abandoned => {
                self.close(id);
                None
            }
            Slot::Free { .. } | Slot::Done(_) => None,
        }
    }

    /// The caller looks for its reply. After `Ready` the slot is free.
    pub(crate) fn poll(&mut self, id: SlotId, context: &Context<'_>) -> Poll<Option<T>> {
        let slot = &mut self.slots[id as usize];
        if let Slot::Waiting(waker) = slot {
            match waker {
                Some(waker) => waker.clone_from(context.waker()),
                None => *waker = Some(context.waker().clone()),
            }
            return Poll::Pending;
        }
        Poll::Ready(match self.close(id) {
            Slot::Done(reply) => Some(reply),
            _ => None,
        })
    }

    /// The caller goes without its reply, which is returned to be dropped outside of the lock.
    pub(crate) fn abandon(&mut self, id: SlotId) -> Option<T> {
        let slot = &mut self.slots[id as usize];
        if let Slot::Waiting(_) = slot {
            *slot = Slot::Abandoned;
            return None;
        }
        match self.close(id) {
            Slot::Done(reply) => Some(reply),
            _ => None,
        }
    }

    /// How many calls wait for their reply, or haven't looked at it.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    fn close(&mut self, id: SlotId) -> Slot<T> {
        self.count -= 1;
        let next = self.first_free.replace(id);
        std::mem::replace(&mut self.slots[id as usize], Slot::Free { next })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(slots: &mut Slots<&'static str>, id: SlotId) -> Poll<Option<&'static str>> {
        slots.poll(id, &Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_reply_is_given_once_and_its_slot_is_used_again() {
        let mut slots = Slots::new();
        let (a, b) = (slots.open(None), slots.open(None));
        assert_eq!(look(&mut slots, a), Poll::Pending);
        assert!(slots.complete(a, "for a").is_some());
        assert!(slots.complete(b, "for b").is_none());
        assert_eq!(look(&mut slots, b), Poll::Ready(Some("for b")));
        assert_eq!(slots.open(None), b);
        assert_eq!(look(&mut slots, a), Poll::Ready(Some("for a")));
    }

    #[test]
    fn a_slot_that_was_abandoned_is_free_only_after_its_reply() {
        let mut slots = Slots::new();
        let a = slots.open(None);
        assert_eq!(slots.abandon(a), None);
        assert_ne!(slots.open(None), a);
        assert!(slots.complete(a, "for nobody").is_none());
        assert_eq!(slots.open(None), a);
        slots.complete(a, "too late");
        assert_eq!(slots.abandon(a), Some("too late"));
        assert_eq!(slots.open(None), a);
    }
}
