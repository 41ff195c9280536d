//! Many tasks at once.

use std::future::Future;
use std::sync::Arc;

use polycache::Cache;
use polycache::backend::Version;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::Subject;
use crate::subject::cache;

const TASKS: usize = 64;

/// The results of 64 tasks that start together.
async fn together<T, F>(cache: &Cache, task: impl Fn(Cache, usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(TASKS));
    let mut tasks = JoinSet::new();
    for index in 0..TASKS {
        let barrier = Arc::clone(&barrier);
        let future = task(cache.clone(), index);
        tasks.spawn(async move {
            barrier.wait().await;
            future.await
        });
    }
    tasks.join_all().await
}

/// No increment is lost, and no sum is given twice.
pub async fn no_increment_is_lost(subject: &dyn Subject) {
    let cache = cache(subject);
    let mut sums = together(&cache, |cache, _| async move {
        let mut sums = Vec::new();
        for _ in 0..20 {
            sums.push(cache.increment("k", 1).await.unwrap());
        }
        sums
    })
    .await
    .concat();
    sums.sort_unstable();
    assert!(sums.into_iter().eq(1..=20 * TASKS as i64));
    assert_eq!(cache.get::<i64>("k").await.unwrap(), Some(20 * TASKS as i64));
}

/// Of many callers that add one key, one succeeds.
pub async fn one_add_wins(subject: &dyn Subject) {
    let cache = cache(subject);
    for round in 0..20 {
        let key = format!("k{round}");
        let won = together(&cache, |cache, index| {
            let key = key.clone();
            async move { cache.add(&key, index).await.unwrap().then_some(index) }
        })
        .await;
        let winners: Vec<usize> = won.into_iter().flatten().collect();
        assert_eq!(winners.len(), 1, "{winners:?}");
        assert_eq!(cache.get::<usize>(&key).await.unwrap(), Some(winners[0]));
    }
}

/// Of many callers that write after the same version, one succeeds; so too after the version of an absent key.
pub async fn one_cas_wins(subject: &dyn Subject) {
    let cache = cache(subject);
    for round in 0..20 {
        if round % 2 == 0 {
            cache.set("k", 1_000).await.unwrap();
        } else {
            cache.delete("k").await.unwrap();
        }
        let (_, version) = cache.get_versioned::<usize>("k").await.unwrap();
        let won = together(&cache, |cache, index| {
            let version: Version = version.clone();
            async move { cache.cas("k", index, version).await.unwrap().then_some(index) }
        })
        .await;
        let winners: Vec<usize> = won.into_iter().flatten().collect();
        assert_eq!(winners.len(), 1, "{winners:?}");
        assert_eq!(cache.get::<usize>("k").await.unwrap(), Some(winners[0]));
    }
}

/// Reading, adding one and writing with `cas` until it succeeds loses no update.
pub async fn no_update_by_cas_is_lost(subject: &dyn Subject) {
    let cache = cache(subject);
    together(&cache, |cache, _| async move {
        for _ in 0..3 {
            loop {
                let (count, version) = cache.get_versioned::<usize>("k").await.unwrap();
                if cache.cas("k", count.unwrap_or(0) + 1, version).await.unwrap() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
    })
    .await;
    assert_eq!(cache.get::<usize>("k").await.unwrap(), Some(3 * TASKS));
}

/// Of many callers that delete one key, one is told that there was an entry.
pub async fn one_delete_wins(subject: &dyn Subject) {
    let cache = cache(subject);
    for round in 0..20 {
        cache.set("k", round).await.unwrap();
        let deleted = together(&cache, |cache, index| async move {
            match index % 2 {
                0 => u64::from(cache.delete("k").await.unwrap()),
                _ => cache.multi_delete(&["k"]).await.unwrap(),
            }
        })
        .await;
        assert_eq!(deleted.into_iter().sum::<u64>(), 1);
    }
}

/// In a storm of all commands over a few keys, whatever is read under a key was written under it.
pub async fn values_belong_to_their_keys(subject: &dyn Subject) {
    const KEYS: [&str; 5] = ["a", "b", "c", "d", "e"];
    let cache = cache(subject).namespace("storm");
    together(&cache, |cache, index| async move {
        for step in 0..40 {
            let key = KEYS[(index + step * 3) % KEYS.len()];
            let value = format!("{key} {index} {step}");
            match (index * 7 + step) % 8 {
                0 | 1 => cache.set(key, value).await.unwrap(),
                2 => cache.multi_set(KEYS.map(|key| (key, format!("{key} at once")))).await.unwrap(),
                3 => drop(cache.delete(key).await.unwrap()),
                4 => drop(cache.add(key, value).await.unwrap()),
                5 => {
                    let (read, version) = cache.get_versioned::<String>(key).await.unwrap();
                    assert!(read.is_none_or(|read| read.starts_with(key)));
                    cache.cas(key, value, version).await.unwrap();
                }
                6 => {
                    let read = cache.multi_get::<String>(&KEYS).await.unwrap();
                    for (key, value) in KEYS.iter().zip(read) {
                        assert!(value.is_none_or(|value| value.starts_with(key)));
                    }
                }
                _ => {
                    let read = cache.get::<String>(key).await.unwrap();
                    assert!(read.is_none_or(|read| read.starts_with(key)));
                }
            }
        }
    })
    .await;
}
