//! A TCP proxy that makes trouble on demand.

mod connection;
mod listener;

use std::future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::net::Shutdown;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::servers::port;

const PATIENCE: Duration = Duration::from_secs(60);

/// A TCP proxy in front of a server on this machine, to test clients on a failing network.
///
/// A fault holds for present and later connections, until it is taken back or [`heal`](Self::heal) takes back all. Methods have taken
/// effect when they return. The proxy runs on a thread of its own, so tests may share one, whatever their runtimes. It holds back at most
/// 16 KiB in each direction, and the kernel its own buffers.
///
/// When the server closes or resets a connection, or can't be reached, the proxy does the same to the client.
///
/// ```
/// use polycache_testkit::Proxy;
/// use polycache_testkit::servers::RedisServer;
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// use tokio::net::TcpStream;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// let server = RedisServer::start().await;
/// let proxy = Proxy::start(server.address()).await; // a client of the library connects to `server.url_at(proxy.address())`
/// let mut client = TcpStream::connect(proxy.address()).await?;
///
/// proxy.cut_reply_after(3);
/// client.write_all(b"PING\r\n").await?;
/// let mut reply = Vec::new();
/// client.read_to_end(&mut reply).await?;
/// assert_eq!(reply, b"+PO");
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    // None only during the drop.
    orders: Option<mpsc::UnboundedSender<Order>>,
    thread: Option<JoinHandle<()>>,
}

/// The traffic of a [`Proxy`] so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// Connections accepted.
    pub connections: u64,
    /// Connections open now.
    pub open: u64,
    /// Bytes received from clients.
    pub from_client: u64,
    /// Bytes received from the server.
    pub from_server: u64,
}

/// The state that tests and connections share.
#[derive(Debug)]
struct Shared {
    faults: watch::Sender<Faults>,
    traffic: watch::Sender<Traffic>,
    // How many more bytes of replies pass before a connection is cut.
    allowance: Mutex<Option<usize>>,
}

#[derive(Debug, Clone, Default)]
struct Faults {
    /// Of requests and of replies.
    delays: [Duration; 2],
    stalled: bool,
    /// Connections with a lower number have fallen silent.
    frozen_below: u64,
    chunk: Option<usize>,
    answer: Option<Arc<[u8]>>,
}

/// The end of a connection, as the client sees it.
#[derive(Debug, Clone, Copy)]
enum End {
    /// FIN, from a server that closes the connection or exits.
    Close,
    /// RST, from a server that knows nothing of the connection.
    Reset,
}

/// A task for the proxy's thread, for which the test waits.
#[derive(Debug)]
struct Order {
    what: What,
    done: SyncSender<io::Result<()>>,
}

#[derive(Debug)]
enum What {
    Cut(End),
    Listen(bool),
}

impl Proxy {
    /// Starts a proxy in front of this address, on a free port.
    ///
    /// # Panics
    ///
    /// If there is no free port.
    pub async fn start(server: SocketAddr) -> Self {
        let bind =
            |port| future::ready(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| error.to_string()));
        let listener = port::start(bind).await;
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            faults: watch::Sender::default(),
            traffic: watch::Sender::default(),
            allowance: Mutex::default(),
        });
        let (orders, inbox) = mpsc::unbounded_channel();
        let (ready, runs) = oneshot::channel();
        let thread = {
            let shared = Arc::clone(&shared);
            let run = move || listener::run(listener, server, &shared, inbox, ready);
            thread::Builder::new().name("proxy".into()).spawn(run).expect("a thread starts")
        };
        runs.await.expect("the proxy's thread runs");
        Self { address, shared, orders: Some(orders), thread: Some(thread) }
    }

    /// The address for clients.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The traffic so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        *self.shared.traffic.borrow()
    }

    /// Waits until the traffic meets the condition.
    ///
    /// # Panics
    ///
    /// If it doesn't within a minute.
    pub async fn wait_until(&self, condition: impl FnMut(&Traffic) -> bool) {
        let mut traffic = self.shared.traffic.subscribe();
        let came = timeout(PATIENCE, traffic.wait_for(condition)).await.is_ok();
        assert!(came, "the traffic after {PATIENCE:?}: {:?}", self.traffic());
    }

    /// Holds each chunk of bytes back for this long, in both directions. Zero ends it.
    pub fn delay(&self, delay: Duration) {
        self.shared.faults.send_modify(|faults| faults.delays = [delay; 2]);
    }

    /// Holds each chunk of bytes from clients back for this long. Zero ends it.
    pub fn delay_requests(&self, delay: Duration) {
        self.shared.faults.send_modify(|faults| faults.delays[0] = delay);
    }

    /// Holds each chunk of bytes from the server back for this long. Zero ends it.
    pub fn delay_replies(&self, delay: Duration) {
        self.shared.faults.send_modify(|faults| faults.delays[1] = delay);
    }

    /// Holds all bytes back until [`resume`](Self::resume), in both directions. Connections are accepted.
    pub fn stall(&self) {
        self.shared.faults.send_modify(|faults| faults.stalled = true);
    }

    /// Forwards the bytes that [`stall`](Self::stall) has held back, and later ones.
    pub fn resume(&self) {
        self.shared.faults.send_modify(|faults| faults.stalled = false);
    }

    /// Holds back the bytes of present connections until [`thaw`](Self::thaw), in both directions, as on a path that was lost without a
    /// word. Later connections aren't touched.
    pub fn freeze(&self) {
        let number = self.shared.traffic.borrow().connections;
        self.shared.faults.send_modify(|faults| faults.frozen_below = number);
    }

    /// Forwards the bytes that [`freeze`](Self::freeze) has held back, even of clients that have closed their connection since, as their
    /// kernels would send them again and again. Bytes of connections that clients have reset are dropped, as their kernels drop them.
    pub fn thaw(&self) {
        self.shared.faults.send_modify(|faults| faults.frozen_below = 0);
    }

    /// Forwards at most this many bytes in one packet, and gives the receiver time to see each by itself.
    ///
    /// # Panics
    ///
    /// If it's zero.
    pub fn chunk(&self, bytes: usize) {
        assert!(bytes > 0, "a packet has at least one byte");
        self.shared.faults.send_modify(|faults| faults.chunk = Some(bytes));
    }

    /// Sends these bytes in place of each chunk that comes from the server.
    pub fn answer_with(&self, bytes: &[u8]) {
        self.shared.faults.send_modify(|faults| faults.answer = Some(bytes.into()));
    }

    /// Lets exactly this many more bytes of replies pass, over any connections, then closes the connection of the last of them. With
    /// zero, the next reply is lost. Happens once.
    pub fn cut_reply_after(&self, bytes: usize) {
        self.shared.set_allowance(Some(bytes));
    }

    /// Closes every connection now (FIN).
    pub fn cut(&self) {
        self.order(What::Cut(End::Close));
    }

    /// Resets every connection now (RST).
    pub fn reset(&self) {
        self.order(What::Cut(End::Reset));
    }

    /// Whether new connections are refused, as by a machine on which no server runs. Present ones stay.
    pub fn refuse(&self, refuse: bool) {
        self.order(What::Listen(!refuse));
    }

    /// Takes back every fault.
    pub fn heal(&self) {
        self.shared.set_allowance(None);
        self.shared.faults.send_replace(Faults::default());
        self.refuse(false);
    }

    fn order(&self, what: What) {
        let (done, wait) = sync_channel(1);
        let sent = self.orders.as_ref().map(|orders| orders.send(Order { what, done }));
        assert!(matches!(sent, Some(Ok(()))), "the proxy's thread runs");
        wait.recv().expect("the proxy's thread runs").expect("the port is still free");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn set_allowance(&self, bytes: Option<usize>) {
        *self.allowance.lock().unwrap_or_else(PoisonError::into_inner) = bytes;
    }

    /// How many of these bytes may pass, and whether the connection ends after them.
    fn allow(&self, bytes: usize) -> (usize, bool) {
        let mut allowance = self.allowance.lock().unwrap_or_else(PoisonError::into_inner);
        match *allowance {
            Some(left) if left > bytes => {
                *allowance = Some(left - bytes);
                (bytes, false)
            }
            Some(left) => {
                *allowance = None;
                (left, true)
            }
            None => (bytes, false),
        }
    }
}

/// Ends a socket at once. Closing it is not enough: a child process that another thread has just forked holds a copy of it, until the
/// child runs its own program.
fn shut_down(socket: &impl AsFd) {
    // A connection that the other side has ended already is not an error.
    let _ = rustix::net::shutdown(socket, Shutdown::Both);
}
