//! memcached's own proxy in front of two servers, one of which dies: nobody gets another's answer, or one that is made up.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use polycache_memcached::{Client, Entry, ErrorKind, Ttl};
use polycache_testkit::servers::{Memcached, ignored};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);
const KEYS: usize = 64;

fn open(address: SocketAddr) -> Client {
    Client::open(address.to_string().as_str()).unwrap()
}

/// All keys with their values, each made from its key.
fn entries() -> Vec<(String, String)> {
    (0..KEYS).map(|number| (format!("key:{number}"), format!("value of {number}"))).collect()
}

/// Every kind of call at once, on one connection. `lives` says of each key whether it is there, or on the dead server.
async fn nobody_is_told_wrong(client: &Client, lives: &HashMap<String, bool>, rounds: usize) {
    let entries = entries();
    let mut tasks = JoinSet::new();
    for task in 0..24 {
        let (client, lives, entries) = (client.clone(), lives.clone(), entries.clone());
        tasks.spawn(async move {
            for round in 0..rounds {
                let (key, value) = &entries[(task * 7 + round * 13) % KEYS];
                match client.get(key).await {
                    Ok(item) => {
                        assert!(lives[key], "{key} was told, though its server is dead");
                        assert_eq!(item.map(|item| item.value), Some(value.clone().into()), "{key}");
                    }
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                        assert!(!lives[key], "{key}: {error}");
                    }
                }
                let some: Vec<_> = entries.iter().skip((task + round) % (KEYS - 5)).take(2 + round % 4).collect();
                let keys: Vec<_> = some.iter().map(|(key, _)| key).collect();
                match client.multi_get(&keys).await {
                    Ok(items) => {
                        assert!(some.iter().all(|(key, _)| lives[key]));
                        for ((key, value), item) in some.iter().zip(items) {
                            assert_eq!(item.map(|item| item.value), Some(value.clone().into()), "{key}");
                        }
                    }
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                        assert!(!some.iter().all(|(key, _)| lives[key]), "{error}");
                    }
                }
            }
        });
    }
    timeout(PATIENCE, tasks.join_all()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_server_behind_the_proxy_costs_nobody_else_an_answer() {
    let backends = [Memcached::start().await, Memcached::start().await];
    if backends[0].version().await < [1, 6, 38] {
        return ignored("memcached has a proxy with a ready configuration since 1.6.38");
    }
    let folder = tempfile::tempdir().unwrap();
    let routes = folder.path().join("routes.lua");
    let addresses = backends.each_ref().map(|backend| format!("\"{}\"", backend.address())).join(", ");
    let text = format!(
        "pools{{ all = {{ backends = {{ {addresses} }} }} }}\nroutes{{ default = route_direct{{ child = \"all\" }} }}"
    );
    fs::write(&routes, text).unwrap();
    let option = format!("proxy_config=routelib,proxy_arg={}", routes.display());
    let proxy = Memcached::builder().args(&["-o", &option]).start().await;
    let client = open(proxy.address());
    for (key, value) in entries() {
        client.set(&key, Entry::new(value.as_bytes())).await.unwrap();
    }
    let mut lives = HashMap::new();
    for (key, _) in entries() {
        let there = open(backends[1].address()).exists(&key).await.unwrap();
        lives.insert(key, there);
    }
    let dead = lives.iter().find(|(_, lives)| !**lives).unwrap().0.clone();
    assert!(lives.values().any(|lives| *lives));
    nobody_is_told_wrong(&client, &entries().into_iter().map(|(key, _)| (key, true)).collect(), 20).await;

    backends[0].kill();
    nobody_is_told_wrong(&client, &lives, 200).await;
    // The proxy may have sent the command on.
    let error = client.increment(&dead, 1, Ttl::Never).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownOutcome, "{error}");
    assert!(error.to_string().contains("backend failure"), "{error}");
    let error = client.set(&dead, Entry::new(b"v")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownOutcome, "{error}");
    // A raw command takes its whole reply, too.
    let keys: Vec<_> = lives.keys().map(String::as_str).collect();
    client.raw(format!("get {}", keys.join(" ")).as_bytes()).await.unwrap_err();
    assert_eq!(client.raw(b"mn").await.unwrap(), "MN");

    backends[0].restart().await;
    let back = async {
        while client.get(&dead).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, back).await.unwrap();
    assert_eq!(client.get(&dead).await.unwrap(), None);
}

/// Answers as the proxies of 1.6.38 and 1.6.45 do, with the keys of odd numbers on a dead server.
async fn replay(stream: TcpStream) -> Option<()> {
    const FAILURE: &str = "SERVER_ERROR backend failure\r\n";
    let mut stream = BufReader::new(stream);
    let values: HashMap<_, _> = entries().into_iter().collect();
    let is_dead = |key: &str| key.ends_with(['1', '3', '5', '7', '9']);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
        let words: Vec<_> = line.split_whitespace().collect();
        let opaque = words.iter().rfind(|word| word.starts_with('O'));
        let reply = match *words.first()? {
            "mn" => "MN\r\n".to_owned(),
            "get" => {
                let value = |key: &&str| match values.get(*key) {
                    _ if is_dead(key) => FAILURE.to_owned(),
                    Some(value) => format!("VALUE {key} 0 {}\r\n{value}\r\n", value.len()),
                    None => String::new(),
                };
                words[1..].iter().map(value).collect::<String>() + "END\r\n"
            }
            _ if is_dead(words[1]) => {
                if words[0] == "ms" {
                    stream.read_exact(&mut vec![0; words[2].parse::<usize>().unwrap() + 2]).await.ok()?;
                }
                FAILURE.to_owned()
            }
            "mg" => match values.get(words[1]) {
                Some(value) => format!("VA {} f0 {}\r\n{value}\r\n", value.len(), opaque?),
                None => format!("EN {}\r\n", opaque?),
            },
            other => panic!("{other}"),
        };
        stream.write_all(reply.as_bytes()).await.ok()?;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_proxys_replies_are_taken_whole() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = open(listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(replay(stream));
        }
    });
    let lives =
        entries().into_iter().map(|(key, _)| (key.clone(), !key.ends_with(['1', '3', '5', '7', '9']))).collect();
    nobody_is_told_wrong(&client, &lives, 100).await;
    let error = client.increment("key:1", 1, Ttl::Never).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownOutcome, "{error}");
}
