//! The task that does the I/O.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
use tokio::io::AsyncReadExt;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

use crate::ending::{Ending, Reason};
use crate::protocol::{Decoder, Protocol, Stream, Trouble};
use crate::settings::Reconnect;
use crate::shared::{Pending, Phase, Shared};
use crate::signals::{QUEUE, SOCKET, Signals, TIMER};

/// How much is read at once.
const READ: usize = 64 * 1024;

/// Buffers that have grown beyond this are given back.
const KEPT: usize = 256 * 1024;

/// Ticks in a heartbeat.
const TICKS: u32 = 2;

/// Connects, then sends what callers have queued and hands out the replies, until the connection is lost or closed. Then,
/// or when it is dropped with its runtime, it tells everybody who waits.
pub(crate) struct Driver<P: Protocol> {
    shared: Arc<Shared<P>>,
    /// The number of its run.
    run: u64,
    /// Requests that were taken from the queue and aren't answered.
    in_flight: VecDeque<Pending<P::Expect>>,
    /// Bytes of requests that are being sent, from here on.
    outgoing: Vec<u8>,
    sent: usize,
    /// How many bytes of requests the system has taken since the start.
    written: u64,
    /// With a bound for writes, where the present one ends, counted in the same way.
    write_end: u64,
    input: BytesMut,
    decoder: P::Decoder,
    /// Replies that are to be handed out, and who is woken then.
    replies: Vec<(Pending<P::Expect>, P::Reply)>,
    wakers: Vec<Waker>,
    /// How many callers were answered last: so many may soon ask again, and be sent together.
    answered: usize,
    yielded: bool,
    /// Whether the stream may hold back bytes of its own.
    unflushed: bool,
    /// Whether something came, or a full socket moved, since the last tick; and for how many ticks nothing did.
    alive: bool,
    silent_ticks: u32,
    ticks: u32,
    /// Signals that aren't dealt with.
    due: u8,
    was_open: bool,
    /// Why it ended.
    end: Option<Reason<P::Error>>,
}

/// Drives connections, one after the other where they are always made again.
pub(crate) async fn run<P: Protocol>(mut driver: Driver<P>) {
    let (shared, run) = (Arc::clone(&driver.shared), driver.run);
    let always = shared.settings.reconnect == Reconnect::Always;
    let _resign = always.then(|| Resign { shared: Arc::clone(&shared), run });
    loop {
        driver.live().await;
        let was_open = driver.was_open;
        drop(driver);
        let is_closed = || matches!(shared.state.lock().phase, Phase::Closed);
        if !always || is_closed() {
            return;
        }
        if !was_open {
            sleep(shared.pause()).await;
            if is_closed() {
                return;
            }
        }
        driver = Driver::new(Arc::clone(&shared), run);
    }
}

/// Says that nobody makes the connection any more.
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
        let decoder = shared.protocol.decoder();
        Self {
            shared,
            run,
            in_flight: VecDeque::new(),
            outgoing: Vec::new(),
            sent: 0,
            written: 0,
            write_end: 0,
            input: BytesMut::new(),
            decoder,
            replies: Vec::new(),
            wakers: Vec::new(),
            answered: 0,
            yielded: false,
            unflushed: false,
            alive: true,
            silent_ticks: 0,
            ticks: 0,
            due: 0,
            was_open: false,
            end: None,
        }
    }

    /// From the attempt to connect to the end.
    async fn live(&mut self) {
        let end = match self.open().await {
            Ok(mut stream) => self.drive(&mut *stream).await,
            Err(error) => Reason { error, garbled: false },
        };
        self.end = Some(end);
    }

    async fn open(&mut self) -> Result<Box<dyn Stream>, P::Error> {
        let stream = self.shared.protocol.open().await?;
        self.was_open = true;
        self.input.reserve(READ);
        let mut state = self.shared.state.lock();
        if !matches!(state.phase, Phase::Closed) {
            state.phase = Phase::Open;
        }
        state.renew = false;
        self.shared.failures.store(0, Ordering::Relaxed);
        Ok(stream)
    }

    /// Returns why it ended.
    async fn drive(&mut self, stream: &mut dyn Stream) -> Reason<P::Error> {
        let mut ticks = self.shared.settings.heartbeat.map(|heartbeat| {
            let mut ticks = interval(heartbeat / TICKS);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        });
        let signals = poll_fn(|context| Poll::Ready(Signals::new(context.waker()))).await;
        match poll_fn(|_| self.poll(stream, ticks.as_mut(), &signals)).await {
            Ok(never) => match never {},
            Err(reason) => reason,
        }
    }

    fn poll(
        &mut self,
        stream: &mut dyn Stream,
        mut ticks: Option<&mut Interval>,
        signals: &Signals,
    ) -> Poll<Result<Infallible, Reason<P::Error>>> {
        let socket = &mut Context::from_waker(&signals.socket);
        loop {
            self.due |= signals.take();
            if self.is_due(SOCKET) {
                while self.read(stream, socket)? {}
                self.write(stream, socket)?;
            } else if self.is_written() && self.is_due(QUEUE) {
                if self.take_queued(&signals.queue)? {
                    self.write(stream, socket)?;
                }
            } else if self.is_due(TIMER) {
                // After the reads: what has come while this task couldn't run is a sign of life.
                let Some(ticks) = &mut ticks else { continue };
                if ticks.poll_tick(&mut Context::from_waker(&signals.timer)).is_ready() {
                    self.due |= TIMER;
                    self.tick()?;
                }
            } else {
                return Poll::Pending;
            }
        }
    }

    /// Whether this signal came. It counts as dealt with.
    fn is_due(&mut self, signal: u8) -> bool {
        let is_due = self.due & signal != 0;
        self.due &= !signal;
        is_due
    }

    fn is_written(&self) -> bool {
        self.sent == self.outgoing.len() && !self.unflushed
    }

    /// Reads once; whether there may be more. Hands out the replies that are whole.
    fn read(&mut self, stream: &mut dyn Stream, context: &mut Context<'_>) -> Result<bool, Reason<P::Error>> {
        if self.input.is_empty() && self.input.capacity() > KEPT {
            self.input = BytesMut::with_capacity(READ);
        }
        self.input.reserve(READ / 4);
        let Poll::Ready(read) = pin!(stream.read_buf(&mut self.input)).poll(context) else { return Ok(false) };
        match read {
            Ok(0) => return Err(self.lost("the server closed the connection")),
            Ok(_) => {}
            Err(error) => return Err(self.lost(&error.to_string())),
        }
        self.alive = true;
        let decoded = self.decode();
        self.hand_out();
        decoded.map(|()| true)
    }

    fn decode(&mut self) -> Result<(), Reason<P::Error>> {
        while let Some(pending) = self.in_flight.front_mut() {
            let reply = match self.decoder.decode(&mut self.input, &mut pending.expect) {
                Ok(Some(reply)) => reply,
                Ok(None) => return Ok(()),
                Err(what) => return Err(self.garbled(&what)),
            };
            let out_of_step = P::is_out_of_step(&pending.expect, &reply);
            if let Some(pending) = self.in_flight.pop_front() {
                match pending.slot {
                    Some(_) => self.replies.push((pending, reply)),
                    None => {
                        let alive = self.shared.protocol.is_alive(reply);
                        alive.map_err(|error| Reason { error, garbled: false })?;
                    }
                }
            }
            if let Some(what) = out_of_step {
                return Err(self.lost(&what));
            }
        }
        self.decoder.unasked(&mut self.input).map_err(|what| self.garbled(&what))
    }

    fn hand_out(&mut self) {
        if self.replies.is_empty() {
            return;
        }
        self.answered = self.replies.len();
        self.yielded = false;
        let mut room = 0;
        {
            let mut state = self.shared.state.lock();
            for (pending, reply) in self.replies.drain(..) {
                room += pending.weight as usize;
                if let Some(slot) = pending.slot {
                    self.wakers.extend(state.slots.complete(slot, Ok(reply)));
                }
            }
            if matches!(state.phase, Phase::Closed) {
                self.due |= QUEUE;
            }
        }
        self.shared.room.add_permits(room);
        self.wakers.drain(..).for_each(Waker::wake);
    }

    fn tick(&mut self) -> Result<(), Reason<P::Error>> {
        self.ticks = self.ticks.wrapping_add(1);
        let is_heartbeat = self.ticks.is_multiple_of(TICKS);
        let was_alive = std::mem::take(&mut self.alive);
        if !was_alive && !self.in_flight.is_empty() {
            self.silent_ticks += 1;
            if self.silent_ticks > TICKS {
                let heartbeat = self.shared.settings.heartbeat.unwrap_or_default();
                return Err(self.lost(&format!("the server owes an answer and was silent for {heartbeat:?}")));
            }
            return Ok(());
        }
        self.silent_ticks = 0;
        let mut state = self.shared.state.lock();
        // A server that nobody asks anything is asked twice as often, so that it isn't missed for longer than one that owes an answer.
        if is_heartbeat || !was_alive && state.queued.is_empty() {
            state.queue(None, 0, true, |out| self.shared.protocol.ask_for_life(out));
            self.due |= QUEUE;
        }
        Ok(())
    }

    /// Takes what callers have queued, if anything. The next of them will wake this task.
    fn take_queued(&mut self, waker: &Waker) -> Result<bool, Reason<P::Error>> {
        self.outgoing.clear();
        self.sent = 0;
        if self.outgoing.capacity() > KEPT {
            self.outgoing = Vec::new();
        }
        let mut state = self.shared.state.lock();
        if state.renew {
            drop(state);
            return Err(self.lost("it was given up for a better one"));
        }
        if state.outgoing.is_empty() {
            if matches!(state.phase, Phase::Closed) && self.in_flight.is_empty() {
                let error = self.shared.protocol.error(Trouble::Closed);
                return Err(Reason { error, garbled: false });
            }
            state.driver = Some(waker.clone());
            return Ok(false);
        }
        // On a runtime with several workers, the first caller that asks again wakes this task before the others have run.
        if state.queued.len() < self.answered && !self.yielded {
            drop(state);
            self.yielded = true;
            waker.wake_by_ref();
            return Ok(false);
        }
        state.driver = Some(waker.clone());
        std::mem::swap(&mut state.outgoing, &mut self.outgoing);
        if self.in_flight.is_empty() {
            std::mem::swap(&mut state.queued, &mut self.in_flight);
        } else {
            self.in_flight.append(&mut state.queued);
        }
        Ok(true)
    }

    /// Writes what isn't written or flushed yet, as far as the socket takes it.
    fn write(&mut self, stream: &mut dyn Stream, context: &mut Context<'_>) -> Result<(), Reason<P::Error>> {
        if self.is_written() {
            return Ok(());
        }
        let mut stream = Pin::new(stream);
        let started = self.sent;
        while self.sent < self.outgoing.len() {
            let end = self.next_write_end();
            match stream.as_mut().poll_write(context, &self.outgoing[self.sent..end]) {
                Poll::Ready(Ok(written)) if written > 0 => {
                    self.sent += written;
                    self.written += written as u64;
                }
                Poll::Ready(Ok(_)) => return Err(self.lost("the server closed the connection")),
                Poll::Ready(Err(error)) => return Err(self.lost(&error.to_string())),
                Poll::Pending => {
                    // A socket that was full and takes more has a reader. One that takes its first bytes says nothing.
                    self.alive |= started > 0 && self.sent > started;
                    return Ok(());
                }
            }
        }
        match stream.poll_flush(context) {
            Poll::Ready(Err(error)) => return Err(self.lost(&error.to_string())),
            Poll::Ready(Ok(())) => self.unflushed = false,
            Poll::Pending => self.unflushed = true,
        }
        Ok(())
    }

    /// Where in the outgoing bytes the next write ends.
    fn next_write_end(&mut self) -> usize {
        let Some(most) = self.shared.settings.max_write else { return self.outgoing.len() };
        if self.write_end <= self.written {
            let first = self.in_flight.partition_point(|pending| pending.end <= self.written);
            let beyond = self.in_flight.partition_point(|pending| pending.end <= self.written + most as u64);
            let last = self.in_flight.get(first.max(beyond.saturating_sub(1)));
            self.write_end = last.map_or(u64::MAX, |pending| pending.end);
        }
        let rest = usize::try_from(self.write_end - self.written).unwrap_or(usize::MAX);
        self.outgoing.len().min(self.sent.saturating_add(rest))
    }

    #[cold]
    fn lost(&self, why: &str) -> Reason<P::Error> {
        Reason { error: self.shared.protocol.error(Trouble::Lost(why)), garbled: false }
    }

    #[cold]
    fn garbled(&self, what: &str) -> Reason<P::Error> {
        Reason { error: self.shared.protocol.error(Trouble::Garbled(what)), garbled: true }
    }
}

impl<P: Protocol> Drop for Driver<P> {
    fn drop(&mut self) {
        self.shared.settle(Ending {
            reason: self.end.take(),
            was_open: self.was_open,
            written: self.written,
            in_flight: std::mem::take(&mut self.in_flight),
        });
    }
}
