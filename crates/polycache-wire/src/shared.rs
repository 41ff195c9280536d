//! What callers and driver share.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::driver::{self, Driver};
use crate::protocol::{Failure, Protocol, Request, Trouble};
use crate::settings::Settings;
use crate::slots::{SlotId, Slots};

/// The pauses between attempts to connect grow from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// A reply, or why there is none.
pub(crate) type Outcome<P> = Result<<P as Protocol>::Reply, Failure<<P as Protocol>::Error>>;

pub(crate) struct Shared<P: Protocol> {
    pub(crate) protocol: P,
    pub(crate) settings: Settings,
    pub(crate) state: Mutex<State<P>>,
    /// Bytes of calls that may be under way.
    pub(crate) room: Semaphore,
    /// How often in a row the connection was lost or couldn't be made.
    pub(crate) failures: AtomicU32,
}

/// What is behind the lock.
pub(crate) struct State<P: Protocol> {
    pub(crate) phase: Phase<P::Error>,
    /// Requests to be sent.
    pub(crate) outgoing: Vec<u8>,
    /// What they are, in their order.
    pub(crate) queued: VecDeque<Pending<P::Expect>>,
    pub(crate) slots: Slots<Outcome<P>>,
    /// Where the bytes of the newest request end, counted from the start of the connection.
    pub(crate) end: u64,
    /// The number of the newest request.
    number: u16,
    /// The driver, where it sleeps.
    pub(crate) driver: Option<Waker>,
    /// The number of the task that drives, or drove last.
    pub(crate) run: u64,
    /// The connection is to be made anew.
    pub(crate) renew: bool,
}

#[derive(Debug)]
pub(crate) enum Phase<E> {
    /// Nobody has asked yet, or the connection was lost.
    Idle,
    /// Being made; requests are kept meanwhile.
    Opening,
    Open,
    /// It couldn't be made, and isn't tried again before then; or by itself, and calls don't wait for it.
    Pausing {
        until: Option<Instant>,
        error: E,
    },
    /// Closed by the user; what is under way goes on.
    Closed,
}

/// A request that was queued or sent and isn't answered.
pub(crate) struct Pending<X> {
    /// Whose it is; `None` where it asks for a sign of life.
    pub(crate) slot: Option<SlotId>,
    pub(crate) expect: X,
    /// Where its bytes end.
    pub(crate) end: u64,
    pub(crate) weight: u32,
    pub(crate) is_read: bool,
}

impl<P: Protocol> State<P> {
    /// Queues a request. Its caller, if it waits already, is woken by the reply.
    pub(crate) fn push<R: Request<P>>(&mut self, request: &R, weight: u32, caller: Option<&Context<'_>>) -> SlotId {
        let slot = self.slots.open(caller);
        self.number = self.number.wrapping_add(1);
        let (number, is_read) = (self.number, request.is_read());
        self.queue(Some(slot), weight, is_read, |out| request.encode(number, out));
        slot
    }

    /// Queues what `encode` appends.
    pub(crate) fn queue(
        &mut self,
        slot: Option<SlotId>,
        weight: u32,
        is_read: bool,
        encode: impl FnOnce(&mut Vec<u8>) -> P::Expect,
    ) {
        let before = self.outgoing.len();
        let expect = encode(&mut self.outgoing);
        self.end += (self.outgoing.len() - before) as u64;
        self.queued.push_back(Pending { slot, expect, end: self.end, weight, is_read });
    }
}

impl<P: Protocol> Shared<P> {
    pub(crate) fn new(protocol: P, settings: Settings) -> Self {
        let state = State {
            phase: Phase::Idle,
            outgoing: Vec::new(),
            queued: VecDeque::new(),
            slots: Slots::new(),
            end: 0,
            number: 0,
            driver: None,
            run: 0,
            renew: false,
        };
        let room = Semaphore::new(settings.max_queue);
        Self { protocol, settings, state: Mutex::new(state), room, failures: AtomicU32::new(0) }
    }

    /// Has `push` queue requests if there is `room`, and wakes the driver. Starts to connect where there is no connection.
    #[inline]
    pub(crate) fn enqueue<'a, T>(
        self: &Arc<Self>,
        room: impl FnOnce() -> Option<SemaphorePermit<'a>>,
        push: impl FnOnce(&mut State<P>) -> T,
    ) -> Result<Option<T>, P::Error> {
        let mut state = self.state.lock();
        let started = match state.phase {
            Phase::Open | Phase::Opening => None,
            _ => Some(self.start(&mut state)?),
        };
        let pushed = room().map(|permit| {
            permit.forget();
            push(&mut state)
        });
        let driver = if pushed.is_some() { state.driver.take() } else { None };
        drop(state);
        if let Some((runtime, run)) = started {
            runtime.spawn(driver::run(Driver::new(Arc::clone(self), run)));
        }
        if let Some(driver) = driver {
            driver.wake();
        }
        Ok(pushed)
    }

    /// The runtime to start a driver on, and its number, if it's time for one.
    #[cold]
    fn start(&self, state: &mut State<P>) -> Result<(Handle, u64), P::Error> {
        match &state.phase {
            Phase::Closed => return Err(self.protocol.error(Trouble::Closed)),
            Phase::Pausing { until, error } if until.is_none_or(|until| Instant::now() < until) => {
                return Err(error.clone());
            }
            Phase::Pausing { .. } | Phase::Idle | Phase::Opening | Phase::Open => {}
        }
        let runtime = Handle::try_current().map_err(|_| self.protocol.error(Trouble::NoRuntime))?;
        state.phase = Phase::Opening;
        state.run += 1;
        Ok((runtime, state.run))
    }

    /// How long to wait before the next attempt: about twice as long each time, and not the same for all clients.
    pub(crate) fn pause(&self) -> Duration {
        let failures = self.failures.load(Ordering::Relaxed);
        let full = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(LAST_PAUSE);
        full.mul_f64(0.5 + 0.5 * fastrand::f64())
    }
}
