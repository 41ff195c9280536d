//! Replies as futures: when a command starts, what it needs, how long it may take.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use polycache::backend::Version;
use polycache::backends::memory::Memory;
use polycache::{Cache, Command, ErrorKind, Held, OnError, Outcome, Plugin, Raw, Reply, Result, Ttl, Value};
use polycache_testkit::Intercept;
use tokio::time::Instant;

fn memory() -> Arc<Memory> {
    Arc::new(Memory::new())
}

fn cache_on(backend: Intercept) -> Cache {
    Cache::builder().backend(backend).build().unwrap()
}

/// A cache whose every operation takes so long on tokio's clock.
fn slow(by: Duration) -> Cache {
    cache_on(Intercept::new(memory(), move |_| {
        Reply::pending(async move {
            tokio::time::sleep(by).await;
            Ok(())
        })
    }))
}

fn poll_once<T>(reply: &mut Reply<T>) -> Poll<Result<T>> {
    Pin::new(reply).poll(&mut Context::from_waker(Waker::noop()))
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn replies_are_send() {
    fn send<T: Send + Unpin + 'static>(_: T) {}

    let cache = Cache::memory();
    send(cache.get::<String>("k"));
    send(cache.get_object::<String>("k"));
    send(cache.get::<Value>("k"));
    send(cache.multi_get::<String>(&["k"]));
    send(cache.get_versioned::<String>("k"));
    send(cache.set("k", 1));
    send(cache.set_object("k", Arc::new(1)));
    send(cache.set("k", Value::bytes(*b"1")));
    send(cache.multi_set([("k", 1)]));
    send(cache.add("k", 1));
    send(cache.cas("k", 1, Version::ABSENT));
    send(cache.increment("k", 1));
    send(cache.expire("k", Ttl::Never));
    send(cache.ttl("k"));
    send(cache.exists("k"));
    send(cache.delete("k"));
    send(cache.multi_delete(&["k"]));
    send(cache.clear());
    send(cache.scan("*"));
    send(cache.raw("len", &[""; 0]));
    send(cache.close());
    send(cache);
}

#[test]
fn sizes_are_pinned() {
    assert!(size_of::<Reply<()>>() <= 24);
    assert!(size_of::<Reply<bool>>() <= 24);
    assert!(size_of::<Reply<Option<Arc<String>>>>() <= 24);
    assert!(size_of::<Reply<Option<i64>>>() <= 24);
    assert!(size_of::<Reply<Option<Value>>>() <= 24);
    assert!(size_of::<Reply<Option<String>>>() <= 24);
    assert!(size_of::<Cache>() <= 40);

    // A task that awaits a command holds the reply and what it borrows, no more.
    let cache = Cache::memory();
    let task = async { cache.get_object::<String>("k").await };
    assert!(size_of_val(&task) <= 40, "{}", size_of_val(&task));
}

#[test]
fn on_memory_a_command_is_done_when_called() {
    let cache = Cache::memory();
    drop(cache.set("k", 1));
    let increment = cache.increment("k", 1);
    let get = cache.get::<i64>("k");
    drop(cache.delete("k"));
    assert_eq!(get.now().expect("ready").unwrap(), Some(2));
    assert_eq!(increment.now().expect("ready").unwrap(), 2);
    assert!(!cache.exists("k").now().expect("ready").unwrap());
}

#[tokio::test]
async fn a_pending_command_starts_when_it_is_polled() {
    let started = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&started);
    let cache = cache_on(Intercept::new(memory(), move |_| {
        let counter = Arc::clone(&counter);
        Reply::pending(async move {
            counter.fetch_add(1, Ordering::SeqCst);
            Ok(())
        })
    }));
    let set = cache.set("k", 1);
    let get = cache.get::<i32>("k");
    drop(cache.set("never", 1));
    tokio::task::yield_now().await;
    assert_eq!(started.load(Ordering::SeqCst), 0);
    set.await.unwrap();
    assert_eq!(get.await.unwrap(), Some(1));
    assert!(!cache.exists("never").await.unwrap());
    assert_eq!(started.load(Ordering::SeqCst), 3);
}

#[test]
fn outside_of_a_runtime_waiting_is_an_error() {
    let cache = cache_on(Intercept::silent(memory()));
    let mut reply = cache.get::<i32>("k");
    let Poll::Ready(Err(error)) = poll_once(&mut reply) else { panic!("{reply:?}") };
    assert_eq!(error.kind(), ErrorKind::NoRuntime);
    assert!(error.to_string().starts_with("get \"k\": "), "{error}");
    assert!(error.to_string().contains("runtime"), "{error}");

    // `on_error` is about the backend's trouble, which this isn't.
    let tolerant = Cache::builder().backend(Intercept::silent(memory())).on_error(OnError::Miss).build().unwrap();
    assert!(matches!(poll_once(&mut tolerant.get::<i32>("k")), Poll::Ready(Err(_))));

    // Without a timeout there is nothing to wait for but the backend.
    assert!(poll_once(&mut cache.with_timeout(Duration::ZERO).get::<i32>("k")).is_pending());
}

#[test]
fn a_runtime_without_timers_is_an_error() {
    let cache = cache_on(Intercept::silent(memory()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let error = runtime.block_on(cache.get::<i32>("k")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoRuntime);
    assert!(error.to_string().contains("timers"), "{error}");
}

#[test]
fn a_reply_that_comes_at_its_first_poll_needs_no_runtime() {
    let cache = cache_on(Intercept::new(memory(), |_| Reply::pending(async { Ok(()) })));
    assert!(matches!(poll_once(&mut cache.set("k", 1)), Poll::Ready(Ok(()))));
    assert!(matches!(poll_once(&mut cache.get::<i32>("k")), Poll::Ready(Ok(Some(1)))));
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_never_answers_times_out() {
    let cache = cache_on(Intercept::silent(memory()));
    let started = Instant::now();
    let error = cache.get::<i32>("k").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.is_retryable());
    assert!(error.to_string().contains("5s"), "{error}");
    assert!(started.elapsed() >= 5 * SECOND && started.elapsed() < 6 * SECOND);

    for (seconds, error) in [
        (1, cache.with_timeout(SECOND).set("k", 1).await.unwrap_err()),
        (2, cache.with_timeout(2 * SECOND).multi_get::<i32>(&["k"]).await.unwrap_err()),
        (3, cache.with_timeout(3 * SECOND).clear().now().expect_err("pending").await.unwrap_err()),
        (4, cache.with_timeout(4 * SECOND).scan("*").next().await.unwrap().unwrap_err()),
        (8, cache.with_timeout(8 * SECOND).close().await.unwrap_err()),
    ] {
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        assert!(error.to_string().contains(&format!("{seconds}s")), "{error}");
    }
}

/// A call that may have been done, and would be done a second time, isn't one to repeat blindly.
#[tokio::test(start_paused = true)]
async fn a_timeout_of_what_must_not_be_done_twice_leaves_an_unknown_outcome() {
    let silent = cache_on(Intercept::silent(memory()));
    for cache in [silent.clone(), silent.with_plugin(Waits(Duration::ZERO, Duration::ZERO))] {
        for error in [
            cache.add("k", 1).await.unwrap_err(),
            cache.cas("k", 1, Version::ABSENT).await.unwrap_err(),
            cache.increment("k", 1).await.unwrap_err(),
            cache.raw("len", &[""; 0]).await.unwrap_err(),
        ] {
            assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::UnknownOutcome, false), "{error}");
            assert!(error.to_string().contains("5s") && error.to_string().contains("look before"), "{error}");
        }
        for error in [
            cache.set("k", 1).await.unwrap_err(),
            cache.set_object("k", Arc::new(1)).await.unwrap_err(),
            cache.set("k", Value::bytes(*b"1")).await.unwrap_err(),
            cache.multi_set([("k", 1)]).await.unwrap_err(),
            cache.delete("k").await.unwrap_err(),
            cache.multi_delete(&["k"]).await.unwrap_err(),
            cache.expire("k", Ttl::Never).await.unwrap_err(),
            cache.with_ttl(Ttl::secs(9)).get_versioned::<i32>("k").await.unwrap_err(),
        ] {
            assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Timeout, true), "{error}");
        }
    }
}

/// Before the command has begun nothing can have been done.
#[tokio::test(start_paused = true)]
async fn a_hook_that_times_out_by_a_command_of_its_own_leaves_nothing_unknown() {
    #[derive(Debug)]
    struct Reads(Cache);

    impl Plugin for Reads {
        fn before(&self, _command: &Command<'_>) -> Reply<Held> {
            let read = self.0.with_timeout(SECOND).exists("k");
            Reply::pending(async move { read.await.map(|_| Held::NOTHING) })
        }
    }

    let cache = Cache::memory().with_plugin(Reads(cache_on(Intercept::silent(memory()))));
    let error = cache.increment("k", 1).await.unwrap_err();
    assert_eq!((error.kind(), error.command()), (ErrorKind::Timeout, Some("exists")));
}

#[tokio::test(start_paused = true)]
async fn the_builder_sets_the_timeout() {
    let cache = Cache::builder().backend(Intercept::silent(memory())).timeout(SECOND).build().unwrap();
    let started = Instant::now();
    assert_eq!(cache.exists("k").await.unwrap_err().kind(), ErrorKind::Timeout);
    assert!(started.elapsed() < 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn zero_means_no_timeout() {
    let hour = 3_600 * SECOND;
    let cache = slow(hour);
    assert_eq!(cache.set("k", 1).await.unwrap_err().kind(), ErrorKind::Timeout);
    let patient = cache.with_timeout(Duration::ZERO);
    let started = Instant::now();
    patient.set("k", 1).await.unwrap();
    assert_eq!(patient.get::<i32>("k").await.unwrap(), Some(1));
    assert!(started.elapsed() >= 2 * hour);
}

#[tokio::test(start_paused = true)]
async fn a_slow_read_may_count_as_a_miss() {
    let cache = Cache::builder().backend(Intercept::silent(memory())).on_error(OnError::Miss).build().unwrap();
    assert_eq!(cache.get::<i32>("k").await.unwrap(), None);
    assert_eq!(cache.set("k", 1).await.unwrap_err().kind(), ErrorKind::Timeout);
}

/// Waits so long before and after each command.
#[derive(Debug)]
struct Waits(Duration, Duration);

fn sleep(time: Duration) -> Reply<()> {
    Reply::pending(async move {
        tokio::time::sleep(time).await;
        Ok(())
    })
}

impl Plugin for Waits {
    fn before(&self, _command: &Command<'_>) -> Reply<Held> {
        let slept = sleep(self.0);
        Reply::pending(async move { slept.await.map(|()| Held::NOTHING) })
    }

    fn after(&self, _command: &Command<'_>, _outcome: &Outcome<'_>, _took: Duration, _held: Held) -> Reply<()> {
        sleep(self.1)
    }
}

#[tokio::test(start_paused = true)]
async fn the_timeout_covers_hooks() {
    let none = Duration::ZERO;
    // Each part alone would fit.
    let cache = slow(3 * SECOND).with_plugin(Waits(3 * SECOND, none));
    let started = Instant::now();
    assert_eq!(cache.get::<i32>("k").await.unwrap_err().kind(), ErrorKind::Timeout);
    assert!(started.elapsed() < 6 * SECOND, "{:?}", started.elapsed());

    let cache = Cache::memory().with_plugin(Waits(3 * SECOND, none)).with_plugin(Waits(3 * SECOND, none));
    assert_eq!(cache.set("k", 1).await.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(cache.with_timeout(7 * SECOND).set("k", 1).await.unwrap(), ());

    // What was done was done: a hook that is too slow afterwards can't undo it.
    let cache = Cache::memory().with_plugin(Waits(none, 3_600 * SECOND));
    let started = Instant::now();
    cache.set("k", 1).await.unwrap();
    assert!(started.elapsed() < 6 * SECOND, "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_dropped_reply_harms_nobody() {
    let cache = cache_on(Intercept::delayed(memory()));
    cache.set("k", 1).await.unwrap();
    drop(cache.set("k", 2));
    let mut polled = cache.set("k", 3);
    assert!(poll_once(&mut polled).is_pending());
    drop(polled);
    let mut read = pin!(cache.get::<i32>("other"));
    assert!(read.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1));
    cache.set("k", 4).await.unwrap();
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(4));
    assert_eq!(read.await.unwrap(), None);
}

#[tokio::test]
async fn a_reply_polled_after_its_end_is_an_error() {
    let mut reply = Cache::memory().raw("len", &[""; 0]);
    assert_eq!((&mut reply).await.unwrap(), Raw::Int(0));
    assert_eq!((&mut reply).await.unwrap_err().kind(), ErrorKind::InvalidInput);
}
