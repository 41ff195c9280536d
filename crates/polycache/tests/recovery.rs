//! Recovery from writes that didn't reach the server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use polycache::backend::{Backend, Key, Want};
use polycache::backends::memory::Memory;
use polycache::backends::recovery::{self, Recovery, RecoveryBuilder};
use polycache::{Cache, Caches, Config, Error, ErrorKind, Reply, Ttl};
use polycache_testkit::{Faults, Intercept, LeftAlone, left_alone};

const AWAY: [ErrorKind; 3] = [ErrorKind::Unavailable, ErrorKind::Timeout, ErrorKind::UnknownOutcome];

/// A cache through a recovery, one straight to the same store, and faults for the first.
struct Setup {
    cache: Cache,
    server: Cache,
    recovery: Recovery,
    faults: Faults,
    /// The calls that have reached the store.
    calls: Arc<Mutex<Vec<&'static str>>>,
}

fn setup(settings: impl FnOnce(RecoveryBuilder) -> RecoveryBuilder) -> Setup {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let store: Arc<dyn Backend> = Arc::new(Memory::new());
    let seen = Arc::clone(&calls);
    let counted = Intercept::new(Arc::clone(&store), move |operation| {
        seen.lock().unwrap().push(operation);
        Reply::ready(())
    });
    let (backend, faults) = Intercept::failing(Arc::new(Intercept::delayed(Arc::new(counted))));
    let recovery = settings(Recovery::builder()).build(Arc::new(backend)).unwrap();
    let cache = Cache::builder().backend(recovery.clone()).namespace("n").build().unwrap();
    Setup {
        cache,
        server: Cache::builder().shared_backend(store).namespace("n").build().unwrap(),
        recovery,
        faults,
        calls,
    }
}

/// Waits until all is made up for, but no longer than a minute.
async fn recovered(recovery: &Recovery) {
    for _ in 0..6_000 {
        let pending = recovery.pending();
        if pending.keys.is_empty() && pending.prefixes.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("still pending: {:?}", recovery.pending());
}

/// A write with tags reads their generations first: it is lost also where it comes no further.
#[tokio::test(start_paused = true)]
async fn what_is_lost_with_tags_misses_too() {
    for kind in AWAY {
        let Setup { cache, server, recovery, faults, .. } = setup(|builder| builder);
        let shop = cache.tagged(["shop"]);
        let keys = ["set", "cancelled", "a", "b", "c", "d"];
        server.multi_set(keys.map(|key| (key, "old"))).await.unwrap();
        // Begun, and given up.
        assert!(shop.set("cancelled", "new").now_or_never().is_none());
        assert!(shop.multi_set([("c", "new"), ("d", "new")]).now_or_never().is_none());
        faults.set(Some(kind));
        assert_eq!(shop.set("set", "new").await.unwrap_err().kind(), kind);
        assert_eq!(shop.multi_set([("a", "new"), ("b", "new")]).await.unwrap_err().kind(), kind);
        for key in keys {
            assert_eq!(cache.get::<String>(key).await.unwrap(), None, "{key}");
        }
        faults.set(None);
        recovered(&recovery).await;
        assert_eq!(server.multi_get::<String>(&keys).await.unwrap(), keys.map(|_| None));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_misses_and_is_deleted_when_the_server_is_back() {
    for kind in AWAY {
        let Setup { cache, server, recovery, faults, .. } = setup(|builder| builder);
        cache.multi_set(["set", "multi_set", "delete", "multi_delete", "other"].map(|key| (key, "old"))).await.unwrap();
        faults.set(Some(kind));
        for error in [
            cache.set("set", "new").await.unwrap_err(),
            cache.multi_set([("multi_set", "new")]).await.unwrap_err(),
            cache.delete("delete").await.map(drop).unwrap_err(),
            cache.multi_delete(&["multi_delete"]).await.map(drop).unwrap_err(),
        ] {
            assert_eq!(error.kind(), kind);
            assert!(error.to_string().contains("a fault was injected; it is remembered"), "{error}");
        }
        let lost = ["n:delete", "n:multi_delete", "n:multi_set", "n:set"];
        assert_eq!(recovery.pending().keys, lost);
        for key in lost {
            let key = &key[2..];
            assert_eq!(cache.get::<String>(key).await.unwrap(), None, "{key}");
            assert!(!cache.exists(key).await.unwrap());
            assert_eq!(cache.look::<String>(key, Want::TTL).await.unwrap(), None);
            assert_eq!(cache.multi_get::<String>(&[key]).await.unwrap(), [None]);
        }
        cache.get::<String>("other").await.unwrap_err();

        // The server can be reached, and the keys still miss until they are deleted.
        faults.set(None);
        let found = cache.multi_get::<String>(&["set", "other", "delete", "set"]).await.unwrap();
        assert_eq!(found, [None, Some("old".to_owned()), None, None]);
        recovered(&recovery).await;
        assert_eq!(server.scan("*").collect().await.unwrap(), ["other"]);
        assert_eq!(cache.get::<String>("set").await.unwrap(), None);
        cache.set("set", "new").await.unwrap();
        assert_eq!(server.get::<String>("set").await.unwrap().as_deref(), Some("new"));
    }
}

/// Values that others have stored meanwhile go too: a cache may forget, and must not be stale.
#[tokio::test(start_paused = true)]
async fn a_clear_is_made_up_for() {
    let Setup { cache, server, recovery, faults, .. } = setup(|builder| builder);
    cache.multi_set([("a", 1), ("b", 1)]).await.unwrap();
    server.namespace("m").set("c", 1).await.unwrap();
    faults.set(Some(ErrorKind::Unavailable));
    cache.delete("a").await.unwrap_err();
    cache.clear().await.unwrap_err();
    let pending = recovery.pending();
    assert_eq!((pending.keys.len(), pending.prefixes), (1, vec!["n:".to_owned()]));
    server.set("d", 2).await.unwrap();
    for key in ["a", "b", "d", "never"] {
        assert_eq!(cache.get::<i32>(key).await.unwrap(), None);
    }
    cache.namespace("m").get::<i32>("c").await.unwrap_err();
    faults.set(None);
    assert_eq!(cache.scan("*").collect().await.unwrap(), [""; 0]);
    recovered(&recovery).await;
    assert_eq!(server.namespace("").scan("*").collect().await.unwrap(), ["m:c"]);
}

/// Each write deletes first, so that it is done to nothing rather than to a stale value.
/// First the generation that every clear ends, and then the tag's: both are lost, or the first one alone.
#[tokio::test(start_paused = true)]
async fn a_clear_of_a_tag_is_made_up_for_in_its_order() {
    for only_first in [false, true] {
        let store: Arc<dyn Backend> = Arc::new(Memory::new());
        let present = {
            let store = Arc::clone(&store);
            move || {
                ["n:\u{1}tags", "n:t\u{1}tag"].map(|key| {
                    let Ok(found) = store.look(Key::plain(key), Want::NOTHING).now() else { panic!("memory answers") };
                    found.unwrap().is_some()
                })
            }
        };
        let (seen, is_away) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let backend = {
            let (present, seen, is_away) = (present.clone(), Arc::clone(&seen), Arc::clone(&is_away));
            Intercept::new(store, move |operation| {
                if only_first && operation == "delete" && is_away.swap(false, Ordering::SeqCst)
                    || is_away.load(Ordering::SeqCst)
                {
                    return Reply::error(Error::new(ErrorKind::Unavailable, "a fault was injected"));
                }
                if operation.ends_with("delete") {
                    seen.lock().unwrap().push(present());
                }
                Reply::ready(())
            })
        };
        let recovery = Recovery::new(Arc::new(Intercept::delayed(Arc::new(backend))));
        let cache = Cache::builder().backend(recovery.clone()).namespace("n").build().unwrap();
        let view = cache.tagged_by(|_, _: &i32| vec!["t".to_owned()]);
        assert_eq!(view.get_or_set("k", async || Ok::<_, Error>(1)).await.unwrap(), 1);
        assert_eq!(present(), [true, true]);
        is_away.store(true, Ordering::SeqCst);
        assert_eq!(cache.clear_tag("t").await.unwrap_err().kind(), ErrorKind::Unavailable);
        is_away.store(false, Ordering::SeqCst);
        recovered(&recovery).await;
        assert_eq!(present(), [false, false]);
        let seen = seen.lock().unwrap();
        assert!(seen.contains(&[false, true]) && !seen.contains(&[true, false]), "{seen:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn writes_to_a_pending_key_delete_it_first() {
    let Setup { cache, server, recovery, faults, .. } = setup(|builder| builder);
    let lose = async |keys: &[&str]| {
        cache.multi_set(keys.iter().map(|key| (*key, 7))).await.unwrap();
        faults.set(Some(ErrorKind::Unavailable));
        cache.multi_delete(keys).await.unwrap_err();
        // A write that can't do so is lost, too.
        cache.add(keys[0], 9).await.unwrap_err();
        cache.increment(keys[0], 9).await.unwrap_err();
        faults.set(None);
    };
    lose(&["add"]).await;
    assert!(cache.add("add", 1).await.unwrap());
    lose(&["increment"]).await;
    assert_eq!(cache.increment("increment", 1).await.unwrap(), 1);
    lose(&["expire"]).await;
    assert!(!cache.expire("expire", Ttl::secs(9)).await.unwrap());
    lose(&["delete"]).await;
    assert!(!cache.delete("delete").await.unwrap());
    lose(&["set"]).await;
    cache.set("set", 1).await.unwrap();
    lose(&["a", "b"]).await;
    cache.multi_set([("a", 1), ("c", 1)]).await.unwrap();
    lose(&["cas"]).await;
    let (found, version) = cache.get_versioned::<i32>("cas").await.unwrap();
    assert_eq!(found, None);
    assert!(cache.cas("cas", 1, version).await.unwrap());
    lose(&["computed"]).await;
    assert_eq!(cache.get_or_set("computed", || async { Ok::<_, Error>(1) }).await.unwrap(), 1);

    recovered(&recovery).await;
    let mut keys = server.scan("*").collect().await.unwrap();
    keys.sort();
    assert_eq!(keys, ["a", "add", "c", "cas", "computed", "increment", "set"]);
    for key in keys {
        assert_eq!(server.get::<i32>(&key).await.unwrap(), Some(1), "{key}");
    }
}

/// A write given up by the cache's timeout or by its caller, before or after its first poll.
#[tokio::test(start_paused = true)]
async fn a_write_without_an_end_is_remembered() {
    let store: Arc<dyn Backend> = Arc::new(Memory::new());
    let silent = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&silent);
    let backend = Intercept::new(Arc::clone(&store), move |_| match switch.load(Ordering::Relaxed) {
        true => Reply::pending(std::future::pending()),
        false => Reply::ready(()),
    });
    let recovery = Recovery::new(Arc::new(backend));
    let server = Cache::builder().shared_backend(store).build().unwrap();
    let cache = Cache::builder().backend(recovery.clone()).timeout(Duration::from_millis(100)).build().unwrap();
    server.multi_set([("timeout", 1), ("cancelled", 1), ("unpolled", 1)]).await.unwrap();
    assert_eq!(cache.delete("timeout").await.unwrap_err().kind(), ErrorKind::Timeout);
    assert!(matches!(left_alone(cache.delete("cancelled"), 1).await, LeftAlone::Waits(_)));
    drop(cache.delete("unpolled"));
    assert_eq!(recovery.pending().keys, ["cancelled", "timeout", "unpolled"]);
    silent.store(false, Ordering::Relaxed);
    recovered(&recovery).await;
    assert!(server.scan("*").collect().await.unwrap().is_empty());
}

/// An error that the backend answers with is no loss.
#[tokio::test(start_paused = true)]
async fn what_is_refused_is_not_remembered() {
    let Setup { cache, recovery, faults, .. } = setup(|builder| builder);
    for kind in [ErrorKind::Backend, ErrorKind::TooLarge, ErrorKind::Refused, ErrorKind::InvalidInput] {
        faults.set(Some(kind));
        assert!(!cache.set("k", 1).await.unwrap_err().to_string().contains("remembered"));
        cache.delete("k").await.unwrap_err();
    }
    faults.set(Some(ErrorKind::Unavailable));
    cache.add("k", 1).await.unwrap_err();
    cache.increment("k", 1).await.unwrap_err();
    cache.expire("k", Ttl::secs(1)).await.unwrap_err();
    assert_eq!(recovery.pending().keys, [""; 0]);
}

/// A write that was dropped before anybody could refuse it doesn't stay pending for ever.
#[tokio::test(start_paused = true)]
async fn what_can_never_be_done_is_forgotten() {
    let backend = Intercept::new(Arc::new(Memory::new()), |operation| match operation {
        "clear" => Reply::pending(async { Err(Error::new(ErrorKind::Unsupported, "no clear here")) }),
        _ => Reply::ready(()),
    });
    let recovery = Recovery::new(Arc::new(backend));
    let cache = Cache::builder().backend(recovery.clone()).namespace("n").build().unwrap();
    cache.set("lost", 1).await.unwrap();
    drop(cache.clear());
    drop(cache.delete("lost"));
    let pending = recovery.pending();
    assert_eq!((pending.keys, pending.prefixes), (vec!["n:lost".to_owned()], vec!["n:".to_owned()]));
    cache.set("k", 1).await.unwrap();
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1));
    recovered(&recovery).await;
    assert_eq!(recovery.pending(), recovery::Pending::default());
    assert_eq!(cache.get::<i32>("lost").await.unwrap(), None); // a key doesn't depend on the clear of its namespace
}

#[tokio::test(start_paused = true)]
async fn past_the_bound_a_namespace_is_cleared_and_a_plain_key_is_told() {
    let Setup { cache, server, recovery, faults, .. } = setup(|builder| builder.max_pending(2));
    cache.multi_set(["a", "b", "c", "d"].map(|key| (key, 1))).await.unwrap();
    server.namespace("").multi_set([("x", 1), ("y", 1), ("z", 1)]).await.unwrap();
    faults.set(Some(ErrorKind::Unavailable));
    for key in ["a", "b", "c"] {
        cache.delete(key).await.unwrap_err();
    }
    assert_eq!(recovery.pending().prefixes, ["n:"]);
    assert_eq!(cache.get::<i32>("d").await.unwrap(), None); // may be stale as well as any

    let plain = cache.namespace("");
    assert!(plain.delete("x").await.unwrap_err().to_string().contains("it is remembered"));
    let error = plain.delete("y").await.unwrap_err();
    assert!(error.to_string().contains("it can't be remembered"), "{error}");
    let error = plain.multi_delete(&["y", "z"]).await.unwrap_err();
    assert!(error.to_string().contains("it can't be remembered"), "{error}");
    let pending = recovery.pending();
    assert_eq!((pending.keys, pending.lost), (vec!["x".to_owned()], 3));

    faults.set(None);
    recovered(&recovery).await;
    let mut keys = server.namespace("").scan("*").collect().await.unwrap();
    keys.sort();
    assert_eq!(keys, ["y", "z"]);
}

#[tokio::test(start_paused = true)]
async fn close_makes_up_for_it_or_says_what_is_lost() {
    let Setup { cache, server, recovery, faults, .. } = setup(|builder| builder.close_timeout(Duration::from_secs(1)));
    server.multi_set([("a", 1), ("b", 1)]).await.unwrap();
    faults.set(Some(ErrorKind::Unavailable));
    cache.delete("a").await.unwrap_err();
    cache.multi_delete(&["b"]).await.unwrap_err();
    faults.set(None);
    assert!(recovery.close().await.is_ok()); // closes the store, too
    assert!(recovery.pending().keys.is_empty());

    let Setup { cache, recovery, faults, .. } = setup(|builder| builder.close_timeout(Duration::from_secs(1)));
    faults.set(Some(ErrorKind::Unavailable));
    cache.delete("a").await.unwrap_err();
    cache.namespace("m").clear().await.unwrap_err();
    let error = recovery.close().await.unwrap_err();
    assert!(
        error.to_string().contains("(keys: 1, namespaces: 1)") && error.to_string().contains("m:*, n:a"),
        "{error}"
    );
    assert_eq!(recovery.pending(), recovery::Pending::default());
}

/// A cache whose commands may take no time to speak of has enough for its end.
#[tokio::test(start_paused = true)]
async fn a_short_timeout_does_not_cut_the_end_off() {
    let Setup { cache, faults, .. } = setup(|builder| builder);
    let cache = cache.with_timeout(Duration::from_millis(100));
    faults.set(Some(ErrorKind::Unavailable));
    cache.delete("a").await.unwrap_err();
    let error = cache.close().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("n:a"), "{error}");
}

/// Without faults a cache makes the same calls as one without a recovery.
#[tokio::test(start_paused = true)]
async fn it_asks_nothing_of_its_own_while_nothing_is_pending() {
    let Setup { cache, calls, .. } = setup(|builder| builder);
    cache.set("k", 1).await.unwrap();
    cache.get::<i32>("k").await.unwrap();
    cache.delete("k").await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(*calls.lock().unwrap(), ["set", "get", "delete"]);
}

/// The runtime on which a write was lost may end.
#[test]
fn another_runtime_goes_on() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let Setup { cache, server, recovery, faults, .. } = setup(|builder| builder);
    runtime().block_on(async {
        cache.set("k", 1).await.unwrap();
        faults.set(Some(ErrorKind::Unavailable));
        cache.delete("k").await.unwrap_err();
    });
    faults.set(None);
    runtime().block_on(async {
        assert_eq!(cache.get::<i32>("k").await.unwrap(), None);
        recovered(&recovery).await;
        assert!(!server.exists("k").await.unwrap());
    });
}

#[tokio::test]
async fn settings_put_it_around_any_backend() {
    let caches = Caches::new();
    let config = serde_json::json!({
        "default": { "cache": "memory", "recovery": { "max_pending": 100, "close_timeout": "1s" }, "breaker": true },
        "url": { "url": "memory://?recovery=true" },
        "wrong": { "cache": "memory", "recovery": { "max_pending": 0 } },
    });
    caches.set_config(Config::value(config).unwrap()).unwrap();
    let shown = format!("{:#?}", caches.get("default").unwrap());
    assert!(shown.find("Recovery") < shown.find("Breaker") && shown.contains("Breaker"), "{shown}");
    assert!(format!("{:#?}", caches.get("url").unwrap()).contains("Recovery"));
    let error = caches.get("wrong").unwrap_err().to_string();
    assert!(error.contains("`max_pending` is 0; it goes from 1"), "{error}");
}

#[cfg(all(feature = "redis", feature = "memcached"))]
mod servers {
    use super::*;
    use polycache::backends::memcached::Memcached;
    use polycache::backends::redis::Redis;
    use polycache_testkit::Proxy;
    use polycache_testkit::servers::{Memcached as MemcachedServer, RedisServer};

    fn on(backend: impl Backend) -> (Cache, Recovery) {
        let recovery = Recovery::new(Arc::new(backend));
        let builder = Cache::builder().backend(recovery.clone()).namespace("n").timeout(Duration::from_millis(500));
        (builder.build().unwrap(), recovery)
    }

    /// The way to a server is cut: the server keeps its values, and others go on using it.
    async fn cut_off(server: Cache, (cache, recovery): (Cache, Recovery), proxy: &Proxy) {
        cache.multi_set([("k", "old"), ("cleared:k", "old")]).await.unwrap();
        proxy.refuse(true);
        proxy.reset();
        cache.delete("k").await.unwrap_err();
        cache.namespace("n:cleared").clear().await.unwrap_err();
        assert_eq!(cache.get::<String>("k").await.unwrap(), None);
        assert_eq!(server.get::<String>("k").await.unwrap().as_deref(), Some("old"));
        assert_eq!(cache.get_or_set("k", || async { Ok::<_, Error>("new".to_owned()) }).await.unwrap(), "new");
        proxy.heal();
        recovered(&recovery).await;
        assert_ne!(server.get::<String>("k").await.unwrap().as_deref(), Some("old"));
        assert_eq!(server.get::<String>("cleared:k").await.unwrap(), None);
        cache.set("k", "newer").await.unwrap();
        assert_eq!(server.get::<String>("k").await.unwrap().as_deref(), Some("newer"));
    }

    #[tokio::test]
    async fn redis_is_cut_off() {
        let server = RedisServer::start().await;
        let proxy = Proxy::start(server.address()).await;
        let direct = Cache::builder().backend(Redis::open(&server.url()).unwrap()).namespace("n").build().unwrap();
        cut_off(direct, on(Redis::open(&server.url_at(proxy.address())).unwrap()), &proxy).await;
    }

    #[tokio::test]
    async fn memcached_is_cut_off() {
        let server = MemcachedServer::start().await;
        let proxy = Proxy::start(server.address()).await;
        let open = |url: &str| Memcached::open(&format!("{url}?generations=0")).unwrap();
        let direct = Cache::builder().backend(open(&server.url())).namespace("n").build().unwrap();
        cut_off(direct, on(open(&server.url_at(proxy.address()))), &proxy).await;
    }

    /// Another's value from before a lost delete isn't stored after it: the deletion ends the lease.
    #[tokio::test]
    async fn a_lease_from_before_a_lost_delete_is_ended() {
        let server = RedisServer::start().await;
        let proxy = Proxy::start(server.address()).await;
        let (cache, recovery) = on(Redis::open(&server.url_at(proxy.address())).unwrap());
        let other = Cache::builder().backend(Redis::open(&server.url()).unwrap()).namespace("n").build().unwrap();
        cache.set("connected", 1).await.unwrap();
        let (write, read) = tokio::sync::oneshot::channel::<()>();
        let (computing, computes) = tokio::sync::oneshot::channel::<()>();
        let slow = other.clone();
        let stale = tokio::spawn(async move {
            slow.get_or_set("k", || async {
                computing.send(()).unwrap();
                read.await.unwrap();
                Ok::<_, Error>("old".to_owned())
            })
            .await
        });
        computes.await.unwrap();
        proxy.refuse(true);
        proxy.reset();
        cache.delete("k").await.unwrap_err();
        proxy.heal();
        recovered(&recovery).await;
        write.send(()).unwrap();
        assert_eq!(stale.await.unwrap().unwrap(), "old"); // to its own caller
        assert_eq!(other.get::<String>("k").await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_server_that_stands_still_or_is_killed() {
        let server = RedisServer::start().await;
        let (cache, recovery) = on(Redis::open(&server.url()).unwrap());
        cache.set("k", "old").await.unwrap();
        server.stop();
        cache.delete("k").await.unwrap_err();
        assert_eq!(cache.get::<String>("k").await.unwrap(), None);
        server.resume();
        recovered(&recovery).await;
        assert_eq!(server.cli(&["EXISTS", "n:k"]).await, "0");

        cache.set("k", "old").await.unwrap();
        server.kill();
        cache.delete("k").await.unwrap_err();
        server.restart().await; // empty
        recovered(&recovery).await;
        assert_eq!(server.cli(&["EXISTS", "n:k"]).await, "0");
    }
}
