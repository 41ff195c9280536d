//! TTLs.

use std::time::Duration;

use polycache::{ErrorKind, Ttl};

use crate::Subject;
use crate::subject::{Life, assert_expires_in, builder, cache};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// An entry lives exactly as long as its TTL, given by any command.
pub async fn an_entry_lives_as_long_as_its_ttl(subject: &dyn Subject) {
    let life = Life::of(subject);
    let never = cache(subject);
    let cache = never.with_ttl(life.ttl);
    never.set("lasting", 0).await.unwrap();
    never.set("expire", 0).await.unwrap();
    cache.set("set", 1).await.unwrap();
    assert!(cache.add("add", 1).await.unwrap());
    cache.multi_set([("multi_set", 1)]).await.unwrap();
    assert_eq!(cache.increment("increment", 1).await.unwrap(), 1);
    let (_, version) = cache.get_versioned::<i32>("cas").await.unwrap();
    assert!(cache.cas("cas", 1, version).await.unwrap());
    assert!(cache.expire("expire", life.ttl).await.unwrap());

    let keys = ["set", "add", "multi_set", "increment", "cas", "expire"];
    subject.advance(life.most).await.unwrap();
    for key in keys {
        assert!(cache.exists(key).await.unwrap(), "{key} is gone too early");
    }
    subject.advance(life.rest).await.unwrap();
    for key in keys {
        assert!(!cache.exists(key).await.unwrap(), "{key} is there too long");
    }
    assert_eq!(never.get::<i32>("lasting").await.unwrap(), Some(0));
}

/// An expired entry is absent, for every command.
pub async fn an_expired_entry_is_none(subject: &dyn Subject) {
    let life = Life::of(subject);
    let cache = cache(subject);
    let brief = cache.with_ttl(life.ttl);
    let keys = ["get", "add", "increment", "delete", "expire", "ttl", "cas", "multi_get", "multi_delete"];
    brief.multi_set(keys.map(|key| (key, 5))).await.unwrap();
    let (_, version) = cache.get_versioned::<i32>("cas").await.unwrap();
    subject.advance(life.ttl + life.rest).await.unwrap();

    assert_eq!(cache.get::<i32>("get").await.unwrap(), None);
    assert!(cache.get::<polycache::Value>("get").await.unwrap().is_none());
    assert!(cache.get_versioned::<i32>("get").await.unwrap().1.is_absent());
    assert_eq!(cache.multi_get::<i32>(&["multi_get"]).await.unwrap(), [None]);
    assert_eq!(cache.ttl("ttl").await.unwrap(), None);
    assert!(!cache.expire("expire", Ttl::Never).await.unwrap());
    assert!(!cache.exists("expire").await.unwrap());
    assert!(!cache.delete("delete").await.unwrap());
    assert_eq!(cache.multi_delete(&["multi_delete"]).await.unwrap(), 0);
    assert!(!cache.cas("cas", 6, version).await.unwrap());
    assert!(!cache.exists("cas").await.unwrap());
    assert!(cache.add("add", 6).await.unwrap());
    assert_eq!(cache.ttl("add").await.unwrap(), Some(Ttl::Never));
    assert_eq!(cache.increment("increment", 1).await.unwrap(), 1);
    assert_eq!(cache.ttl("increment").await.unwrap(), Some(Ttl::Never));
}

/// `ttl` tells the rest of the life, and `Never` if there is no end.
pub async fn ttl_tells_what_remains(subject: &dyn Subject) {
    let life = Life::of(subject);
    let cache = cache(subject);
    cache.set("never", 1).await.unwrap();
    assert_eq!(cache.ttl("never").await.unwrap(), Some(Ttl::Never));

    cache.with_ttl(MINUTE).set("k", 1).await.unwrap();
    assert_expires_in(subject, &cache, "k", MINUTE).await;
    subject.advance(life.most).await.unwrap();
    assert_expires_in(subject, &cache, "k", MINUTE - life.most).await;
    // Neither reads nor questions make the life longer.
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1));
    assert_expires_in(subject, &cache, "k", MINUTE - life.most).await;
}

/// `expire` makes a life longer, shorter, endless and finite again, and leaves the value.
pub async fn expire_changes_the_ttl_alone(subject: &dyn Subject) {
    let life = Life::of(subject);
    let cache = cache(subject);
    cache.set("k", "v").await.unwrap();
    for ttl in [MINUTE, MINUTE * 2, MINUTE] {
        assert!(cache.expire("k", ttl).await.unwrap());
        assert_expires_in(subject, &cache, "k", ttl).await;
    }
    assert!(cache.expire("k", Ttl::Never).await.unwrap());
    assert_eq!(cache.ttl("k").await.unwrap(), Some(Ttl::Never));
    assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("v"));

    assert!(cache.expire("k", life.ttl).await.unwrap());
    assert!(cache.expire("k", Ttl::Never).await.unwrap());
    subject.advance(life.ttl + life.rest).await.unwrap();
    assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("v"));
}

/// A TTL below the resolution is rounded up: the entry isn't lost at once, and doesn't live for ever.
pub async fn a_tiny_ttl_is_rounded_up(subject: &dyn Subject) {
    let cache = cache(subject);
    let resolution = cache.info().ttl_resolution;
    for tiny in [Duration::from_nanos(1), resolution / 2, resolution] {
        cache.with_ttl(tiny).set("set", 1).await.unwrap();
        cache.set("expire", 1).await.unwrap();
        assert!(cache.expire("expire", tiny).await.unwrap());
        if subject.exact_time() {
            assert!(cache.exists("set").await.unwrap() && cache.exists("expire").await.unwrap(), "{tiny:?}");
            assert_eq!(cache.ttl("set").await.unwrap(), Some(Ttl::After(resolution)));
        }
        subject.advance(resolution * 2).await.unwrap();
        assert!(!cache.exists("set").await.unwrap() && !cache.exists("expire").await.unwrap(), "{tiny:?}");
    }
    let uneven = resolution * 9 + resolution / 3;
    cache.with_ttl(uneven).set("k", 1).await.unwrap();
    if subject.exact_time() {
        assert_eq!(cache.ttl("k").await.unwrap(), Some(Ttl::After(resolution * 10)));
    }
}

/// Lives above 30 days, which one protocol takes for a date, are lives.
pub async fn a_life_beyond_30_days_is_no_date(subject: &dyn Subject) {
    let cache = cache(subject);
    for days in [29, 30, 31, 365, 20_000] {
        let key = format!("{days} days");
        cache.with_ttl(DAY * days).set(&key, days).await.unwrap();
        assert_eq!(cache.get::<u32>(&key).await.unwrap(), Some(days));
        assert_expires_in(subject, &cache, &key, DAY * days).await;
        assert!(cache.expire(&key, DAY * days * 2).await.unwrap());
        assert_expires_in(subject, &cache, &key, DAY * days * 2).await;
    }
}

/// The longest life means very long: not an error, and not a short life.
pub async fn the_longest_life_is_long(subject: &dyn Subject) {
    let cache = cache(subject);
    let longest = cache.with_ttl(Duration::MAX);
    longest.set("set", 1).await.unwrap();
    assert!(longest.add("add", 1).await.unwrap());
    longest.multi_set([("multi_set", 1)]).await.unwrap();
    assert_eq!(longest.increment("increment", 1).await.unwrap(), 1);
    cache.set("expire", 1).await.unwrap();
    assert!(cache.expire("expire", Duration::MAX).await.unwrap());
    for key in ["set", "add", "multi_set", "increment", "expire"] {
        assert_eq!(cache.get::<i32>(key).await.unwrap(), Some(1), "{key}");
        match cache.ttl(key).await.unwrap() {
            Some(Ttl::Never) => {}
            Some(Ttl::After(left)) => {
                let long = (DAY * 365 * 20).min(subject.longest_life() - DAY);
                assert!(left > long, "{key} lives for {left:?}");
            }
            None => panic!("{key} is gone"),
        }
    }
}

/// A TTL of zero is refused by every command, and nothing changes.
pub async fn a_zero_ttl_is_refused(subject: &dyn Subject) {
    let cache = cache(subject);
    cache.with_ttl(MINUTE).set("k", 5).await.unwrap();
    let zero = cache.with_ttl(Duration::ZERO);
    let (_, version) = cache.get_versioned::<i32>("k").await.unwrap();
    let errors = [
        zero.set("k", 6).await.unwrap_err(),
        zero.add("new", 6).await.unwrap_err(),
        zero.cas("k", 6, version).await.unwrap_err(),
        zero.multi_set([("k", 6), ("new", 6)]).await.unwrap_err(),
        zero.increment("k", 1).await.unwrap_err(),
        zero.increment("new", 1).await.unwrap_err(),
        cache.expire("k", Duration::ZERO).await.unwrap_err(),
        cache.expire("new", Duration::ZERO).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(!error.is_retryable());
    }
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(5));
    assert_expires_in(subject, &cache, "k", MINUTE).await;
    assert!(!cache.exists("new").await.unwrap());
    assert_eq!(builder(subject).ttl(Duration::ZERO).build().unwrap_err().kind(), ErrorKind::Config);
}

/// The builder's TTL is for every write; a view's replaces it, even by `Never`.
pub async fn the_default_ttl_is_for_every_write(subject: &dyn Subject) {
    let cache = builder(subject).ttl(MINUTE).build().unwrap();
    cache.set("set", 1).await.unwrap();
    assert!(cache.add("add", 1).await.unwrap());
    cache.multi_set([("multi_set", 1)]).await.unwrap();
    assert_eq!(cache.increment("increment", 1).await.unwrap(), 1);
    let (_, absent) = cache.get_versioned::<i32>("cas").await.unwrap();
    assert!(cache.cas("cas", 1, absent).await.unwrap());
    for key in ["set", "add", "multi_set", "increment", "cas"] {
        assert_expires_in(subject, &cache, key, MINUTE).await;
    }
    cache.with_ttl(MINUTE * 5).set("set", 1).await.unwrap();
    assert_expires_in(subject, &cache, "set", MINUTE * 5).await;
    cache.with_ttl(Ttl::Never).set("set", 1).await.unwrap();
    assert_eq!(cache.ttl("set").await.unwrap(), Some(Ttl::Never));
}

/// Jitter shortens a TTL by up to its part, differently each time, and never adds.
pub async fn jitter_spreads_lives_within_its_bounds(subject: &dyn Subject) {
    let ttl = Duration::from_secs(10_000);
    let cache = builder(subject).ttl(ttl).ttl_jitter(0.5).build().unwrap();
    let keys: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    cache.multi_set(keys.iter().map(|key| (key, 1))).await.unwrap();
    let mut lives = Vec::new();
    for key in &keys {
        match cache.ttl(key).await.unwrap() {
            Some(Ttl::After(left)) => lives.push(left),
            other => panic!("{other:?}"),
        }
    }
    let (shortest, longest) = (lives.iter().min().unwrap(), lives.iter().max().unwrap());
    assert!(*shortest >= ttl / 2 - Duration::from_secs(5) && *longest <= ttl, "{shortest:?} to {longest:?}");
    assert!(*longest - *shortest > ttl / 10, "{shortest:?} to {longest:?}");
}
