//! One key: get, set, add, exists, delete.

use polycache::Ttl;
use polycache::backend::Version;

use crate::Subject;
use crate::subject::{assert_expires_in, cache};

/// Every command reports a missing key as missing.
pub async fn a_missing_key_is_a_miss(subject: &dyn Subject) {
    let cache = cache(subject);
    assert_eq!(cache.get::<String>("k").await.unwrap(), None);
    assert_eq!(cache.multi_get::<String>(&["k"]).await.unwrap(), [None]);
    assert!(cache.get::<polycache::Value>("k").await.unwrap().is_none());
    assert_eq!(cache.get_versioned::<String>("k").await.unwrap(), (None, Version::ABSENT));
    assert!(!cache.exists("k").await.unwrap());
    assert_eq!(cache.ttl("k").await.unwrap(), None);
    assert!(!cache.expire("k", Ttl::secs(60)).await.unwrap());
    assert!(!cache.expire("k", Ttl::Never).await.unwrap());
    assert!(!cache.delete("k").await.unwrap());
    assert_eq!(cache.multi_delete(&["k"]).await.unwrap(), 0);
    // None of these commands made an entry.
    assert!(!cache.exists("k").await.unwrap());
}

/// A value that was set is found by every command that reads, any number of times.
pub async fn what_is_set_is_read(subject: &dyn Subject) {
    let cache = cache(subject);
    cache.set("k", "v").await.unwrap();
    for _ in 0..3 {
        assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("v"));
    }
    assert_eq!(cache.multi_get::<String>(&["k"]).await.unwrap(), [Some("v".to_owned())]);
    let (value, version) = cache.get_versioned::<String>("k").await.unwrap();
    assert_eq!(value.as_deref(), Some("v"));
    assert!(!version.is_absent());
    assert!(cache.get::<polycache::Value>("k").await.unwrap().is_some());
    assert!(cache.exists("k").await.unwrap());
    assert_eq!(cache.ttl("k").await.unwrap(), Some(Ttl::Never));
    assert_eq!(cache.get::<String>("other").await.unwrap(), None);
}

/// `set` replaces the value and the TTL, even a TTL by none.
pub async fn set_replaces_value_and_ttl(subject: &dyn Subject) {
    let cache = cache(subject);
    let minutes = |n: u64| Ttl::secs(60 * n);
    cache.with_ttl(minutes(10)).set("k", 1).await.unwrap();
    cache.with_ttl(minutes(20)).set("k", 2).await.unwrap();
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(2));
    assert_expires_in(subject, &cache, "k", std::time::Duration::from_secs(20 * 60)).await;

    cache.set("k", 3).await.unwrap();
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(3));
    assert_eq!(cache.ttl("k").await.unwrap(), Some(Ttl::Never));

    cache.with_ttl(minutes(10)).set("k", "of another type").await.unwrap();
    assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("of another type"));
    assert_expires_in(subject, &cache, "k", std::time::Duration::from_secs(10 * 60)).await;
}

/// `add` stores if there is no value; otherwise it changes neither the value nor the TTL.
pub async fn add_changes_nothing_where_a_value_is(subject: &dyn Subject) {
    let cache = cache(subject);
    assert!(cache.with_ttl(Ttl::secs(600)).add("k", 1).await.unwrap());
    assert!(!cache.with_ttl(Ttl::secs(60)).add("k", 2).await.unwrap());
    assert!(!cache.add("k", 3).await.unwrap());
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1));
    assert_expires_in(subject, &cache, "k", std::time::Duration::from_secs(600)).await;

    cache.delete("k").await.unwrap();
    assert!(cache.add("k", 4).await.unwrap());
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(4));
    assert_eq!(cache.ttl("k").await.unwrap(), Some(Ttl::Never));
}

/// A stored `None` is a hit, for every command.
pub async fn a_stored_none_is_a_hit(subject: &dyn Subject) {
    let cache = cache(subject);
    cache.set("k", None::<i32>).await.unwrap();
    assert_eq!(cache.get::<Option<i32>>("k").await.unwrap(), Some(None));
    assert_eq!(cache.multi_get::<Option<i32>>(&["k", "x"]).await.unwrap(), [Some(None), None]);
    assert!(cache.exists("k").await.unwrap());
    assert_eq!(cache.ttl("k").await.unwrap(), Some(Ttl::Never));
    assert!(!cache.add("k", Some(1)).await.unwrap());

    let (value, version) = cache.get_versioned::<Option<i32>>("k").await.unwrap();
    assert_eq!(value, Some(None));
    assert!(!version.is_absent());
    assert!(!cache.cas("k", Some(1), Version::ABSENT).await.unwrap());
    assert!(cache.cas("k", Some(1), version).await.unwrap());
    assert_eq!(cache.get::<Option<i32>>("k").await.unwrap(), Some(Some(1)));

    assert!(cache.add("added", None::<i32>).await.unwrap());
    assert!(!cache.add("added", Some(1)).await.unwrap());
    assert_eq!(cache.get::<Option<i32>>("added").await.unwrap(), Some(None));

    cache.multi_set([("k", None::<i32>)]).await.unwrap();
    assert!(cache.delete("k").await.unwrap());
    assert_eq!(cache.multi_delete(&["added", "k"]).await.unwrap(), 1);
}

/// `delete` tells whether there was an entry, and it is gone.
pub async fn delete_says_whether_there_was_one(subject: &dyn Subject) {
    let cache = cache(subject);
    cache.set("k", 1).await.unwrap();
    cache.set("kept", 2).await.unwrap();
    assert!(cache.delete("k").await.unwrap());
    assert!(!cache.delete("k").await.unwrap());
    assert!(!cache.exists("k").await.unwrap());
    assert_eq!(cache.get::<i32>("k").await.unwrap(), None);
    assert_eq!(cache.get::<i32>("kept").await.unwrap(), Some(2));
}

/// Clones and views work on one store.
pub async fn views_share_the_store(subject: &dyn Subject) {
    let cache = cache(subject);
    cache.clone().set("k", 1).await.unwrap();
    let patient = cache.with_timeout(std::time::Duration::from_secs(60));
    assert_eq!(patient.get::<i32>("k").await.unwrap(), Some(1));

    let view = cache.namespace("n");
    assert_eq!(view.get::<i32>("k").await.unwrap(), None);
    view.with_ttl(Ttl::secs(60)).set("k", 2).await.unwrap();
    assert_eq!(cache.namespace("n").get::<i32>("k").await.unwrap(), Some(2));
    assert_eq!(cache.get::<i32>("n:k").await.unwrap(), Some(2));
    assert_eq!(view.namespace("").get::<i32>("k").await.unwrap(), Some(1));

    let second = crate::subject::cache(subject);
    assert_eq!(second.get::<i32>("k").await.unwrap(), Some(1));
}
