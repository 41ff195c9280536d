//! Entries that stay for a while after their TTL.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use polycache::{Cache, ErrorKind, Reply, Ttl};

use crate::subject::{Life, absent, assert_expires_in, builder, cache};
use crate::{Intercept, Subject};

pub(super) const HOUR: Duration = Duration::from_secs(3_600);

/// A cache whose entries live for `life`, and for an hour after that.
fn graced(subject: &dyn Subject, life: Life) -> Cache {
    builder(subject).ttl(life.ttl).grace(HOUR).build().unwrap()
}

/// A life that nothing is asked to outlast: only what comes after it is tested.
pub(super) fn brief(subject: &dyn Subject) -> Life {
    let ttl = subject.backend().info().ttl_resolution.max(Duration::from_millis(100));
    Life { ttl, most: Duration::ZERO, rest: ttl }
}

/// Lets entries become stale.
pub(super) async fn outlive(subject: &dyn Subject, life: Life) {
    subject.advance(life.ttl + life.rest).await.unwrap();
}

/// A source that is away, and counts who asks.
#[derive(Default)]
struct Away(AtomicUsize);

impl Away {
    async fn ask(&self) -> Result<i32, String> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Err("away".to_owned())
    }

    fn asked(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Every command but `delete` takes a stale entry for none, and a fresh one for what it is.
pub async fn a_stale_entry_is_none(subject: &dyn Subject) {
    let life = Life::of(subject);
    let cache = graced(subject, life);
    let keys = ["get", "set", "add", "cas", "expire", "increment"];
    cache.multi_set(keys.map(|key| (key, 5))).await.unwrap();
    cache.set("set", 5).await.unwrap();
    assert!(!cache.add("add", 6).await.unwrap());
    let (value, version) = cache.get_versioned::<i32>("cas").await.unwrap();
    assert_eq!(value, Some(5));
    assert!(cache.cas("cas", 5, version).await.unwrap());
    assert_eq!(cache.get::<i32>("get").await.unwrap(), Some(5));
    assert_eq!(cache.multi_get::<i32>(&keys).await.unwrap(), [Some(5); 6]);
    assert!(matches!(cache.ttl("get").await.unwrap(), Some(Ttl::After(left)) if left <= life.ttl));
    assert!(cache.exists("get").await.unwrap());
    let (_, fresh) = cache.get_versioned::<i32>("cas").await.unwrap();

    outlive(subject, life).await;
    assert_eq!(cache.get::<i32>("get").await.unwrap(), None);
    assert_eq!(cache.multi_get::<i32>(&keys).await.unwrap(), [None; 6]);
    assert!(cache.get_versioned::<i32>("get").await.unwrap().1.is_absent());
    assert_eq!(cache.ttl("get").await.unwrap(), None);
    assert!(!cache.exists("get").await.unwrap());
    assert!(!cache.expire("expire", Ttl::Never).await.unwrap());
    assert!(!cache.cas("cas", 6, fresh).await.unwrap());
    let (_, absence) = cache.get_versioned::<i32>("cas").await.unwrap();
    assert!(cache.cas("cas", 7, absence.clone()).await.unwrap());
    assert!(!cache.cas("cas", 8, absence).await.unwrap());
    assert!(cache.add("add", 7).await.unwrap());
    assert!(!cache.add("add", 8).await.unwrap());
    assert_eq!(cache.increment("increment", 7).await.unwrap(), 7);
    cache.set("set", 7).await.unwrap();
    let expected = [None, Some(7), Some(7), Some(7), None, Some(7)];
    assert_eq!(cache.multi_get::<i32>(&keys).await.unwrap(), expected);
}

/// Under the longest grace, too, an entry is fresh until its TTL is over, and then stale.
pub async fn no_grace_is_too_long(subject: &dyn Subject) {
    let (life, away) = (Life::of(subject), Away::default());
    let graces = [HOUR * 24 * 365 * 20, Duration::from_millis(u64::MAX), Duration::MAX];
    let caches =
        graces.map(|grace| builder(subject).namespace(format!("{grace:?}")).ttl(life.ttl).grace(grace).build());
    let caches = caches.map(Result::unwrap);
    for cache in &caches {
        cache.set("k", 1).await.unwrap();
        assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1));
        // A clock that ticks in units of the resolution may be one behind, and the end of so long a life is rounded up to one.
        let most = life.ttl + cache.info().ttl_resolution * 2;
        assert!(matches!(cache.ttl("k").await.unwrap(), Some(Ttl::After(left)) if left <= most));
    }
    outlive(subject, life).await;
    for cache in &caches {
        assert_eq!(cache.get::<i32>("k").await.unwrap(), None);
        assert_eq!(cache.get_or_set("k", || away.ask()).await, Ok(1));
    }
}

/// Whoever computes, and whoever waits for it, gets the stale value in place of the error.
pub async fn a_failed_computation_gives_the_stale_value(subject: &dyn Subject) {
    let life = brief(subject);
    let (cache, away) = (graced(subject, life), Away::default());
    assert_eq!(cache.get_or_set("k", || away.ask()).await, Err("away".to_owned()));
    assert_eq!(cache.get_or_set("k", || async { Ok::<_, String>(1) }).await, Ok(1));

    outlive(subject, life).await;
    let calls = (0..8).map(|_| cache.get_or_set("k", || away.ask()));
    assert_eq!(futures_util::future::join_all(calls).await, vec![Ok(1); 8]);
    assert_eq!(away.asked(), 2);
    assert_eq!(cache.get::<i32>("k").await.unwrap(), None);
    assert_eq!(cache.get_or_set("other", || away.ask()).await, Err("away".to_owned()));

    // The source is back.
    cache.delete("k").await.unwrap();
    assert_eq!(cache.get_or_set("k", || async { Ok::<_, String>(2) }).await, Ok(2));
}

/// After a failure the source isn't asked for as long as the throttle; then it is, and what it gives replaces the stale value.
pub async fn its_source_rests_for_a_while(subject: &dyn Subject) {
    let (life, away) = (Life::of(subject), Away::default());
    let cache = builder(subject).ttl(life.ttl).grace(HOUR).throttle(life.ttl).build().unwrap();
    cache.set("k", 1).await.unwrap();
    outlive(subject, life).await;
    for _ in 0..3 {
        assert_eq!(cache.get_or_set("k", || away.ask()).await, Ok(1));
    }
    assert_eq!(away.asked(), 1);
    let unthrottled = builder(subject).ttl(life.ttl).grace(HOUR).throttle(Duration::ZERO).build().unwrap();
    assert_eq!(unthrottled.get_or_set("k", || away.ask()).await, Ok(1), "the entry says so to every cache");
    assert_eq!(away.asked(), 1);

    outlive(subject, life).await;
    for _ in 0..3 {
        assert_eq!(unthrottled.get_or_set("k", || away.ask()).await, Ok(1));
    }
    assert_eq!(away.asked(), 4);
    assert_eq!(cache.get_or_set("k", || async { Ok::<_, String>(2) }).await, Ok(2));
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(2));
}

/// The grace isn't prolonged by failures.
pub async fn nothing_is_given_beyond_the_grace(subject: &dyn Subject) {
    let (life, away) = (Life::of(subject), Away::default());
    let cache = builder(subject).ttl(life.ttl).grace(life.ttl * 2).throttle(life.ttl).build().unwrap();
    cache.set("k", 1).await.unwrap();
    cache.with_ttl(Ttl::Never).set("lasting", 1).await.unwrap();
    subject.advance(life.ttl + life.rest.min(life.ttl / 2)).await.unwrap();
    assert_eq!(cache.get_or_set("k", || away.ask()).await, Ok(1));
    subject.advance(life.ttl * 2 + life.rest).await.unwrap();
    assert_eq!(cache.get_or_set("k", || away.ask()).await, Err("away".to_owned()));
    assert_eq!(cache.get::<i32>("lasting").await.unwrap(), Some(1));
}

/// A value from before an acknowledged write isn't given after it, stale or not.
pub async fn no_stale_value_after_a_write(subject: &dyn Subject) {
    let (life, away) = (brief(subject), Away::default());
    let cache = graced(subject, life).namespace("graced");
    let keys = ["delete", "multi_delete", "clear", "set", "kept"];
    cache.multi_set(keys.map(|key| (key, 1))).await.unwrap();
    outlive(subject, life).await;
    cache.delete("delete").await.unwrap();
    cache.multi_delete(&["multi_delete"]).await.unwrap();
    cache.set("set", 2).await.unwrap();
    assert_eq!(cache.get_or_set("delete", || away.ask()).await, Err("away".to_owned()));
    assert_eq!(cache.get_or_set("multi_delete", || away.ask()).await, Err("away".to_owned()));
    assert_eq!(cache.get_or_set("set", || away.ask()).await, Ok(2));
    assert_eq!(cache.get_or_set("kept", || away.ask()).await, Ok(1));
    // Deleted while its source is asked.
    let asked = cache.get_or_set("kept", || async { Err::<i32, _>("away".to_owned()) });
    cache.delete("kept").await.unwrap();
    assert_eq!(asked.await, Err("away".to_owned()));
    cache.clear().await.unwrap();
    assert_eq!(cache.get_or_set("clear", || away.ask()).await, Err("away".to_owned()));
}

/// A bulk call gives the stale values of those keys that have one.
pub async fn bulk_calls_give_stale_values(subject: &dyn Subject) {
    let (life, away) = (brief(subject), Away::default());
    let cache = graced(subject, life);
    cache.multi_set([("a", 1), ("b", 2)]).await.unwrap();
    outlive(subject, life).await;
    cache.with_ttl(HOUR).set("c", 3).await.unwrap();
    for _ in 0..2 {
        let found = cache
            .multi_get_or_set(&["a", "b", "c", "d"], |missing| {
                assert!(!missing.contains(&"c".to_owned()));
                async { away.ask().await.map(|value| [("a", value)]) }
            })
            .await;
        assert_eq!(found, [Ok(Some(1)), Ok(Some(2)), Ok(Some(3)), Err("away".to_owned())]);
    }
    // The second call asked for the missing key alone.
    assert_eq!(away.asked(), 2);
}

/// Live objects and cached functions, too.
pub async fn objects_have_a_grace(subject: &dyn Subject) {
    let (life, away) = (brief(subject), Away::default());
    let cache = graced(subject, life);
    if !cache.info().capabilities.live_objects {
        return absent(&cache, "live_objects");
    }
    cache.with_ttl(HOUR).set_object("fresh", Arc::new(1)).await.unwrap();
    assert_eq!(cache.get_object::<i32>("fresh").await.unwrap().as_deref(), Some(&1));
    cache.set_object("k", Arc::new(1)).await.unwrap();
    outlive(subject, life).await;
    assert!(cache.get_object::<i32>("k").await.unwrap().is_none());
    let given = cache.get_or_set_object("k", || async { away.ask().await.map(Arc::new) }).await;
    assert_eq!(given.as_deref(), Ok(&1));
}

/// What another cache stores just then, without a grace, lives for the TTL.
pub async fn expire_gives_no_grace_to_others(subject: &dyn Subject) {
    const MINUTE: Duration = Duration::from_secs(60);
    let (other, first) = (cache(subject), AtomicBool::new(true));
    let comes = other.clone();
    let backend = Intercept::new(subject.backend(), move |operation| {
        if operation != "expire" || !first.swap(false, Ordering::SeqCst) {
            return Reply::ready(());
        }
        let other = comes.clone();
        Reply::pending(async move { other.set("k", 2).await })
    });
    let cache = Cache::builder().backend(backend).grace(HOUR).build().unwrap();
    cache.with_ttl(HOUR).set("k", 1).await.unwrap();
    assert!(cache.expire("k", MINUTE).await.unwrap());
    assert_eq!(other.get::<i32>("k").await.unwrap(), Some(2));
    assert_expires_in(subject, &other, "k", MINUTE).await;
}

/// `expire` gives another TTL, before the same grace.
pub async fn expire_keeps_the_grace(subject: &dyn Subject) {
    let (life, away) = (Life::of(subject), Away::default());
    let cache = graced(subject, life);
    cache.with_ttl(Ttl::Never).set("never", 1).await.unwrap();
    cache.set("brief", 1).await.unwrap();
    assert!(cache.expire("never", Ttl::secs(1_000)).await.unwrap());
    assert!(cache.expire("brief", life.ttl * 4).await.unwrap());
    let left = cache.ttl("brief").await.unwrap();
    assert!(matches!(left, Some(Ttl::After(left)) if left > life.ttl && left <= life.ttl * 4), "{left:?}");
    let left = cache.ttl("never").await.unwrap();
    assert!(matches!(left, Some(Ttl::After(left)) if left <= Duration::from_secs(1_000)), "{left:?}");

    assert!(cache.expire("brief", life.ttl).await.unwrap());
    outlive(subject, life).await;
    assert!(!cache.exists("brief").await.unwrap());
    assert_eq!(cache.get_or_set("brief", || away.ask()).await, Ok(1));
}

/// A counter lives as long as its TTL; a number that was set with a grace isn't one.
pub async fn counters_have_none(subject: &dyn Subject) {
    let life = Life::of(subject);
    let cache = graced(subject, life);
    assert_eq!(cache.increment("counter", 1).await.unwrap(), 1);
    assert_eq!(cache.increment("counter", 1).await.unwrap(), 2);
    assert_eq!(cache.get::<i64>("counter").await.unwrap(), Some(2));
    cache.set("number", 1).await.unwrap();
    let error = cache.increment("number", 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotANumber);
    assert!(error.to_string().contains("grace"), "{error}");
    outlive(subject, life).await;
    assert_eq!(cache.increment("counter", 1).await.unwrap(), 1);
    assert_eq!(cache.increment("number", 1).await.unwrap(), 1);
}

/// A cache that knows of no grace can't tell a stale value, and says so.
pub async fn a_cache_without_a_grace_refuses_the_value(subject: &dyn Subject) {
    let life = Life::of(subject);
    let (graced, plain) = (graced(subject, life), cache(subject));
    graced.set("k", "v").await.unwrap();
    let error = plain.get::<String>("k").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.to_string().contains("grace"), "{error}");
    assert!(plain.multi_get::<String>(&["k"]).await.is_err());
    plain.set("k", "plain").await.unwrap();
    assert_eq!(graced.get::<String>("k").await.unwrap().as_deref(), Some("plain"));
}
