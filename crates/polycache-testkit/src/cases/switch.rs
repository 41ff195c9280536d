//! A cache that is turned off at run time: the contract's last column.

use polycache::backend::{Version, Want};
use polycache::{Cache, ErrorKind, Ttl};

use crate::Subject;
use crate::subject::{builder, cache};

const OLD: &str = "old";

/// A cache that is turned off and holds values under `k` and `other`.
async fn turned_off(subject: &dyn Subject) -> Cache {
    let cache = cache(subject).namespace("n");
    cache.multi_set([("k", OLD), ("other", OLD)]).await.unwrap();
    cache.set_enabled(false);
    assert!(!cache.is_enabled());
    cache
}

/// Whether `k` and `other` are there once the cache is on again.
async fn turned_on(cache: &Cache) -> [bool; 2] {
    cache.set_enabled(true);
    assert!(cache.is_enabled());
    let found = cache.multi_get::<String>(&["k", "other"]).await.unwrap();
    [0, 1].map(|index| {
        assert!(found[index].is_none() || found[index].as_deref() == Some(OLD));
        found[index].is_some()
    })
}

/// Reads miss and change nothing.
pub async fn reads_miss(subject: &dyn Subject) {
    let cache = turned_off(subject).await;
    assert_eq!(cache.get::<String>("k").await.unwrap(), None);
    assert!(cache.get_object::<String>("k").await.unwrap().is_none());
    assert!(cache.get::<polycache::Value>("k").await.unwrap().is_none());
    assert_eq!(cache.multi_get::<String>(&["k", "x", "k"]).await.unwrap(), [None, None, None]);
    assert_eq!(cache.get_versioned::<String>("k").await.unwrap(), (None, Version::ABSENT));
    assert!(cache.look::<String>("k", Want::VALUE).await.unwrap().is_none());
    assert!(!cache.exists("k").await.unwrap());
    assert_eq!(cache.ttl("k").await.unwrap(), None);
    assert!(!cache.expire("k", Ttl::secs(60)).await.unwrap());
    assert_eq!(cache.scan("*").collect().await.unwrap(), [""; 0]);
    assert_eq!(turned_on(&cache).await, [true, true]);
    assert_eq!(cache.ttl("k").await.unwrap(), Some(Ttl::Never));
}

/// A write answers as if done, and deletes, so that nothing stale reappears.
pub async fn a_write_deletes(subject: &dyn Subject) {
    let cache = turned_off(subject).await;
    cache.set("k", "new").await.unwrap();
    assert_eq!(cache.get::<String>("k").await.unwrap(), None);
    assert_eq!(turned_on(&cache).await, [false, true]);

    let cache = turned_off(subject).await;
    assert!(cache.add("k", "new").await.unwrap());
    assert!(cache.add("k", "new").await.unwrap());
    assert_eq!(turned_on(&cache).await, [false, true]);

    let cache = turned_off(subject).await;
    assert!(cache.cas("k", "new", Version::ABSENT).await.unwrap());
    assert_eq!(turned_on(&cache).await, [false, true]);

    let cache = turned_off(subject).await;
    cache.multi_set([("k", "new"), ("other", "new"), ("k", "new")]).await.unwrap();
    cache.multi_set([("k", "new"); 0]).await.unwrap();
    assert_eq!(turned_on(&cache).await, [false, false]);

    let cache = turned_off(subject).await;
    cache.set("k", polycache::Value::bytes(*b"new")).await.unwrap();
    cache.set_object("other", std::sync::Arc::new(1)).await.unwrap();
    assert_eq!(turned_on(&cache).await, [false, false]);
}

/// `increment` answers its delta, and deletes.
pub async fn increment_answers_its_delta(subject: &dyn Subject) {
    let cache = cache(subject);
    cache.set("k", 5).await.unwrap();
    cache.set_enabled(false);
    assert_eq!(cache.increment("k", 3).await.unwrap(), 3);
    assert_eq!(cache.increment("k", -7).await.unwrap(), -7);
    cache.set_enabled(true);
    assert_eq!(cache.get::<i64>("k").await.unwrap(), None);
    assert_eq!(cache.increment("k", 1).await.unwrap(), 1);
}

/// `cas` with an older version answers `true`, and deletes.
pub async fn cas_answers_true(subject: &dyn Subject) {
    let cache = cache(subject);
    cache.set("k", 5).await.unwrap();
    let (_, version) = cache.get_versioned::<i32>("k").await.unwrap();
    cache.set_enabled(false);
    assert!(cache.cas("k", 6, version.clone()).await.unwrap());
    cache.set_enabled(true);
    assert_eq!(cache.get::<i32>("k").await.unwrap(), None);
    assert!(!cache.cas("k", 7, version).await.unwrap());
}

/// `delete`, `multi_delete` and `clear` still run.
pub async fn removals_still_run(subject: &dyn Subject) {
    let cache = turned_off(subject).await;
    assert!(cache.delete("k").await.unwrap());
    assert!(!cache.delete("k").await.unwrap());
    assert_eq!(turned_on(&cache).await, [false, true]);

    let cache = turned_off(subject).await;
    assert_eq!(cache.multi_delete(&["k", "other", "x"]).await.unwrap(), 2);
    assert_eq!(turned_on(&cache).await, [false, false]);

    let cache = turned_off(subject).await;
    cache.namespace("").namespace("another").clear().await.unwrap();
    assert_eq!(turned_on(&cache).await, [true, true]);
    cache.set_enabled(false);
    cache.clear().await.unwrap();
    assert_eq!(turned_on(&cache).await, [false, false]);
}

/// `raw` is refused.
pub async fn raw_is_refused(subject: &dyn Subject) {
    let cache = turned_off(subject).await;
    let error = cache.raw("len", &[""; 0]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(error.command(), Some("raw"));
    assert_eq!(turned_on(&cache).await, [true, true]);
}

/// Every view and clone has the same switch; another cache on the same backend has its own.
pub async fn views_share_the_switch(subject: &dyn Subject) {
    let cache = cache(subject);
    let view = cache.namespace("n").with_ttl(Ttl::secs(60));
    let other = crate::subject::cache(subject);
    view.set("k", 1).await.unwrap();
    cache.clone().set_enabled(false);
    assert!(!view.is_enabled() && !cache.is_enabled() && other.is_enabled());
    assert_eq!(view.get::<i32>("k").await.unwrap(), None);
    assert_eq!(other.get::<i32>("n:k").await.unwrap(), Some(1));
    view.set_enabled(true);
    assert!(cache.is_enabled());
    assert_eq!(cache.get::<i32>("n:k").await.unwrap(), Some(1));
}

/// A cache may start turned off.
pub async fn it_may_start_turned_off(subject: &dyn Subject) {
    let cache = builder(subject).enabled(false).build().unwrap();
    assert!(!cache.is_enabled());
    cache.set("k", 1).await.unwrap();
    assert_eq!(cache.get::<i32>("k").await.unwrap(), None);
    cache.set_enabled(true);
    assert_eq!(cache.get::<i32>("k").await.unwrap(), None);
    cache.set("k", 2).await.unwrap();
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(2));
}
