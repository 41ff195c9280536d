//! Near within and around other backends, and with what a cache keeps beside values.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use polycache::backend::{self, Backend, Clears, Found, Key, Want};
use polycache::backends::memory::{ManualClock, Memory};
use polycache::backends::near::Near;
use polycache::backends::recovery::Recovery;
use polycache::{Cache, ErrorKind, Reply, Ttl, Value};
use polycache_testkit::Intercept;

use crate::Pair;

/// A far store that keeps no clears, as a server doesn't, and notes which keys are read.
#[derive(Debug)]
struct Server {
    inner: Memory,
    read: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn note(&self, keys: &[Key<'_>]) {
        self.read.lock().unwrap().extend(keys.iter().map(|key| key.full().to_owned()));
    }
}

impl Backend for Server {
    backend::forward!(self.inner, all but [get look multi_get clears]);

    fn get(&self, key: Key<'_>) -> Reply<Option<Value>> {
        self.note(&[key]);
        self.inner.get(key)
    }

    fn look(&self, key: Key<'_>, want: Want) -> Reply<Option<Found>> {
        self.note(&[key]);
        self.inner.look(key, want)
    }

    fn multi_get(&self, keys: &[Key<'_>], want: Want) -> Reply<Vec<Option<Found>>> {
        self.note(keys);
        self.inner.multi_get(keys, want)
    }

    fn clears(&self) -> Option<Arc<Clears>> {
        None
    }
}

/// The value is near, and its tags are asked far.
#[tokio::test]
async fn tags() {
    for grace in [0, 600] {
        let (inner, read) = (Memory::builder().max_bytes(1 << 20).build().unwrap(), Arc::default());
        let far = Arc::new(Server { inner, read: Arc::clone(&read) });
        let near = Near::builder().ttl(Duration::from_secs(3_600)).build(far.clone()).unwrap();
        let builder = || Cache::builder().ttl(Ttl::secs(60)).grace(Duration::from_secs(grace));
        let cache = builder().backend(near).build().unwrap().tagged(["shop"]);
        cache.set("k", 1).await.unwrap();
        assert_eq!(cache.get("k").await.unwrap(), Some(1));
        read.lock().unwrap().clear();
        assert_eq!(cache.get("k").await.unwrap(), Some(1));
        assert_eq!(*read.lock().unwrap(), ["shop\u{1}tag"]);
        // Another process.
        let other = builder().shared_backend(far).build().unwrap();
        other.clear_tag("shop").await.unwrap();
        assert_eq!(cache.get::<i32>("k").await.unwrap(), None);
    }
}

/// What is near goes stale when the entry does.
#[tokio::test]
async fn grace() {
    let pair = Pair::new(|near| near.ttl(Duration::from_secs(3_600)));
    let cache = pair.cache.with_ttl(Ttl::secs(60)).with_grace(Duration::from_secs(600));
    assert_eq!(cache.get_or_set("k", || async { Ok::<_, ()>(1) }).await, Ok(1));
    assert_eq!(cache.get("k").await.unwrap(), Some(1));
    pair.calls();
    pair.pass(59_999);
    assert_eq!(cache.get("k").await.unwrap(), Some(1));
    assert_eq!(cache.ttl("k").await.unwrap(), Some(Ttl::millis(1)));
    assert_eq!(pair.calls(), [""; 0]);
    pair.pass(1);
    assert_eq!(cache.get::<i32>("k").await.unwrap(), None);
    assert_eq!(cache.get_or_set("k", || async { Err(()) }).await, Ok(1), "it is stale, and its source is away");
    cache.delete("k").await.unwrap();
    assert_eq!(cache.get_or_set("k", || async { Err::<i32, _>(()) }).await, Err(()));
}

/// A copy that is fresh near doesn't bring back what is stale by now.
#[tokio::test]
async fn expire_goes_by_the_entry() {
    let pair = Pair::new(|near| near.ttl(Duration::from_secs(3_600)));
    let [cache, other] = [&pair.cache, &pair.other].map(|cache| cache.with_grace(Duration::from_secs(600)));
    other.with_ttl(Ttl::secs(60)).set("k", 1).await.unwrap();
    assert_eq!(cache.get("k").await.unwrap(), Some(1));
    assert!(other.expire("k", Ttl::secs(1)).await.unwrap());
    pair.pass(2_000);
    assert_eq!(other.get::<i32>("k").await.unwrap(), None);
    assert!(!cache.expire("k", Ttl::secs(60)).await.unwrap());
    assert_eq!(other.get::<i32>("k").await.unwrap(), None);
}

/// The keys of lost writes miss, though they were near.
#[tokio::test]
async fn recovery() {
    let store = Arc::new(Memory::builder().max_bytes(1 << 20).build().unwrap());
    let (far, switch) = Intercept::failing(store.clone());
    let near = Near::builder().ttl(Duration::from_secs(3_600)).misses(Duration::from_secs(3_600)).build(Arc::new(far));
    let near = near.unwrap();
    let recovery = Recovery::new(Arc::new(near.clone()));
    let cache = Cache::builder().backend(recovery.clone()).build().unwrap();
    cache.set("k", 1).await.unwrap();
    assert_eq!(cache.get("k").await.unwrap(), Some(1));
    switch.set(Some(ErrorKind::Unavailable));
    cache.delete("k").await.unwrap_err();
    assert_eq!(cache.get::<i32>("k").await.unwrap(), None);
    assert!(near.is_empty(), "a miss of the recovery isn't kept");
    switch.set(None);
    while !recovery.pending().keys.is_empty() {
        cache.get::<i32>("another").await.unwrap();
        tokio::task::yield_now().await;
    }
    // Another process.
    let other = Cache::builder().shared_backend(store).build().unwrap();
    other.set("k", 2).await.unwrap();
    assert_eq!(cache.get("k").await.unwrap(), Some(2));
}

/// Processes compute once, though each keeps that there is no value.
#[tokio::test]
async fn leases() {
    let store: Arc<dyn Backend> = Arc::new(Memory::builder().max_bytes(1 << 20).build().unwrap());
    let process = || {
        let far = Intercept::delayed(Arc::clone(&store)).declaring(|info| info.capabilities.exclusive = false);
        let long = Duration::from_secs(3_600);
        let near = Near::builder().ttl(long).misses(long).build(Arc::new(far)).unwrap();
        (near.clone(), Cache::builder().backend(near).lease(Duration::from_secs(2)).build().unwrap())
    };
    let ((near, one), (_, two)) = (process(), process());
    for cache in [&one, &two] {
        assert_eq!(cache.get::<i32>("k").await.unwrap(), None);
    }
    let (begun, begins) = tokio::sync::oneshot::channel();
    let (go, goes) = tokio::sync::oneshot::channel::<()>();
    let first = tokio::spawn(async move {
        let compute = || async {
            begun.send(()).unwrap();
            goes.await.unwrap();
            Ok::<_, ()>(1)
        };
        one.get_or_set("k", compute).await
    });
    begins.await.unwrap();
    let second = tokio::spawn(async move { two.get_or_set("k", || async { Err("computed twice") }).await });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    go.send(()).unwrap();
    assert_eq!(first.await.unwrap(), Ok(1));
    assert_eq!(second.await.unwrap(), Ok(1));
    assert!(near.len() <= 1, "leases aren't kept");
}

/// Who takes a lease finds what another process has stored meanwhile, whatever is kept near: that there is none, or a value whose tag was
/// cleared.
#[tokio::test]
async fn a_read_under_a_lease_is_a_true_one() {
    let (inner, long) = (Memory::builder().max_bytes(1 << 20).build().unwrap(), Duration::from_secs(3_600));
    let store: Arc<dyn Backend> = Arc::new(Server { inner, read: Arc::default() });
    let far = || Intercept::delayed(Arc::clone(&store)).declaring(|info| info.capabilities.exclusive = false);
    let near = Near::builder().ttl(long).misses(long).build(Arc::new(far())).unwrap();
    let lease = Duration::from_secs(2);
    let one = Cache::builder().backend(near).lease(lease).build().unwrap().tagged(["shop"]);
    let two = Cache::builder().backend(far()).lease(lease).build().unwrap().tagged(["shop"]);
    let away = |cache: Cache| async move {
        let bulk = cache.multi_get_or_set(&["b"], |_| async { Err::<[(&str, i32); 0], _>("away") }).await;
        (cache.get_or_set("k", || async { Err::<i32, _>("away") }).await, bulk)
    };
    for value in 1..3 {
        // Another process stores after this one has read.
        one.multi_get::<i32>(&["k", "b"]).await.unwrap();
        two.clear_tag("shop").await.unwrap();
        assert_eq!(one.multi_get::<i32>(&["k", "b"]).await.unwrap(), [None, None]);
        two.multi_set([("k", value), ("b", value)]).await.unwrap();
        assert_eq!(away(one.clone()).await, (Ok(value), vec![Ok(Some(value))]));
    }
}

/// A write by either handle is seen by both.
#[tokio::test]
async fn handles_share_what_is_near() {
    let clock = ManualClock::new();
    let near = Near::builder().manual_clock(&clock).build(Arc::new(Memory::new())).unwrap();
    let caches = [0, 1].map(|_| Cache::builder().backend(near.clone()).build().unwrap());
    caches[0].set("k", 1).await.unwrap();
    for cache in &caches {
        assert_eq!(cache.get("k").await.unwrap(), Some(1));
    }
    caches[1].set("k", 2).await.unwrap();
    assert_eq!(caches[0].get("k").await.unwrap(), Some(2));
}
