//! A server that answers each line with the same line, and its protocol.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use polycache_wire::{Connection, ConnectionOptions, Decoder, Protocol, Request, Stream, Trouble};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The server. Its own threads answer, whatever the test's runtimes do.
pub(crate) struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
    paused: Paused,
    writes: Arc<AtomicUsize>,
    told: Arc<Mutex<Vec<&'static str>>>,
}

/// How many more pauses may end.
type Paused = Arc<(Mutex<usize>, Condvar)>;

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, streams) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (counted, kept) = (Arc::clone(&connections), Arc::clone(&streams));
        let paused = Paused::default();
        let pauses = Arc::clone(&paused);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                kept.lock().unwrap().push(stream.try_clone().unwrap());
                counted.fetch_add(1, Ordering::Relaxed);
                let paused = Arc::clone(&pauses);
                std::thread::spawn(move || answer(stream, &paused));
            }
        });
        Self { address, connections, streams, paused, writes: Arc::default(), told: Arc::default() }
    }

    /// What the connections told of themselves since this was last asked.
    pub(crate) fn told(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.told.lock().unwrap())
    }

    /// How often clients have written to the server so far.
    pub(crate) fn writes(&self) -> usize {
        self.writes.load(Ordering::Relaxed)
    }

    /// Ends a pause, the present one or the next.
    pub(crate) fn go_on(&self) {
        *self.paused.0.lock().unwrap() += 1;
        self.paused.1.notify_all();
    }

    /// How many connections were made so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Closes all connections.
    pub(crate) fn cut(&self) {
        for stream in self.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }

    pub(crate) fn connect(&self, options: ConnectionOptions) -> Connection<Lines> {
        Connection::new(self.lines(Some(Arc::clone(&self.writes))), options)
    }

    /// The same over a plain socket, whose writes aren't counted.
    pub(crate) fn connect_plainly(&self, options: ConnectionOptions) -> Connection<Lines> {
        Connection::new(self.lines(None), options)
    }

    fn lines(&self, writes: Option<Arc<AtomicUsize>>) -> Lines {
        Lines { address: self.address, writes, told: Arc::clone(&self.told) }
    }
}

/// Answers each line with the same line, `twice` with two, and `held` together with the next line; `pause` when the server goes on; from
/// `silence` on, no line at all.
fn answer(mut stream: TcpStream, paused: &Paused) {
    let lines = BufReader::new(stream.try_clone().unwrap());
    let (mut silent, mut held) = (false, Vec::new());
    for line in lines.split(b'\n') {
        let Ok(mut line) = line else { return };
        line.push(b'\n');
        silent |= line.ends_with(b"silence\n");
        if silent {
            continue;
        }
        if line == b"pause\n" {
            let mut ends = paused.0.lock().unwrap();
            while *ends == 0 {
                ends = paused.1.wait(ends).unwrap();
            }
            *ends -= 1;
        }
        held.extend(line.repeat(if line == b"twice\n" { 2 } else { 1 }));
        if line.starts_with(b"held") {
            continue;
        }
        if stream.write_all(&std::mem::take(&mut held)).is_err() {
            return;
        }
    }
}

pub(crate) struct Lines {
    address: SocketAddr,
    writes: Option<Arc<AtomicUsize>>,
    told: Arc<Mutex<Vec<&'static str>>>,
}

impl Lines {
    fn tell(&self, what: &'static str) {
        self.told.lock().unwrap().push(what);
    }
}

/// A stream whose writes are counted.
struct Counted(tokio::net::TcpStream, Arc<AtomicUsize>);

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.0).poll_write(context, bytes);
        if poll.is_ready() {
            self.1.fetch_add(1, Ordering::Relaxed);
        }
        poll
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

pub(crate) struct Line;

#[derive(Debug, PartialEq)]
pub(crate) struct Ask(pub(crate) String);

impl Protocol for Lines {
    type Reply = String;
    type Expect = ();
    type Decoder = Line;
    type Error = String;

    async fn open(&self) -> Result<Box<dyn Stream>, String> {
        let stream = tokio::net::TcpStream::connect(self.address).await.map_err(|error| error.to_string())?;
        Ok(match &self.writes {
            Some(writes) => Box::new(Counted(stream, Arc::clone(writes))),
            None => Box::new(stream),
        })
    }

    fn decoder(&self) -> Line {
        Line
    }

    fn opened(&self) {
        self.tell("opened");
    }

    fn losing(&self) {
        self.tell("losing");
    }

    fn lost(&self) {
        self.tell("lost");
    }

    fn ask_for_life(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"alive\n");
    }

    fn error(&self, trouble: Trouble<'_>) -> String {
        format!("{trouble:?}")
    }
}

impl Decoder<Lines> for Line {
    fn decode(&mut self, input: &mut BytesMut, (): &mut ()) -> Result<Option<String>, String> {
        let Some(end) = input.iter().position(|&byte| byte == b'\n') else { return Ok(None) };
        let line = input.split_to(end + 1);
        Ok(Some(String::from_utf8_lossy(&line[..end]).into_owned()))
    }
}

impl Request<Lines> for Ask {
    fn encode(&self, _number: u16, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.as_bytes());
        out.push(b'\n');
    }

    fn weight(&self) -> usize {
        self.0.len()
    }

    fn is_read(&self) -> bool {
        !self.0.starts_with("write")
    }
}

pub(crate) async fn answered(connection: &Connection<Lines>, line: impl Into<String>) -> bool {
    let ask = Ask(line.into());
    connection.call(&ask).await.is_ok_and(|answer| answer == ask.0)
}

pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
