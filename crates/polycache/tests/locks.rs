//! What the holder of a lock learns of its lease when the backend is in trouble.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use polycache::backends::memory::Memory;
use polycache::locks::RedLock;
use polycache::{Cache, Error, ErrorKind, Reply};
use polycache_testkit::Intercept;
use tokio::time::{Instant, sleep, timeout};

const LEASE: Duration = Duration::from_secs(4);
const LONG: Duration = Duration::from_secs(60);

/// A backend that is away while the switch is on: it fails at once, or says nothing.
fn away(silent: bool) -> (Cache, Arc<AtomicBool>) {
    let switch = Arc::new(AtomicBool::new(false));
    let on = Arc::clone(&switch);
    let backend = Intercept::new(Arc::new(Memory::new()), move |_| match on.load(Ordering::SeqCst) {
        false => Reply::ready(()),
        true if silent => Reply::pending(pending()),
        true => Reply::error(Error::new(ErrorKind::Unavailable, "on purpose")),
    });
    (Cache::builder().backend(backend).timeout(LONG).build().unwrap(), switch)
}

#[tokio::test(start_paused = true)]
async fn an_error_says_how_long_it_was_waited() {
    let cache = Cache::memory();
    let lock = RedLock::new(&cache, "job", LEASE);
    let _guard = lock.acquire(LONG).await.unwrap();
    for (within, text) in [
        (Duration::ZERO, "others hold the lock; with a wait of zero it is tried once"),
        (Duration::from_millis(20), "others hold the lock, and 20ms were waited for it"),
    ] {
        let error = lock.acquire(within).await.unwrap_err();
        assert_eq!((error.kind(), error.to_string()), (ErrorKind::Timeout, format!("lock \"job\": {text}")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_lost_when_its_grace_is_over() {
    for silent in [false, true] {
        let (cache, switch) = away(silent);
        let guard = RedLock::new(&cache, "k", LEASE).acquire(LONG).await.unwrap();
        sleep(LEASE * 3).await;
        assert!(guard.is_held());

        switch.store(true, Ordering::SeqCst);
        let gone = Instant::now();
        assert!(timeout(LEASE * 3 / 4, guard.lost()).await.is_err(), "the last renewal may be so young");
        timeout(LONG, guard.lost()).await.expect("it is told");
        assert!(gone.elapsed() <= LEASE + Duration::from_millis(200), "{:?}", gone.elapsed());
        assert!(!guard.is_held());
        assert!(!guard.release().await.unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_comes_back_in_time_finds_the_lock_held() {
    for silent in [false, true] {
        let (cache, switch) = away(silent);
        let guard = RedLock::new(&cache, "k", LEASE).acquire(LONG).await.unwrap();
        switch.store(true, Ordering::SeqCst);
        sleep(LEASE / 8).await;
        switch.store(false, Ordering::SeqCst);
        sleep(LEASE * 2).await;
        assert!(guard.is_held());
        assert!(guard.release().await.unwrap());
    }
}
