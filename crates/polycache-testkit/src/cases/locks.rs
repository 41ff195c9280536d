//! Locks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use polycache::locks::{OptimisticLock, RedLock};
use polycache::{Cache, ErrorKind, Ttl};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{sleep, timeout};

use crate::Subject;
use crate::subject::cache;

const LEASE: Duration = Duration::from_secs(20);
const LONG: Duration = Duration::from_secs(60);

/// A cache in a namespace. Each has a queue of its own, as a process has.
fn process(subject: &dyn Subject) -> Cache {
    cache(subject).namespace("n")
}

/// Of many tasks, in one process and in others, one at a time has the lock.
pub async fn one_holder_at_a_time(subject: &dyn Subject) {
    let (inside, turns) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut tasks = JoinSet::new();
    for _ in 0..3 {
        let cache = process(subject);
        for _ in 0..6 {
            let (cache, inside, turns) = (cache.clone(), Arc::clone(&inside), Arc::clone(&turns));
            tasks.spawn(async move {
                let guard = RedLock::new(&cache, "k", LEASE).acquire(LONG).await.unwrap();
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                yield_now().await;
                turns.fetch_add(1, Ordering::SeqCst);
                assert!(guard.is_held());
                assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
                assert!(guard.release().await.unwrap());
            });
        }
    }
    tasks.join_all().await;
    assert_eq!(turns.load(Ordering::SeqCst), 18);
}

/// A caller that waits beyond its deadline gets an error; a lock of another name is free.
pub async fn a_deadline_ends_the_waiting(subject: &dyn Subject) {
    let (cache, other) = (process(subject), process(subject));
    let guard = RedLock::new(&cache, "k", LEASE).acquire(LONG).await.unwrap();
    for cache in [&cache, &other] {
        for within in [Duration::ZERO, Duration::from_millis(50)] {
            let error = RedLock::new(cache, "k", LEASE).acquire(within).await.unwrap_err();
            assert_eq!((error.kind(), error.key()), (ErrorKind::Timeout, Some("k")));
        }
        RedLock::new(cache, "other", LEASE).acquire(Duration::ZERO).await.unwrap().release().await.unwrap();
    }
    assert!(guard.release().await.unwrap());
    assert!(RedLock::new(&other, "k", LEASE).acquire(Duration::ZERO).await.is_ok());
}

/// A guard whose task is cancelled releases the lock.
pub async fn a_cancelled_holder_releases(subject: &dyn Subject) {
    let (cache, other) = (process(subject), process(subject));
    for round in 0..40 {
        let (cache, key) = (cache.clone(), format!("k{round}"));
        let lock = RedLock::new(&other, &key, LEASE);
        let task = tokio::spawn(async move {
            let _guard = RedLock::new(&cache, &key, LEASE).acquire(LONG).await.unwrap();
            std::future::pending::<()>().await;
        });
        // Some tasks are cancelled while they are about to take the lock.
        sleep(Duration::from_micros(fastrand::u64(..2_000))).await;
        task.abort();
        let started = Instant::now();
        assert!(lock.acquire(LONG).await.unwrap().release().await.unwrap());
        assert!(started.elapsed() < LEASE / 2, "not by the end of the lease");
    }
}

/// A held lock's lease is renewed. A machine that holds up everybody for longer than the lease proves nothing, and the test is repeated.
pub async fn a_lock_is_kept_beyond_its_lease(subject: &dyn Subject) {
    let (cache, other) = (process(subject), process(subject));
    let lease = cache.info().ttl_resolution.max(Duration::from_secs(1));
    for _ in 0..10 {
        let guard = RedLock::new(&cache, "k", lease).acquire(LONG).await.unwrap();
        let waits = async { RedLock::new(&other, "k", lease).acquire(lease * 5 / 2).await.is_err() };
        let (kept, held_up) = with_longest_delay(waits).await;
        let kept = kept && guard.is_held() && guard.release().await.unwrap();
        if kept {
            return;
        }
        assert!(held_up > lease / 4, "lost, though nothing was held up for longer than {held_up:?}");
    }
    panic!("the machine is too busy");
}

/// The result of `run`, and the most by which a timer was late meanwhile.
async fn with_longest_delay<R>(run: impl Future<Output = R>) -> (R, Duration) {
    const STEP: Duration = Duration::from_millis(10);
    let mut longest = Duration::ZERO;
    let mut run = std::pin::pin!(run);
    loop {
        let asked = Instant::now();
        let timer = timeout(STEP, run.as_mut()).await;
        longest = longest.max(asked.elapsed().saturating_sub(STEP));
        if let Ok(result) = timer {
            return (result, longest);
        }
    }
}

/// A holder learns that its lease is gone.
pub async fn a_lost_lock_is_noticed(subject: &dyn Subject) {
    let cache = process(subject);
    let lease = cache.info().ttl_resolution.max(Duration::from_millis(200));
    let guard = RedLock::new(&cache, "k", lease).acquire(LONG).await.unwrap();
    assert!(timeout(Duration::from_millis(10), guard.lost()).await.is_err());
    cache.clear().await.unwrap();
    timeout(LONG, guard.lost()).await.expect("it is told");
    assert!(!guard.is_held());
    assert!(!guard.release().await.unwrap());
}

/// A process that wants the lock again as soon as it has released it doesn't keep another one waiting.
pub async fn nobody_starves(subject: &dyn Subject) {
    let (greedy, modest) = (process(subject), process(subject));
    let mut tasks = JoinSet::new();
    for _ in 0..2 {
        let cache = greedy.clone();
        tasks.spawn(async move {
            loop {
                let guard = RedLock::new(&cache, "k", LEASE).acquire(LONG).await.unwrap();
                yield_now().await;
                guard.release().await.unwrap();
            }
        });
    }
    for _ in 0..3 {
        let guard = RedLock::new(&modest, "k", LEASE).acquire(LONG / 2).await.unwrap();
        guard.release().await.unwrap();
    }
}

/// The entries of locks aren't listed, and aren't in the way of values.
pub async fn locks_are_hidden_from_scan(subject: &dyn Subject) {
    let cache = process(subject);
    cache.set("k", 1).await.unwrap();
    let guard = RedLock::new(&cache, "k", LEASE).acquire(LONG).await.unwrap();
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1));
    let nested = RedLock::new(&cache.namespace("n:nested"), "k", LEASE).acquire(LONG).await.unwrap();
    if cache.info().capabilities.scan {
        assert_eq!(cache.scan("*").collect().await.unwrap(), ["k"]);
    }
    guard.release().await.unwrap();
    nested.release().await.unwrap();
}

/// The lock of a dead process goes to a waiting one after its lease.
pub async fn a_dead_holder_is_replaced(subject: &dyn Subject) {
    const LEASE: Duration = Duration::from_millis(100);
    let (cache, other) = (process(subject), process(subject));
    // Its renewals end with its runtime.
    let taken = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let guard = runtime.block_on(RedLock::new(&cache, "k", LEASE).acquire(LONG)).unwrap();
        std::mem::forget(guard);
        Instant::now()
    });
    let taken = taken.join().unwrap();
    let lock = RedLock::new(&other, "k", Duration::from_secs(60));
    let guard = lock.acquire(LONG).await.unwrap();
    assert!((LEASE..LONG / 2).contains(&taken.elapsed()), "{:?}", taken.elapsed());
    assert!(guard.release().await.unwrap());
}

/// `cas` of an optimistic lock succeeds where nobody came in between, and is a conflict else.
pub async fn an_optimistic_lock_notices_writes(subject: &dyn Subject) {
    let cache = process(subject);
    let lock = OptimisticLock::acquire(&cache, "k").await.unwrap();
    lock.clone().cas(1).await.unwrap();
    let error = lock.cas(2).await.unwrap_err();
    assert_eq!((error.kind(), error.command(), error.key()), (ErrorKind::Conflict, Some("cas"), Some("k")));
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1));

    let lock = OptimisticLock::acquire(&cache, "k").await.unwrap();
    assert!(cache.expire("k", Ttl::secs(60)).await.unwrap());
    lock.cas("text").await.unwrap();

    let lock = OptimisticLock::acquire(&cache, "k").await.unwrap();
    cache.delete("k").await.unwrap();
    assert_eq!(lock.cas(3).await.unwrap_err().kind(), ErrorKind::Conflict);
    assert!(!cache.exists("k").await.unwrap());
}
