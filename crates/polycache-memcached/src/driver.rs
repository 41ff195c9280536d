//! One connection that many tasks share: the task that does its I/O.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::BytesMut;
use tokio::io::AsyncReadExt;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use crate::codec::{Decoder, Reply, Request};
use crate::connection::{Pending, Phase, Shared};
use crate::handshake;
use crate::signals::{QUEUE, SOCKET, Signals, TIMER};
use crate::transport::Stream;
use crate::{Error, ErrorKind, Result};

/// How much is read at once.
const READ: usize = 64 * 1024;

/// Buffers that have grown beyond this are given back.
const KEPT: usize = 256 * 1024;

/// How many bytes of requests go into one TLS record, unless one request alone has more. Memcached reads 16 KiB at once, and forgets what
/// OpenSSL holds back of a larger record, or of one that goes on after a request that it reads in parts: it would wait for bytes that it
/// has. So a record is smaller, and ends where a request ends.
const RECORD: u64 = 8 * 1024;

/// Ticks in a heartbeat.
const TICKS: u32 = 2;

/// Connects, then sends what callers have queued and hands out the replies, until the connection is lost or closed. Then,
/// or when it is dropped with its runtime, it tells everybody who waits.
pub(crate) struct Driver {
    shared: Arc<Shared>,
    /// Requests that were taken from the queue and aren't answered.
    in_flight: VecDeque<Pending>,
    /// Bytes of requests that are being sent, from here on.
    outgoing: Vec<u8>,
    sent: usize,
    /// How many bytes of requests the system has taken since the start.
    written: u64,
    /// With TLS, where the present record ends, counted in the same way.
    record_end: u64,
    input: BytesMut,
    decoder: Decoder,
    /// Replies that are to be handed out, and who is woken then.
    replies: Vec<(Pending, Reply)>,
    wakers: Vec<Waker>,
    /// How many callers were answered last: so many may soon ask again, and be sent together.
    answered: usize,
    yielded: bool,
    /// Whether the stream may hold back bytes of its own.
    unflushed: bool,
    /// Whether something came, or a full socket moved, since the last tick; and for how many ticks nothing did.
    alive: bool,
    silent_ticks: u32,
    /// Signals that aren't dealt with.
    due: u8,
    /// Why it ended.
    end: Option<Error>,
}

impl Driver {
    pub(crate) async fn run(shared: Arc<Shared>) {
        let decoder = Decoder::new(shared.settings.max_value);
        let mut driver = Self {
            shared,
            in_flight: VecDeque::new(),
            outgoing: Vec::new(),
            sent: 0,
            written: 0,
            record_end: 0,
            input: BytesMut::with_capacity(READ),
            decoder,
            replies: Vec::new(),
            wakers: Vec::new(),
            answered: 0,
            yielded: false,
            unflushed: false,
            alive: true,
            silent_ticks: 0,
            due: 0,
            end: None,
        };
        let error = match driver.open().await {
            Ok(mut stream) => driver.drive(&mut *stream).await,
            Err(error) => error,
        };
        driver.end = Some(error);
    }

    async fn open(&self) -> Result<Box<dyn Stream>> {
        let shared = &self.shared;
        let limit = shared.settings.connect_timeout;
        let stream = timeout(limit, handshake::open(&shared.server, &shared.settings)).await.map_err(|_| {
            let message = format!("memcached at {} didn't answer within {limit:?} of connecting", shared.server);
            Error::new(ErrorKind::Unavailable, message)
        })??;
        let mut state = shared.state.lock();
        if matches!(state.phase, Phase::Opening) {
            state.phase = Phase::Open;
        }
        shared.failures.store(0, Ordering::Relaxed);
        Ok(stream)
    }

    /// Returns why it ended.
    async fn drive(&mut self, stream: &mut dyn Stream) -> Error {
        let mut ticks = interval(self.shared.settings.heartbeat / TICKS);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let signals = poll_fn(|context| Poll::Ready(Signals::new(context.waker()))).await;
        match poll_fn(|_| self.poll(stream, &mut ticks, &signals)).await {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    fn poll(&mut self, stream: &mut dyn Stream, ticks: &mut Interval, signals: &Signals) -> Poll<Result<Infallible>> {
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
    fn read(&mut self, stream: &mut dyn Stream, context: &mut Context<'_>) -> Result<bool> {
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

    fn decode(&mut self) -> Result<()> {
        while let Some(pending) = self.in_flight.front_mut() {
            match self.decoder.decode(&mut self.input, &mut pending.expect) {
                Ok(Some(reply)) => {
                    let misunderstood = pending.expect.misunderstood(&reply);
                    if let Some(pending) = self.in_flight.pop_front() {
                        self.replies.push((pending, reply));
                    }
                    if let Some(message) = misunderstood {
                        return Err(self.lost(&format!("the server didn't understand a request: {message}")));
                    }
                }
                Ok(None) => return Ok(()),
                Err(error) => {
                    let message = format!("memcached at {} doesn't keep to the protocol: {error}", self.shared.server);
                    return Err(Error::new(ErrorKind::Protocol, message));
                }
            }
        }
        if self.input.is_empty() {
            return Ok(());
        }
        let message = format!("memcached at {} sent something that nobody asked for", self.shared.server);
        Err(Error::new(ErrorKind::Protocol, message))
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

    fn tick(&mut self) -> Result<()> {
        if std::mem::take(&mut self.alive) {
            self.silent_ticks = 0;
            return Ok(());
        }
        if self.in_flight.is_empty() {
            self.silent_ticks = 0;
            let mut state = self.shared.state.lock();
            let state = &mut *state;
            if state.queued.is_empty() {
                let before = state.outgoing.len();
                let expect = Request::Noop.encode(0, &mut state.outgoing);
                state.end += (state.outgoing.len() - before) as u64;
                let (slot, end) = (None, state.end);
                state.queued.push_back(Pending { slot, expect, end, weight: 0, is_read: true });
                self.due |= QUEUE;
            }
            return Ok(());
        }
        self.silent_ticks += 1;
        if self.silent_ticks > TICKS {
            let heartbeat = self.shared.settings.heartbeat;
            return Err(self.lost(&format!("the server owes an answer and was silent for {heartbeat:?}")));
        }
        Ok(())
    }

    /// Takes what callers have queued, if anything. The next of them will wake this task.
    fn take_queued(&mut self, waker: &Waker) -> Result<bool> {
        self.outgoing.clear();
        self.sent = 0;
        if self.outgoing.capacity() > KEPT {
            self.outgoing = Vec::new();
        }
        let mut state = self.shared.state.lock();
        if state.outgoing.is_empty() {
            if matches!(state.phase, Phase::Closed) && self.in_flight.is_empty() {
                return Err(Error::new(ErrorKind::Closed, "the client was closed; open another"));
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
    fn write(&mut self, stream: &mut dyn Stream, context: &mut Context<'_>) -> Result<()> {
        if self.is_written() {
            return Ok(());
        }
        let mut stream = Pin::new(stream);
        let started = self.sent;
        while self.sent < self.outgoing.len() {
            let end = self.write_end();
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
    fn write_end(&mut self) -> usize {
        if !self.shared.settings.is_tls() {
            return self.outgoing.len();
        }
        if self.record_end <= self.written {
            let first = self.in_flight.partition_point(|pending| pending.end <= self.written);
            let beyond = self.in_flight.partition_point(|pending| pending.end <= self.written + RECORD);
            let last = self.in_flight.get(first.max(beyond.saturating_sub(1)));
            self.record_end = last.map_or(u64::MAX, |pending| pending.end);
        }
        let rest = usize::try_from(self.record_end - self.written).unwrap_or(usize::MAX);
        self.outgoing.len().min(self.sent.saturating_add(rest))
    }

    #[cold]
    fn lost(&self, why: &str) -> Error {
        let message = format!("the connection to memcached at {} was lost: {why}", self.shared.server);
        Error::new(ErrorKind::Unavailable, message)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let error = self.end.take().unwrap_or_else(|| self.lost("its tokio runtime has ended or lacks time and I/O"));
        let mut outcomes = Vec::new();
        let mut room = 0;
        {
            let mut state = self.shared.state.lock();
            let was_open = !matches!(state.phase, Phase::Opening);
            let failures = self.shared.failures.load(Ordering::Relaxed) + 1;
            if !matches!(state.phase, Phase::Closed) {
                self.shared.failures.store(failures, Ordering::Relaxed);
                // After a working connection, the next call may try at once.
                state.phase = match was_open {
                    true => Phase::Idle,
                    false => Phase::Pausing { until: Instant::now() + Shared::pause(failures), error: error.clone() },
                };
            }
            state.outgoing = Vec::new();
            state.driver = None;
            let queued = std::mem::take(&mut state.queued);
            let mut first = true;
            for pending in self.in_flight.drain(..).chain(queued) {
                room += pending.weight as usize;
                let Some(slot) = pending.slot else { continue };
                let outcome = pending.outcome(&error, was_open, self.written, std::mem::take(&mut first));
                self.wakers.extend(state.slots.complete(slot, Err(outcome)));
            }
            outcomes.append(&mut self.wakers);
        }
        self.shared.room.add_permits(room);
        outcomes.into_iter().for_each(Waker::wake);
    }
}

impl Pending {
    /// What its caller is told when the connection ended for `error`.
    fn outcome(&self, error: &Error, was_open: bool, written: u64, is_first: bool) -> Error {
        let harmless = self.is_read || self.end > written;
        match error.kind() {
            _ if !was_open => error.clone(),
            // It is the reply to the first that was wrong.
            ErrorKind::Protocol if is_first => error.clone(),
            _ if harmless => Error::new(ErrorKind::Unavailable, error.to_string()).resendable(),
            _ => Error::new(ErrorKind::UnknownOutcome, format!("{error}; the call may have been executed or not")),
        }
    }
}
