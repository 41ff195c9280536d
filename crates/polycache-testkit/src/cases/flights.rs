//! `get_or_set`: one computation for all who ask, and no older value after a write.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use polycache::{Cache, Ttl};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{sleep, timeout};

use crate::Subject;
use crate::subject::{builder, cache};

/// Of many callers that miss a key, one computes, and the value is stored.
pub async fn one_computes(subject: &dyn Subject) {
    let cache = cache(subject);
    for round in 0..20 {
        let (key, computed) = (format!("k{round}"), Arc::new(AtomicU64::new(0)));
        let mut tasks = JoinSet::new();
        for _ in 0..64 {
            let (cache, key, computed) = (cache.clone(), key.clone(), Arc::clone(&computed));
            tasks.spawn(async move {
                pause().await;
                let compute = || async {
                    pause().await;
                    Ok::<_, Infallible>(computed.fetch_add(1, Ordering::SeqCst))
                };
                assert_eq!(cache.get_or_set(&key, compute).await, Ok(0));
            });
        }
        tasks.join_all().await;
        assert_eq!(computed.load(Ordering::SeqCst), 1);
        assert_eq!(cache.get::<u64>(&key).await.unwrap(), Some(0));
    }
}

/// Half of a thousand callers are cancelled at random: no more computations than leaders cancelled, plus one, and nobody hangs.
pub async fn cancelled_leaders_hand_over(subject: &dyn Subject) {
    let cache = cache(subject);
    for _ in 0..3 {
        let (started, cancelled) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let mut tasks = JoinSet::new();
        for task in 0..1_000 {
            let (cache, started, cancelled) = (cache.clone(), Arc::clone(&started), Arc::clone(&cancelled));
            tasks.spawn(async move {
                let leads = AtomicBool::new(false);
                let compute = || async {
                    leads.store(true, Ordering::SeqCst);
                    started.fetch_add(1, Ordering::SeqCst);
                    sleep(Duration::from_millis(20)).await;
                    Ok::<_, Infallible>(7)
                };
                let call = cache.get_or_set("k", compute);
                if task % 2 == 0 {
                    assert_eq!(call.await, Ok(7));
                } else if timeout(Duration::from_micros(fastrand::u64(..60_000)), call).await.is_err() {
                    // The call was cancelled while it computed, stored, or waited.
                    cancelled.fetch_add(u64::from(leads.into_inner()), Ordering::SeqCst);
                }
            });
        }
        timeout(Duration::from_secs(60), tasks.join_all()).await.expect("nobody hangs");
        let [started, cancelled] = [started, cancelled].map(|count| count.load(Ordering::SeqCst));
        assert!((1..=cancelled + 1).contains(&started), "{started} computations, {cancelled} leaders cancelled");
        cache.delete("k").await.unwrap();
    }
}

/// After a write, nobody gets a value computed from older data: not while the computation runs, not later.
pub async fn no_old_value_after_a_write(subject: &dyn Subject) {
    let cache = cache(subject);
    interleavings(10_000, [&cache, &cache], true, Write::at_random).await;
}

/// After a write in another process, nobody finds a value computed from older data.
pub async fn no_old_value_after_a_write_in_another_process(subject: &dyn Subject) {
    if subject.backend().info().capabilities.exclusive {
        return;
    }
    let process = || builder(subject).lease(Duration::from_millis(100)).build().unwrap();
    interleavings(2_000, [&process(), &process()], false, || Write::in_another_process(subject)).await;
}

const AT_ONCE: usize = 50;

/// So many interleavings of calls through the first cache with a write through the second, each in a namespace of its own.
async fn interleavings(count: usize, caches: [&Cache; 2], known: bool, write: impl Fn() -> Write) {
    for batch in 0..count / AT_ONCE {
        let mut tasks = JoinSet::new();
        for number in 0..AT_ONCE {
            let caches = caches.map(|cache| cache.namespace(format!("n{batch}:{number}")));
            tasks.spawn(interleave(caches, known, write()));
        }
        tasks.join_all().await;
    }
}

#[derive(Debug, Clone, Copy)]
enum Write {
    Delete,
    MultiDelete,
    Set,
    MultiSet,
    Add,
    Cas,
    Increment,
    Expire,
    Clear,
}

const KEY: &str = "k";

impl Write {
    fn at_random() -> Self {
        let all = [
            Self::Delete,
            Self::Delete,
            Self::MultiDelete,
            Self::Set,
            Self::MultiSet,
            Self::Add,
            Self::Cas,
            Self::Increment,
            Self::Expire,
            Self::Clear,
        ];
        all[fastrand::usize(..all.len())]
    }

    /// A write that a backend can hold back until a value that another process is storing has arrived.
    fn in_another_process(subject: &dyn Subject) -> Self {
        loop {
            match Self::at_random() {
                // `clear` names no keys whose leases could be looked at.
                Self::Clear if !subject.backend().info().capabilities.checks_leases => {}
                write => return write,
            }
        }
    }

    /// Runs the write, which stores 1 if anything. Returns whether no older value may be left.
    async fn run(self, cache: &Cache) -> bool {
        match self {
            Self::Delete => drop(cache.delete(KEY).await.unwrap()),
            Self::MultiDelete => drop(cache.multi_delete(&[KEY]).await.unwrap()),
            Self::Set => cache.set(KEY, 1_u64).await.unwrap(),
            Self::MultiSet => cache.multi_set([(KEY, 1_u64)]).await.unwrap(),
            // It changes nothing of a value that is there already.
            Self::Add => return cache.add(KEY, 1_u64).await.unwrap(),
            Self::Cas => {
                let (_, version) = cache.get_versioned::<u64>(KEY).await.unwrap();
                return cache.cas(KEY, 1_u64, version).await.unwrap();
            }
            // The result is 1, or 2 if somebody was faster.
            Self::Increment => drop(cache.increment(KEY, 1).await.unwrap()),
            Self::Expire => return !cache.expire(KEY, Ttl::secs(60)).await.unwrap(),
            Self::Clear => cache.clear().await.unwrap(),
        }
        true
    }
}

/// Three callers compute from a source, and somebody changes the source and then writes. Nobody who looks afterwards may see the source's
/// former state. Nor may a later caller, if the write is `known` to the callers' process.
async fn interleave([here, there]: [Cache; 2], known: bool, write: Write) {
    let (source, floor) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut tasks = JoinSet::new();
    for _ in 0..3 {
        let (cache, source, floor) = (here.clone(), Arc::clone(&source), Arc::clone(&floor));
        tasks.spawn(async move {
            for _ in 0..2 {
                pause().await;
                let at_least = if known { floor.load(Ordering::SeqCst) } else { 0 };
                let compute = || async {
                    let value = source.load(Ordering::SeqCst);
                    pause().await;
                    Ok::<_, Infallible>(value)
                };
                let Ok(value) = cache.get_or_set(KEY, compute).await;
                assert!(value >= at_least, "after {write:?}");
            }
        });
    }
    let (own_floor, reader) = (Arc::clone(&floor), here.clone());
    tasks.spawn(async move {
        pause().await;
        source.store(1, Ordering::SeqCst);
        if write.run(&there).await {
            own_floor.store(1, Ordering::SeqCst);
        }
        for cache in [&there, &reader, &there, &reader] {
            let at_least = own_floor.load(Ordering::SeqCst);
            let stored = cache.get::<u64>(KEY).await.unwrap();
            assert!(stored.is_none_or(|stored| stored >= at_least), "after {write:?}");
            pause().await;
        }
    });
    tasks.join_all().await;
    let stored = here.get::<u64>(KEY).await.unwrap();
    assert!(stored.is_none_or(|stored| stored >= floor.load(Ordering::SeqCst)), "after {write:?}");
    here.delete(KEY).await.unwrap();
}

/// Lets a few other tasks go first.
async fn pause() {
    for _ in 0..fastrand::usize(..6) {
        yield_now().await;
    }
}
