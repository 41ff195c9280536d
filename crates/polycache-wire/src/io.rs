//! An open connection: its requests and replies.

pub(crate) mod alone;
mod hosted;
mod runtime;
pub(crate) mod silence;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
use tokio::io::AsyncReadExt;
use tokio::runtime::Id;
use tokio::time::Interval;

use self::hosted::Hosting;
use crate::ending::Reason;
use crate::protocol::{Decoder, Protocol, Stream, Trouble};
use crate::shared::{Pending, Phase, Shared, State};
use crate::signals::{QUEUE, SOCKET, Signals, TIMER};

/// How many bytes are read at once.
const READ: usize = 64 * 1024;

/// Buffers that have grown beyond this size are freed.
const KEPT: usize = 256 * 1024;

/// Ticks in a heartbeat.
pub(crate) const TICKS: u32 = 2;

/// An open connection.
pub(crate) struct Io<P: Protocol> {
    /// The number of the run that made the connection, and the connection's own.
    pub(crate) run: u64,
    connection: u64,
    /// The runtime of its socket.
    runtime: Option<Id>,
    stream: Box<dyn Stream>,
    hosting: Hosting,
    /// The signals that wake the driver.
    signals: Signals,
    /// Whether the socket wakes the driver. Otherwise it wakes the caller who is alone.
    wakes_driver: bool,
    /// The last caller who was alone.
    caller: Waker,
    traffic: Traffic<P>,
}

/// The requests and replies of a connection.
struct Traffic<P: Protocol> {
    /// Requests that were taken from the queue and aren't answered yet.
    in_flight: VecDeque<Pending<P::Expect>>,
    /// Bytes of requests; those from `sent` on are still to be written.
    outgoing: Vec<u8>,
    sent: usize,
    /// How many bytes of requests the system has taken since the connection was made.
    written: u64,
    /// The bytes of calls that were alone and aren't added to the queue's count yet; and the number of the last such call.
    bytes_alone: u64,
    number: u16,
    /// Where the present write ends, counted as `written` is, if writes have a bound.
    write_end: u64,
    input: BytesMut,
    decoder: P::Decoder,
    /// Replies to hand out, and the callers to wake then.
    replies: Vec<(Pending<P::Expect>, P::Reply)>,
    wakers: Vec<Waker>,
    /// How many callers were answered last: as many may soon ask again, and their requests be sent together.
    answered: usize,
    yielded: bool,
    /// Whether the stream may hold back bytes in a buffer of its own.
    unflushed: bool,
    /// Whether something came, or a full socket took more, since the last tick; and for how many ticks neither happened.
    alive: bool,
    silent_ticks: u32,
    /// How many bytes of requests were written when something last came.
    heard: u64,
    /// Calls fail at once until something comes.
    silent: bool,
    ticks: u32,
    /// Signals that still have to be dealt with.
    due: u8,
    /// The error that a caller met while it wrote or read.
    failed: Option<Reason<P::Error>>,
}

impl<P: Protocol> Io<P> {
    pub(crate) fn new(state: &State<P>, protocol: &P, stream: Box<dyn Stream>, signals: Signals) -> Self {
        let &State { run, connection, .. } = state;
        let traffic = Traffic {
            in_flight: VecDeque::new(),
            outgoing: Vec::new(),
            sent: 0,
            written: 0,
            bytes_alone: 0,
            number: 0,
            write_end: 0,
            input: BytesMut::with_capacity(READ),
            decoder: protocol.decoder_for(connection),
            replies: Vec::new(),
            wakers: Vec::new(),
            answered: 0,
            yielded: false,
            unflushed: false,
            alive: true,
            silent_ticks: 0,
            heard: 0,
            silent: false,
            ticks: 0,
            due: 0,
            failed: None,
        };
        let (runtime, hosting, caller) = (runtime::here(), Hosting::default(), Waker::noop().clone());
        Self { run, connection, runtime, stream, hosting, signals, wakes_driver: true, caller, traffic }
    }

    /// One turn of the driver.
    pub(crate) fn poll(
        &mut self,
        shared: &Shared<P>,
        ticks: Option<&mut Interval>,
    ) -> Poll<Result<Infallible, Reason<P::Error>>> {
        self.come_home(shared)?;
        self.traffic.poll(shared, &mut *self.stream, &self.signals, ticks)
    }

    /// How many bytes of requests were written, and the requests that aren't answered yet.
    pub(crate) fn end(mut self, shared: &Shared<P>) -> (u64, VecDeque<Pending<P::Expect>>) {
        self.take_over(shared);
        let mut state = shared.state.lock();
        if state.run == self.run {
            self.traffic.count_alone(&mut state);
        }
        (self.traffic.written, self.traffic.in_flight)
    }
}

impl<P: Protocol> Traffic<P> {
    fn poll(
        &mut self,
        shared: &Shared<P>,
        stream: &mut dyn Stream,
        signals: &Signals,
        mut ticks: Option<&mut Interval>,
    ) -> Poll<Result<Infallible, Reason<P::Error>>> {
        if let Some(reason) = self.failed.take() {
            return Poll::Ready(Err(reason));
        }
        let socket = &mut Context::from_waker(&signals.socket);
        loop {
            self.due |= signals.take();
            if self.is_due(SOCKET) {
                self.rewind();
                while self.read(shared, stream, socket)? {
                    self.end_silence(shared);
                    let mut replies = std::mem::take(&mut self.replies);
                    let decoded = self.decode(shared, |pending, reply| replies.push((pending, reply)));
                    self.replies = replies;
                    self.hand_out(shared);
                    decoded?;
                }
                self.write(shared, stream, socket)?;
            } else if self.is_written() && self.is_due(QUEUE) {
                if self.take_queued(shared, &signals.queue)? {
                    self.write(shared, stream, socket)?;
                }
            } else if self.is_due(TIMER) {
                // After the reads: bytes that came while this task couldn't run are a sign of life.
                let Some(ticks) = &mut ticks else { continue };
                if ticks.poll_tick(&mut Context::from_waker(&signals.timer)).is_ready() {
                    self.due |= TIMER;
                    self.tick(shared)?;
                }
            } else {
                self.look_into_doubt(shared);
                return Poll::Pending;
            }
        }
    }

    /// Whether this signal came. It counts as dealt with from now on.
    fn is_due(&mut self, signal: u8) -> bool {
        let is_due = self.due & signal != 0;
        self.due &= !signal;
        is_due
    }

    fn is_written(&self) -> bool {
        self.sent == self.outgoing.len() && !self.unflushed
    }

    /// Makes room for the next read near the beginning of the buffer, whose memory is in the processor's cache.
    fn rewind(&mut self) {
        if self.input.is_empty() {
            if self.input.capacity() > KEPT {
                self.input = BytesMut::new();
            }
            if !self.input.try_reclaim(READ) && self.input.capacity() < READ / 2 {
                self.input.reserve(READ);
            }
        }
    }

    /// Reads once, if there is something. Returns whether there was.
    fn read(
        &mut self,
        shared: &Shared<P>,
        stream: &mut dyn Stream,
        context: &mut Context<'_>,
    ) -> Result<bool, Reason<P::Error>> {
        self.input.reserve(READ / 4);
        let Poll::Ready(read) = pin!(stream.read_buf(&mut self.input)).poll(context) else { return Ok(false) };
        match read {
            Ok(0) => return Err(shared.lost("the server closed the connection")),
            Ok(_) => (self.alive, self.heard) = (true, self.written),
            Err(error) => return Err(shared.lost(&error.to_string())),
        }
        Ok(true)
    }

    /// Decodes the whole replies among the bytes read, and gives them to `take`.
    #[inline]
    fn decode(
        &mut self,
        shared: &Shared<P>,
        mut take: impl FnMut(Pending<P::Expect>, P::Reply),
    ) -> Result<(), Reason<P::Error>> {
        while let Some(pending) = self.in_flight.front_mut() {
            let reply = match self.decoder.decode(&mut self.input, &mut pending.expect) {
                Ok(Some(reply)) => reply,
                Ok(None) => return Ok(()),
                Err(what) => return Err(shared.garbled(&what)),
            };
            let out_of_step = P::is_out_of_step(&pending.expect, &reply);
            if let Some(pending) = self.in_flight.pop_front() {
                match pending.slot {
                    Some(_) => take(pending, reply),
                    None => {
                        let alive = shared.protocol.is_alive(reply);
                        alive.map_err(|error| Reason { error, garbled: false })?;
                    }
                }
            }
            if let Some(what) = out_of_step {
                return Err(shared.lost(&what));
            }
        }
        self.decoder.unasked(&mut self.input).map_err(|what| shared.garbled(&what))
    }

    fn hand_out(&mut self, shared: &Shared<P>) {
        if self.replies.is_empty() {
            return;
        }
        (self.answered, self.yielded) = (self.replies.len(), false);
        let mut room = 0;
        {
            let mut state = shared.state.lock();
            for (pending, reply) in self.replies.drain(..) {
                room += pending.weight as usize;
                if let Some(slot) = pending.slot {
                    self.wakers.extend(state.slots.complete(slot, Ok(reply)));
                }
            }
            if matches!(state.phase, Phase::Closed) || state.renew {
                self.due |= QUEUE;
            }
            shared.note_quiet(&state, self.in_flight.is_empty(), if self.wakers.len() > 1 { 1 } else { self.answered });
            shared.give_room(&mut state, room, &mut self.wakers);
        }
        self.wakers.drain(..).for_each(Waker::wake);
    }

    fn tick(&mut self, shared: &Shared<P>) -> Result<(), Reason<P::Error>> {
        self.ticks = self.ticks.wrapping_add(1);
        let is_heartbeat = self.ticks.is_multiple_of(TICKS);
        let was_alive = std::mem::take(&mut self.alive);
        if !was_alive && !self.in_flight.is_empty() {
            self.silent_ticks += 1;
            if self.silent_ticks > TICKS {
                let heartbeat = shared.options.heartbeat.unwrap_or_default();
                return Err(shared.lost(&format!("the server owes an answer and was silent for {heartbeat:?}")));
            }
            return Ok(());
        }
        self.silent_ticks = 0;
        let mut state = shared.state.lock();
        // An idle server is asked twice as often, so that its loss is noticed as soon as the loss of a server that owes an answer.
        if is_heartbeat || !was_alive && state.queued.is_empty() {
            shared.is_quiet.store(false, Ordering::Release);
            state.queue(None, 0, true, |out| shared.protocol.ask_for_life(out));
            self.due |= QUEUE;
        }
        Ok(())
    }

    /// Takes the queued requests, if any. The next request will wake this task.
    fn take_queued(&mut self, shared: &Shared<P>, waker: &Waker) -> Result<bool, Reason<P::Error>> {
        let mut state = shared.state.lock();
        if state.renew {
            // Requests under way are answered first, and no more are sent.
            if self.in_flight.is_empty() {
                drop(state);
                return Err(shared.lost("it was given up for a better one"));
            }
            state.driver = Some(waker.clone());
            return Ok(false);
        }
        if state.outgoing.is_empty() {
            if matches!(state.phase, Phase::Closed) && self.in_flight.is_empty() {
                let error = shared.protocol.error(Trouble::Closed);
                return Err(Reason { error, garbled: false });
            }
            state.driver = Some(waker.clone());
            return Ok(false);
        }
        // Lets all answered callers run before the next write: on a runtime with several workers, the first one that asks again would wake
        // this task before the others have run.
        if state.queued.len() < self.answered && !self.yielded {
            drop(state);
            self.yielded = true;
            waker.wake_by_ref();
            return Ok(false);
        }
        state.driver = Some(waker.clone());
        self.take(&mut state);
        Ok(true)
    }

    fn clear_outgoing(&mut self) {
        self.outgoing.clear();
        self.sent = 0;
        if self.outgoing.capacity() > KEPT {
            self.outgoing = Vec::new();
        }
    }

    fn take(&mut self, state: &mut State<P>) {
        self.clear_outgoing();
        self.count_alone(state);
        std::mem::swap(&mut state.outgoing, &mut self.outgoing);
        if self.in_flight.is_empty() {
            std::mem::swap(&mut state.queued, &mut self.in_flight);
        } else {
            self.in_flight.append(&mut state.queued);
        }
    }

    /// Writes and flushes pending bytes, as many as the socket takes.
    fn write(
        &mut self,
        shared: &Shared<P>,
        stream: &mut dyn Stream,
        context: &mut Context<'_>,
    ) -> Result<(), Reason<P::Error>> {
        if self.is_written() {
            return Ok(());
        }
        let (mut stream, started) = (Pin::new(stream), self.sent);
        while self.sent < self.outgoing.len() {
            let end = self.next_write_end(shared);
            match stream.as_mut().poll_write(context, &self.outgoing[self.sent..end]) {
                Poll::Ready(Ok(written)) if written > 0 => {
                    self.sent += written;
                    self.written += written as u64;
                }
                Poll::Ready(Ok(_)) => return Err(shared.lost("the server closed the connection")),
                Poll::Ready(Err(error)) => return Err(shared.lost(&error.to_string())),
                Poll::Pending => {
                    // A full socket that takes more has a reader. One that takes its first bytes proves nothing.
                    self.alive |= started > 0 && self.sent > started;
                    return Ok(());
                }
            }
        }
        match stream.poll_flush(context) {
            Poll::Ready(Err(error)) => return Err(shared.lost(&error.to_string())),
            Poll::Ready(Ok(())) => self.unflushed = false,
            Poll::Pending => self.unflushed = true,
        }
        Ok(())
    }

    /// Where in the outgoing bytes the next write ends.
    fn next_write_end(&mut self, shared: &Shared<P>) -> usize {
        let Some(most) = shared.options.max_write else { return self.outgoing.len() };
        if self.write_end <= self.written {
            let first = self.in_flight.partition_point(|pending| pending.end <= self.written);
            let beyond = self.in_flight.partition_point(|pending| pending.end <= self.written + most as u64);
            let last = self.in_flight.get(first.max(beyond.saturating_sub(1)));
            self.write_end = last.map_or(u64::MAX, |pending| pending.end);
        }
        let rest = usize::try_from(self.write_end - self.written).unwrap_or(usize::MAX);
        self.outgoing.len().min(self.sent.saturating_add(rest))
    }
}
