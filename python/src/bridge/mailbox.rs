//! The woken calls of a loop: other threads touch nothing else.

use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

use parking_lot::Mutex;

use super::bell::Bell;

/// The numbers of the calls that have been woken, and the bell.
#[derive(Debug)]
pub(super) struct Mailbox {
    woken: Mutex<Vec<u32>>,
    bell: Bell,
}

impl Mailbox {
    pub(super) fn new() -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self { woken: Mutex::default(), bell: Bell::new()? }))
    }

    pub(super) fn fd(&self) -> RawFd {
        self.bell.fd()
    }

    fn put(&self, number: u32) {
        let was_empty = {
            let mut woken = self.woken.lock();
            woken.push(number);
            woken.len() == 1
        };
        if was_empty {
            self.bell.ring();
        }
    }

    /// Takes the numbers that have come, in exchange for an empty list.
    pub(super) fn take(&self, empty: &mut Vec<u32>) {
        // Before the list is taken, so that later numbers ring again.
        self.bell.hush();
        std::mem::swap(&mut *self.woken.lock(), empty);
    }
}

/// Wakes the call with this number. That may be a later call than was meant: it is polled once in vain then.
#[derive(Debug)]
pub(super) struct Alarm {
    mailbox: Arc<Mailbox>,
    number: u32,
    /// Whether the number is in the mailbox.
    is_put: AtomicBool,
}

impl Alarm {
    pub(super) fn new(mailbox: &Arc<Mailbox>, number: u32) -> Arc<Self> {
        Arc::new(Self { mailbox: Arc::clone(mailbox), number, is_put: AtomicBool::new(false) })
    }

    /// The number was taken out of the mailbox.
    pub(super) fn taken(&self) {
        self.is_put.store(false, Ordering::SeqCst);
    }

    pub(super) fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::clone(self))
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_put.swap(true, Ordering::SeqCst) {
            self.mailbox.put(self.number);
        }
    }
}
