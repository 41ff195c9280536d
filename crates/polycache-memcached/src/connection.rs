//! One connection that many tasks share: the callers' side.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::codec::{Expect, Reply, Request};
use crate::driver::Driver;
use crate::server::Server;
use crate::settings::Settings;
use crate::slots::{SlotId, Slots};
use crate::{Error, ErrorKind, Result};

/// What a call weighs in the queue beside its bytes: its slot, its reply's head.
const CALL_WEIGHT: usize = 256;

/// The pauses between attempts to connect grow from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LAST_PAUSE: Duration = Duration::from_secs(2);

/// A connection to one server, which is made when it's needed and made again when it is lost.
///
/// Callers write their requests into a buffer behind one lock, and wait in a slot. One task, the [`Driver`], sends what has
/// come together, and puts the replies into the slots.
pub(crate) struct Connection {
    shared: Arc<Shared>,
}

/// What callers and driver share.
pub(crate) struct Shared {
    pub(crate) server: Server,
    pub(crate) settings: Arc<Settings>,
    pub(crate) state: Mutex<State>,
    /// Bytes of calls that may be under way.
    pub(crate) room: Semaphore,
    /// How often in a row the connection was lost or couldn't be made.
    pub(crate) failures: AtomicU32,
}

/// What is behind the lock.
pub(crate) struct State {
    pub(crate) phase: Phase,
    /// Requests to be sent.
    pub(crate) outgoing: Vec<u8>,
    /// What they are, in their order.
    pub(crate) queued: VecDeque<Pending>,
    pub(crate) slots: Slots<Result<Reply>>,
    /// Where the bytes of the newest request end, counted from the start of the connection.
    pub(crate) end: u64,
    opaque: u16,
    /// The driver, where it sleeps.
    pub(crate) driver: Option<Waker>,
}

#[derive(Debug)]
pub(crate) enum Phase {
    /// Nobody has asked yet, or the connection was lost.
    Idle,
    /// Being made; requests are kept meanwhile.
    Opening,
    Open,
    /// It couldn't be made, and isn't tried again before then.
    Pausing {
        until: Instant,
        error: Error,
    },
    /// Closed by the user; what is under way goes on.
    Closed,
}

/// A request that was queued or sent and isn't answered.
#[derive(Debug)]
pub(crate) struct Pending {
    /// Whose it is; `None` for a sign of life.
    pub(crate) slot: Option<SlotId>,
    pub(crate) expect: Expect,
    /// Where its bytes end.
    pub(crate) end: u64,
    pub(crate) weight: u32,
    pub(crate) is_read: bool,
}

impl Connection {
    pub(crate) fn new(server: Server, settings: Arc<Settings>) -> Self {
        let state = State {
            phase: Phase::Idle,
            outgoing: Vec::new(),
            queued: VecDeque::new(),
            slots: Slots::new(),
            end: 0,
            opaque: 0,
            driver: None,
        };
        let room = Semaphore::new(settings.max_queue);
        let failures = AtomicU32::new(0);
        Self { shared: Arc::new(Shared { server, settings, state: Mutex::new(state), room, failures }) }
    }

    pub(crate) fn server(&self) -> &Server {
        &self.shared.server
    }

    /// How often in a row the connection was lost or couldn't be made; 0 once it is there.
    pub(crate) fn failures(&self) -> u32 {
        self.shared.failures.load(Ordering::Relaxed)
    }

    /// Asks the server, and waits for its reply. A request that was lost with its connection, and can do no harm, is sent
    /// once more.
    pub(crate) async fn call(&self, request: &Request<'_>) -> Result<Reply> {
        match self.send(request).await?.await {
            Err(error) if error.is_resendable() => self.call_again(request).await,
            reply => reply,
        }
    }

    /// Boxed, as it is rare and would take room in each call.
    #[cold]
    fn call_again<'a>(&'a self, request: &'a Request<'a>) -> Pin<Box<dyn Future<Output = Result<Reply>> + Send + 'a>> {
        Box::pin(async { self.send(request).await?.await })
    }

    /// Asks several things in one go. The replies come in the order of the requests.
    pub(crate) async fn call_many(&self, requests: &[Request<'_>]) -> Vec<Result<Reply>> {
        let mut calls = Vec::with_capacity(requests.len());
        let mut rest = requests;
        let portion = self.shared.settings.max_queue / 4;
        while !rest.is_empty() {
            let mut weight = 0;
            let fits = rest.iter().take_while(|request| {
                weight += self.weight(request) as usize;
                weight <= portion
            });
            let (now, later) = rest.split_at(fits.count().max(1));
            rest = later;
            self.send_all(now, &mut calls).await;
        }
        let mut replies = Vec::with_capacity(calls.len());
        for (request, call) in requests.iter().zip(calls) {
            let first = match call {
                Ok(call) => call.await,
                Err(error) => Err(error),
            };
            replies.push(match first {
                Err(error) if error.is_resendable() => self.call_again(request).await,
                reply => reply,
            });
        }
        replies
    }

    fn weight(&self, request: &Request<'_>) -> u32 {
        let weight = request.weight().saturating_add(CALL_WEIGHT).min(self.shared.settings.max_queue);
        u32::try_from(weight).unwrap_or(u32::MAX)
    }

    #[inline]
    async fn send(&self, request: &Request<'_>) -> Result<Call<'_>> {
        let weight = self.weight(request);
        let slot = self.enqueue(weight, |state| state.push(request, weight)).await?;
        Ok(Call { shared: &self.shared, slot: Some(slot) })
    }

    async fn send_all<'a>(&'a self, requests: &[Request<'_>], calls: &mut Vec<Result<Call<'a>>>) {
        let weight: u32 = requests.iter().map(|request| self.weight(request)).sum();
        let push = |state: &mut State| {
            requests.iter().map(|request| state.push(request, self.weight(request))).collect::<Vec<_>>()
        };
        match self.enqueue(weight, push).await {
            Ok(slots) => {
                calls.extend(slots.into_iter().map(|slot| Ok(Call { shared: &self.shared, slot: Some(slot) })));
            }
            Err(error) => calls.extend(requests.iter().map(|_| Err(error.clone()))),
        }
    }

    /// Has `push` queue requests of this weight, once there is room for them. What they weigh is given back with the replies.
    #[inline]
    async fn enqueue<R>(&self, weight: u32, push: impl Fn(&mut State) -> R) -> Result<R> {
        let shared = &self.shared;
        if let Some(pushed) = shared.enqueue(|| shared.room.try_acquire_many(weight).ok(), &push)? {
            return Ok(pushed);
        }
        let permit = Box::pin(shared.room.acquire_many(weight)).await.map_err(|_| closed())?;
        shared.enqueue(|| Some(permit), &push)?.ok_or_else(closed)
    }

    /// Begins to connect, unless that is under way or its pause isn't over.
    pub(crate) fn nudge(&self) {
        let _ = self.shared.enqueue(|| None, &|_: &mut State| {});
    }

    /// Refuses further calls. What is under way is still answered, then the connection ends.
    pub(crate) fn close(&self) {
        let driver = {
            let mut state = self.shared.state.lock();
            state.phase = Phase::Closed;
            state.driver.take()
        };
        if let Some(driver) = driver {
            driver.wake();
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = &self.shared.state.lock().phase;
        f.debug_struct("Connection").field("server", &self.shared.server).field("phase", phase).finish_non_exhaustive()
    }
}

impl State {
    fn push(&mut self, request: &Request<'_>, weight: u32) -> SlotId {
        self.opaque = self.opaque.wrapping_add(1);
        let before = self.outgoing.len();
        let expect = request.encode(self.opaque, &mut self.outgoing);
        self.end += (self.outgoing.len() - before) as u64;
        let slot = self.slots.open();
        self.queued.push_back(Pending { slot: Some(slot), expect, end: self.end, weight, is_read: request.is_read() });
        slot
    }
}

impl Shared {
    /// Has `push` queue requests if there is `room`, and wakes the driver. Starts to connect where there is no connection.
    fn enqueue<'a, R>(
        self: &Arc<Self>,
        room: impl FnOnce() -> Option<SemaphorePermit<'a>>,
        push: &impl Fn(&mut State) -> R,
    ) -> Result<Option<R>> {
        let mut state = self.state.lock();
        let runtime = match &state.phase {
            Phase::Open | Phase::Opening => None,
            phase => Some(phase.may_start()?),
        };
        if runtime.is_some() {
            state.phase = Phase::Opening;
            state.end = 0;
        }
        let pushed = room().map(|permit| {
            permit.forget();
            push(&mut state)
        });
        let driver = if pushed.is_some() { state.driver.take() } else { None };
        drop(state);
        if let Some(runtime) = runtime {
            runtime.spawn(Driver::run(Arc::clone(self)));
        }
        if let Some(driver) = driver {
            driver.wake();
        }
        Ok(pushed)
    }

    /// How long to wait before the next attempt: about twice as long each time, and not the same for all clients.
    pub(crate) fn pause(failures: u32) -> Duration {
        let full = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(LAST_PAUSE);
        full.mul_f64(0.5 + 0.5 * fastrand::f64())
    }
}

impl Phase {
    /// The runtime that a driver can be started on, if it's time for one.
    fn may_start(&self) -> Result<Handle> {
        match self {
            Self::Closed => return Err(closed()),
            Self::Pausing { until, error } if Instant::now() < *until => return Err(error.clone()),
            Self::Pausing { .. } | Self::Idle | Self::Opening | Self::Open => {}
        }
        let message = "there is no tokio runtime here; make the call in a task of one";
        Handle::try_current().map_err(|_| Error::new(ErrorKind::NoRuntime, message))
    }
}

#[cold]
fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the client was closed; open another")
}

/// A call that was queued. Dropped before its reply came, the reply goes to nobody.
struct Call<'a> {
    shared: &'a Shared,
    slot: Option<SlotId>,
}

impl Future for Call<'_> {
    type Output = Result<Reply>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(slot) = self.slot else { return Poll::Pending };
        let poll = self.shared.state.lock().slots.poll(slot, context);
        let Poll::Ready(reply) = poll else { return Poll::Pending };
        self.slot = None;
        Poll::Ready(reply.unwrap_or_else(|| Err(Error::new(ErrorKind::Protocol, "a reply went astray"))))
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            // What it holds is dropped after the lock.
            let _reply = { self.shared.state.lock().slots.abandon(slot) };
        }
    }
}
