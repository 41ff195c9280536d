//! What a write costs where clients keep copies of what they have read: the messages and bytes by which a Redis server tells them, in the
//! default mode of `CLIENT TRACKING` and in its broadcasting mode. `invalidations [PROGRAM]` takes `redis-server`, or another such program.
//!
//! Between two writes each client reads a few keys, the popular ones more often, and asks the server only for what it has no copy of.
#![allow(clippy::expect_used, clippy::panic, reason = "a tool that can't go on says why and stops")]

use std::collections::HashSet;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fastrand::Rng;
use polycache_benches::zipf::Zipf;

const KEYS: u32 = 10_000;
const READS: usize = 10;
const WARM_UP: usize = 100;
const WRITES: usize = 300;

fn main() {
    let program = std::env::args().nth(1).unwrap_or_else(|| "redis-server".to_owned());
    let server = Server::start(&program);
    println!("| written | clients | mode | messages a write | bytes a write | reads that ask the server |");
    println!("|---|---|---|---|---|---|");
    for (written, prefix) in [("what clients read", "k:"), ("what nobody reads", "k:other:")] {
        for clients in [1, 8, 64] {
            for (mode, options) in [("default", &[][..]), ("broadcast", &["BCAST", "PREFIX", "k:"][..])] {
                let [messages, bytes, asked] = measure(&server, clients, options, prefix);
                println!("| {written} | {clients} | {mode} | {messages:.2} | {bytes:.0} | {:.1} % |", 100.0 * asked);
            }
        }
    }
}

/// Messages and bytes a write, to all clients together, and the share of reads that ask the server.
fn measure(server: &Server, count: usize, options: &[&str], prefix: &str) -> [f64; 3] {
    let mut rng = Rng::with_seed(7);
    let zipf = Zipf::new(KEYS, 1.0, &mut rng);
    let mut writer = Client::connect(server, &["FLUSHALL"]);
    let mut clients: Vec<Client> =
        (0..count).map(|_| Client::connect(server, &[&["CLIENT", "TRACKING", "ON"], options].concat())).collect();
    let mut asked = 0;
    for write in 0..WARM_UP + WRITES {
        if write == WARM_UP {
            asked = 0;
            clients.iter_mut().for_each(|client| (client.messages, client.bytes) = (0, 0));
        }
        for client in &mut clients {
            for _ in 0..READS {
                asked += u32::from(client.get(&format!("k:{}", zipf.draw(&mut rng))));
            }
        }
        writer.ask(&["SET", &format!("{prefix}{}", zipf.draw(&mut rng)), "v"]);
        // What was told comes before the answer.
        clients.iter_mut().for_each(|client| client.ask(&["PING"]));
    }
    let sum = |count: fn(&Client) -> usize| clients.iter().map(count).sum::<usize>() as f64 / WRITES as f64;
    let reads = (READS * WRITES * count) as f64;
    [sum(|client| client.messages), sum(|client| client.bytes), f64::from(asked) / reads]
}

struct Client {
    stream: UnixStream,
    input: Vec<u8>,
    near: HashSet<String>,
    /// Of invalidations.
    messages: usize,
    bytes: usize,
}

impl Client {
    fn connect(server: &Server, first: &[&str]) -> Self {
        let stream = UnixStream::connect(&server.socket).expect("the server listens");
        let mut client = Self { stream, input: Vec::new(), near: HashSet::new(), messages: 0, bytes: 0 };
        client.ask(&["HELLO", "3"]);
        client.ask(first);
        client
    }

    /// Reads a key. Returns whether the server was asked.
    fn get(&mut self, key: &str) -> bool {
        let is_missing = self.near.insert(key.to_owned());
        if is_missing {
            self.ask(&["GET", key]);
        }
        is_missing
    }

    /// Sends a command, and reads all messages up to its answer.
    fn ask(&mut self, command: &[&str]) {
        let mut out = format!("*{}\r\n", command.len());
        command.iter().for_each(|word| out += &format!("${}\r\n{word}\r\n", word.len()));
        self.stream.write_all(out.as_bytes()).expect("the server reads");
        let mut chunk = [0; 16 * 1024];
        loop {
            while let Some(length) = frame(&self.input, 0) {
                let frame: Vec<u8> = self.input.drain(..length).collect();
                if frame[0] != b'>' {
                    assert_ne!(frame[0], b'-', "{command:?}: {}", frame.escape_ascii());
                    return;
                }
                self.invalidate(&frame);
            }
            let read = self.stream.read(&mut chunk).expect("the server answers");
            assert!(read > 0, "the server has closed the connection");
            self.input.extend_from_slice(&chunk[..read]);
        }
    }

    fn invalidate(&mut self, frame: &[u8]) {
        self.messages += 1;
        self.bytes += frame.len();
        let text = String::from_utf8_lossy(frame);
        // `>2 $10 invalidate *1 $3 key`, or nil for everything.
        let keys = text.split("\r\n").skip(4).filter(|word| !word.starts_with('$') && !word.is_empty());
        keys.for_each(|key| _ = self.near.remove(key));
    }
}

/// Where the value that begins at `from` ends, if all of it has come.
fn frame(bytes: &[u8], from: usize) -> Option<usize> {
    let line = bytes.get(from..)?.windows(2).position(|two| two == b"\r\n")?;
    let (end, number) = (from + line + 2, std::str::from_utf8(&bytes[from + 1..from + line]).unwrap_or_default());
    let count = number.parse::<usize>().unwrap_or(0);
    let elements = match bytes[from] {
        b'$' if number != "-1" => return (bytes.len() >= end + count + 2).then_some(end + count + 2),
        b'>' | b'*' => count,
        b'%' => 2 * count,
        _ => 0,
    };
    (0..elements).try_fold(end, |end, _| frame(bytes, end))
}

struct Server {
    process: Child,
    socket: String,
}

impl Server {
    fn start(program: &str) -> Self {
        let socket = std::env::temp_dir().join(format!("invalidations-{}.sock", std::process::id()));
        let socket = socket.to_str().expect("the path is text").to_owned();
        let arguments = ["--port", "0", "--unixsocket", &socket, "--save", "", "--appendonly", "no"];
        let process = Command::new(program).args(arguments).stdout(Stdio::null()).spawn().expect("the server starts");
        let started = Instant::now();
        while UnixStream::connect(&socket).is_err() {
            assert!(started.elapsed() < Duration::from_secs(10), "{program} doesn't listen on {socket}");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { process, socket }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_file(&self.socket);
    }
}
