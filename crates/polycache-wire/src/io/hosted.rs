//! Another reactor than tokio's watches the socket for a caller who is alone. See [`Host`].

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

use parking_lot::Mutex;

use super::Io;
use crate::ending::Reason;
use crate::host::{Host, with_host};
use crate::options::Reconnect;
use crate::protocol::{Protocol, Stream};
use crate::shared::Shared;
use crate::socket::{at_home, at_host};

/// So many callers in a row must be alone before the socket changes hands: a change takes some system calls.
const SETTLED: u32 = 8;

/// Who watches the socket.
#[derive(Default)]
pub(super) struct Hosting {
    /// The reactor in tokio's place.
    seat: Option<Seat>,
    /// How many callers of another reactor were alone since the driver ran.
    in_a_row: u32,
}

struct Seat {
    host: Arc<dyn Host>,
    readable: Arc<Readable>,
}

impl Hosting {
    #[inline]
    pub(super) fn is_hosted(&self) -> bool {
        self.seat.is_some()
    }

    /// A caller waits from now on.
    #[inline]
    pub(super) fn expect(&self, caller: &Waker) {
        if let Some(seat) = &self.seat {
            seat.readable.expect(caller);
        }
    }

    /// Nobody waits.
    #[inline]
    pub(super) fn rest(&self) {
        if let Some(seat) = &self.seat {
            seat.readable.is_expected.store(false, Ordering::Release);
        }
    }
}

/// Whom the socket wakes: the caller who is alone, or else the driver, since only the connection's end can come then.
struct Readable {
    caller: Mutex<Waker>,
    is_expected: AtomicBool,
    driver: Waker,
}

impl Readable {
    fn expect(&self, caller: &Waker) {
        let mut known = self.caller.lock();
        let old = (!known.will_wake(caller)).then(|| std::mem::replace(&mut *known, caller.clone()));
        drop(known);
        drop(old);
        self.is_expected.store(true, Ordering::Release);
    }
}

impl Wake for Readable {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.is_expected.load(Ordering::Acquire) {
            let caller = self.caller.lock().clone();
            caller.wake();
        } else {
            self.driver.wake_by_ref();
        }
    }
}

impl<P: Protocol> Io<P> {
    /// Whether the caller may go alone: tokio may watch the socket for it, or its own reactor watches from now on.
    #[inline]
    pub(super) fn settle(&mut self, shared: &Shared<P>) -> bool {
        with_host(|host| match (&self.hosting.seat, host) {
            (None, None) => true,
            (Some(seat), Some(host)) => std::ptr::addr_eq(Arc::as_ptr(&seat.host), Arc::as_ptr(host)),
            (Some(_), None) => false,
            (None, Some(host)) => {
                self.hosting.in_a_row += 1;
                self.hosting.in_a_row < SETTLED || self.go_to(host, shared)
            }
        })
    }

    /// Has the caller's reactor watch the socket, if it can. Returns whether the connection still stands.
    #[cold]
    #[inline(never)]
    fn go_to(&mut self, host: &Arc<dyn Host>, shared: &Shared<P>) -> bool {
        self.hosting.in_a_row = 0;
        // A lost connection may have to be made again at once, and the loop may stand still then: only the heartbeat tells.
        let goes_unnoticed = shared.options.reconnect == Reconnect::Always && shared.options.heartbeat.is_none();
        if goes_unnoticed || self.is_homeless() {
            return true;
        }
        let readable = Arc::new(Readable {
            caller: Mutex::new(Waker::noop().clone()),
            is_expected: AtomicBool::new(false),
            driver: self.signals.socket.clone(),
        });
        let moved = self.exchange(|stream| at_host(stream, host, Waker::from(Arc::clone(&readable))));
        match moved {
            Ok(true) => self.hosting.seat = Some(Seat { host: Arc::clone(host), readable }),
            Ok(false) => {}
            Err(error) => self.fail(shared.lost(&error.to_string())),
        }
        self.traffic.failed.is_none()
    }

    /// Makes the call of a caller who is alone one like any other, and has tokio watch the socket. For the driver's turn.
    #[inline]
    pub(super) fn come_home(&mut self, shared: &Shared<P>) -> Result<(), Reason<P::Error>> {
        self.take_over(shared);
        self.hosting.in_a_row = 0;
        if self.hosting.seat.take().is_none() {
            return Ok(());
        }
        let moved = self.exchange(at_home);
        moved.map(drop).map_err(|error| shared.lost(&error.to_string()))
    }

    /// A failure ends the connection, and leaves an empty stream.
    fn exchange(
        &mut self,
        exchange: impl FnOnce(Box<dyn Stream>) -> io::Result<(Box<dyn Stream>, bool)>,
    ) -> io::Result<bool> {
        let stream = std::mem::replace(&mut self.stream, Box::new(tokio::io::empty()));
        let (stream, moved) = exchange(stream)?;
        self.stream = stream;
        Ok(moved)
    }
}
