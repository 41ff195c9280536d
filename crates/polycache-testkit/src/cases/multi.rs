//! Many keys in one command.

use std::time::Duration;

use polycache::Ttl;

use crate::Subject;
use crate::subject::{assert_expires_in, cache};

/// Values come in the order of the keys, misses between them, and a key may be asked for twice.
pub async fn values_come_in_the_order_asked(subject: &dyn Subject) {
    let cache = cache(subject);
    cache.multi_set([("a", 1), ("b", 2), ("c", 3)]).await.unwrap();
    let read = cache.multi_get::<i32>(&["c", "x", "a", "c", "b", "a", "x"]).await.unwrap();
    assert_eq!(read, [Some(3), None, Some(1), Some(3), Some(2), Some(1), None]);
    assert_eq!(cache.multi_get::<i32>(&["x", "y"]).await.unwrap(), [None, None]);
}

/// No keys, no values, no error.
pub async fn none_at_all_is_fine(subject: &dyn Subject) {
    let cache = cache(subject);
    cache.set("k", 1).await.unwrap();
    assert_eq!(cache.multi_get::<i32>(&[""; 0]).await.unwrap(), []);
    cache.multi_set([("k", 2); 0]).await.unwrap();
    assert_eq!(cache.multi_delete(&[""; 0]).await.unwrap(), 0);
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1));
}

/// Of pairs with one key the last one stays.
pub async fn the_last_of_duplicate_keys_wins(subject: &dyn Subject) {
    let cache = cache(subject);
    cache.multi_set([("k", 1), ("other", 9), ("k", 2), ("k", 3)]).await.unwrap();
    assert_eq!(cache.multi_get::<i32>(&["k", "other"]).await.unwrap(), [Some(3), Some(9)]);
}

/// `multi_set` replaces values and TTLs as `set` does.
pub async fn multi_set_replaces_value_and_ttl(subject: &dyn Subject) {
    let cache = cache(subject);
    cache.with_ttl(Ttl::secs(600)).multi_set([("a", 1), ("b", 1)]).await.unwrap();
    assert_expires_in(subject, &cache, "a", Duration::from_secs(600)).await;
    assert_expires_in(subject, &cache, "b", Duration::from_secs(600)).await;

    cache.multi_set([("a", 2)]).await.unwrap();
    assert_eq!(cache.ttl("a").await.unwrap(), Some(Ttl::Never));
    assert_expires_in(subject, &cache, "b", Duration::from_secs(600)).await;
    assert_eq!(cache.multi_get::<i32>(&["a", "b"]).await.unwrap(), [Some(2), Some(1)]);
}

/// `multi_delete` counts the keys that were there; a key that comes twice counts once.
pub async fn multi_delete_counts_what_there_was(subject: &dyn Subject) {
    let cache = cache(subject);
    cache.multi_set([("a", 1), ("b", 2), ("c", 3)]).await.unwrap();
    assert_eq!(cache.multi_delete(&["a", "x", "b", "a"]).await.unwrap(), 2);
    assert_eq!(cache.multi_get::<i32>(&["a", "b", "c"]).await.unwrap(), [None, None, Some(3)]);
}

/// A thousand keys at once, each with its own value.
pub async fn a_thousand_at_once(subject: &dyn Subject) {
    let cache = cache(subject).namespace("many");
    let keys: Vec<String> = (0..1_000).map(|n| format!("key {n}")).collect();
    cache.multi_set(keys.iter().zip(0_i64..)).await.unwrap();
    let values = cache.multi_get::<i64>(&keys).await.unwrap();
    assert!(values.into_iter().eq((0..1_000).map(Some)));
    assert_eq!(cache.multi_delete(&keys).await.unwrap(), 1_000);
    assert_eq!(cache.multi_get::<i64>(&keys).await.unwrap(), vec![None; 1_000]);
}

/// All three commands keep to the namespace.
pub async fn keys_are_those_of_the_namespace(subject: &dyn Subject) {
    let cache = cache(subject);
    let view = cache.namespace("n");
    cache.set("a", 0).await.unwrap();
    view.multi_set([("a", 1), ("b", 2)]).await.unwrap();
    assert_eq!(view.multi_get::<i32>(&["b", "a"]).await.unwrap(), [Some(2), Some(1)]);
    assert_eq!(cache.multi_get::<i32>(&["n:b", "a"]).await.unwrap(), [Some(2), Some(0)]);
    assert_eq!(view.multi_delete(&["a", "n:b"]).await.unwrap(), 1);
    assert_eq!(cache.multi_get::<i32>(&["a", "n:a", "n:b"]).await.unwrap(), [Some(0), None, Some(2)]);
}
