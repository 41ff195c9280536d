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
/// A caller who waits in such a loop would be woken by tokio's thread, which waits for the socket: two threads to be woken, one after the
/// other, for one reply. Within [`hosted`], a caller who is alone on a connection has the loop watch the socket. As soon as anybody else
/// has anything to ask there, or the caller leaves, tokio watches it again: nobody depends on a loop that stands still.
pub trait Host: Send + Sync + 'static {
    /// Wakes `readable` when there is something to read from the socket, and again as long as there is, until it is told to
    /// [`leave`](Self::leave) it.
    ///
    /// # Errors
    /// Those of the system: tokio goes on watching.
    fn watch(&self, socket: BorrowedSocket<'_>, readable: Waker) -> io::Result<()>;

    /// Watches the socket no more. Called on any thread, while the socket is open.
    fn leave(&self, socket: BorrowedSocket<'_>);
}

thread_local! {
    static HOST: RefCell<Option<Arc<dyn Host>>> = const { RefCell::new(None) };
}

/// Runs `poll`, which polls calls on the thread of this reactor.
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
    /// Also where polling panics.
    struct Reset(Option<Arc<dyn Host>>);

    impl Drop for Reset {
        fn drop(&mut self) {
            drop(HOST.replace(self.0.take()));
        }
    }

    let _reset = Reset(HOST.replace(Some(Arc::clone(host))));
    poll()
}

/// Runs `look` with the reactor of the caller, if it isn't tokio's.
#[inline]
pub(crate) fn with_host<T>(look: impl FnOnce(Option<&Arc<dyn Host>>) -> T) -> T {
    HOST.with_borrow(|host| look(host.as_ref()))
}
