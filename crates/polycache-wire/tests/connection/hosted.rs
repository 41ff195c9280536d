//! A caller in another event loop, whose reactor watches the socket in tokio's place. Nobody else may depend on that loop.

use std::future::Future;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use polycache_wire::{BorrowedSocket, Connection, ConnectionOptions, Fate, Host, Reconnect, hosted};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::server::{Ask, Lines, PATIENCE, Server, answered, until};

/// More than it takes until a socket changes hands.
const MANY: usize = 20;

/// An event loop, which runs only while it is told to.
#[derive(Default)]
struct Loop {
    sockets: Mutex<Vec<(i32, OwnedFd, Waker)>>,
    watched: AtomicUsize,
    /// It can't watch anything.
    refuses: AtomicBool,
}

impl Host for Loop {
    fn watch(&self, socket: BorrowedSocket<'_>, readable: Waker) -> io::Result<()> {
        if self.refuses.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        self.watched.fetch_add(1, Ordering::Relaxed);
        self.sockets.lock().unwrap().push((socket.as_raw_fd(), socket.try_clone_to_owned()?, readable));
        Ok(())
    }

    fn leave(&self, socket: BorrowedSocket<'_>) {
        self.sockets.lock().unwrap().retain(|(fd, ..)| *fd != socket.as_raw_fd());
    }
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Loop {
    /// How many sockets it watches.
    fn watches(&self) -> usize {
        self.sockets.lock().unwrap().len()
    }

    /// Looks for sockets that are readable, and waits a while for the first.
    fn turn(&self) {
        let sockets: Vec<(OwnedFd, Waker)> = self
            .sockets
            .lock()
            .unwrap()
            .iter()
            .map(|(_, fd, waker)| (fd.try_clone().unwrap(), waker.clone()))
            .collect();
        let mut fds: Vec<PollFd<'_>> =
            sockets.iter().map(|(fd, _)| PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::IN)).collect();
        poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 1_000_000 })).unwrap();
        let readable: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        for ((_, waker), _) in sockets.iter().zip(readable).filter(|(_, readable)| *readable) {
            waker.wake_by_ref();
        }
    }

    /// Runs until the future is done.
    fn run<F: Future>(self: &Arc<Self>, runtime: &Runtime, future: F) -> F::Output {
        let host: Arc<dyn Host> = Arc::clone(self) as Arc<dyn Host>;
        let woken = Arc::new(Flag::default());
        let waker = Waker::from(Arc::clone(&woken));
        let _entered = runtime.enter();
        let mut future = pin!(future);
        for _ in 0..30_000 {
            woken.0.store(false, Ordering::SeqCst);
            let poll = hosted(&host, || future.as_mut().poll(&mut Context::from_waker(&waker)));
            if let Poll::Ready(output) = poll {
                return output;
            }
            while !woken.0.load(Ordering::SeqCst) {
                self.turn();
            }
        }
        panic!("it takes for ever");
    }

    /// Has the call make its request, which wakes nobody when there is an answer.
    fn begin<F: Future>(self: &Arc<Self>, runtime: &Runtime, call: Pin<&mut F>) {
        let host: Arc<dyn Host> = Arc::clone(self) as Arc<dyn Host>;
        let _entered = runtime.enter();
        assert!(hosted(&host, || call.poll(&mut Context::from_waker(Waker::noop()))).is_pending());
    }
}

async fn in_time(connection: &Connection<Lines>) -> bool {
    timeout(PATIENCE, answered(connection, "another")).await.unwrap()
}

/// The runtime of the connection, with a thread of its own.
fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn options() -> ConnectionOptions {
    ConnectionOptions::new().heartbeat(None)
}

/// A loop that watches the socket of this connection, whose caller was alone for a while.
fn settled(runtime: &Runtime, connection: &Connection<Lines>) -> Arc<Loop> {
    let event_loop = Arc::new(Loop::default());
    settle(&event_loop, runtime, connection);
    assert_eq!(event_loop.watches(), 1);
    event_loop
}

fn settle(event_loop: &Arc<Loop>, runtime: &Runtime, connection: &Connection<Lines>) {
    event_loop.run(runtime, async {
        for number in 0..MANY {
            assert!(answered(connection, format!("alone {number}")).await);
        }
    });
}

#[test]
fn who_is_alone_is_woken_by_its_own_loop() {
    let (server, runtime) = (Server::start(), runtime());
    let connection = server.connect_plainly(options());
    let event_loop = settled(&runtime, &connection);
    event_loop.run(&runtime, async {
        for size in [1, 1_000, 20_000, 3_000_000, 1] {
            let ask = Ask("x".repeat(size));
            assert!(connection.call(&ask).await.unwrap() == ask.0, "{size}");
        }
    });
    settle(&event_loop, &runtime, &connection);
    assert_eq!((event_loop.watches(), server.connections()), (1, 1));
}

#[test]
fn nobody_depends_on_a_loop_that_stands_still() {
    let (server, runtime) = (Server::start(), runtime());
    let connection = server.connect_plainly(options());
    let event_loop = settled(&runtime, &connection);
    for round in 0..50 {
        let ask = Ask(format!("never looked at {round}"));
        let mut call = pin!(connection.call(&ask));
        event_loop.begin(&runtime, call.as_mut());
        // The loop doesn't run meanwhile.
        assert!(runtime.block_on(in_time(&connection)));
        assert_eq!(event_loop.watches(), 0);
        assert_eq!(event_loop.run(&runtime, call).unwrap(), ask.0);
        settle(&event_loop, &runtime, &connection);
        assert_eq!(event_loop.watches(), 1);
    }
}

#[test]
fn who_leaves_gives_the_socket_back() {
    let (server, runtime) = (Server::start(), runtime());
    let connection = server.connect_plainly(options());
    for round in 0..50 {
        let event_loop = settled(&runtime, &connection);
        {
            let ask = Ask(format!("left {round}"));
            event_loop.begin(&runtime, pin!(connection.call(&ask)));
        }
        if round % 2 == 0 {
            assert!(runtime.block_on(in_time(&connection)));
        } else {
            let given_back = until("the socket is given back", async || event_loop.watches() == 0);
            runtime.block_on(given_back);
        }
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn who_asks_several_things_is_one_caller() {
    let (server, runtime) = (Server::start(), runtime());
    let connection = server.connect_plainly(options());
    let event_loop = Arc::new(Loop::default());
    let asks = ["held", "another"].map(|line| Ask(line.to_owned()));
    event_loop.run(&runtime, async {
        for _ in 0..MANY {
            let answers = connection.call_in_order(&asks).await;
            assert!(answers.into_iter().zip(&asks).all(|(answer, ask)| answer.unwrap() == ask.0));
        }
    });
    assert_eq!(event_loop.watches(), 1);
}

#[test]
fn who_leaves_several_calls_leaves_nothing_behind() {
    let (server, runtime) = (Server::start(), runtime());
    let connection = server.connect_plainly(options());
    for round in 0..20 {
        // A caller counts as alone only if nobody else has a slot.
        let event_loop = settled(&runtime, &connection);
        let asks = ["one", "another", "a third"].map(|line| Ask(line.to_owned()));
        let mut calls = pin!(connection.call_in_order(&asks));
        event_loop.begin(&runtime, calls.as_mut());
        if round % 2 == 0 {
            assert!(runtime.block_on(in_time(&connection)));
        }
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn the_end_of_an_idle_connection_is_seen() {
    let (server, runtime) = (Server::start(), runtime());
    let connection = server.connect_plainly(options());
    for round in 0..20 {
        let event_loop = settled(&runtime, &connection);
        server.cut();
        if round % 2 == 0 {
            // By the loop, while nobody asks.
            while connection.failures() == 0 {
                event_loop.turn();
            }
            assert_eq!(event_loop.watches(), 0);
        }
        // Before it is sent: a write isn't sent again.
        assert!(event_loop.run(&runtime, answered(&connection, "write")));
    }
}

#[test]
fn a_connection_that_ends_under_way_tells_its_caller() {
    let (server, runtime) = (Server::start(), runtime());
    let connection = server.connect_plainly(options());
    for _ in 0..20 {
        let event_loop = settled(&runtime, &connection);
        let ask = Ask("write silence".to_owned());
        let mut call = pin!(connection.call(&ask));
        event_loop.begin(&runtime, call.as_mut());
        server.cut();
        let failure = event_loop.run(&runtime, call).unwrap_err();
        assert_eq!(failure.fate, Fate::Unknown, "{failure:?}");
        assert_eq!(event_loop.watches(), 0);
    }
}

#[test]
fn loops_take_turns() {
    let (server, runtime) = (Server::start(), runtime());
    let connection = server.connect_plainly(options());
    let loops = [settled(&runtime, &connection), Arc::new(Loop::default())];
    for round in 0..100 {
        let (one, other) = (&loops[round % 2], &loops[(round + 1) % 2]);
        assert!(one.run(&runtime, answered(&connection, "one")));
        assert!(other.run(&runtime, answered(&connection, "other")));
        if round % 10 == 0 {
            settle(one, &runtime, &connection);
            assert_eq!((one.watches(), other.watches()), (1, 0));
        }
        if round % 3 == 0 {
            assert!(runtime.block_on(answered(&connection, "on the runtime")));
        }
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn loops_in_threads_share_a_connection() {
    let (server, runtime) = (Server::start(), runtime());
    let connection = server.connect_plainly(options());
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (connection, runtime) = (&connection, &runtime);
            scope.spawn(move || {
                let event_loop = Arc::new(Loop::default());
                for call in 0..300 * (1 + thread) {
                    assert!(event_loop.run(runtime, answered(connection, format!("{thread}:{call}"))));
                }
            });
        }
    });
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_host_that_cannot_watch_is_done_without() {
    let (server, runtime) = (Server::start(), runtime());
    let connection = server.connect_plainly(options());
    let event_loop = Arc::new(Loop::default());
    event_loop.refuses.store(true, Ordering::Relaxed);
    settle(&event_loop, &runtime, &connection);
    assert_eq!((event_loop.watches(), server.connections()), (0, 1));
}

#[test]
fn what_is_no_socket_or_listens_or_has_no_heartbeat_stays_with_tokio() {
    let (server, runtime) = (Server::start(), runtime());
    let event_loop = Arc::new(Loop::default());
    settle(&event_loop, &runtime, &server.connect(options()));
    settle(&event_loop, &runtime, &server.connect_plainly(options().listens(true)));
    settle(&event_loop, &runtime, &server.connect_plainly(options().reconnect(Reconnect::Always)));
    assert_eq!(event_loop.watched.load(Ordering::Relaxed), 0);
}

#[test]
fn a_heartbeat_comes_between() {
    let (server, runtime) = (Server::start(), runtime());
    let connection = server.connect_plainly(ConnectionOptions::new().heartbeat(Some(Duration::from_millis(40))));
    let event_loop = Arc::new(Loop::default());
    // After each look of the driver, the socket changes hands anew.
    while event_loop.watched.load(Ordering::Relaxed) < 5 {
        settle(&event_loop, &runtime, &connection);
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_connection_that_is_closed_or_dropped_leaves_the_loop() {
    let (server, runtime) = (Server::start(), runtime());
    for is_closed in [true, false] {
        let connection = server.connect_plainly(options());
        let event_loop = settled(&runtime, &connection);
        if is_closed {
            connection.close();
        } else {
            drop(connection);
        }
        runtime.block_on(until("the loop watches nothing", async || event_loop.watches() == 0));
    }
    let other = Server::start();
    let connection = other.connect_plainly(options());
    let event_loop = settled(&runtime, &connection);
    drop(runtime);
    assert_eq!(event_loop.watches(), 0);
}

#[test]
fn a_connection_that_is_always_made_again_is_noticed_to_end() {
    let (server, runtime) = (Server::start(), runtime());
    let options = ConnectionOptions::new().heartbeat(Some(Duration::from_millis(400))).reconnect(Reconnect::Always);
    let connection = server.connect_plainly(options);
    for round in 0..6 {
        let event_loop = Arc::new(Loop::default());
        while event_loop.watches() == 0 {
            settle(&event_loop, &runtime, &connection);
        }
        let made = server.connections();
        server.cut();
        while server.connections() == made {
            // By its loop, or by the heartbeat if the loop stands still.
            if round % 2 == 0 {
                event_loop.turn();
            } else {
                std::thread::yield_now();
            }
        }
        runtime.block_on(until("it is open again", async || connection.failures() == 0));
    }
}
