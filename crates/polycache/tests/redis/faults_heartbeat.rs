//! Calls in flight when the heartbeat gives up their connection, as the guide tells it.

use std::time::{Duration, Instant};

use futures_util::future::join3;
use polycache::ErrorKind;
use polycache_testkit::Proxy;
use polycache_testkit::servers::RedisServer;

use super::support::{PATIENCE, SLACK, cache_with, until_it_serves};

const HEARTBEAT: Duration = Duration::from_millis(200);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_is_sent_again_and_a_write_is_not() {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.address()).await;
    let cache = cache_with(&format!("{}?heartbeat=200ms", server.url_at(proxy.address())), PATIENCE);
    until_it_serves(&cache).await;
    cache.set("k", 1).await.unwrap();

    // The path of this connection is lost without a word; a new one has another.
    proxy.freeze();
    let started = Instant::now();
    let (read, write, count) = join3(cache.get::<i32>("k"), cache.set("k", 2), cache.increment("count", 1)).await;
    eprintln!("given up and answered after {:?}", started.elapsed());
    assert!(started.elapsed() < 2 * HEARTBEAT + SLACK);
    assert_eq!(read.unwrap(), Some(1));
    assert_eq!(write.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(count.unwrap_err().kind(), ErrorKind::UnknownOutcome);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_fails_where_the_new_connection_is_as_silent() {
    let server = RedisServer::start().await;
    let cache = cache_with(&format!("{}?heartbeat=200ms&connect_timeout=300ms", server.url()), PATIENCE);
    until_it_serves(&cache).await;
    server.stop();
    let started = Instant::now();
    let read = cache.get::<i32>("k").await;
    eprintln!("failed after {:?}", started.elapsed());
    assert!(started.elapsed() < 2 * HEARTBEAT + Duration::from_millis(300) + SLACK);
    assert_eq!(read.unwrap_err().kind(), ErrorKind::Unavailable);
    server.resume();
    until_it_serves(&cache).await;
}
