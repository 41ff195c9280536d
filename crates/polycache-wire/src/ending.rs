//! The end of a connection, and of its calls.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::time::Instant;

use crate::options::Reconnect;
use crate::protocol::{Failure, Fate, Protocol, Trouble};
use crate::shared::{Pending, Phase, Shared, next_connection};

/// The end of a connection, or of an attempt to make one.
pub(crate) struct Ending<P: Protocol> {
    /// The run of the connection.
    pub(crate) run: u64,
    /// The reason; `None` if the driver was dropped, or panicked.
    pub(crate) reason: Option<Reason<P::Error>>,
    /// Whether the connection was made.
    pub(crate) was_open: bool,
    /// How many bytes of requests the system had taken since the start.
    pub(crate) written: u64,
    /// Requests that were taken from the queue and aren't answered yet.
    pub(crate) in_flight: VecDeque<Pending<P::Expect>>,
}

/// Why a connection ended.
#[derive(Clone)]
pub(crate) struct Reason<E> {
    pub(crate) error: E,
    /// Whether the server sent something that is no reply.
    pub(crate) garbled: bool,
}

impl<P: Protocol> Shared<P> {
    /// Tells all waiting callers, and decides what comes next. If another run has taken over, only the callers of this run are told.
    pub(crate) fn settle(&self, ending: Ending<P>) {
        let Ending { run, reason, was_open, written, in_flight } = ending;
        let goes_on = reason.is_some();
        let panicked = std::thread::panicking();
        let Reason { error, garbled } = reason.unwrap_or_else(|| {
            // Only the panic tells a runtime without I/O or timers.
            let trouble = if panicked {
                Trouble::LackingRuntime
            } else {
                Trouble::Lost("its tokio runtime has ended, or stands still")
            };
            Reason { error: self.protocol.error(trouble), garbled: false }
        });
        let failure = |pending: &Pending<P::Expect>, is_first: bool| {
            let sent = pending.end <= written;
            let (fate, again) = match was_open {
                // If the driver's runtime has ended, the caller may connect on its own.
                false => (Fate::NotSent, !goes_on && !panicked),
                true if sent && garbled && is_first => (Fate::Garbled, false),
                true if sent => (Fate::Unknown, pending.is_read),
                true => (Fate::NotSent, true),
            };
            Failure { error: error.clone(), fate, again }
        };

        let was_lost = was_open && !matches!(self.state.lock().phase, Phase::Closed);
        if was_lost {
            self.protocol.losing();
        }
        let mut wakers = Vec::new();
        let mut room = 0;
        {
            let mut state = self.state.lock();
            self.is_quiet.store(false, Ordering::Release);
            let is_present = state.run == run;
            let failures = self.failures.load(Ordering::Relaxed) + 1;
            if is_present && !matches!(state.phase, Phase::Closed) {
                self.failures.store(failures, Ordering::Relaxed);
                let always = self.options.reconnect == Reconnect::Always;
                let was_silent = matches!(state.phase, Phase::Silent { .. });
                state.phase = match (goes_on, was_open) {
                    (true, false) => {
                        let until = (!always).then(|| Instant::now() + self.pause());
                        Phase::Pausing { until, error: error.clone() }
                    }
                    // The server has said nothing for long, so the next connection may be silent, too.
                    (true, true) if always && was_silent => Phase::Pausing { until: None, error: error.clone() },
                    // After a working connection an attempt may be made at once, and calls wait for it.
                    (true, true) if always => Phase::Opening,
                    _ => Phase::Idle,
                };
            }
            let mut queued = VecDeque::new();
            if is_present {
                state.outgoing = Vec::new();
                state.end = 0;
                state.connection = next_connection();
                state.driver = None;
                queued = std::mem::take(&mut state.queued);
            }
            for (number, pending) in in_flight.into_iter().chain(queued).enumerate() {
                room += pending.weight as usize;
                let Some(slot) = pending.slot else { continue };
                wakers.extend(state.slots.complete(slot, Err(failure(&pending, number == 0))));
            }
            self.give_room(&mut state, room, &mut wakers);
        }
        wakers.into_iter().for_each(Waker::wake);
        if was_lost {
            self.protocol.lost();
        }
    }
}
