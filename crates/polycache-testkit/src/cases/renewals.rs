//! Computations that are shown the value that they are to replace.

use std::time::Duration;

use polycache::{Cache, Freshness, Item, Ttl};

use super::grace::{HOUR, brief, outlive};
use super::slow_sources::in_time;
use crate::Subject;
use crate::subject::{Life, builder};

/// A source that has this version.
async fn ask(version: &'static str, shown: Option<Item<i32>>) -> Result<Item<i32>, String> {
    match shown {
        Some(item) if item.etag() == Some(version) => Ok(item.with_ttl(HOUR)),
        Some(item) => Ok(Item::new(item.value + 1).with_etag(version)),
        None => Ok(Item::new(1).with_etag(version)),
    }
}

async fn renewed(cache: &Cache, version: &'static str) -> (i32, Option<String>, Freshness) {
    let item = in_time(cache.get_or_renew("k", |shown| ask(version, shown))).await.unwrap();
    (item.value, item.etag().map(str::to_owned), item.freshness())
}

/// The computation is shown the stale value with its `ETag`; one that it returns is stored anew.
pub async fn a_stale_value_is_shown(subject: &dyn Subject) {
    let life = brief(subject);
    let cache = builder(subject).ttl(life.ttl).grace(HOUR).build().unwrap();
    let (first, second) = (Some("1".to_owned()), Some("2".to_owned()));
    assert_eq!(renewed(&cache, "1").await, (1, first.clone(), Freshness::Fresh));

    outlive(subject, life).await;
    assert_eq!(cache.get::<i32>("k").await.unwrap(), None);
    assert_eq!(renewed(&cache, "2").await, (2, second.clone(), Freshness::Fresh));

    outlive(subject, life).await;
    assert_eq!(renewed(&cache, "2").await, (2, second.clone(), Freshness::Fresh));
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(2), "unchanged, and stored for an hour");
    assert!(matches!(cache.ttl("k").await.unwrap(), Some(Ttl::After(left)) if left > HOUR / 2));
    assert_eq!(renewed(&cache, "3").await, (2, second, Freshness::Fresh));
}

/// Who gets a stale value is told so, and how old it is.
pub async fn callers_are_told_how_fresh_it_is(subject: &dyn Subject) {
    let life = Life::of(subject);
    let cache = builder(subject).ttl(life.ttl).grace(HOUR).build().unwrap();
    assert_eq!(renewed(&cache, "1").await.2, Freshness::Fresh);
    subject.advance(life.ttl + life.rest).await.unwrap();
    let away = |_: Option<Item<i32>>| async { Err("away".to_owned()) };
    for _ in 0..2 {
        let item = in_time(cache.get_or_renew("k", away)).await.unwrap();
        assert_eq!((item.value, item.etag(), item.freshness()), (1, Some("1"), Freshness::Stale));
        assert!(item.age() >= life.ttl.min(Duration::from_secs(1)), "{:?}", item.age());
    }
}

/// A value brings its TTL, also where the cache has no grace.
pub async fn a_value_brings_its_ttl(subject: &dyn Subject) {
    let cache = builder(subject).build().unwrap();
    let brings = |_: Option<Item<i32>>| async { Ok::<_, String>(Item::new(1).with_ttl(HOUR)) };
    assert_eq!(in_time(cache.get_or_renew("k", brings)).await.unwrap().value, 1);
    assert!(matches!(cache.ttl("k").await.unwrap(), Some(Ttl::After(left)) if left <= HOUR));
    let item = in_time(cache.get_or_renew("k", brings)).await.unwrap();
    assert_eq!((item.value, item.freshness()), (1, Freshness::Fresh));
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1));
}
