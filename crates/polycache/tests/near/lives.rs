//! How long what is near stays.

use std::sync::Arc;
use std::time::Duration;

use polycache::backend::Want;
use polycache::backends::near::Near;
use polycache::{Cache, Ttl};

use crate::Pair;
use crate::stepped::{Stepped, step};

#[tokio::test]
async fn another_process_is_seen_within_a_second() {
    let pair = Pair::new(|near| near);
    assert_eq!(pair.near.ttl(), Some(Duration::from_secs(1)));
    pair.other.set("k", 1).await.unwrap();
    assert_eq!(pair.cache.get("k").await.unwrap(), Some(1));
    pair.other.set("k", 2).await.unwrap();
    pair.pass(999);
    assert_eq!(pair.cache.get("k").await.unwrap(), Some(1));
    pair.pass(1);
    assert_eq!(pair.cache.get("k").await.unwrap(), Some(2));
    pair.other.delete("k").await.unwrap();
    pair.pass(1_000);
    assert_eq!(pair.cache.get::<i32>("k").await.unwrap(), None);
}

/// What is read may be as old as the read.
#[tokio::test]
async fn a_life_begins_when_the_read_departs() {
    let clock = polycache::backends::memory::ManualClock::new();
    let far = Arc::new(Stepped::on(&clock));
    let near = Near::builder().manual_clock(&clock).build(far.clone()).unwrap();
    let cache = Cache::builder().backend(near).serializer(polycache::serializers::Json).build().unwrap();
    cache.set("k", 1).await.unwrap();
    let mut read = Box::pin(cache.get::<i32>("k"));
    assert!(step(&mut read).is_none() && step(&mut read).is_none());
    clock.advance(Duration::from_millis(600));
    assert_eq!(step(&mut read).unwrap().unwrap(), Some(1));
    clock.advance(Duration::from_millis(399));
    assert!(step(&mut Box::pin(cache.get::<i32>("k"))).is_some(), "it is near");
    clock.advance(Duration::from_millis(1));
    assert!(step(&mut Box::pin(cache.get::<i32>("k"))).is_none());
}

#[tokio::test]
async fn nothing_stays_past_its_ttl() {
    let pair = Pair::new(|near| near.ttl(Duration::from_secs(3_600)));
    pair.other.with_ttl(Ttl::millis(500)).set("k", 1).await.unwrap();
    pair.pass(100);
    assert_eq!(pair.cache.get("k").await.unwrap(), Some(1));
    pair.pass(399);
    assert_eq!(pair.cache.get("k").await.unwrap(), Some(1));
    assert_eq!(pair.calls(), ["look"]);
    pair.pass(1);
    assert_eq!(pair.cache.get::<i32>("k").await.unwrap(), None);
}

/// A copy tells the TTL of the entry, not its own.
#[tokio::test]
async fn near_tells_what_is_left_far() {
    let pair = Pair::new(|near| near);
    pair.other.with_ttl(Ttl::secs(60)).set("k", 1).await.unwrap();
    pair.other.set("for ever", 2).await.unwrap();
    assert_eq!(pair.cache.multi_get::<i32>(&["k", "for ever"]).await.unwrap(), [Some(1), Some(2)]);
    pair.calls();
    pair.pass(400);
    let left = Ttl::After(Duration::from_millis(59_600));
    assert_eq!(pair.cache.ttl("k").await.unwrap(), Some(left));
    assert_eq!(pair.cache.ttl("for ever").await.unwrap(), Some(Ttl::Never));
    let found = pair.cache.look::<i32>("k", Want::VALUE.and(Want::TTL)).await.unwrap().unwrap();
    assert_eq!((found.value, found.ttl), (Some(1), Some(left)));
    assert_eq!(pair.calls(), [""; 0]);
}

#[tokio::test]
async fn misses_are_kept_by_choice() {
    let pair = Pair::new(|near| near);
    for _ in 0..2 {
        assert_eq!(pair.cache.get::<i32>("k").await.unwrap(), None);
    }
    assert_eq!(pair.calls(), ["look", "look"]);

    let pair = Pair::new(|near| near.misses(Duration::from_millis(300)));
    for _ in 0..2 {
        assert_eq!(pair.cache.get::<i32>("k").await.unwrap(), None);
        assert_eq!(pair.cache.multi_get::<i32>(&["k", "k"]).await.unwrap(), [None, None]);
        assert!(!pair.cache.exists("k").await.unwrap());
    }
    assert_eq!((pair.calls(), pair.near.len()), (vec!["look"], 1));
    pair.other.set("k", 1).await.unwrap();
    pair.pass(300);
    assert_eq!(pair.cache.get("k").await.unwrap(), Some(1));

    // One's own write is seen at once, whether it stores or not.
    assert_eq!(pair.cache.get::<i32>("new").await.unwrap(), None);
    pair.other.set("new", 1).await.unwrap();
    assert!(!pair.cache.add("new", 2).await.unwrap());
    assert_eq!(pair.cache.get("new").await.unwrap(), Some(1));
}

#[tokio::test]
async fn near_is_bounded() {
    let pair = Pair::new(|near| near.max_entries(8).misses(Duration::from_secs(1)));
    let keys: Vec<String> = (0..100).map(|key| key.to_string()).collect();
    pair.other.multi_set(keys.iter().take(50).map(|key| (key, 1))).await.unwrap();
    pair.cache.multi_get::<i32>(&keys).await.unwrap();
    assert_eq!(pair.near.len(), 8);
}
