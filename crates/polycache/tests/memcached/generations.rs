//! Namespaces that are cleared by generations.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use polycache::backends::memcached::Memcached;
use polycache::locks::RedLock;
use polycache::{Cache, ErrorKind, Reply, Ttl};
use polycache_testkit::Intercept;
use polycache_testkit::servers::Memcached as Server;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// A cache of a process of its own: nothing is shared but the server.
fn process(server: &Server, generations: &str) -> Cache {
    let backend = Memcached::open(&format!("{}?generations={generations}", server.url())).unwrap();
    Cache::builder().backend(backend).namespace("shop").build().unwrap()
}

#[tokio::test]
async fn another_process_sees_a_clear_once_its_belief_ends() {
    let server = Server::start().await;
    let (clearing, asking, believing) = (process(&server, "1h"), process(&server, "0"), process(&server, "1s"));
    for cache in [&clearing, &asking, &believing] {
        assert_eq!(cache.get::<i32>("k").await.unwrap(), None);
    }
    clearing.set("k", 1).await.unwrap();
    assert_eq!(asking.get::<i32>("k").await.unwrap(), Some(1));
    assert_eq!(believing.get::<i32>("k").await.unwrap(), Some(1));

    let cleared = Instant::now();
    clearing.clear().await.unwrap();
    assert_eq!(clearing.get::<i32>("k").await.unwrap(), None);
    assert_eq!(asking.get::<i32>("k").await.unwrap(), None);
    while believing.get::<i32>("k").await.unwrap().is_some() {
        assert!(cleared.elapsed() < Duration::from_secs(3), "the clear is never seen");
        tokio::task::yield_now().await;
    }
}

/// What a process writes counts at once for everybody, whatever it believes of generations; and so do locks.
#[tokio::test]
async fn writes_and_locks_of_one_who_believes_an_old_generation_count() {
    let server = Server::start().await;
    let (asking, believing) = (process(&server, "0"), process(&server, "1h"));
    let clear = async || {
        // What it knows is the generation that ends now.
        believing.get::<i32>("k").await.unwrap();
        asking.clear().await.unwrap();
    };

    clear().await;
    believing.set("set", 1).await.unwrap();
    assert_eq!(asking.get::<i32>("set").await.unwrap(), Some(1));
    clear().await;
    believing.multi_set([("a", 1), ("b", 2)]).await.unwrap();
    assert_eq!(asking.multi_get::<i32>(&["a", "b"]).await.unwrap(), [Some(1), Some(2)]);
    clear().await;
    asking.increment("count", 1).await.unwrap();
    assert_eq!(believing.increment("count", 1).await.unwrap(), 2);
    clear().await;
    assert!(asking.add("add", 1).await.unwrap());
    assert!(!believing.add("add", 2).await.unwrap());
    clear().await;
    asking.set("cas", 1).await.unwrap();
    let (found, version) = believing.get_versioned::<i32>("cas").await.unwrap();
    assert_eq!(found, Some(1));
    assert!(believing.cas("cas", 2, version).await.unwrap());
    assert_eq!(asking.get::<i32>("cas").await.unwrap(), Some(2));
    clear().await;
    asking.set("life", 1).await.unwrap();
    assert!(believing.expire("life", Ttl::secs(60)).await.unwrap());
    clear().await;
    asking.set("delete", 1).await.unwrap();
    assert!(believing.delete("delete").await.unwrap());
    assert_eq!(asking.get::<i32>("delete").await.unwrap(), None);
    clear().await;
    asking.multi_set([("a", 1), ("b", 2)]).await.unwrap();
    assert_eq!(believing.multi_delete(&["a", "b"]).await.unwrap(), 2);

    clear().await;
    let lock = |cache| RedLock::new(cache, "lock", Duration::from_secs(60));
    let _held = lock(&asking).acquire(Duration::ZERO).await.unwrap();
    let error = lock(&believing).acquire(Duration::ZERO).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

/// Two who believe another generation each don't compute at once: the lease is in the present one.
#[tokio::test]
async fn a_lease_is_found_by_one_who_believes_an_old_generation() {
    let server = Server::start().await;
    let leased = |generations| {
        let backend = Memcached::open(&format!("{}?generations={generations}", server.url())).unwrap();
        Cache::builder().backend(backend).namespace("shop").lease(Duration::from_secs(60)).build().unwrap()
    };
    let (asking, believing) = (leased("0"), leased("1h"));
    believing.get::<i32>("k").await.unwrap();
    asking.clear().await.unwrap();
    let computed = asking.get_or_set("k", || async {
        assert!(!believing.delete("k").await.unwrap());
        Ok::<_, ()>(1)
    });
    assert_eq!(computed.await, Ok(1));
    assert_eq!(asking.get::<i32>("k").await.unwrap(), None, "it was computed before the delete");
}

/// Clears of neighbours change the same record: whichever of them is told of its change last, none is forgotten.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn clears_at_once_are_all_seen() {
    let server = Server::start().await;
    let cache = process(&server, "1h");
    for _ in 0..300 {
        let mut tasks = JoinSet::new();
        for neighbour in 0..8 {
            let cache = cache.namespace(format!("shop:{neighbour}"));
            tasks.spawn(async move {
                cache.set("k", 1).await.unwrap();
                cache.clear().await.unwrap();
                for _ in 0..3 {
                    assert_eq!(cache.get::<i32>("k").await.unwrap(), None);
                }
            });
        }
        tasks.join_all().await;
    }
}

/// A value that is stored under a lease just when another process clears is never seen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stored_across_a_clear_is_never_seen() {
    let server = Server::start().await;
    let memcached = Memcached::open(&format!("{}?generations=0", server.url())).unwrap();
    let (sets, stored) = (Arc::new(AtomicUsize::new(0)), Arc::new(Stop::default()));
    let stop = Arc::clone(&stored);
    let backend = Intercept::new(Arc::new(memcached), move |operation| {
        let (sets, stored) = (Arc::clone(&sets), Arc::clone(&stop));
        Reply::pending(async move {
            // After the lease.
            if operation == "set" && sets.fetch_add(1, Ordering::SeqCst) == 1 {
                stored.pass().await;
            }
            Ok(())
        })
    });
    let here = Cache::builder().backend(backend).namespace("shop").lease(Duration::from_secs(60)).build().unwrap();
    let computes = tokio::spawn(async move { here.get_or_set("k", || async { Ok::<_, ()>(1) }).await });

    let there = process(&server, "0");
    stored.reached.notified().await;
    there.clear().await.unwrap();
    stored.go.notify_one();
    assert_eq!(computes.await.unwrap(), Ok(1));
    assert_eq!(there.get::<i32>("k").await.unwrap(), None);
}

/// Where somebody stops, until told to go on.
#[derive(Default)]
struct Stop {
    reached: Notify,
    go: Notify,
}

impl Stop {
    async fn pass(&self) {
        self.reached.notify_one();
        self.go.notified().await;
    }
}

#[tokio::test]
async fn a_lost_record_brings_nothing_back() {
    let server = Server::start().await;
    let cache = process(&server, "0");
    cache.set("old", 1).await.unwrap();
    cache.clear().await.unwrap();
    cache.set("new", 2).await.unwrap();
    // As if memcached had evicted it.
    let deleted = cache.raw("delete generations:shop", &[""; 0]).await.unwrap();
    assert_eq!(deleted.as_bytes(), Some(&b"DELETED"[..]));
    assert_eq!(cache.multi_get::<i32>(&["old", "new"]).await.unwrap(), [None, None]);
    cache.set("new", 3).await.unwrap();
    assert_eq!(cache.get::<i32>("new").await.unwrap(), Some(3));

    // What makes no sense is as good as lost.
    cache.raw("set generations:shop 0 0 1\r\nx", &[""; 0]).await.unwrap_err();
    let plain = Cache::builder().backend(Memcached::open(&server.url()).unwrap()).build().unwrap();
    plain.set("generations:shop", "nonsense").await.unwrap();
    assert_eq!(cache.get::<i32>("new").await.unwrap(), None);
    cache.clear().await.unwrap();
}

#[tokio::test]
async fn thousands_of_clears_leave_a_small_record() {
    let server = Server::start().await;
    let cache = process(&server, "1h");
    for number in 0..1_000 {
        let inner = cache.namespace(format!("shop:{number}"));
        inner.set("k", number).await.unwrap();
        inner.clear().await.unwrap();
        assert_eq!(inner.get::<i32>("k").await.unwrap(), None);
    }
    let record = cache.raw("get generations:shop", &[""; 0]).await.unwrap();
    assert!(record.as_bytes().unwrap().len() < 8_000, "{record:?}");
}

#[tokio::test]
async fn without_generations_a_namespace_cannot_be_cleared() {
    let server = Server::start().await;
    let backend = Memcached::open(&server.url()).unwrap();
    let cache = Cache::builder().backend(backend).namespace("shop").build().unwrap();
    let error = cache.clear().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("`generations`"), "{error}");
}

/// All keys with one root share their generation: where a prefix has no root, the error says what to do.
#[tokio::test]
async fn what_is_cleared_needs_a_colon() {
    let server = Server::start().await;
    let cache = process(&server, "0");
    for separator in ["", "/"] {
        let backend = Memcached::open(&format!("{}?generations=0", server.url())).unwrap();
        let other = Cache::builder().backend(backend).namespace("shop").separator(separator).build().unwrap();
        let error = other.clear().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("give the cache the separator \":\""), "{error}");
        let inner = other.namespace("shop:a");
        inner.set("k", 1).await.unwrap();
        cache.set("b", 2).await.unwrap();
        inner.clear().await.unwrap();
        assert_eq!(inner.get::<i32>("k").await.unwrap(), None);
        assert_eq!(cache.get::<i32>("b").await.unwrap(), Some(2));
    }
}

/// Values written while another task clears are either seen or cleared, never mixed up.
#[tokio::test]
async fn a_clear_among_writes_never_brings_an_old_value_back() {
    let server = Server::start().await;
    let (one, other) = (process(&server, "0"), process(&server, "0"));
    for round in 0..300_i32 {
        one.set("k", round).await.unwrap();
        let (cleared, written) = tokio::join!(one.clear(), other.set("other", round));
        cleared.unwrap();
        written.unwrap();
        assert_eq!(other.get::<i32>("k").await.unwrap(), None);
        let seen = one.get::<i32>("other").await.unwrap();
        assert!(seen.is_none() || seen == Some(round), "{round}: {seen:?}");
    }
}
