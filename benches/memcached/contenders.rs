//! Who is compared: each does a round of calls on a runtime, on connections that it made before.

use std::sync::Arc;

use async_memcached::{AsciiProtocol, Client as Theirs};
use polycache_memcached::{Client, Entry};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// Keys that all have a value.
pub(crate) const KEYS: usize = 1_000;

/// How many keys a multi-get asks for.
pub(crate) const MANY: usize = 100;

/// What a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    Get,
    Set,
    MultiGet,
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) work: Work,
    pub(crate) workers: Workers,
    pub(crate) tasks: usize,
    /// Calls that each task does in a round.
    pub(crate) calls: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workers {
    CurrentThread,
    Two,
}

/// Does a round.
pub(crate) type Round<'a> = Box<dyn FnMut() + 'a>;

pub(crate) fn key(number: usize) -> String {
    format!("user:{:06}", number % KEYS)
}

/// How many bytes a value has.
const VALUE: usize = 100;

pub(crate) fn value() -> Vec<u8> {
    vec![b'v'; VALUE]
}

/// Keys made before, so that making them isn't measured.
struct Keys(Vec<String>);

impl Keys {
    fn new() -> Arc<Self> {
        Arc::new(Self((0..KEYS + MANY).map(key).collect()))
    }

    fn one(&self, task: usize, call: usize) -> &str {
        &self.0[(task * 7 + call) % KEYS]
    }

    fn many(&self, task: usize, call: usize) -> &[String] {
        &self.0[(task * 7 + call) % KEYS..][..MANY]
    }
}

/// One connection for all tasks.
pub(crate) fn ours<'a>(runtime: &'a Runtime, address: &str, row: Row) -> Round<'a> {
    let client = Client::open(address).expect("an address");
    let keys = Keys::new();
    Box::new(move || {
        let mut tasks = JoinSet::new();
        for task in 0..row.tasks {
            let (client, keys) = (client.clone(), Arc::clone(&keys));
            let on = runtime.handle();
            match row.work {
                Work::Get => tasks.spawn_on(our_gets(client, keys, task, row.calls), on),
                Work::Set => tasks.spawn_on(our_sets(client, keys, task, row.calls), on),
                Work::MultiGet => tasks.spawn_on(our_multi_gets(client, keys, task, row.calls), on),
            };
        }
        runtime.block_on(tasks.join_all());
    })
}

// A function each: in one for all, the stack of a call would be that of the largest.

async fn our_gets(client: Client, keys: Arc<Keys>, task: usize, calls: usize) {
    for call in 0..calls {
        let item = client.get(keys.one(task, call)).await.expect("an answer").expect("a hit");
        assert_eq!(item.value.len(), VALUE);
    }
}

async fn our_sets(client: Client, keys: Arc<Keys>, task: usize, calls: usize) {
    let value = value();
    for call in 0..calls {
        client.set(keys.one(task, call), Entry::new(&value)).await.expect("stored");
    }
}

async fn our_multi_gets(client: Client, keys: Arc<Keys>, task: usize, calls: usize) {
    for call in 0..calls {
        let items = client.multi_get(keys.many(task, call)).await.expect("an answer");
        assert!(items.iter().all(Option::is_some));
    }
}

/// A connection a task.
pub(crate) fn async_memcached<'a>(runtime: &'a Runtime, address: &str, row: Row) -> Round<'a> {
    let mut clients: Vec<_> = (0..row.tasks)
        .map(|_| runtime.block_on(Theirs::new(format!("tcp://{address}"))).expect("a connection"))
        .collect();
    let keys = Keys::new();
    Box::new(move || {
        let mut tasks = JoinSet::new();
        for (task, client) in clients.drain(..).enumerate() {
            let (keys, on) = (Arc::clone(&keys), runtime.handle());
            match row.work {
                Work::Get => tasks.spawn_on(their_gets(client, keys, task, row.calls), on),
                Work::Set => tasks.spawn_on(their_sets(client, keys, task, row.calls), on),
                Work::MultiGet => tasks.spawn_on(their_multi_gets(client, keys, task, row.calls), on),
            };
        }
        clients = runtime.block_on(tasks.join_all());
    })
}

async fn their_gets(mut client: Theirs, keys: Arc<Keys>, task: usize, calls: usize) -> Theirs {
    for call in 0..calls {
        let item = client.get(keys.one(task, call)).await.expect("an answer").expect("a hit");
        assert_eq!(item.data.map(|data| data.len()), Some(VALUE));
    }
    client
}

async fn their_sets(mut client: Theirs, keys: Arc<Keys>, task: usize, calls: usize) -> Theirs {
    let value = value();
    for call in 0..calls {
        client.set(keys.one(task, call), &value[..], None, None).await.expect("stored");
    }
    client
}

async fn their_multi_gets(mut client: Theirs, keys: Arc<Keys>, task: usize, calls: usize) -> Theirs {
    for call in 0..calls {
        let items = client.get_multi(keys.many(task, call)).await.expect("an answer");
        assert_eq!(items.len(), MANY);
    }
    client
}

/// The limit: bytes made before, as many requests at once as there are tasks, replies counted and not read.
pub(crate) fn pipeline<'a>(runtime: &'a Runtime, address: &str, row: Row) -> Round<'a> {
    let value = String::from_utf8(value()).expect("text");
    let (requests, reply): (String, usize) = match row.work {
        Work::Get => {
            let requests = (0..row.tasks).map(|task| format!("mg {} v f\r\n", key(task))).collect();
            (requests, row.tasks * format!("VA 100 f0\r\n{value}\r\n").len())
        }
        Work::Set => {
            let requests = (0..row.tasks).map(|task| format!("ms {} 100\r\n{value}\r\n", key(task))).collect();
            (requests, row.tasks * "HD\r\n".len())
        }
        Work::MultiGet => {
            let keys = Keys::new();
            let requests = (0..row.tasks).map(|task| format!("get {}\r\n", keys.many(task, 0).join(" "))).collect();
            let value = format!("VALUE {} 0 100\r\n{value}\r\n", key(0));
            (requests, row.tasks * (MANY * value.len() + "END\r\n".len()))
        }
    };
    let requests: Arc<[u8]> = requests.into_bytes().into();
    let mut stream = runtime.block_on(TcpStream::connect(address)).expect("a connection");
    stream.set_nodelay(true).expect("a socket");
    let mut buffer = vec![0; 1 << 16];
    Box::new(move || {
        runtime.block_on(async {
            for _ in 0..row.calls {
                stream.write_all(&requests).await.expect("sent");
                let mut left = reply;
                while left > 0 {
                    left -= stream.read(&mut buffer).await.expect("a reply");
                }
            }
        });
    })
}
