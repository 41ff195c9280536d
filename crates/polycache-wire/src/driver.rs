//! The task that makes the connection, and keeps it going.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::ending::{Ending, Reason};
use crate::io::{Io, TICKS};
use crate::options::Reconnect;
use crate::protocol::Protocol;
use crate::shared::{Phase, Shared};
use crate::signals::Signals;

/// Connects, then sends the queued requests and hands out the replies, until the connection is lost or closed. Then, or when the driver is
/// dropped with its runtime, all waiting callers are told.
pub(crate) struct Driver<P: Protocol> {
    shared: Arc<Shared<P>>,
    /// The number of the driver's run.
    run: u64,
    was_open: bool,
    /// Why the connection ended.
    end: Option<Reason<P::Error>>,
}

/// Drives a connection; where a lost one is always made again, the next one too.
pub(crate) async fn run<P: Protocol>(driver: Driver<P>) {
    let (shared, run) = (Arc::clone(&driver.shared), driver.run);
    let always = shared.options.reconnect == Reconnect::Always;
    let _resign = always.then(|| Resign { shared: Arc::clone(&shared), run });
    // Dropped before `_resign`: everybody is told about this connection before somebody may make another one.
    let mut driver = driver;
    loop {
        driver.live().await;
        let was_open = driver.was_open;
        drop(driver);
        let goes_on = || {
            let state = shared.state.lock();
            state.run == run && !matches!(state.phase, Phase::Closed)
        };
        if !always || !goes_on() {
            return;
        }
        if !was_open {
            sleep(shared.pause()).await;
            if !goes_on() {
                return;
            }
        }
        driver = Driver::new(Arc::clone(&shared), run);
    }
}

/// Says, when dropped, that nobody makes the connection any more.
struct Resign<P: Protocol> {
    shared: Arc<Shared<P>>,
    run: u64,
}

impl<P: Protocol> Drop for Resign<P> {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        if state.run == self.run && !matches!(state.phase, Phase::Closed) {
            state.phase = Phase::Idle;
        }
    }
}

impl<P: Protocol> Driver<P> {
    pub(crate) fn new(shared: Arc<Shared<P>>, run: u64) -> Self {
        Self { shared, run, was_open: false, end: None }
    }

    /// Makes a connection and drives it to its end.
    async fn live(&mut self) {
        let end = match self.open_in_turns().await {
            Ok(()) => {
                self.shared.protocol.opened();
                drive(&self.shared, self.run).await
            }
            Err(error) => Reason { error, garbled: false },
        };
        self.end = Some(end);
    }

    /// Connects. Meanwhile a caller who wants to see whether the driver runs can wake it.
    async fn open_in_turns(&mut self) -> Result<(), P::Error> {
        let (shared, run) = (Arc::clone(&self.shared), self.run);
        let mut open = pin!(self.open());
        poll_fn(|context| {
            shared.count_turn();
            let waker = Some(context.waker().clone());
            let mut state = shared.state.lock();
            if state.run == run {
                state.driver = waker;
            }
            drop(state);
            open.as_mut().poll(context)
        })
        .await
    }

    async fn open(&mut self) -> Result<(), P::Error> {
        let shared = &self.shared;
        let stream = shared.protocol.open().await?;
        let signals = poll_fn(|context| Poll::Ready(Signals::new(context.waker()))).await;
        let mut io = shared.io.lock();
        let mut state = shared.state.lock();
        if state.run != self.run {
            return Err(shared.lost("another runtime has taken over").error);
        }
        *io = Some(Io::new(&state, &shared.protocol, stream, signals));
        drop(io);
        self.was_open = true;
        if !matches!(state.phase, Phase::Closed) {
            state.phase = Phase::Open;
        }
        state.renew = false;
        shared.failures.store(0, Ordering::Relaxed);
        Ok(())
    }
}

/// Keeps a connection going. Returns why it ended.
async fn drive<P: Protocol>(shared: &Shared<P>, run: u64) -> Reason<P::Error> {
    let mut ticks = shared.options.heartbeat.map(|heartbeat| {
        // The runtime's timers count milliseconds, and an interval of zero panics.
        let mut ticks = interval((heartbeat / TICKS).max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    });
    let end: Result<Infallible, _> = poll_fn(|_| {
        shared.count_turn();
        match &mut *shared.io.lock() {
            Some(io) if io.run == run => io.poll(shared, ticks.as_mut()),
            _ => Poll::Ready(Err(shared.lost("another runtime has taken over"))),
        }
    })
    .await;
    match end {
        Ok(never) => match never {},
        Err(reason) => reason,
    }
}

impl<P: Protocol> Drop for Driver<P> {
    fn drop(&mut self) {
        let io = self.shared.io.lock().take_if(|io| io.run == self.run);
        let (written, in_flight) = io.map(|io| io.end(&self.shared)).unwrap_or_default();
        let (reason, was_open) = (self.end.take(), self.was_open);
        self.shared.settle(Ending { run: self.run, reason, was_open, written, in_flight });
    }
}
