//! Shared connections, to a server that answers each line with the same line.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use polycache_wire::{Connection, Decoder, Fate, Protocol, Reconnect, Request, Settings, Stream, Trouble};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

/// The server. Threads of its own answer, whatever the test's runtimes do.
struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, streams) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (counted, kept) = (Arc::clone(&connections), Arc::clone(&streams));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                kept.lock().unwrap().push(stream.try_clone().unwrap());
                counted.fetch_add(1, Ordering::Relaxed);
                std::thread::spawn(move || answer(stream));
            }
        });
        Self { address, connections, streams }
    }

    /// How many connections were made so far.
    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Closes all connections.
    fn cut(&self) {
        for stream in self.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }

    fn connect(&self, settings: Settings) -> Connection<Lines> {
        Connection::new(Lines(self.address), settings)
    }
}

/// Answers each line with itself, and `twice` twice; from a line with `silence` on, no line any more.
fn answer(mut stream: TcpStream) {
    let lines = BufReader::new(stream.try_clone().unwrap());
    let mut silent = false;
    for line in lines.split(b'\n') {
        let Ok(mut line) = line else { return };
        line.push(b'\n');
        silent |= line.ends_with(b"silence\n");
        if silent {
            continue;
        }
        let times = if line == b"twice\n" { 2 } else { 1 };
        if stream.write_all(&line.repeat(times)).is_err() {
            return;
        }
    }
}

struct Lines(SocketAddr);

struct Line;

#[derive(Debug)]
struct Ask(String);

impl Protocol for Lines {
    type Reply = String;
    type Expect = ();
    type Decoder = Line;
    type Error = String;

    async fn open(&self) -> Result<Box<dyn Stream>, String> {
        let stream = tokio::net::TcpStream::connect(self.0).await;
        Ok(Box::new(stream.map_err(|error| error.to_string())?))
    }

    fn decoder(&self) -> Line {
        Line
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

async fn answered(connection: &Connection<Lines>, line: impl Into<String>) -> bool {
    let ask = Ask(line.into());
    connection.call(&ask).await.is_ok_and(|answer| answer == ask.0)
}

async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_find_their_callers_though_others_give_up() {
    let connection = Arc::new(Server::start().connect(Settings::default()));
    for tasks in [1, 2, 3, 100] {
        let mut set = JoinSet::new();
        for task in 0..tasks {
            let connection = Arc::clone(&connection);
            set.spawn(async move {
                for call in 0..100 {
                    let ask = Ask(format!("{task}:{call}:{}", "x".repeat(fastrand::usize(..200))));
                    let call = connection.call(&ask);
                    if fastrand::bool() {
                        assert_eq!(call.await.unwrap(), ask.0);
                        continue;
                    }
                    let patience = async {
                        for _ in 0..fastrand::u32(..4) {
                            tokio::task::yield_now().await;
                        }
                    };
                    tokio::select! {
                        biased;
                        answer = call => assert_eq!(answer.unwrap(), ask.0),
                        () = patience => {}
                    }
                }
            });
        }
        timeout(PATIENCE, set.join_all()).await.expect("nothing hangs");
    }
}

#[tokio::test]
async fn nobody_waits_for_ever_for_room_in_the_queue() {
    let server = Server::start();
    let connection = Arc::new(server.connect(Settings { max_queue: 2_000, ..Settings::default() }));
    let mut set = JoinSet::new();
    for task in 0..50 {
        let connection = Arc::clone(&connection);
        set.spawn(async move {
            // Some need the whole queue, and more.
            let length = if task % 10 == 0 { 5_000 } else { 100 };
            for _ in 0..50 {
                assert!(answered(&connection, "y".repeat(length)).await);
            }
        });
    }
    timeout(PATIENCE, set.join_all()).await.expect("nothing hangs");
    let many: Vec<Ask> = (0..500).map(|number| Ask(number.to_string())).collect();
    let answers = timeout(PATIENCE, connection.call_many(&many)).await.expect("nothing hangs");
    assert!(answers.iter().zip(&many).all(|(answer, ask)| answer.as_ref().is_ok_and(|answer| *answer == ask.0)));
}

#[tokio::test]
async fn what_became_of_calls_when_the_connection_is_lost() {
    let server = Server::start();
    let connection = server.connect(Settings { heartbeat: None, ..Settings::default() });
    assert!(answered(&connection, "first").await);
    let (read, write) = (Ask("silence".to_owned()), Ask("write silence".to_owned()));
    let lose = async {
        for _ in 0..2 {
            // What was asked last is on its way by then.
            let made = server.connections();
            tokio::time::sleep(Duration::from_millis(20)).await;
            server.cut();
            timeout(Duration::from_secs(1), until("another", async || server.connections() > made)).await.ok();
        }
    };
    let (read, write, ()) = tokio::join!(connection.call(&read), connection.call(&write), lose);
    for failure in [read, write].map(Result::unwrap_err) {
        assert_eq!(failure.fate, Fate::Unknown, "{failure:?}");
    }
    // The write was sent once, the read twice.
    assert_eq!(server.connections(), 2);
    assert!(answered(&connection, "third").await);
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_ends_the_connection() {
    let server = Server::start();
    let connection = server.connect(Settings::default());
    assert!(answered(&connection, "twice").await);
    for number in 0..100 {
        assert!(answered(&connection, number.to_string()).await);
    }
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn silence_is_the_end_of_a_connection() {
    let server = Server::start();
    let settings = Settings { heartbeat: Some(Duration::from_millis(20)), ..Settings::default() };
    let connection = server.connect(settings);
    let failure = connection.call(&Ask("silence".to_owned())).await.unwrap_err();
    assert_eq!(failure.fate, Fate::Unknown, "{failure:?}");
    assert!(failure.error.contains("silent"), "{failure:?}");
    // It was sent twice.
    assert_eq!(server.connections(), 2);
    assert!(answered(&connection, "another").await);
    assert_eq!(connection.failures(), 0);
}

#[tokio::test]
async fn a_lost_connection_comes_back_by_itself_where_it_is_told_to() {
    let server = Server::start();
    let always = server.connect(Settings { reconnect: Reconnect::Always, ..Settings::default() });
    assert!(answered(&always, "first").await);
    for made in 2..5 {
        server.cut();
        until("another connection", async || server.connections() == made).await;
    }
    assert!(answered(&always, "second").await);
    always.renew();
    until("a new connection", async || server.connections() == 5).await;
    assert!(answered(&always, "third").await);
    always.close();
    let failure = always.call(&Ask("fourth".to_owned())).await.unwrap_err();
    assert_eq!((failure.fate, failure.error.as_str()), (Fate::NotSent, "Closed"));
}

#[test]
fn runtimes_that_end_or_stand_still_are_left() {
    let server = Server::start();
    for reconnect in [Reconnect::OnDemand, Reconnect::Always] {
        let settings = Settings { heartbeat: Some(Duration::from_millis(100)), reconnect, ..Settings::default() };
        let connection = server.connect(settings);
        let answers = |runtime: &Runtime, line: &str| {
            runtime.block_on(until("an answer on this runtime", async || {
                timeout(Duration::from_millis(50), answered(&connection, line)).await == Ok(true)
            }));
        };
        let (first, second) = (one_thread(), one_thread());
        // One of them stands still each time: it is there, and nobody drives it.
        for runtime in [&first, &second, &first] {
            answers(runtime, "there");
        }
        drop(first);
        answers(&second, "the other one has ended");
    }
}

#[test]
fn distinct_runtimes_share_a_connection() {
    let server = Server::start();
    let connection = server.connect(Settings::default());
    let seen = Mutex::new(HashSet::new());
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    assert!(runtime.block_on(answered(&connection, "first")));
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (connection, seen) = (&connection, &seen);
            scope.spawn(move || {
                one_thread().block_on(async {
                    for call in 0..500 {
                        let line = format!("{thread}:{call}");
                        assert!(answered(connection, line.clone()).await);
                        seen.lock().unwrap().insert(line);
                    }
                });
            });
        }
    });
    assert_eq!(seen.lock().unwrap().len(), 1_500);
    assert_eq!(server.connections(), 1);
}
