//! The state that callers and driver share.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::task::Waker;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use spin::mutex::SpinMutex;
use spin::relax::Yield;
use tokio::runtime::{self, Handle};

use crate::driver::{self, Driver};
use crate::ending::Reason;
use crate::host::{Host, Queue, with_host};
use crate::io::Io;
use crate::line::Line;
use crate::options::ConnectionOptions;
use crate::protocol::{Failure, Protocol, Request, Trouble};
use crate::slots::{NO_SLOT, SlotId, Slots};
use crate::watch::Watch;

/// The pauses between attempts to connect grow from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// How many connections have a number.
static CONNECTIONS: AtomicU64 = AtomicU64::new(0);

/// A reply, or why there is none.
pub(crate) type Outcome<P> = Result<<P as Protocol>::Reply, Failure<<P as Protocol>::Error>>;

pub(crate) struct Shared<P: Protocol> {
    pub(crate) protocol: P,
    pub(crate) options: ConnectionOptions,
    pub(crate) state: Mutex<State<P>>,
    /// The connection, while it stands. Whoever holds the state must not wait for it. The lock is one that is released by a plain store,
    /// since a caller who is alone takes it twice. Only the driver ever waits for it, and no longer than such a caller takes to send or to
    /// read.
    pub(crate) io: SpinMutex<Option<Io<P>>, Yield>,
    /// Whether a caller may go ahead alone: nothing is queued, nobody waits, and the connection isn't about to end. Changed under the
    /// state's lock.
    pub(crate) is_quiet: AtomicBool,
    /// [`ALONE`](crate::slots::ALONE) while a caller is alone, [`GONE`](crate::slots::GONE) when it has left, or the slot that its reply
    /// will be in; [`NO_SLOT`] otherwise. Only the holder of `io` makes it `ALONE`, or turns that into a slot.
    pub(crate) alone: AtomicU32,
    /// How often in a row the connection was lost or couldn't be made.
    pub(crate) failures: AtomicU32,
    /// How often the driver has run.
    pub(crate) turns: AtomicU64,
    /// The same when somebody last looked whether it stands still.
    pub(crate) turns_seen: AtomicU64,
    /// The slot of a call that waited in vain, for the driver to look into; [`NO_SLOT`] otherwise.
    pub(crate) doubted: AtomicU32,
}

/// The state behind the lock.
pub(crate) struct State<P: Protocol> {
    pub(crate) phase: Phase<P::Error>,
    /// The bytes of queued requests.
    pub(crate) outgoing: Vec<u8>,
    /// The queued requests, in the order of their bytes.
    pub(crate) queued: VecDeque<Pending<P::Expect>>,
    pub(crate) slots: Slots<Outcome<P>>,
    /// The slots of further replies to a caller who was alone, until the caller takes them.
    pub(crate) moved: VecDeque<SlotId>,
    /// How many more bytes of calls may be under way.
    pub(crate) room: usize,
    /// The callers who wait for room. Nobody goes before them.
    pub(crate) line: Line,
    /// Where the bytes of the newest request end, counted from the start of the connection.
    pub(crate) end: u64,
    /// The number of the newest request.
    number: u16,
    /// The number of the connection that the queued requests go to: the present one, or else the next. Changed when the queue is emptied.
    pub(crate) connection: u64,
    /// The driver's waker, while the driver sleeps.
    pub(crate) driver: Option<Waker>,
    /// Whether another loop than tokio's is about to wake the driver.
    is_held: bool,
    /// The number of the present driver, or of the last one; and the driver's runtime.
    pub(crate) run: u64,
    pub(crate) runtime: Option<runtime::Id>,
    /// Whether somebody watches if the driver still runs.
    pub(crate) is_watched: bool,
    /// Whether the connection is to be made anew.
    pub(crate) renew: bool,
}

#[derive(Debug)]
pub(crate) enum Phase<E> {
    /// No call has come yet, or the connection was lost.
    Idle,
    /// The connection is being made; requests are kept meanwhile.
    Opening,
    Open,
    /// A call has waited in vain. The connection stands, or is being made. Calls fail until the server says something.
    Silent {
        error: E,
    },
    /// An attempt to connect failed. The next one may be made at this time; `None` if the driver makes it by itself. Calls fail until then.
    Pausing {
        until: Option<Instant>,
        error: E,
    },
    /// The user has closed the connection; calls under way go on.
    Closed,
}

/// A request that was queued or sent and isn't answered.
pub(crate) struct Pending<X> {
    /// The slot of its caller; `None` if it asks for a sign of life.
    pub(crate) slot: Option<SlotId>,
    pub(crate) expect: X,
    /// Where the request's bytes end.
    pub(crate) end: u64,
    pub(crate) weight: u32,
    pub(crate) is_read: bool,
}

impl<P: Protocol> State<P> {
    /// Whether there is room for this weight, and nobody else waits for room.
    pub(crate) fn has_room(&self, weight: u32) -> bool {
        weight as usize <= self.room && self.line.is_empty()
    }

    /// Queues a request. If its caller waits already, the reply wakes it.
    pub(crate) fn push<R: Request<P>>(&mut self, request: &R, weight: u32, caller: Option<Waker>) -> SlotId {
        let slot = self.slots.open(caller);
        self.number = self.number.wrapping_add(1);
        let (number, is_read) = (self.number, request.is_read());
        let connection = self.connection;
        self.queue(Some(slot), weight, is_read, |out| request.encode_for(connection, number, out));
        slot
    }

    /// Queues the bytes that `encode` appends.
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
    pub(crate) fn new(protocol: P, options: ConnectionOptions) -> Self {
        let state = State {
            phase: Phase::Idle,
            outgoing: Vec::new(),
            queued: VecDeque::new(),
            slots: Slots::new(),
            moved: VecDeque::new(),
            room: options.max_queue,
            line: Line::default(),
            end: 0,
            number: 0,
            connection: next_connection(),
            driver: None,
            is_held: false,
            run: 0,
            runtime: None,
            is_watched: false,
            renew: false,
        };
        Self {
            protocol,
            options,
            state: Mutex::new(state),
            io: SpinMutex::new(None),
            is_quiet: AtomicBool::new(false),
            alone: AtomicU32::new(NO_SLOT),
            failures: AtomicU32::new(0),
            turns: AtomicU64::new(0),
            turns_seen: AtomicU64::new(0),
            doubted: AtomicU32::new(NO_SLOT),
        }
    }

    /// Has `push` queue requests of this weight, and the driver send them. Starts to connect if there is no connection. `None` if there is
    /// no room, or it isn't the caller's turn.
    #[inline]
    pub(crate) fn enqueue<T>(
        self: &Arc<Self>,
        weight: u32,
        is_turn: impl FnOnce(&mut State<P>) -> bool,
        push: impl FnOnce(&mut State<P>) -> T,
    ) -> Result<Option<T>, P::Error> {
        let mut state = self.state.lock();
        let started = match state.phase {
            Phase::Open | Phase::Opening => None,
            _ => match self.start(&mut state) {
                Ok(started) => Some(started),
                Err(error) => {
                    drop(state);
                    // Perhaps the driver doesn't run, so that nothing can end the silence.
                    self.suspect();
                    return Err(error);
                }
            },
        };
        let watch = self.watch_driver(&mut state);
        let fits = is_turn(&mut state);
        let pushed = fits.then(|| {
            self.is_quiet.store(false, Ordering::Release);
            state.room -= weight as usize;
            push(&mut state)
        });
        if fits && watch.is_none() {
            self.ask_driver(state);
        } else if watch.is_some() {
            self.wake_driver(state);
        } else {
            drop(state);
        }
        watch.into_iter().for_each(Watch::start);
        if let Some((runtime, run)) = started {
            runtime.spawn(driver::run(Driver::new(Arc::clone(self), run)));
        }
        Ok(pushed)
    }

    /// Counts a run of the driver.
    pub(crate) fn count_turn(&self) {
        self.turns.store(self.turns.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    /// Wakes the driver, or has the loop that the caller waits in do so.
    #[inline]
    fn ask_driver(self: &Arc<Self>, state: MutexGuard<'_, State<P>>) {
        // A driver that is awake looks by itself.
        if state.driver.is_none() {
            return;
        }
        with_host(|host| match host {
            Some(host) if matches!(state.phase, Phase::Open) => self.hold(state, host),
            _ => self.wake_driver(state),
        });
    }

    #[inline(never)]
    fn hold(self: &Arc<Self>, mut state: MutexGuard<'_, State<P>>, host: &Arc<dyn Host>) {
        let is_first = !std::mem::replace(&mut state.is_held, true);
        drop(state);
        if is_first {
            host.send_soon(Arc::clone(self) as Arc<dyn Queue>);
        }
    }

    pub(crate) fn wake_driver(&self, mut state: MutexGuard<'_, State<P>>) {
        let driver = state.driver.take();
        drop(state);
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    /// Begins to connect, unless the connection stands or is being made, or a pause after a failure isn't over.
    pub(crate) fn nudge(self: &Arc<Self>) {
        let _ = self.enqueue(0, |_| true, |_| {});
    }

    /// Gives room back, and collects the wakers of callers that have room now.
    pub(crate) fn give_room(&self, state: &mut State<P>, room: usize, wakers: &mut Vec<Waker>) {
        state.room += room;
        state.line.called(state.room, wakers);
    }

    /// The runtime for a new driver, and the driver's number, if it is time for one.
    #[cold]
    fn start(&self, state: &mut State<P>) -> Result<(Handle, u64), P::Error> {
        match &state.phase {
            Phase::Closed => return Err(self.protocol.error(Trouble::Closed)),
            Phase::Silent { error } => return Err(error.clone()),
            Phase::Pausing { until, error } if until.is_none_or(|until| Instant::now() < until) => {
                return Err(error.clone());
            }
            Phase::Pausing { .. } | Phase::Idle | Phase::Opening | Phase::Open => {}
        }
        let runtime = Handle::try_current().map_err(|_| self.protocol.error(Trouble::NoRuntime))?;
        self.is_quiet.store(false, Ordering::Release);
        state.phase = Phase::Opening;
        state.run += 1;
        state.runtime = Some(runtime.id());
        Ok((runtime, state.run))
    }

    /// How long to wait before the next attempt: about twice as long each time, and different for each client.
    pub(crate) fn pause(&self) -> Duration {
        let failures = self.failures.load(Ordering::Relaxed);
        let full = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(LAST_PAUSE);
        full.mul_f64(0.5 + 0.5 * fastrand::f64())
    }

    #[cold]
    pub(crate) fn lost(&self, why: &str) -> Reason<P::Error> {
        Reason { error: self.protocol.error(Trouble::Lost(why)), garbled: false }
    }

    #[cold]
    pub(crate) fn garbled(&self, what: &str) -> Reason<P::Error> {
        Reason { error: self.protocol.error(Trouble::Garbled(what)), garbled: true }
    }
}

/// A number that no connection has.
pub(crate) fn next_connection() -> u64 {
    CONNECTIONS.fetch_add(1, Ordering::Relaxed) + 1
}

impl<P: Protocol> Queue for Shared<P> {
    fn send(&self) {
        let mut state = self.state.lock();
        state.is_held = false;
        self.wake_driver(state);
    }
}
