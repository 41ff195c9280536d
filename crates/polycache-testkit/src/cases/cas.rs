//! `get_versioned` and `cas`.

use std::time::Duration;

use polycache::backend::Version;
use polycache::{Cache, Ttl};

use crate::Subject;
use crate::subject::{absent, assert_expires_in, cache};

async fn version(cache: &Cache) -> Version {
    cache.get_versioned::<i32>("k").await.unwrap().1
}

/// `cas` stores if nobody wrote; and its own write ends the version.
pub async fn writes_where_nobody_wrote(subject: &dyn Subject) {
    let cache = cache(subject);
    cache.set("k", 1).await.unwrap();
    let (value, version) = cache.get_versioned::<i32>("k").await.unwrap();
    assert_eq!(value, Some(1));
    assert!(cache.cas("k", 2, version.clone()).await.unwrap());
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(2));
    assert!(!cache.cas("k", 3, version).await.unwrap());
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(2));
}

/// Any other write in between makes `cas` return `false`, and nothing changes.
pub async fn any_write_in_between_fails_it(subject: &dyn Subject) {
    let cache = cache(subject);
    for write in ["set", "multi_set", "increment", "cas", "set of a `Value`", "delete and add"] {
        cache.with_ttl(Ttl::secs(600)).set("k", 1).await.unwrap();
        let old = version(&cache).await;
        match write {
            "set" => cache.set("k", 2).await.unwrap(),
            "multi_set" => cache.multi_set([("k", 2)]).await.unwrap(),
            "increment" => assert_eq!(cache.increment("k", 1).await.unwrap(), 2),
            "cas" => assert!(cache.cas("k", 2, old.clone()).await.unwrap()),
            "set of a `Value`" => {
                cache.set("other", 2).await.unwrap();
                let value = cache.get::<polycache::Value>("other").await.unwrap().unwrap();
                cache.set("k", value).await.unwrap();
            }
            _ => {
                assert!(cache.delete("k").await.unwrap());
                assert!(cache.add("k", 2).await.unwrap());
            }
        }
        assert!(!cache.with_ttl(Ttl::secs(5)).cas("k", 3, old).await.unwrap(), "after {write}");
        assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(2), "after {write}");
        assert_ne!(cache.ttl("k").await.unwrap(), Some(Ttl::secs(5)));
    }
}

/// `cas` doesn't create a deleted key.
pub async fn a_deleted_key_fails_it(subject: &dyn Subject) {
    let cache = cache(subject);
    cache.set("k", 1).await.unwrap();
    let old = version(&cache).await;
    assert!(cache.delete("k").await.unwrap());
    assert!(!cache.cas("k", 2, old.clone()).await.unwrap());
    assert!(!cache.exists("k").await.unwrap());

    cache.namespace("n").set("k", 1).await.unwrap();
    let (_, in_namespace) = cache.namespace("n").get_versioned::<i32>("k").await.unwrap();
    cache.namespace("n").clear().await.unwrap();
    assert!(!cache.namespace("n").cas("k", 2, in_namespace).await.unwrap());
    assert!(!cache.namespace("n").exists("k").await.unwrap());
}

/// With the version of an absent key `cas` is an `add`.
pub async fn a_version_of_absence_makes_it_an_add(subject: &dyn Subject) {
    let cache = cache(subject);
    let (value, nothing) = cache.get_versioned::<i32>("k").await.unwrap();
    assert_eq!((value, &nothing), (None, &Version::ABSENT));
    assert!(cache.with_ttl(Ttl::secs(60)).cas("k", 1, nothing.clone()).await.unwrap());
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1));
    assert_expires_in(subject, &cache, "k", Duration::from_secs(60)).await;

    assert!(!cache.cas("k", 2, nothing).await.unwrap());
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1));
    assert_expires_in(subject, &cache, "k", Duration::from_secs(60)).await;
}

/// `cas` sets the TTL as `set` does.
pub async fn sets_the_ttl(subject: &dyn Subject) {
    let cache = cache(subject);
    cache.with_ttl(Ttl::secs(60)).set("k", 1).await.unwrap();
    assert!(cache.with_ttl(Ttl::secs(600)).cas("k", 2, version(&cache).await).await.unwrap());
    assert_expires_in(subject, &cache, "k", Duration::from_secs(600)).await;
    assert!(cache.cas("k", 3, version(&cache).await).await.unwrap());
    assert_eq!(cache.ttl("k").await.unwrap(), Some(Ttl::Never));
}

/// Reading isn't a write, and neither is a change of TTL.
pub async fn reads_and_expire_are_no_writes(subject: &dyn Subject) {
    let cache = cache(subject);
    cache.set("k", 1).await.unwrap();
    let old = version(&cache).await;
    cache.get::<i32>("k").await.unwrap();
    cache.multi_get::<i32>(&["k"]).await.unwrap();
    cache.exists("k").await.unwrap();
    cache.ttl("k").await.unwrap();
    assert!(cache.expire("k", Ttl::secs(60)).await.unwrap());
    assert!(cache.expire("k", Ttl::Never).await.unwrap());
    assert!(!cache.add("k", 9).await.unwrap());
    assert!(!cache.cas("k", 9, Version::ABSENT).await.unwrap());
    cache.set("other", 1).await.unwrap();
    assert_eq!(version(&cache).await, old);
    assert!(cache.cas("k", 2, old).await.unwrap());
}

/// A rewrite of an equal value ends the version, unless the backend declares that it compares the stored bytes; then `cas` succeeds.
pub async fn a_rewrite_of_an_equal_value(subject: &dyn Subject) {
    let cache = cache(subject);
    let detects = cache.info().capabilities.detects_equal_writes;
    if !detects {
        absent(&cache, "detects_equal_writes");
    }
    cache.set("k", 1).await.unwrap();
    let old = version(&cache).await;
    cache.set("k", 1).await.unwrap();
    assert_eq!(cache.cas("k", 2, old).await.unwrap(), !detects);

    cache.set("k", 1).await.unwrap();
    let old = version(&cache).await;
    assert!(cache.delete("k").await.unwrap());
    cache.set("k", 1).await.unwrap();
    assert_eq!(cache.cas("k", 2, old).await.unwrap(), !detects);
}
