//! Calls that miss at the same time compute once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use polycache::backends::memory::Memory;
use polycache::{Cache, cached};
use polycache_testkit::Intercept;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;

/// Not `Clone`, and not `Sync`.
#[derive(Debug, PartialEq)]
struct Alone(std::cell::Cell<u32>);

#[derive(Default)]
struct Source {
    asked: AtomicU32,
}

impl Source {
    async fn ask(&self) -> u32 {
        let n = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        for _ in 0..100 {
            yield_now().await;
        }
        n
    }
}

fn caches() -> [Cache; 2] {
    [Cache::memory(), Cache::builder().backend(Intercept::delayed(Arc::new(Memory::new()))).build().unwrap()]
}

#[cached(cache = cache, key = "value")]
async fn value(cache: Cache, source: Arc<Source>) -> u32 {
    source.ask().await
}

#[cached(cache = cache, key = "shared")]
async fn shared(cache: Cache, source: Arc<Source>) -> Result<u32, String> {
    Err(source.ask().await.to_string())
}

#[cached(cache = cache, key = "alone")]
async fn alone(cache: Cache, source: Arc<Source>) -> Result<u32, Alone> {
    match source.ask().await {
        n @ 1..=3 => Err(Alone(n.into())),
        n => Ok(n),
    }
}

#[tokio::test]
async fn a_value_is_shared() {
    for cache in caches() {
        let source = Arc::new(Source::default());
        let calls: JoinSet<u32> = (0..100).map(|_| value(cache.clone(), Arc::clone(&source))).collect();
        assert_eq!(calls.join_all().await, [1; 100]);
    }
}

#[tokio::test]
async fn an_error_that_can_be_copied_is_shared() {
    for cache in caches() {
        let source = Arc::new(Source::default());
        let calls: JoinSet<_> = (0..100).map(|_| shared(cache.clone(), Arc::clone(&source))).collect();
        assert!(calls.join_all().await.iter().all(|result| *result == Err("1".to_owned())));
        assert_eq!(shared(cache, source).await, Err("2".to_owned()));
    }
}

#[tokio::test]
async fn an_error_that_cannot_be_copied_is_its_callers_alone() {
    for cache in caches() {
        let source = Arc::new(Source::default());
        let calls: JoinSet<_> = (0..20).map(|_| alone(cache.clone(), Arc::clone(&source))).collect();
        let results = timeout(Duration::from_secs(60), calls.join_all()).await.expect("nobody hangs");
        let mut failed: Vec<u32> = results.iter().filter_map(|result| Some(result.as_ref().err()?.0.get())).collect();
        failed.sort_unstable();
        assert_eq!(failed, [1, 2, 3]);
        assert_eq!(results.iter().filter(|result| **result == Ok(4)).count(), 17);
    }
}

#[tokio::test]
async fn a_cancelled_call_hands_over() {
    let cache = Cache::memory();
    let (entered, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));

    #[cached(cache = cache, key = "k")]
    async fn gated(cache: Cache, n: u32, entered: Arc<Semaphore>, gate: Arc<Semaphore>) -> u32 {
        entered.add_permits(1);
        gate.acquire().await.unwrap().forget();
        n
    }
    let first = tokio::spawn(gated(cache.clone(), 1, Arc::clone(&entered), Arc::clone(&gate)));
    entered.acquire().await.unwrap().forget();
    let second = tokio::spawn(gated(cache.clone(), 2, Arc::clone(&entered), Arc::clone(&gate)));
    first.abort();
    entered.acquire().await.unwrap().forget();
    gate.add_permits(1);
    assert_eq!(second.await.unwrap(), 2);
}

#[tokio::test]
async fn a_delete_wins_over_what_is_computed_and_over_a_refresh() {
    for cache in caches() {
        #[cached(cache = cache, key = "row")]
        async fn row(cache: &Cache, n: u32) -> u32 {
            row(cache, 0).invalidate().await.unwrap();
            n
        }
        assert_eq!(row(&cache, 1).await, 1);
        assert!(!cache.exists("row").await.unwrap());
        assert_eq!(row(&cache, 2).refresh().await, 2);
        assert!(!cache.exists("row").await.unwrap());
    }
}

#[tokio::test]
async fn a_refresh_wins_over_what_was_computed_before_it() {
    for cache in caches() {
        let gate = Arc::new(Semaphore::new(0));

        #[cached(cache = cache, key = "row")]
        async fn row(cache: Cache, n: u32, gate: Option<Arc<Semaphore>>) -> u32 {
            if let Some(gate) = gate {
                gate.acquire().await.unwrap().forget();
            }
            n
        }
        let mut old = row(cache.clone(), 1, Some(Arc::clone(&gate)));
        for _ in 0..10 {
            assert!(crate::is_pending(&mut old).await);
        }
        assert_eq!(row(cache.clone(), 2, None).refresh().await, 2);
        gate.add_permits(1);
        assert_eq!(old.await, 1);
        assert_eq!(cache.get::<u32>("row").await.unwrap(), Some(2));
    }
}
