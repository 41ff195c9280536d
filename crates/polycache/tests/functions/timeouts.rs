//! Functions that take longer than their callers wait.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use polycache::backends::memory::{ManualClock, Memory};
use polycache::{Cache, Error, ErrorKind, cached, cached_stampede, multi_cached};
use tokio::sync::Notify;
use tokio::time::timeout;

const HOUR: Duration = Duration::from_secs(3_600);

/// Not `Clone`.
#[derive(Debug, PartialEq)]
struct Failed(ErrorKind);

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self(error.kind())
    }
}

#[derive(Default)]
struct Source {
    asked: AtomicU32,
    shut: Notify,
}

impl Source {
    async fn ask(&self) -> u32 {
        let n = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        if n > 1 {
            self.shut.notified().await;
        }
        n
    }
}

fn cache() -> (Cache, ManualClock) {
    let clock = ManualClock::new();
    let memory = Memory::builder().manual_clock(&clock).build().unwrap();
    (Cache::builder().backend(memory).build().unwrap(), clock)
}

#[cached(cache = cache, key = "soon", ttl = "60s", grace = "1h", soft_timeout = "20ms")]
async fn soon(cache: Cache, source: Arc<Source>) -> u32 {
    source.ask().await
}

#[cached(cache = cache, key = "at_once", ttl = "60s", grace = "1h", soft_timeout = 0)]
async fn at_once(cache: Cache, source: Arc<Source>) -> Result<u32, String> {
    Ok(source.ask().await)
}

#[cached(cache = cache, key = "hard", hard_timeout = "20ms")]
async fn hard(cache: &Cache, source: &Source) -> Result<u32, Failed> {
    source.asked.fetch_add(1, Ordering::SeqCst);
    pending().await
}

#[cached_stampede(cache = cache, key = "hard", hard_timeout = "20ms", detached)]
async fn hard_detached(cache: Cache, source: Arc<Source>) -> Result<u32, Arc<Error>> {
    Ok(source.ask().await + source.ask().await)
}

#[cached(cache = cache, key = "told")]
async fn told(cache: &Cache) -> Result<u32, Error> {
    pending().await
}

#[cached(cache = cache, key = "untold")]
async fn untold(cache: &Cache) -> Result<u32, String> {
    pending().await
}

#[cached(url = "memory://", ttl = "60s", grace = "1h", soft_timeout = "1s", hard_timeout = "1s")]
async fn by_url(id: u64) -> Result<u64, Failed> {
    Ok(id)
}

#[cached(cache = cache, key = "early", ttl = "60s", refresh_early = 0.5)]
async fn early(cache: Cache, source: Arc<Source>) -> u32 {
    source.ask().await
}

#[tokio::test]
async fn it_is_called_early_while_its_value_is_given() {
    let ((cache, clock), source) = (cache(), Arc::new(Source::default()));
    assert_eq!(early(cache.clone(), Arc::clone(&source)).await, 1);
    clock.advance(Duration::from_secs(29));
    assert_eq!(early(cache.clone(), Arc::clone(&source)).await, 1);
    assert_eq!(source.asked.load(Ordering::SeqCst), 1);
    clock.advance(Duration::from_secs(2));
    for _ in 0..3 {
        assert_eq!(early(cache.clone(), Arc::clone(&source)).await, 1);
    }
    source.shut.notify_one();
    while early(cache.clone(), Arc::clone(&source)).await != 2 {
        tokio::task::yield_now().await;
    }
    clock.advance(Duration::from_secs(29));
    assert_eq!(early(cache, Arc::clone(&source)).await, 2);
    assert_eq!(source.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn the_stale_value_is_given_while_the_function_goes_on() {
    let ((cache, clock), source) = (cache(), Arc::new(Source::default()));
    assert_eq!(soon(cache.clone(), Arc::clone(&source)).await, 1);
    clock.advance(Duration::from_secs(61));
    assert_eq!(soon(cache.clone(), Arc::clone(&source)).await, 1);
    source.shut.notify_one();
    while !cache.with_grace(HOUR).exists("soon").await.unwrap() {
        tokio::task::yield_now().await;
    }
    assert_eq!(soon(cache, source).await, 2);
}

#[tokio::test]
async fn without_a_wait() {
    let ((cache, clock), source) = (cache(), Arc::new(Source::default()));
    assert_eq!(at_once(cache.clone(), Arc::clone(&source)).await, Ok(1));
    clock.advance(Duration::from_secs(61));
    for _ in 0..3 {
        assert_eq!(at_once(cache.clone(), Arc::clone(&source)).await, Ok(1));
    }
    source.shut.notify_one();
    while !cache.with_grace(HOUR).exists("at_once").await.unwrap() {
        tokio::task::yield_now().await;
    }
    assert_eq!(at_once(cache.clone(), Arc::clone(&source)).await, Ok(2));
    assert_eq!(source.asked.load(Ordering::SeqCst), 2);

    // Asked for a new value, it gives no stale one.
    source.shut.notify_one();
    assert_eq!(at_once(cache, source).refresh().await, Ok(3));
}

#[tokio::test]
async fn the_hard_timeout_is_the_functions_error() {
    let (cache, source) = (Cache::memory(), Arc::new(Source::default()));
    let calls = (0..3).map(|_| hard(&cache, &source));
    assert_eq!(futures_util::future::join_all(calls).await, [(); 3].map(|()| Err(Failed(ErrorKind::HardTimeout))));
    source.asked.store(0, Ordering::SeqCst);

    let error = hard_detached(cache.clone(), Arc::clone(&source)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::HardTimeout);
    source.shut.notify_one();
    while !cache.exists("hard").await.unwrap() {
        tokio::task::yield_now().await;
    }
    assert_eq!(hard_detached(cache, source).await.ok(), Some(3));
}

#[tokio::test]
async fn a_hard_timeout_of_the_cache_is_for_errors_that_can_tell_it() {
    let cache = Cache::memory().with_hard_timeout(Duration::from_millis(20));
    assert_eq!(told(&cache).await.unwrap_err().kind(), ErrorKind::HardTimeout);
    assert!(timeout(Duration::from_millis(60), untold(&cache)).await.is_err());
    assert_eq!(by_url(7).await, Ok(7));
    assert_eq!(by_url(7).await, Ok(7));
}

#[multi_cached(cache = cache, keys = ids, key = "many:{ids}", ttl = "60s", grace = "1h", soft_timeout = "20ms", hard_timeout = "40ms", refresh_early = 0.5)]
async fn many(ids: &[u64], cache: Cache, source: Arc<Source>) -> Result<Vec<(u64, u32)>, Failed> {
    let answer = source.ask().await;
    Ok(ids.iter().map(|id| (*id, answer)).collect())
}

#[multi_cached(cache = cache, keys = _ids, key = "hard:{_ids}", hard_timeout = "20ms")]
async fn many_hard(_ids: &[u64], cache: &Cache) -> Result<Vec<(u64, u32)>, Failed> {
    pending().await
}

#[tokio::test]
async fn many_keys_have_the_timeouts_and_are_refreshed_early() {
    let ((cache, clock), source) = (cache(), Arc::new(Source::default()));
    let ask = |ids: &[u64]| many(ids, cache.clone(), Arc::clone(&source));
    assert_eq!(ask(&[1, 2]).await, Ok(vec![(1, 1), (2, 1)]));

    // Early: at once, while one call computes both.
    clock.advance(Duration::from_secs(31));
    for _ in 0..3 {
        assert_eq!(ask(&[1, 2]).await, Ok(vec![(1, 1), (2, 1)]));
    }
    source.shut.notify_one();
    while ask(&[1, 2]).await != Ok(vec![(1, 2), (2, 2)]) {
        tokio::task::yield_now().await;
    }
    assert_eq!(source.asked.load(Ordering::SeqCst), 2);

    // Stale: after the soft timeout. What has no stale value fails all of the call, after the hard one.
    clock.advance(Duration::from_secs(61));
    assert_eq!(ask(&[1, 2]).await, Ok(vec![(1, 2), (2, 2)]));
    assert_eq!(ask(&[1, 2, 3]).await, Err(Failed(ErrorKind::HardTimeout)));
    assert_eq!(ask(&[1]).refresh().await, Ok(vec![(1, 2)]));
    source.shut.notify_waiters();
    while !cache.with_grace(HOUR).exists("many:3").await.unwrap() {
        tokio::task::yield_now().await;
    }

    let cache = Cache::memory();
    assert_eq!(many_hard(&[1], &cache).await, Err(Failed(ErrorKind::HardTimeout)));
}
