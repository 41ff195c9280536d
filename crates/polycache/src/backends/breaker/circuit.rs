//! Whether calls go through.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::limit::is_overdue;
use crate::{Error, ErrorKind, Result};

/// A rate is that of so many calls: the bits of a word.
const RECENT: f64 = u64::BITS as f64;

/// The state that a breaker's handles share.
pub(super) struct Circuit {
    /// The backend's name.
    name: Cow<'static, str>,
    failures: u32,
    failure_rate: Option<f64>,
    pause: Duration,
    state: Mutex<State>,
}

enum State {
    Closed {
        /// Failures in a row.
        failures: u32,
        /// A bit for each of the last calls, set if the call failed.
        recent: u64,
    },
    Open(Pause),
    /// A probe is under way.
    Probing {
        probe: u64,
        pause: Pause,
    },
}

#[derive(Clone)]
struct Pause {
    until: Instant,
    /// How many probes there have been.
    probes: u64,
    /// The last failure.
    last: Error,
}

/// A permit to call the backend. If it is dropped before its `end`, the call's outcome isn't known.
pub(super) struct Pass {
    circuit: Arc<Circuit>,
    /// The probe's number, if it is one.
    probe: Option<u64>,
    is_over: bool,
}

impl Circuit {
    pub(super) fn new(name: Cow<'static, str>, failures: u32, failure_rate: Option<f64>, pause: Duration) -> Self {
        Self { name, failures, failure_rate, pause, state: Mutex::new(State::CLOSED) }
    }

    pub(super) fn is_open(&self) -> bool {
        !matches!(*self.state.lock(), State::Closed { .. })
    }

    fn next_pause(&self, probes: u64, last: Error) -> Pause {
        let now = Instant::now();
        // A pause past the clock's end lasts a day.
        let until = now.checked_add(self.pause).unwrap_or_else(|| now + Duration::from_secs(86_400));
        Pause { until, probes, last }
    }

    /// Takes in how a call has ended.
    fn learn(&self, probe: Option<u64>, failure: Option<&Error>) {
        let mut state = self.state.lock();
        let opened = match (&mut *state, probe, failure) {
            (State::Closed { failures, recent }, _, None) => {
                (*failures, *recent) = (0, *recent << 1);
                return;
            }
            (State::Closed { failures, recent }, _, Some(_)) => {
                (*failures, *recent) = (failures.saturating_add(1), *recent << 1 | 1);
                let rate = f64::from(recent.count_ones()) / RECENT;
                if *failures < self.failures && self.failure_rate.is_none_or(|most| rate < most) {
                    return;
                }
                0
            }
            (State::Probing { probe: present, .. }, Some(probe), None) if *present == probe => {
                *state = State::CLOSED;
                drop(state);
                tracing::info!(backend = &*self.name, "the circuit breaker is closed again");
                return;
            }
            (State::Probing { probe: present, .. }, Some(probe), Some(_)) if *present == probe => probe,
            // A call from before the breaker opened, or a probe that another one has followed.
            _ => return,
        };
        let Some(failure) = failure else { return };
        *state = State::Open(self.next_pause(opened, failure.clone()));
        drop(state);
        if opened == 0 {
            tracing::warn!(backend = &*self.name, error = %failure, "the circuit breaker is open");
        }
    }

    /// A probe was cancelled: the next call is a probe.
    fn probe_again(&self, number: u64) {
        let mut state = self.state.lock();
        if let State::Probing { probe, pause } = &*state
            && *probe == number
        {
            let pause = Pause { until: Instant::now(), ..pause.clone() };
            *state = State::Open(pause);
        }
    }
}

impl State {
    const CLOSED: Self = Self::Closed { failures: 0, recent: 0 };
}

impl Pass {
    /// The permit for one call, or the error with which the call fails at once.
    pub(super) fn ask(circuit: &Arc<Circuit>) -> Result<Self> {
        let pass = |probe| Ok(Self { circuit: Arc::clone(circuit), probe, is_over: false });
        let mut state = circuit.state.lock();
        let pause = match &*state {
            State::Closed { .. } => return pass(None),
            State::Open(pause) | State::Probing { pause, .. } => pause,
        };
        let left = pause.until.saturating_duration_since(Instant::now());
        if !left.is_zero() {
            let text = format!(
                "the circuit breaker of {} is open, and calls fail at once; the next probe is in {left:?}: {}",
                circuit.name, pause.last
            );
            drop(state);
            return Err(Error::new(ErrorKind::Unavailable, text));
        }
        let probe = pause.probes + 1;
        // Another probe follows if this one hasn't ended after a pause.
        let pause = circuit.next_pause(probe, pause.last.clone());
        *state = State::Probing { probe, pause };
        pass(Some(probe))
    }

    /// The call has ended, with `error` if it failed.
    pub(super) fn end(mut self, error: Option<&Error>) {
        let has_answered = error.is_none_or(|error| {
            matches!(error.kind(), ErrorKind::Backend | ErrorKind::NotANumber | ErrorKind::Overflow)
        });
        match error {
            Some(error) if error.kind().is_out_of_reach() => self.circuit.learn(self.probe, Some(error)),
            _ if has_answered => self.circuit.learn(self.probe, None),
            // The call was refused before it was sent, which tells nothing about the backend.
            _ => return,
        }
        self.is_over = true;
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        if is_overdue() {
            let error = Error::new(ErrorKind::Timeout, "a call took longer than the cache's timeout");
            self.circuit.learn(self.probe, Some(&error));
        } else if let Some(probe) = self.probe {
            self.circuit.probe_again(probe);
        }
    }
}
