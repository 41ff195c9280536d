//! What other clients store is what we read, and back: by the text protocol, as with `nc`.

use std::time::Duration;

use polycache::backends::memcached::Memcached;
use polycache::serializers::Text;
use polycache::{Cache, ErrorKind, OnError, Ttl};
use polycache_testkit::servers::Memcached as Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends lines as they are, and returns the answer, up to its last line.
async fn nc(server: &Server, lines: &str, last: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(lines.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(last.as_bytes()) {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "{answer:?}");
    }
    String::from_utf8(answer).unwrap()
}

fn text(server: &Server) -> Cache {
    let backend = Memcached::open(&server.url()).unwrap();
    Cache::builder().backend(backend).serializer(Text).namespace("ns").build().unwrap()
}

#[tokio::test]
async fn others_read_what_we_store() {
    let server = Server::start().await;
    let cache = text(&server);
    cache.set("k", "a value").await.unwrap();
    assert_eq!(nc(&server, "get ns:k\r\n", "END\r\n").await, "VALUE ns:k 0 7\r\na value\r\nEND\r\n");
    assert_eq!(cache.increment("n", 41).await.unwrap(), 41);
    assert_eq!(nc(&server, "incr ns:n 1\r\n", "\r\n").await, "42\r\n");
    assert_eq!(cache.get::<i64>("n").await.unwrap(), Some(42));
}

#[tokio::test]
async fn we_read_what_others_store() {
    let server = Server::start().await;
    let cache = text(&server);
    // Flags are theirs.
    nc(&server, "set ns:k 16 100 5\r\nhello\r\n", "STORED\r\n").await;
    assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("hello"));
    assert!(matches!(cache.ttl("k").await.unwrap(), Some(Ttl::After(left)) if left <= Duration::from_secs(100)));
    // What `decr` leaves is padded with a space.
    nc(&server, "set ns:n 0 0 2\r\n10\r\n", "STORED\r\n").await;
    assert_eq!(nc(&server, "decr ns:n 1\r\n", "\r\n").await, "9\r\n");
    assert_eq!(cache.increment("n", 1).await.unwrap(), 10);
    nc(&server, "decr ns:n 1\r\n", "\r\n").await;
    assert_eq!(cache.increment("n", -10).await.unwrap(), -1);
    assert_eq!(cache.increment("n", 1).await.unwrap(), 0);
    assert_eq!(cache.get::<i64>("n").await.unwrap(), Some(0));
}

#[tokio::test]
async fn a_value_beyond_the_item_size_is_a_clear_error() {
    let server = Server::start().await;
    let cache = text(&server);
    let error = cache.set("k", "x".repeat(2 << 20)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
    cache.set("k", "small").await.unwrap(); // the connection is still in step
    assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("small"));
}

#[tokio::test]
async fn while_the_server_is_away_reads_may_miss_and_writes_fail() {
    let server = Server::start().await;
    let backend = Memcached::open(&server.url()).unwrap();
    let cache = Cache::builder().backend(backend).on_error(OnError::Miss).build().unwrap();
    cache.set("k", 1).await.unwrap();
    server.kill();
    assert_eq!(cache.get::<i32>("k").await.unwrap(), None);
    let error = cache.set("k", 2).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    server.restart().await;
    // It is tried again after a pause.
    let started = std::time::Instant::now();
    while let Err(error) = cache.set("k", 3).await {
        assert!(error.is_retryable() && started.elapsed() < Duration::from_secs(10), "{error}");
        tokio::task::yield_now().await;
    }
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(3));
}
