//! `get_or_set`: one computation for all who ask, and no value from before a write after it.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use polycache::Cache;
use tokio::task::{JoinSet, yield_now};

use crate::Subject;
use crate::subject::cache;

/// Of many that miss a key one computes, and the value is stored.
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

/// After a write, nobody gets what was computed from before it: not while the computation runs, not later.
pub async fn no_old_value_after_a_write(subject: &dyn Subject) {
    const AT_ONCE: usize = 50;
    let cache = cache(subject);
    for batch in 0..200 {
        let mut tasks = JoinSet::new();
        for number in 0..AT_ONCE {
            tasks.spawn(interleave(cache.clone(), format!("{batch}:{number}"), Write::at_random()));
        }
        tasks.join_all().await;
    }
}

/// The same for all of a namespace at once.
pub async fn no_old_value_after_clear(subject: &dyn Subject) {
    let cache = cache(subject);
    let mut tasks = JoinSet::new();
    for number in 0..50 {
        tasks.spawn(interleave(cache.namespace(format!("n{number}")), "k".to_owned(), Write::Clear));
    }
    tasks.join_all().await;
}

#[derive(Debug, Clone, Copy)]
enum Write {
    Delete,
    MultiDelete,
    Set,
    MultiSet,
    Add,
    Clear,
}

impl Write {
    fn at_random() -> Self {
        let all = [Self::Delete, Self::Delete, Self::MultiDelete, Self::Set, Self::MultiSet, Self::Add];
        all[fastrand::usize(..all.len())]
    }

    /// Writes, if anything, the number 1; whether it has.
    async fn run(self, cache: &Cache, key: &str) -> bool {
        match self {
            Self::Delete => drop(cache.delete(key).await.unwrap()),
            Self::MultiDelete => drop(cache.multi_delete(&[key]).await.unwrap()),
            Self::Set => cache.set(key, 1_u64).await.unwrap(),
            Self::MultiSet => cache.multi_set([(key, 1_u64)]).await.unwrap(),
            // Of a value that is there already it changes nothing.
            Self::Add => return cache.add(key, 1_u64).await.unwrap(),
            Self::Clear => cache.clear().await.unwrap(),
        }
        true
    }
}

/// Three callers who compute from a source, and somebody who changes the source and then writes: whoever asks afterwards must not
/// see the former state of the source.
async fn interleave(cache: Cache, key: String, write: Write) {
    let (source, floor) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut tasks = JoinSet::new();
    for _ in 0..3 {
        let (cache, key, source, floor) = (cache.clone(), key.clone(), Arc::clone(&source), Arc::clone(&floor));
        tasks.spawn(async move {
            for _ in 0..2 {
                pause().await;
                let at_least = floor.load(Ordering::SeqCst);
                let compute = || async {
                    let value = source.load(Ordering::SeqCst);
                    pause().await;
                    Ok::<_, Infallible>(value)
                };
                let Ok(value) = cache.get_or_set(&key, compute).await;
                assert!(value >= at_least, "after {write:?}");
            }
        });
    }
    tasks.spawn(async move {
        pause().await;
        source.store(1, Ordering::SeqCst);
        if write.run(&cache, &key).await {
            floor.store(1, Ordering::SeqCst);
        }
        for _ in 0..4 {
            let at_least = floor.load(Ordering::SeqCst);
            let stored = cache.get::<u64>(&key).await.unwrap();
            assert!(stored.is_none_or(|stored| stored >= at_least), "after {write:?}");
            pause().await;
        }
    });
    tasks.join_all().await;
}

/// Lets a few others go first.
async fn pause() {
    for _ in 0..fastrand::usize(..6) {
        yield_now().await;
    }
}
