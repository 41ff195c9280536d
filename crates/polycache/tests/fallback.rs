//! Memory in place of a server that is away.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use polycache::backend::Backend;
use polycache::backends::fallback::{Fallback, FallbackBuilder};
use polycache::backends::memory::Memory;
use polycache::backends::recovery::Recovery;
use polycache::locks::RedLock;
use polycache::{Cache, Caches, Config, Error, ErrorKind, Reply, Ttl};
use polycache_testkit::{Faults, Intercept};

struct Setup {
    cache: Cache,
    /// Straight to the same store.
    server: Cache,
    fallback: Fallback,
    faults: Faults,
}

fn setup(settings: impl FnOnce(FallbackBuilder) -> FallbackBuilder) -> Setup {
    let store: Arc<dyn Backend> = Arc::new(Memory::builder().max_bytes(1 << 20).build().unwrap());
    let (backend, faults) = Intercept::failing(Arc::new(Intercept::delayed(Arc::clone(&store))));
    let recovery = Recovery::builder().max_pending(20).build(Arc::new(backend)).unwrap();
    let fallback = settings(Fallback::builder()).build(recovery).unwrap();
    let cache = Cache::builder().backend(fallback.clone()).namespace("n").build().unwrap();
    Setup { cache, server: Cache::builder().shared_backend(store).namespace("n").build().unwrap(), fallback, faults }
}

/// Waits until the server is back, but no longer than a minute.
async fn back(fallback: &Fallback) {
    for _ in 0..6_000 {
        if !fallback.is_away() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("still away: {:?}", fallback.pending());
}

/// Each command, on a key that the server has.
async fn every_write(cache: &Cache) {
    cache.set("set", "new").await.unwrap();
    cache.multi_set([("multi_set", "new")]).await.unwrap();
    assert!(cache.add("add", "new").await.unwrap());
    assert!(!cache.add("add", "newer").await.unwrap());
    assert_eq!(cache.increment("increment", 5).await.unwrap(), 5);
    assert_eq!(cache.increment("increment", 5).await.unwrap(), 10);
    let (found, version) = cache.get_versioned::<String>("cas").await.unwrap();
    assert_eq!(found, None);
    assert!(cache.cas("cas", "one", version).await.unwrap());
    let (found, version) = cache.get_versioned::<String>("cas").await.unwrap();
    assert_eq!(found.as_deref(), Some("one"));
    assert!(cache.cas("cas", "new", version.clone()).await.unwrap());
    assert!(!cache.cas("cas", "newer", version).await.unwrap());
    assert!(!cache.delete("delete").await.unwrap());
    assert_eq!(cache.multi_delete(&["multi_delete", "set"]).await.unwrap(), 1);
    cache.set("set", "new").await.unwrap();
    assert!(cache.expire("set", Ttl::secs(20)).await.unwrap());
    assert_eq!(cache.get_or_set("computed", || async { Ok::<_, Error>("new".to_owned()) }).await.unwrap(), "new");
    cache.namespace("n:cleared").set("k", "old").await.unwrap();
    cache.namespace("n:cleared").clear().await.unwrap();
}

const WRITTEN: [&str; 9] =
    ["set", "multi_set", "add", "increment", "cas", "delete", "multi_delete", "computed", "cleared:k"];

#[tokio::test(start_paused = true)]
async fn what_is_written_meanwhile_is_read_until_the_server_is_back() {
    for kind in [ErrorKind::Unavailable, ErrorKind::Timeout, ErrorKind::UnknownOutcome] {
        let Setup { cache, server, fallback, faults } = setup(|builder| builder);
        for _ in 0..2 {
            server.multi_set(WRITTEN.map(|key| (key, "old"))).await.unwrap();
            server.set("other", "old").await.unwrap();
            assert_eq!(cache.get::<String>("other").await.unwrap().as_deref(), Some("old"));
            assert!(!fallback.is_away());

            faults.set(Some(kind));
            assert_eq!(cache.get::<String>("other").await.unwrap(), None); // known to the server alone
            assert!(fallback.is_away());
            every_write(&cache).await;
            for key in ["set", "multi_set", "add", "cas", "computed"] {
                assert_eq!(cache.get::<String>(key).await.unwrap().as_deref(), Some("new"), "{key}");
            }
            let found = cache.multi_get::<i64>(&["delete", "increment", "cleared:k"]).await.unwrap();
            assert_eq!(found, [None, Some(10), None]);
            assert_eq!(server.get::<String>("set").await.unwrap().as_deref(), Some("old"));

            faults.set(None);
            back(&fallback).await;
            for key in WRITTEN {
                assert!(!server.exists(key).await.unwrap() && !cache.exists(key).await.unwrap(), "{key}");
            }
            assert_eq!(cache.get::<String>("other").await.unwrap().as_deref(), Some("old"));
            every_write(&cache).await; // on the server
            assert_eq!(server.get::<i64>("increment").await.unwrap(), Some(10));
            server.clear().await.unwrap();
        }
    }
}

/// Memory does any call that finds the server away.
#[tokio::test(start_paused = true)]
async fn the_first_call_of_an_outage_succeeds() {
    let away = || {
        let setup = setup(|builder| builder);
        setup.faults.set(Some(ErrorKind::Unavailable));
        setup
    };
    let (one, two, three, four) = (away(), away(), away(), away());
    one.cache.set("k", 1).await.unwrap();
    assert_eq!(two.cache.increment("k", 1).await.unwrap(), 1);
    assert!(three.cache.add("k", 1).await.unwrap());
    four.cache.multi_set([("k", 1)]).await.unwrap();
    for Setup { cache, fallback, faults, server } in [one, two, three, four] {
        assert_eq!(cache.get::<i64>("k").await.unwrap(), Some(1));
        server.set("k", 7).await.unwrap();
        faults.set(None);
        back(&fallback).await;
        assert_eq!(cache.get::<i64>("k").await.unwrap(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_version_is_good_for_the_store_that_it_is_from() {
    let Setup { cache, fallback, faults, .. } = setup(|builder| builder);
    cache.set("k", 1).await.unwrap();
    let (_, of_server) = cache.get_versioned::<i32>("k").await.unwrap();
    let mut of_outages = Vec::new();
    for _ in 0..2 {
        faults.set(Some(ErrorKind::Unavailable));
        cache.set("k", 1).await.unwrap();
        for version in of_outages.iter().chain([&of_server]) {
            assert!(!cache.cas("k", 2, version.clone()).await.unwrap());
        }
        let (_, version) = cache.get_versioned::<i32>("k").await.unwrap();
        of_outages.push(version);
        faults.set(None);
        back(&fallback).await;
        cache.set("k", 1).await.unwrap();
        for version in &of_outages {
            assert!(!cache.cas("k", 2, version.clone()).await.unwrap());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn lives_are_short() {
    let Setup { cache, faults, .. } = setup(|builder| builder.ttl(Duration::from_secs(5)));
    faults.set(Some(ErrorKind::Unavailable));
    cache.set("never", 1).await.unwrap();
    cache.with_ttl(Ttl::secs(60)).multi_set([("long", 1)]).await.unwrap();
    cache.with_ttl(Ttl::secs(2)).add("short", 1).await.unwrap();
    assert!(cache.expire("never", Ttl::Never).await.unwrap());
    for (key, most) in [("never", 5), ("long", 5), ("short", 2)] {
        let ttl = cache.ttl(key).await.unwrap();
        assert!(matches!(ttl, Some(Ttl::After(left)) if left <= Duration::from_secs(most)), "{key}: {ttl:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_memory_cannot_do_fails() {
    let Setup { cache, faults, .. } = setup(|builder| builder.max_bytes(10_000));
    faults.set(Some(ErrorKind::Unavailable));
    cache.set("k", 1).await.unwrap();
    assert_eq!(cache.scan("*").collect().await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(cache.raw("len", &[""; 0]).await.unwrap_err().kind(), ErrorKind::Unavailable);
    let lock = RedLock::new(&cache, "lock", Duration::from_secs(2));
    lock.acquire(Duration::from_secs(1)).await.unwrap_err();
    assert_eq!(cache.set("large", "x".repeat(10_000)).await.unwrap_err().kind(), ErrorKind::TooLarge);

    // No more can be remembered, so no more is written.
    let plain = cache.namespace("");
    let mut refused = 0;
    for key in 0..30 {
        match plain.set(&key.to_string(), 1).await {
            Ok(()) => assert_eq!(plain.get::<i32>(&key.to_string()).await.unwrap(), Some(1)),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable);
                assert!(error.to_string().contains("no more can be remembered"), "{error}");
                refused += 1;
            }
        }
    }
    assert!((10..=12).contains(&refused), "{refused}");
    // By namespace there is room.
    cache.set("k", 2).await.unwrap();
}

/// A call that waits for the cache's timeout shows that the server is away; a cancelled one doesn't.
#[tokio::test(start_paused = true)]
async fn a_server_that_stands_still_is_away() {
    let fallback = Fallback::new(Arc::new(Intercept::silent(Arc::new(Memory::new()))));
    let cache = Cache::builder().backend(fallback.clone()).timeout(Duration::from_millis(100)).build().unwrap();
    tokio::select! {
        biased;
        _ = cache.get::<i32>("k") => panic!("a reply of a silent backend"),
        () = tokio::time::sleep(Duration::from_millis(10)) => {}
    }
    assert!(!fallback.is_away());
    assert_eq!(cache.delete("k").await.unwrap_err().kind(), ErrorKind::Timeout);
    assert!(fallback.is_away());
    cache.set("k", 1).await.unwrap();
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1));
}

/// The server comes and goes while several tasks write and read, each its own keys: none reads a value older than its last write.
async fn nothing_old_is_read(wrap: impl FnOnce(Arc<dyn Backend>) -> Arc<dyn Backend>, writes_fail: bool) {
    let store = Intercept::delayed(Arc::new(Memory::builder().max_bytes(16 << 20).build().unwrap()));
    let (backend, faults) = Intercept::failing(Arc::new(store));
    let cache = Cache::builder().shared_backend(wrap(Arc::new(Intercept::delayed(Arc::new(backend))))).build().unwrap();
    let tasks: Vec<_> = (0..4)
        .map(|task| {
            let cache = cache.clone();
            tokio::spawn(async move {
                let mut random = fastrand::Rng::with_seed(task);
                let keys: Vec<String> = (0..4).map(|key| format!("{task}:{key}")).collect();
                // The last value of each, if it wasn't deleted.
                let mut last: Vec<Option<u64>> = vec![None; keys.len()];
                let mut hits = 0;
                for number in 1..20_000_u64 {
                    let at = random.usize(..keys.len());
                    let key = &keys[at];
                    let written = match random.u8(..12) {
                        0 => cache.delete(key).await.map(drop).map(|()| Some(None)),
                        1 => cache.set(key, number).await.map(|()| Some(Some(number))),
                        2 => cache.multi_set([(key, number)]).await.map(|()| Some(Some(number))),
                        3 => cache.multi_delete(&[key]).await.map(|_| Some(None)),
                        4 => cache.add(key, number).await.map(|done| done.then_some(Some(number))),
                        _ => Ok(None),
                    };
                    match written {
                        Ok(Some(value)) => last[at] = value,
                        Ok(None) => {}
                        Err(error) => assert!(writes_fail, "{error}"),
                    }
                    match cache.get::<u64>(key).await {
                        Ok(Some(found)) => {
                            hits += 1;
                            // A write that failed may have been done.
                            let is_right = last[at] == Some(found) || (writes_fail && found == number);
                            assert!(
                                is_right || (writes_fail && last[at].is_none_or(|last| found > last)),
                                "{found}, not {:?}",
                                last[at]
                            );
                            last[at] = Some(found);
                        }
                        Ok(None) => {}
                        Err(error) => assert!(writes_fail, "{error}"),
                    }
                    if number % 64 == 0 {
                        tokio::task::yield_now().await;
                    }
                }
                hits
            })
        })
        .collect();
    let flapping = tokio::spawn(async move {
        let mut random = fastrand::Rng::with_seed(7);
        loop {
            let away = [ErrorKind::Unavailable, ErrorKind::UnknownOutcome][random.usize(..2)];
            faults.set(random.bool().then_some(away));
            tokio::time::sleep(Duration::from_millis(random.u64(1..120))).await;
        }
    });
    let mut hits = 0;
    for task in tasks {
        hits += task.await.unwrap();
    }
    flapping.abort();
    assert!(hits > 1_000, "{hits}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_old_is_read_with_a_fallback() {
    nothing_old_is_read(|inner| Arc::new(Fallback::new(inner)), false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_old_is_read_with_a_recovery() {
    nothing_old_is_read(|inner| Arc::new(Recovery::new(inner)), true).await;
}

#[tokio::test]
async fn settings_put_it_around_any_backend() {
    let caches = Caches::new();
    let config = serde_json::json!({
        "default": { "cache": "memory", "fallback": { "max_bytes": 1000, "ttl": "1s" }, "breaker": true },
        "url": { "url": "memory://?fallback=true&recovery=true" },
        "wrong": { "cache": "memory", "fallback": { "ttl": 0 } },
        "unknown": { "cache": "memory", "fallback": { "max_entries": 5 } },
    });
    caches.set_config(Config::value(config).unwrap()).unwrap();
    let shown = format!("{:#?}", caches.get("default").unwrap());
    let places = ["Fallback", "Recovery", "Breaker"].map(|name| shown.find(name).unwrap());
    assert!(places.is_sorted(), "{shown}");
    assert!(format!("{:#?}", caches.get("url").unwrap()).contains("Fallback"));
    for (alias, part) in [("wrong", "`ttl` is 0ns; it begins at 1ms"), ("unknown", "`fallback.max_entries` is unknown")]
    {
        let error = caches.get(alias).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[cfg(all(feature = "redis", feature = "memcached"))]
mod servers {
    use super::*;
    use polycache::backends::memcached::Memcached;
    use polycache::backends::redis::Redis;
    use polycache_testkit::Proxy;
    use polycache_testkit::servers::{Memcached as MemcachedServer, RedisServer};

    fn on(backend: impl Backend) -> (Cache, Fallback) {
        let fallback = Fallback::new(Arc::new(backend));
        let builder = Cache::builder().backend(fallback.clone()).namespace("n").timeout(Duration::from_millis(500));
        (builder.build().unwrap(), fallback)
    }

    /// With leases, which the cache has by default on servers.
    async fn compute_once(cache: &Cache, key: &str) {
        let computed = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let calls: Vec<_> = (0..20)
            .map(|_| {
                let (cache, key, computed) = (cache.clone(), key.to_owned(), Arc::clone(&computed));
                tokio::spawn(async move {
                    let compute = || async {
                        computed.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        tokio::time::sleep(Duration::from_millis(20)).await;
                        Ok::<_, Error>(7)
                    };
                    cache.get_or_set(&key, compute).await.unwrap()
                })
            })
            .collect();
        for call in calls {
            assert_eq!(call.await.unwrap(), 7);
        }
        assert_eq!(computed.load(std::sync::atomic::Ordering::Relaxed), 1);
        assert_eq!(cache.get::<i32>(key).await.unwrap(), Some(7));
    }

    /// The lease of a value in memory ends with its storing, so nobody waits for it when the value has expired.
    async fn no_lease_stays(cache: &Cache) {
        let short = cache.with_ttl(Duration::from_millis(50));
        assert_eq!(short.get_or_set("short", || async { Ok::<_, Error>(7) }).await.unwrap(), 7);
        while short.exists("short").await.unwrap() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let began = std::time::Instant::now();
        assert_eq!(short.get_or_set("short", || async { Ok::<_, Error>(8) }).await.unwrap(), 8);
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    }

    async fn cut_off(server: Cache, (cache, fallback): (Cache, Fallback), proxy: &Proxy) {
        cache.multi_set([("k", "old"), ("other", "old")]).await.unwrap();
        compute_once(&cache, "on the server").await;
        for _ in 0..2 {
            proxy.refuse(true);
            proxy.reset();
            every_write(&cache).await;
            cache.set("k", "new").await.unwrap();
            assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("new"));
            compute_once(&cache, "in memory").await;
            no_lease_stays(&cache).await;
            assert!(fallback.is_away());
            assert_eq!(server.get::<String>("k").await.unwrap().as_deref(), Some("old"));
            proxy.heal();
            back(&fallback).await;
            assert!(!server.exists("k").await.unwrap() && !server.exists("in memory").await.unwrap());
            assert_eq!(cache.get::<String>("other").await.unwrap().as_deref(), Some("old"));
            cache.set("k", "old").await.unwrap();
            assert_eq!(server.get::<String>("k").await.unwrap().as_deref(), Some("old"));
        }
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

    /// A value computed before a write isn't stored over it, in memory neither.
    #[tokio::test]
    async fn a_write_in_an_outage_overtakes_what_is_computed() {
        let server = RedisServer::start().await;
        let (cache, _) = on(Redis::open(&server.url()).unwrap());
        cache.set("connected", 1).await.unwrap();
        server.kill();
        let (go, wait) = tokio::sync::oneshot::channel::<()>();
        let (begun, begins) = tokio::sync::oneshot::channel::<()>();
        let slow = cache.clone();
        let computing = tokio::spawn(async move {
            slow.get_or_set("k", || async {
                begun.send(()).unwrap();
                wait.await.unwrap();
                Ok::<_, Error>("old".to_owned())
            })
            .await
        });
        begins.await.unwrap();
        cache.delete("k").await.unwrap();
        go.send(()).unwrap();
        assert_eq!(computing.await.unwrap().unwrap(), "old");
        assert_eq!(cache.get::<String>("k").await.unwrap(), None);
    }

    /// In memory a tag has a generation of its own, and the server's stays.
    #[tokio::test]
    async fn what_has_tags_outlives_an_outage() {
        let server = RedisServer::start().await;
        let (backend, faults) = Intercept::failing(Arc::new(Redis::open(&server.url()).unwrap()));
        let (cache, fallback) = on(backend);
        let (shop, news) = (cache.tagged(["shop"]), cache.tagged(["news"]));
        for ttl in [Ttl::secs(60), Ttl::Never] {
            let (shop, news) = (shop.with_ttl(ttl), news.with_ttl(ttl));
            shop.set("price", 1).await.unwrap();
            news.set("page", 1).await.unwrap();
            faults.set(Some(ErrorKind::Unavailable));
            assert_eq!(shop.get_or_set("other", || async { Ok::<_, Error>(2) }).await.unwrap(), 2);
            news.set("another", 2).await.unwrap();
            assert_eq!(shop.multi_get::<i32>(&["price", "other"]).await.unwrap(), [None, Some(2)]);
            cache.clear_tag("news").await.unwrap();
            assert_eq!(cache.get::<i32>("another").await.unwrap(), None);
            faults.set(None);
            back(&fallback).await;
            assert_eq!(shop.multi_get::<i32>(&["price", "other"]).await.unwrap(), [Some(1), None]);
            assert_eq!(news.multi_get::<i32>(&["page", "another"]).await.unwrap(), [None, None]);
        }
    }

    /// What is stale in memory still has its tags.
    #[tokio::test]
    async fn tags_outlive_the_entries_in_memory() {
        let server = RedisServer::start().await;
        let recovery = Recovery::new(Arc::new(Redis::open(&server.url()).unwrap()));
        let fallback = Fallback::builder().ttl(Duration::from_millis(100)).build(recovery).unwrap();
        let cache = Cache::builder().backend(fallback.clone()).grace(Duration::from_secs(3_600)).build().unwrap();
        let shop = cache.tagged(["shop"]);
        server.kill();
        shop.with_ttl(Ttl::secs(60)).set("k", 1).await.unwrap();
        assert!(fallback.is_away());
        let away = || async { Err::<i32, _>("away") };
        // It lives as long as any, and began last.
        cache.with_grace(Duration::ZERO).set("last", 1).await.unwrap();
        while cache.exists("last").await.unwrap() || shop.exists("k").await.unwrap() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(shop.get_or_set("k", away).await, Ok(1));
        cache.clear_tag("shop").await.unwrap();
        assert_eq!(shop.get_or_set("k", away).await, Err("away"));
    }

    #[tokio::test]
    async fn a_server_that_stands_still_or_is_killed() {
        let server = RedisServer::start().await;
        let (cache, fallback) = on(Redis::open(&server.url()).unwrap());
        cache.set("k", "old").await.unwrap();
        server.stop();
        assert_eq!(cache.set("k", "new").await.unwrap_err().kind(), ErrorKind::Timeout); // the first waits for it
        cache.set("k", "new").await.unwrap();
        assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("new"));
        server.resume();
        back(&fallback).await;
        assert_eq!(cache.get::<String>("k").await.unwrap(), None);

        cache.set("k", "old").await.unwrap();
        server.kill();
        cache.set("k", "new").await.unwrap();
        assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("new"));
        server.restart().await; // empty
        back(&fallback).await;
        assert_eq!(cache.get::<String>("k").await.unwrap(), None);
    }
}

/// A reply that is there at once needs no runtime.
#[test]
fn a_backend_of_this_process_answers_at_once() {
    let cache = Cache::builder().backend(Fallback::new(Arc::new(Memory::new()))).build().unwrap();
    let now = |reply: Reply<()>| reply.now().expect("ready").unwrap();
    now(cache.set("k", 1));
    assert_eq!(cache.get::<i32>("k").now().expect("ready").unwrap(), Some(1));
}

/// The longest life in memory is one before the grace.
#[tokio::test(start_paused = true)]
async fn entries_in_memory_keep_their_grace() {
    let Setup { cache, faults, .. } = setup(|builder| builder.ttl(Duration::from_secs(30)));
    let cache = cache.with_ttl(Ttl::secs(60)).with_grace(Duration::from_secs(3_600));
    faults.set(Some(ErrorKind::Unavailable));
    for _ in 0..3 {
        assert_eq!(cache.get_or_set("k", || async { Ok::<_, Error>(1) }).await.unwrap(), 1);
        assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1));
    }
    assert!(cache.expire("k", Ttl::secs(20)).await.unwrap());
    assert!(matches!(cache.ttl("k").await.unwrap(), Some(Ttl::After(left)) if left <= Duration::from_secs(20)));
    assert!(cache.expire("k", Ttl::Never).await.unwrap());
    assert!(matches!(cache.ttl("k").await.unwrap(), Some(Ttl::After(left)) if left <= Duration::from_secs(30)));
    assert!(cache.add("added", 1).await.unwrap());
    assert!(!cache.add("added", 2).await.unwrap());
    cache.multi_set([("m", 1)]).await.unwrap();
    assert!(matches!(cache.ttl("m").await.unwrap(), Some(Ttl::After(left)) if left <= Duration::from_secs(30)));
}

/// Leases are the library's own.
#[tokio::test(start_paused = true)]
async fn what_close_could_not_make_up_for_is_told_by_the_keys_of_users() {
    let away = || {
        let store = Arc::new(Memory::builder().max_bytes(1 << 20).build().unwrap());
        let server = Intercept::delayed(store).remote().declaring(|info| info.capabilities.exclusive = false);
        let (backend, faults) = Intercept::failing(Arc::new(server));
        faults.set(Some(ErrorKind::Unavailable));
        Cache::builder().backend(Fallback::new(Arc::new(backend))).namespace("n").build().unwrap()
    };
    let cache = away();
    assert_eq!(cache.get_or_set("computed", || async { Ok::<_, Error>(1) }).await.unwrap(), 1);
    cache.set("set", 1).await.unwrap();
    cache.clear_tag("t").await.unwrap();
    let error = cache.close().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let error = error.to_string();
    assert!(error.contains("(keys: 3, namespaces: 0)"), "{error}");
    assert!(error.contains("expire: n:computed, n:set, the tag n:t"), "{error}");
    assert!(!error.contains('\u{1}'), "{error:?}");

    // A lease alone is nothing to make up for: it ends by itself.
    let cache = away();
    cache.get_or_set("failed", || async { Err::<i32, _>("no") }).await.unwrap_err();
    let error = cache.close().await.unwrap_err().to_string();
    assert_eq!(error, "close: a fault was injected");
}
