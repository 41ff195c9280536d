//! The reasons for which a task was woken.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Wake, Waker};

/// The socket may be read or written.
pub(crate) const SOCKET: u8 = 1;
/// Callers have queued something.
pub(crate) const QUEUE: u8 = 2;
/// The timer may have ticked.
pub(crate) const TIMER: u8 = 4;

/// Wakers for one task that note who woke it. The task looks only at sources that have changed: a needless look at a socket
/// or a timer would be felt in each call.
pub(crate) struct Signals {
    noted: Arc<Noted>,
    pub(crate) socket: Waker,
    pub(crate) queue: Waker,
    pub(crate) timer: Waker,
}

struct Noted {
    signals: AtomicU8,
    task: Waker,
}

struct Signal {
    number: u8,
    noted: Arc<Noted>,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.noted.signals.fetch_or(self.number, Ordering::Release);
        self.noted.task.wake_by_ref();
    }
}

impl Signals {
    /// Wakers for this task. At first every source counts as changed.
    pub(crate) fn new(task: &Waker) -> Self {
        let noted = Arc::new(Noted { signals: AtomicU8::new(SOCKET | QUEUE | TIMER), task: task.clone() });
        let waker = |number| Waker::from(Arc::new(Signal { number, noted: Arc::clone(&noted) }));
        Self { socket: waker(SOCKET), queue: waker(QUEUE), timer: waker(TIMER), noted }
    }

    /// The signals since the last call.
    pub(crate) fn take(&self) -> u8 {
        match self.noted.signals.load(Ordering::Relaxed) {
            0 => 0,
            _ => self.noted.signals.swap(0, Ordering::Acquire),
        }
    }
}
