//! Reactors beside tokio's.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::task::Waker;

/// A socket, lent to a reactor.
#[cfg(unix)]
pub type BorrowedSocket<'a> = std::os::fd::BorrowedFd<'a>;
/// A socket, lent to a reactor.
#[cfg(windows)]
pub type BorrowedSocket<'a> = std::os::windows::io::BorrowedSocket<'a>;

/// The reactor of another event loop than tokio's, such as Python's.
///
/// Tokio's thread waits for the socket and would wake a caller in such a loop: one reply would wake two threads, one after the other.
/// Within [`hosted`], a caller who is alone on a connection has the loop watch the socket. As soon as anybody else asks anything there, or
/// the caller leaves, tokio watches the socket again: nobody depends on a loop that stands still.
pub trait Host: Send + Sync + 'static {
    /// Wakes `readable` when there is something to read from the socket, and again as long as there is, until [`leave`](Self::leave).
    ///
    /// # Errors
    /// Those of the system. Tokio goes on watching then.
    fn watch(&self, socket: BorrowedSocket<'_>, readable: Waker) -> io::Result<()>;

    /// Watches the socket no more. Called on any thread, while the socket is open.
    fn leave(&self, socket: BorrowedSocket<'_>);

    /// Has requests sent: at once, or when the loop's other tasks have run which are ready now and may ask something, too. They go out
    /// together then, where tokio's thread would send the first ones while the loop makes the next. Anybody else who asks meanwhile sends
    /// these as well. By default they are sent at once.
    fn send_soon(&self, queue: Arc<dyn Queue>) {
        queue.send();
    }
}

/// Requests that wait to be sent together.
pub trait Queue: Send + Sync + 'static {
    /// Sends them, on tokio's thread. If they have been sent, or nobody waits for them any more, this does nothing.
    fn send(&self);
}

thread_local! {
    static HOST: RefCell<Option<Arc<dyn Host>>> = const { RefCell::new(None) };
}

/// Runs `poll`, which polls calls, on the thread of this reactor.
///
/// ```
/// # use std::{io, sync::Arc, task::Waker};
/// # use polycache_wire::{BorrowedSocket, Host, hosted};
/// struct Nobody;
///
/// impl Host for Nobody {
///     fn watch(&self, _: BorrowedSocket<'_>, _: Waker) -> io::Result<()> {
///         Err(io::ErrorKind::Unsupported.into())
///     }
///
///     fn leave(&self, _: BorrowedSocket<'_>) {}
/// }
///
/// let host: Arc<dyn Host> = Arc::new(Nobody);
/// assert_eq!(hosted(&host, || "polled"), "polled");
/// ```
pub fn hosted<T>(host: &Arc<dyn Host>, poll: impl FnOnce() -> T) -> T {
    /// Puts the former reactor back, also when `poll` panics.
    struct Reset(Option<Arc<dyn Host>>);

    impl Drop for Reset {
        fn drop(&mut self) {
            drop(HOST.replace(self.0.take()));
        }
    }

    let _reset = Reset(HOST.replace(Some(Arc::clone(host))));
    poll()
}

/// Runs `look` with the caller's reactor, or `None` for tokio's.
#[inline]
pub(crate) fn with_host<T>(look: impl FnOnce(Option<&Arc<dyn Host>>) -> T) -> T {
    HOST.with_borrow(|host| look(host.as_ref()))
}
