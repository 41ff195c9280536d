//! What the holder of a lock learns of its lease when the backend is in trouble.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use polycache::backend::{self, Backend, Key, SetOptions};
use polycache::backends::memory::Memory;
use polycache::locks::RedLock;
use polycache::{Cache, Error, ErrorKind, Reply, Value};
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

/// A server whose answers to the first writes come this late.
#[derive(Debug)]
struct Slow {
    server: Arc<Memory>,
    late: AtomicUsize,
}

const LATE: Duration = Duration::from_secs(10);

impl Backend for Slow {
    backend::forward!(self.server, all but [set]);

    fn set(&self, key: Key<'_>, value: Value, options: SetOptions) -> Reply<bool> {
        let written = self.server.set(key, value, options);
        let is_late = self.late.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |late| late.checked_sub(1)).is_ok();
        if !is_late {
            return written;
        }
        Reply::pending(async move {
            sleep(LATE).await;
            written.await
        })
    }
}

fn slow(server: &Arc<Memory>, late: usize) -> Cache {
    let backend = Slow { server: Arc::clone(server), late: AtomicUsize::new(late) };
    Cache::builder().backend(backend).timeout(LONG).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_after_the_lease_is_no_lock() {
    let server = Arc::new(Memory::new());
    let late = slow(&server, 1);
    let waiting = tokio::spawn(async move { RedLock::new(&late, "k", LEASE).acquire(LONG).await });
    sleep(LATE / 10).await; // it has the lease, and doesn't know
    let other = slow(&server, 0);
    let holder = RedLock::new(&other, "k", LEASE).acquire(LONG).await.unwrap();
    sleep(LATE * 2).await;
    assert!(holder.is_held() && !waiting.is_finished());
    assert!(holder.release().await.unwrap());
    assert!(waiting.await.unwrap().unwrap().is_held());
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_nobody_wanted_meanwhile_is_taken_late() {
    let cache = slow(&Arc::new(Memory::new()), 2);
    let guard = RedLock::new(&cache, "k", LEASE).acquire(LONG).await.unwrap();
    assert!(guard.is_held());
    assert!(guard.release().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_slower_than_the_lease_gives_no_lock() {
    let server = Arc::new(Memory::new());
    let error = RedLock::new(&slow(&server, 9), "k", LEASE).acquire(LATE * 3 / 2).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains("longer than the lease"), "{error}");
    sleep(LATE).await; // it is given up
    assert!(RedLock::new(&slow(&server, 0), "k", LEASE).acquire(Duration::ZERO).await.unwrap().is_held());
}
