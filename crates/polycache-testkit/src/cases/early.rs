//! Entries that are refreshed before their TTL ends.

use std::time::Duration;

use futures_util::future::join_all;
use polycache::backend::Want;
use polycache::{Cache, CacheBuilder, ErrorKind, Ttl};
use tokio::time::sleep;

use super::grace::HOUR;
use super::slow_sources::{Failed, Source, in_time, until_stored};
use crate::Subject;
use crate::subject::{Life, builder};

/// Settings for a cache whose entries are refreshed from the middle of their TTL on.
fn early(subject: &dyn Subject) -> CacheBuilder {
    builder(subject).ttl(Life::of(subject).ttl * 2).refresh_early(0.5)
}

/// Lets entries come past the middle of their TTL.
async fn half(subject: &dyn Subject) {
    let life = Life::of(subject);
    subject.advance(life.ttl + life.ttl / 8).await.unwrap();
}

async fn until(what: impl Fn() -> bool) {
    in_time(async {
        while !what() {
            sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// Who asks for the entry gets it at once, and one task computes.
pub async fn one_task_renews_and_nobody_waits(subject: &dyn Subject) {
    let (cache, source) = (early(subject).build().unwrap(), Source::shut());
    cache.set("k", 1).await.unwrap();
    assert_eq!(in_time(cache.get_or_set("k", || source.ask(2)).detached()).await, Ok(1));
    assert_eq!(source.asked(), 0);

    half(subject).await;
    // Not detached, it can't go on in a task.
    assert_eq!(in_time(cache.get_or_set("k", || source.ask(2))).await, Ok(1));
    let lasting = cache.with_ttl(HOUR);
    for _ in 0..4 {
        assert_eq!(in_time(lasting.get_or_set("k", || source.ask(2)).detached()).await, Ok(1));
    }
    let calls = join_all((0..8).map(|_| lasting.get_or_set("k", || source.ask(2)).detached()));
    assert_eq!(in_time(calls).await, vec![Ok(1); 8]);
    until(|| source.asked() > 0).await;
    source.open();
    until_stored(&cache, 2).await;
    assert!(matches!(cache.ttl("k").await.unwrap(), Some(Ttl::After(left)) if left > HOUR / 2));
    assert_eq!(in_time(cache.get_or_set("k", || source.ask(3)).detached()).await, Ok(2));
    assert_eq!(source.asked(), 1);
}

/// Of many processes on one server, one computes.
pub async fn one_process_renews(subject: &dyn Subject) {
    if subject.backend().info().capabilities.exclusive {
        return;
    }
    let source = Source::shut();
    let caches: Vec<Cache> = (0..16).map(|_| early(subject).lease(Duration::from_secs(2)).build().unwrap()).collect();
    caches[0].set("k", 1).await.unwrap();
    half(subject).await;
    let ask = |cache: &Cache| {
        let (cache, source) = (cache.with_ttl(HOUR), source.clone());
        async move { cache.get_or_set("k", || source.ask(2)).detached().await }
    };
    for _ in 0..3 {
        assert_eq!(in_time(join_all(caches.iter().map(ask))).await, vec![Ok::<_, Failed>(1); 16]);
    }
    until(|| source.asked() > 0).await;
    source.open();
    for cache in &caches {
        until_stored(cache, 2).await;
    }
    for _ in 0..3 {
        assert_eq!(in_time(join_all(caches.iter().map(ask))).await, vec![Ok::<_, Failed>(2); 16]);
    }
    assert_eq!(source.asked(), 1);
}

/// After a failure the source isn't asked for as long as the throttle.
pub async fn after_a_failure_the_source_rests(subject: &dyn Subject) {
    let (cache, source) = (early(subject).build().unwrap(), Source::shut());
    cache.with_ttl(Life::of(subject).ttl * 4).set("k", 1).await.unwrap();
    half(subject).await;
    half(subject).await;
    let ask = || {
        let asked = source.ask(2);
        async move {
            asked.await?;
            Err::<i32, _>(Failed(ErrorKind::Backend, "away".to_owned()))
        }
    };
    source.open();
    assert_eq!(in_time(cache.get_or_set("k", ask).detached()).await, Ok(1));
    in_time(async {
        while cache
            .look::<i32>("k", Want::VALUE)
            .await
            .unwrap()
            .is_some_and(|found| found.head().unwrap().rests().is_none())
        {
            sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
    for _ in 0..8 {
        assert_eq!(in_time(cache.get_or_set("k", ask).detached()).await, Ok(1));
    }
    assert_eq!(source.asked(), 1);
}

/// What is computed from older data than a write isn't stored after it.
pub async fn a_write_meanwhile_wins(subject: &dyn Subject) {
    let (cache, source) = (early(subject).build().unwrap(), Source::shut());
    cache.multi_set([("k", 1), ("gone", 1)]).await.unwrap();
    half(subject).await;
    for key in ["k", "gone"] {
        assert_eq!(in_time(cache.get_or_set(key, || source.ask(2)).detached()).await, Ok(1));
    }
    until(|| source.asked() == 2).await;
    cache.with_ttl(HOUR).set("k", 3).await.unwrap();
    cache.delete("gone").await.unwrap();
    source.open();
    for _ in 0..50 {
        assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(3));
        assert_eq!(cache.get::<i32>("gone").await.unwrap(), None);
        sleep(Duration::from_millis(2)).await;
    }
}

/// A bulk call gives what is early at once, and has one call compute it, after what is missing.
pub async fn one_call_renews_many(subject: &dyn Subject) {
    let (cache, source) = (early(subject).build().unwrap(), Source::shut());
    cache.multi_set([("k", 1), ("b", 1)]).await.unwrap();
    half(subject).await;
    let lasting = cache.with_ttl(HOUR);
    // Not detached, it can't go on in a task.
    assert_eq!(in_time(lasting.multi_get_or_set(&["k", "b"], source.ask_many(2))).await, [Ok(Some(1)), Ok(Some(1))]);
    for _ in 0..4 {
        let found = lasting.multi_get_or_set(&["k", "b"], source.ask_many(2)).detached();
        assert_eq!(in_time(found).await, [Ok(Some(1)), Ok(Some(1))]);
    }
    until(|| source.asked() > 0).await;
    source.open();
    until_stored(&cache, 2).await;
    in_time(async {
        while cache.get::<i32>("b").await.unwrap() != Some(2) {
            sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
    assert_eq!(source.asked(), 1);

    // Of a short life again, and with a third one that is missing.
    cache.multi_set([("k", 1), ("b", 1)]).await.unwrap();
    half(subject).await;
    let found = lasting.multi_get_or_set(&["k", "missing", "b"], source.ask_many(3)).detached();
    assert_eq!(in_time(found).await, [Ok(Some(1)), Ok(Some(3)), Ok(Some(1))]);
    until_stored(&cache, 3).await;
    assert_eq!(source.asked(), 3);
}
