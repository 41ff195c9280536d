//! The woken calls of a loop: other threads touch nothing else.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

use parking_lot::Mutex;

use super::reactor::Reactor;

/// The numbers of the calls that have been woken, and the reactor, which has the loop look for them.
#[derive(Debug)]
pub(super) struct Mailbox {
    woken: Mutex<Woken>,
    /// It is time to look for late calls.
    is_time: AtomicBool,
    reactor: Arc<Reactor>,
}

#[derive(Debug, Default)]
struct Woken {
    numbers: Vec<u32>,
    /// The loop is about to take them.
    is_taken: bool,
}

impl Mailbox {
    pub(super) fn new() -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            woken: Mutex::default(),
            is_time: AtomicBool::new(false),
            reactor: Arc::new(Reactor::new()?),
        }))
    }

    pub(super) fn reactor(&self) -> &Arc<Reactor> {
        &self.reactor
    }

    fn put(&self, number: u32) {
        let rings = {
            let mut woken = self.woken.lock();
            woken.numbers.push(number);
            woken.numbers.len() == 1 && !woken.is_taken
        };
        if rings {
            self.reactor.ring();
        }
    }

    /// Has the loop look for late calls.
    pub(super) fn put_time(&self) {
        self.is_time.store(true, Ordering::SeqCst);
        self.reactor.ring();
    }

    /// Whether it is to look for late calls.
    pub(super) fn take_time(&self) -> bool {
        self.is_time.load(Ordering::Relaxed) && self.is_time.swap(false, Ordering::SeqCst)
    }

    /// Takes the numbers that have come, in exchange for an empty list.
    pub(super) fn take(&self, empty: &mut Vec<u32>) {
        self.woken.lock().is_taken = true;
        // Before the list is taken, so that later numbers ring again.
        self.reactor.listen();
        let mut woken = self.woken.lock();
        woken.is_taken = false;
        std::mem::swap(&mut woken.numbers, empty);
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
