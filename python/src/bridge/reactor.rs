//! The one file that an event loop watches for us: it stands for the bell and the sockets of callers who are alone on their connections.

use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

use parking_lot::Mutex;
use polycache_wire::{BorrowedSocket, Host, Queue};

use super::bell::Bell;

/// The file, which is readable while there is something to do.
pub(super) struct Reactor {
    bell: Bell,
    /// Whether the bell may have been rung. Set after that, and cleared before somebody looks.
    may_be_rung: AtomicBool,
    sockets: sys::Sockets,
    unsent: Mutex<Unsent>,
}

/// Requests that the loop's tasks have made since requests were last sent.
#[derive(Default)]
struct Unsent {
    queues: Vec<Arc<dyn Queue>>,
    /// The loop is going to send them.
    is_planned: bool,
}

impl Reactor {
    pub(super) fn new() -> io::Result<Self> {
        let bell = Bell::new()?;
        let sockets = sys::Sockets::new(&bell)?;
        Ok(Self { bell, may_be_rung: AtomicBool::new(false), sockets, unsent: Mutex::default() })
    }

    /// Has the loop look.
    pub(super) fn ring(&self) {
        self.bell.ring();
        self.may_be_rung.store(true, Ordering::SeqCst);
    }

    /// Wakes the watchers of readable sockets, and silences the bell.
    pub(super) fn listen(&self) {
        if !self.may_be_rung.load(Ordering::SeqCst)
            && let Some(watcher) = self.sockets.only()
        {
            // There is something, and nothing else to tell it from: no need to ask the system.
            watcher.wake();
            return;
        }
        self.may_be_rung.store(false, Ordering::SeqCst);
        if self.sockets.wake() {
            self.bell.hush();
        }
    }

    /// Whether the loop has to plan to send requests.
    pub(super) fn plan(&self) -> bool {
        let mut unsent = self.unsent.lock();
        !unsent.queues.is_empty() && !std::mem::replace(&mut unsent.is_planned, true)
    }

    /// Has the requests sent that wait for it.
    pub(super) fn send(&self) {
        let Unsent { queues, .. } = std::mem::take(&mut *self.unsent.lock());
        queues.iter().for_each(|queue| queue.send());
    }

    /// For the child of a fork: the requests are the parent's.
    pub(super) fn forget(&self) {
        std::mem::forget(std::mem::take(&mut *self.unsent.lock()));
    }

    pub(super) fn fd(&self) -> RawFd {
        self.sockets.fd(&self.bell)
    }
}

impl Host for Reactor {
    fn watch(&self, socket: BorrowedSocket<'_>, readable: Waker) -> io::Result<()> {
        self.sockets.watch(socket, readable)
    }

    fn leave(&self, socket: BorrowedSocket<'_>) {
        self.sockets.leave(socket);
    }

    fn send_soon(&self, queue: Arc<dyn Queue>) {
        self.unsent.lock().queues.push(queue);
    }
}

impl std::fmt::Debug for Reactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reactor").field("bell", &self.bell).field("sockets", &self.sockets).finish_non_exhaustive()
    }
}

/// An epoll file: any thread can add a socket or take one away, and the loop needn't be told.
#[cfg(any(target_os = "linux", target_os = "android"))]
mod sys {
    use std::io;
    use std::mem::MaybeUninit;
    use std::os::fd::{AsRawFd, OwnedFd, RawFd};
    use std::task::Waker;

    use parking_lot::Mutex;
    use polycache_wire::BorrowedSocket;
    use rustix::event::{Timespec, epoll};

    use crate::bridge::bell::Bell;

    /// The bell's name among the sockets.
    const BELL: u64 = u64::MAX;

    /// So many events are taken at once. The next look finds the others.
    const MOST: usize = 16;

    #[derive(Debug)]
    pub(super) struct Sockets {
        epoll: OwnedFd,
        readable: Mutex<Vec<(RawFd, Waker)>>,
    }

    impl Sockets {
        pub(super) fn new(bell: &Bell) -> io::Result<Self> {
            let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
            epoll::add(&epoll, bell.file(), epoll::EventData::new_u64(BELL), epoll::EventFlags::IN)?;
            Ok(Self { epoll, readable: Mutex::default() })
        }

        /// The watcher of the socket, if there is just one.
        pub(super) fn only(&self) -> Option<Waker> {
            match &**self.readable.lock() {
                [(_, watcher)] => Some(watcher.clone()),
                _ => None,
            }
        }

        /// Wakes the watchers of readable sockets. Returns whether the bell was rung.
        pub(super) fn wake(&self) -> bool {
            let mut events = [MaybeUninit::uninit(); MOST];
            let Ok((events, _)) = epoll::wait(&self.epoll, &mut events, Some(&Timespec::default())) else {
                return true;
            };
            let mut rung = false;
            for event in events {
                let name = event.data.u64();
                rung |= name == BELL;
                let readable = self.readable.lock();
                let waker =
                    readable.iter().find(|(fd, _)| u64::try_from(*fd) == Ok(name)).map(|(_, waker)| waker.clone());
                drop(readable);
                waker.into_iter().for_each(Waker::wake);
            }
            rung
        }

        pub(super) fn watch(&self, socket: BorrowedSocket<'_>, waker: Waker) -> io::Result<()> {
            let fd = socket.as_raw_fd();
            let name = u64::try_from(fd).map_err(io::Error::other)?;
            self.readable.lock().push((fd, waker));
            let added = epoll::add(&self.epoll, socket, epoll::EventData::new_u64(name), epoll::EventFlags::IN);
            if added.is_err() {
                self.forget(fd);
            }
            Ok(added?)
        }

        pub(super) fn leave(&self, socket: BorrowedSocket<'_>) {
            // Closing the socket may not be enough: a child of a fork may have it open, too.
            let _ = epoll::delete(&self.epoll, socket);
            self.forget(socket.as_raw_fd());
        }

        fn forget(&self, fd: RawFd) {
            let mut readable = self.readable.lock();
            let at = readable.iter().position(|(known, _)| *known == fd);
            let forgotten = at.map(|at| readable.swap_remove(at));
            drop(readable);
            drop(forgotten);
        }

        pub(super) fn fd(&self, _: &Bell) -> RawFd {
            self.epoll.as_raw_fd()
        }
    }
}

/// On other systems the runtime keeps the sockets.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod sys {
    use std::io;
    use std::os::fd::{AsRawFd, RawFd};
    use std::task::Waker;

    use polycache_wire::BorrowedSocket;

    use crate::bridge::bell::Bell;

    #[derive(Debug)]
    pub(super) struct Sockets;

    impl Sockets {
        pub(super) fn new(_: &Bell) -> io::Result<Self> {
            Ok(Self)
        }

        #[allow(clippy::unused_self, reason = "as on other systems")]
        pub(super) fn only(&self) -> Option<Waker> {
            None
        }

        pub(super) fn wake(&self) -> bool {
            true
        }

        pub(super) fn watch(&self, _: BorrowedSocket<'_>, _: Waker) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(super) fn leave(&self, _: BorrowedSocket<'_>) {}

        pub(super) fn fd(&self, bell: &Bell) -> RawFd {
            bell.file().as_raw_fd()
        }
    }
}
