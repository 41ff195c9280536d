//! A server that stands still.

use std::time::{Duration, Instant};

use polycache::backends::memcached::Memcached;
use polycache::{Cache, Error, ErrorKind};
use polycache_testkit::servers::Memcached as Server;

/// A timeout far below the heartbeat: an attempt to reach the server costs one call its timeout, and the others nothing.
#[tokio::test]
async fn one_timeout_is_paid_for_a_server_that_stands_still() {
    let server = Server::start().await;
    let timeout = Duration::from_millis(200);
    let backend = Memcached::open(&server.url()).unwrap();
    let cache = Cache::builder().backend(backend).timeout(timeout).build().unwrap();
    cache.set("k", 1).await.unwrap();
    server.stop();
    let stopped = Instant::now();
    assert_eq!(cache.get::<i32>("k").await.unwrap_err().kind(), ErrorKind::Timeout);
    let mut slow = Vec::new();
    while stopped.elapsed() < Duration::from_millis(1800) {
        let started = Instant::now();
        let error = cache.set("k", 2).await.unwrap_err();
        if started.elapsed() > timeout / 2 {
            slow.push((stopped.elapsed(), error));
        } else {
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        }
        let computed = cache.get_or_set("computed", || async { Ok::<_, Error>(7) }).await;
        assert_eq!(computed.unwrap(), 7);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(slow.len() <= 1, "{slow:?}");
    server.resume();
    while cache.set("k", 3).await.is_err() {
        assert!(stopped.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(3));
}
