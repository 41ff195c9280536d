//! The calls in progress of one event loop.

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use parking_lot::Mutex;
use polycache_wire::{Host, hosted};
use pyo3::prelude::*;

use super::mailbox::{Alarm, Mailbox};
use super::work::Work;
use crate::fork;

/// The calls of one event loop, and its mailbox. The loop's reader owns them, so they end with the loop.
pub(super) struct Calls {
    pub(super) mailbox: Arc<Mailbox>,
    /// The loop's reactor, for the sockets of callers who are alone.
    host: Arc<dyn Host>,
    /// Only locked by threads that are attached, and never while Python code or a reply runs.
    table: Mutex<Table>,
    pub(super) generation: u64,
}

#[derive(Default)]
struct Table {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// When the loop looks for late calls.
    looks_at: Option<Instant>,
}

struct Slot {
    alarm: Arc<Alarm>,
    waker: Waker,
    call: Option<Call>,
}

/// A call in progress.
pub(super) struct Call {
    pub(super) work: Box<dyn Work>,
    /// `None` if nobody waits for it.
    pub(super) future: Option<Py<PyAny>>,
    pub(super) deadline: Option<Instant>,
}

/// Calls whose time is over.
pub(super) struct Late {
    pub(super) calls: Vec<Call>,
    /// When they were to be looked for.
    pub(super) due: Instant,
    /// When the loop has to look again.
    pub(super) next: Option<Instant>,
}

impl Calls {
    pub(super) fn new(mailbox: Arc<Mailbox>) -> Arc<Self> {
        let host = Arc::clone(mailbox.reactor()) as Arc<dyn Host>;
        Arc::new(Self { mailbox, host, table: Mutex::default(), generation: fork::generation() })
    }

    /// Polls on the loop's thread.
    pub(super) fn poll(&self, work: &mut dyn Work, py: Python<'_>, waker: &Waker) -> Poll<PyResult<Py<PyAny>>> {
        let poll = hosted(&self.host, || work.poll(py, &mut Context::from_waker(waker)));
        if let Some(left) = work.leaves() {
            self.go_on(left, py);
        }
        poll
    }

    /// Begins a call that nobody waits for.
    fn go_on(&self, mut work: Box<dyn Work>, py: Python<'_>) {
        let (number, waker) = self.reserve();
        match self.poll(&mut *work, py, &waker) {
            Poll::Pending => drop(self.put(number, Call { work, future: None, deadline: None })),
            Poll::Ready(_) => self.release(number),
        }
    }

    /// A number for a new call, and its waker.
    pub(super) fn reserve(&self) -> (u32, Waker) {
        let mut table = self.table.lock();
        if let Some(number) = table.free.pop() {
            return (number, table.slots[number as usize].waker.clone());
        }
        let number = table.slots.len() as u32;
        let alarm = Alarm::new(&self.mailbox, number);
        let waker = alarm.waker();
        table.slots.push(Slot { alarm, waker: waker.clone(), call: None });
        (number, waker)
    }

    pub(super) fn release(&self, number: u32) {
        self.table.lock().free.push(number);
    }

    /// Keeps a call that waits. Returns whether the loop has to look for late calls earlier than planned.
    pub(super) fn put(&self, number: u32, call: Call) -> bool {
        let mut table = self.table.lock();
        let earlier = match (call.deadline, table.looks_at) {
            (Some(deadline), Some(looks_at)) => deadline < looks_at,
            (deadline, None) => deadline.is_some(),
            (None, Some(_)) => false,
        };
        if earlier {
            table.looks_at = call.deadline;
        }
        table.slots[number as usize].call = Some(call);
        earlier
    }

    /// Takes a woken call out, to poll it. `None` if it has ended.
    pub(super) fn take(&self, number: u32) -> Option<(Call, Waker)> {
        let mut table = self.table.lock();
        let slot = table.slots.get_mut(number as usize)?;
        slot.alarm.taken();
        Some((slot.call.take()?, slot.waker.clone()))
    }

    /// Takes out the late calls, if it is time to look for them.
    pub(super) fn take_late(&self, now: Instant) -> Option<Late> {
        let mut table = self.table.lock();
        let Table { slots, free, looks_at } = &mut *table;
        let mut late = Late { due: looks_at.take_if(|at| *at <= now)?, calls: Vec::new(), next: None };
        for (number, slot) in slots.iter_mut().enumerate() {
            match slot.call.as_ref().and_then(|call| call.deadline) {
                Some(deadline) if deadline <= now => {
                    late.calls.extend(slot.call.take());
                    free.push(number as u32);
                }
                Some(deadline) => late.next = Some(late.next.map_or(deadline, |earliest| earliest.min(deadline))),
                None => {}
            }
        }
        *looks_at = late.next;
        Some(late)
    }

    /// Takes out the call with this future.
    pub(super) fn take_by_future(&self, future: &Bound<'_, PyAny>) -> Option<Call> {
        let mut table = self.table.lock();
        let Table { slots, free, .. } = &mut *table;
        let is_of = |slot: &Slot| {
            slot.call.as_ref().and_then(|call| call.future.as_ref()).is_some_and(|known| known.is(future))
        };
        let number = slots.iter().position(is_of)?;
        free.push(number as u32);
        slots[number].call.take()
    }
}

/// Calls of a loop that has ended are dropped; those that a child of a fork has inherited belong to the parent.
impl Drop for Calls {
    fn drop(&mut self) {
        let table = mem::take(self.table.get_mut());
        if self.generation != fork::generation() {
            mem::forget(table);
            self.mailbox.reactor().forget();
        } else {
            // Writes whose callers have gone.
            self.mailbox.reactor().send();
        }
    }
}
