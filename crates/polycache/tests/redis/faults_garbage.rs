//! A server that answers garbage, at log-in and later.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use polycache::backends::redis::Redis;
use polycache::{Cache, ErrorKind};
use polycache_testkit::Proxy;
use polycache_testkit::servers::RedisServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::support::{PATIENCE, SLACK, alone, cache_with, failed, is_child, peak_mib, until, until_it_serves};

const TIMEOUT: Duration = Duration::from_millis(100);
const SETTINGS: &str = "?heartbeat=50ms&connect_timeout=80ms";

/// What no parser should take for a value.
fn garbage() -> Vec<(&'static str, Vec<u8>)> {
    let mut all: Vec<(&'static str, Vec<u8>)> = vec![
        ("a web server", b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".into()),
        ("zeros", vec![0; 4096]),
        ("line ends", b"\r\n\r\n\r\n".into()),
        ("a huge string", b"$9999999999\r\nvalue\r\n".into()),
        ("the longest string", b"$9223372036854775807\r\nvalue\r\n".into()),
        ("a length beyond 64 bits", b"$99999999999999999999\r\nvalue\r\n".into()),
        ("a length that is none", b"$five\r\nvalue\r\n".into()),
        ("a string without its end", b"$5\r\nvalueXX".into()),
        ("a huge list", b"*2147483647\r\n$5\r\nvalue\r\n".into()),
        ("the longest list", b"*9223372036854775807\r\n$5\r\nvalue\r\n".into()),
        ("a huge map", b"%2147483647\r\n$5\r\nvalue\r\n".into()),
        ("a map that overflows", b"%9223372036854775807\r\n$5\r\nvalue\r\n".into()),
        ("a map of less than nothing", b"%-5\r\n$5\r\nvalue\r\n".into()),
        ("a huge set", b"~2147483647\r\n$5\r\nvalue\r\n".into()),
        ("a huge push", b">2147483647\r\n$5\r\nvalue\r\n".into()),
        ("a push without a kind", b">1\r\n:1\r\n".into()),
        ("an empty push", b">0\r\n".into()),
        ("a huge attribute", b"|9223372036854775807\r\n$5\r\nvalue\r\n".into()),
        ("an attribute of less than nothing", b"|-1\r\n$5\r\nvalue\r\n".into()),
        ("nested lists", b"*1\r\n".repeat(100_000)),
        ("nested wide lists", b"*1000000000\r\n".repeat(100_000)),
        ("nested maps", b"%1000000000\r\n".repeat(100_000)),
        ("nested attributes", b"|1\r\n".repeat(100_000)),
        ("text that isn't UTF-8", b"+\xff\xfe\xc3\x28\r\n".into()),
        ("an error that isn't UTF-8", b"-\xff\xfe\r\n".into()),
        ("a verbatim string of less than nothing", b"=-1\r\ntxt:\r\n".into()),
        ("a verbatim string without a format", b"=3\r\nabc\r\n".into()),
        ("a double that is none", b",one\r\n".into()),
        ("a boolean that is none", b"#x\r\n".into()),
        ("an integer that is none", b":one\r\n".into()),
        ("an unknown type", b"@5\r\nvalue\r\n".into()),
    ];
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..25 {
        let bytes = (0..random.usize(1..2000)).map(|_| random.u8(..)).collect();
        all.push(("random bytes", bytes));
        let marks = (0..random.usize(1..60)).map(|_| *random.choice(b"$*%~>|:+-=!#,_(0123456789\r\n\r\n").unwrap());
        all.push(("random marks", marks.collect()));
    }
    all
}

/// Whole replies, but to other commands.
const OTHERS: [(&str, &[u8]); 9] = [
    ("an integer", b":42\r\n"),
    ("a status", b"+QUEUED\r\n"),
    ("OK", b"+OK\r\n"),
    ("a boolean", b"#t\r\n"),
    ("a double", b",1.5\r\n"),
    ("a map", b"%1\r\n$1\r\na\r\n$1\r\nb\r\n"),
    ("a set", b"~1\r\n$1\r\na\r\n"),
    ("a list in a list", b"*1\r\n*1\r\n:1\r\n"),
    ("an unknown error", b"-WHAT is this\r\n"),
];

fn in_time(what: &str, started: Instant) {
    assert!(started.elapsed() < TIMEOUT + SLACK, "{what}: {:?}", started.elapsed());
}

/// What comes of `bytes` in place of every reply.
async fn answered_with(proxy: &Proxy, cache: &Cache, what: &str, bytes: &[u8]) {
    let foreign = |error: polycache::Error| {
        let kinds = [ErrorKind::Timeout, ErrorKind::Unavailable, ErrorKind::UnknownOutcome, ErrorKind::Backend];
        assert!(kinds.contains(&error.kind()), "{what}: {error:?}");
    };
    proxy.answer_with(bytes);
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
    let started = Instant::now();
    // Random marks may be a miss or an empty list, which nobody can tell from a true one.
    match cache.get::<String>("k").await {
        Ok(value) => assert!(value.is_none() && what == "random marks", "{what} {shown:?}: {value:?}"),
        Err(error) => foreign(error),
    }
    in_time(what, started);
    let started = Instant::now();
    foreign(cache.multi_get::<String>(&["k", "l"]).await.expect_err(&shown));
    in_time(what, started);
    let started = Instant::now();
    foreign(cache.increment("n", 1).await.expect_err(&shown));
    in_time(what, started);
}

/// In a process of its own, whose memory is measured, and which would be the one to abort.
#[test]
fn in_place_of_replies() {
    if !is_child() {
        return alone("faults_garbage::in_place_of_replies", &[]);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let server = RedisServer::start().await;
        let before = peak_mib();
        // Most of the time is spent waiting for what never comes.
        let all = garbage();
        join_all(all.chunks(all.len().div_ceil(8)).map(|some| in_place(&server, some))).await;
        let after = peak_mib();
        eprintln!("garbage: {before} MiB before, {after} MiB at most");
        assert!(after < before + 100);
    });
}

async fn in_place(server: &RedisServer, garbage: &[(&'static str, Vec<u8>)]) {
    let proxy = Proxy::start(server.address()).await;
    let url = format!("{}{SETTINGS}", server.url_at(proxy.address()));
    for (what, bytes) in garbage {
        // From the log-in on.
        let cache = cache_with(&url, TIMEOUT);
        answered_with(&proxy, &cache, what, bytes).await;
        proxy.heal();
        until_it_serves(&cache).await;
        // From now on, and all that was in flight is lost with the connection.
        answered_with(&proxy, &cache, what, bytes).await;
        proxy.heal();
        proxy.cut();
        // Heartbeats as short as these may fail on a busy machine.
        until("the value", async || {
            cache.set("k", "value").await.is_ok()
                && cache.get::<String>("k").await.is_ok_and(|value| value.as_deref() == Some("value"))
        })
        .await;
        cache.close().await.unwrap();
    }
}

#[tokio::test]
async fn replies_to_other_commands() {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.address()).await;
    for (what, bytes) in OTHERS {
        let redis = Redis::open(&format!("{}?heartbeat=0s", server.url_at(proxy.address()))).unwrap();
        // A command for each call: the proxy answers each call once.
        let cache = Cache::builder().backend(redis).timeout(PATIENCE).lease(Duration::ZERO).build().unwrap();
        until_it_serves(&cache).await;
        proxy.answer_with(bytes);
        let error = cache.get::<String>("k").await.expect_err(what);
        assert_eq!(error.kind(), ErrorKind::Backend, "{what}: {error}");
        let error = cache.multi_get::<String>(&["k", "l"]).await.expect_err(what);
        assert_eq!(error.kind(), ErrorKind::Backend, "{what}: {error}");
        let error = cache.increment("n", 1).await.expect_err(what);
        assert_eq!(error.kind(), ErrorKind::Backend, "{what}: {error}");
        if what != "OK" {
            let error = cache.set("k", 1).await.expect_err(what);
            assert_eq!(error.kind(), ErrorKind::Backend, "{what}: {error}");
        }
        if what != "an integer" {
            let error = cache.delete("k").await.expect_err(what);
            assert_eq!(error.kind(), ErrorKind::Backend, "{what}: {error}");
        }
        proxy.heal();
        proxy.cut();
    }
}

/// More values than keys, or fewer.
#[tokio::test]
async fn lists_of_another_length() {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.address()).await;
    let cache = cache_with(&format!("{}?heartbeat=0s", server.url_at(proxy.address())), PATIENCE);
    until_it_serves(&cache).await;
    for bytes in [&b"*1\r\n$1\r\n1\r\n"[..], b"*3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n", b"*0\r\n"] {
        proxy.answer_with(bytes);
        let error = cache.multi_get::<i32>(&["k", "l"]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Backend, "{error}");
    }
}

/// Pushes that nobody asked for are no replies.
#[tokio::test]
async fn pushes_between_replies() {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.address()).await;
    let cache = cache_with(&format!("{}?heartbeat=0s", server.url_at(proxy.address())), PATIENCE);
    until_it_serves(&cache).await;
    let push = ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n";
    proxy.answer_with(format!("{push}{push}$7\r\n\"value\"\r\n{push}").as_bytes());
    for _ in 0..3 {
        assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("value"));
    }
}

/// What comes unasked must not be taken for the answer to the next call.
#[tokio::test]
async fn replies_that_nobody_asked_for() {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.address()).await;
    let cache = cache_with(&format!("{}?heartbeat=0s", server.url_at(proxy.address())), PATIENCE);
    until_it_serves(&cache).await;
    cache.set("k", "value").await.unwrap();
    proxy.answer_with(b"$7\r\n\"value\"\r\n$7\r\n\"other\"\r\n");
    assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("value"));
    proxy.heal();
    for _ in 0..100 {
        assert_eq!(cache.get::<String>("none").await.unwrap(), None);
        assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("value"));
    }
}

/// Something that listens there and never comes to an end.
#[test]
fn without_end() {
    if !is_child() {
        return alone("faults_garbage::without_end", &[]);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        for (what, start, more) in [
            ("a line", &b"+"[..], vec![b'a'; 1 << 16]),
            ("a string", b"$9223372036854775807\r\n", vec![b'a'; 1 << 16]),
            ("a list", b"*9223372036854775807\r\n", b":1\r\n".repeat(1 << 14)),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let attempts = Arc::new(AtomicU32::new(0));
            let accepted = Arc::clone(&attempts);
            let server = tokio::spawn(async move {
                loop {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    accepted.fetch_add(1, Ordering::Relaxed);
                    let more = more.clone();
                    tokio::spawn(async move {
                        let _ = stream.read(&mut [0; 1024]).await;
                        let _ = stream.write_all(start).await;
                        while stream.write_all(&more).await.is_ok() {}
                    });
                }
            });
            let before = peak_mib();
            let cache = cache_with(&format!("redis://{address}"), Duration::from_secs(20));
            until("three attempts and the reason", async || {
                let started = Instant::now();
                // It takes its time to parse, up to the `connect_timeout`.
                let error = failed(started, Duration::from_secs(2), cache.get::<String>("k").await);
                assert_eq!(error.kind(), ErrorKind::Unavailable);
                error.to_string().contains("not like Redis") && attempts.load(Ordering::Relaxed) >= 3
            })
            .await;
            let after = peak_mib();
            eprintln!("{what} without end: {before} MiB before, {after} MiB at most");
            assert!(after < before + 50);
            server.abort();
        }
    });
}
