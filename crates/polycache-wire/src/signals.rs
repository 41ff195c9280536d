//! Why a task was woken.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Wake, Waker};

use crate::protocol::Protocol;
use crate::shared::Shared;

/// The socket may be read or written.
pub(crate) const SOCKET: u8 = 1;
/// Callers have queued something.
pub(crate) const QUEUE: u8 = 2;
/// The timer may have ticked.
pub(crate) const TIMER: u8 = 4;

/// Wakers for one task that leave a note of who woke it, so that it need not look at what hasn't changed: a look at a
/// socket or a timer in vain would be felt in each call.
pub(crate) struct Signals<P: Protocol> {
    noted: Arc<Noted<P>>,
    pub(crate) socket: Waker,
    pub(crate) queue: Waker,
    pub(crate) timer: Waker,
}

struct Noted<P: Protocol> {
    signals: AtomicU8,
    task: Waker,
    /// Where a caller may be whom the socket wakes, in place of the task.
    shared: Arc<Shared<P>>,
}

struct Signal<P: Protocol> {
    number: u8,
    noted: Arc<Noted<P>>,
}

impl<P: Protocol> Wake for Signal<P> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let Noted { signals, task, shared } = &*self.noted;
        if self.number == SOCKET
            && let Some(reader) = shared.call_reader()
        {
            return reader.wake();
        }
        signals.fetch_or(self.number, Ordering::Release);
        task.wake_by_ref();
    }
}

impl<P: Protocol> Signals<P> {
    /// Wakers for this task. At first all is noted.
    pub(crate) fn new(task: &Waker, shared: &Arc<Shared<P>>) -> Self {
        let signals = AtomicU8::new(SOCKET | QUEUE | TIMER);
        let noted = Arc::new(Noted { signals, task: task.clone(), shared: Arc::clone(shared) });
        let waker = |number| Waker::from(Arc::new(Signal { number, noted: Arc::clone(&noted) }));
        Self { socket: waker(SOCKET), queue: waker(QUEUE), timer: waker(TIMER), noted }
    }

    /// What has been noted since this was last asked.
    pub(crate) fn take(&self) -> u8 {
        match self.noted.signals.load(Ordering::Relaxed) {
            0 => 0,
            _ => self.noted.signals.swap(0, Ordering::Acquire),
        }
    }
}
