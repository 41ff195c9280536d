//! Which cache a function uses. By alias in one test, since the caches of the process are configured once.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use polycache::backends::memory::Memory;
use polycache::functions::FunctionCache;
use polycache::{Cache, Config, ErrorKind, Plugin, Ttl, cached, cached_stampede, caches};

static ASKED: AtomicU32 = AtomicU32::new(0);

fn ask() -> u32 {
    ASKED.fetch_add(1, Ordering::SeqCst) + 1
}

#[cached(key = "k")]
async fn by_default() -> u32 {
    ask()
}

#[cached(alias = "users", key = "k", ttl = 60)]
async fn by_alias() -> u32 {
    ask()
}

#[cached(alias = "nowhere", key = "k")]
async fn unknown() -> u32 {
    ask()
}

#[cached(url = "memory://?max_entries=10&namespace=own&ttl=60s", key = "k")]
async fn by_url() -> u32 {
    ask()
}

#[cached_stampede(key = "k", lease = "500ms")]
async fn stampede() -> u32 {
    ask()
}

/// Part of a cache, to see how long it is kept.
#[derive(Debug)]
struct Part(#[allow(dead_code, reason = "its count is looked at")] Arc<()>);

impl Plugin for Part {}

#[tokio::test]
async fn a_cache_by_alias_follows_the_configuration() {
    caches()
        .set_config(Config::json(r#"{ "default": { "cache": "memory" }, "users": { "url": "memory://" } }"#).unwrap())
        .unwrap();
    assert_eq!((by_default().await, by_default().await), (1, 1));
    assert_eq!(stampede().await, 1);
    assert_eq!((by_alias().await, by_alias().await), (2, 2));
    assert_eq!(caches().get("users").unwrap().get::<u32>("k").await.unwrap(), Some(2));
    assert!(matches!(by_alias().cache().unwrap().ttl("k").await.unwrap(), Some(Ttl::After(_))));

    // A function whose cache isn't there runs each time; who asks is told why.
    assert_eq!((unknown().await, unknown().await), (3, 4));
    assert_eq!(unknown().cache().unwrap_err().kind(), ErrorKind::Config);
    assert_eq!(unknown().invalidate().await.unwrap_err().kind(), ErrorKind::Config);

    assert_eq!((by_url().await, by_url().await), (5, 5));
    assert_eq!(by_url().cache().unwrap().namespace_name(), "own");

    // Another configuration: what is unchanged stays, what is changed is made anew.
    caches()
        .set_config(
            Config::json(r#"{ "default": { "cache": "memory" }, "users": { "url": "memory://?max_entries=7" } }"#)
                .unwrap(),
        )
        .unwrap();
    assert_eq!(by_default().await, 1);
    assert_eq!(by_alias().await, 6);
    caches().define("nowhere", || Ok(Cache::builder().backend(Memory::new())));
    assert_eq!((unknown().await, unknown().await), (7, 7));

    // The cache from before isn't kept beyond the next call.
    let part = Arc::new(());
    let defined = Arc::clone(&part);
    caches().define("nowhere", move || Ok(Cache::builder().backend(Memory::new()).plugin(Part(Arc::clone(&defined)))));
    assert_eq!((unknown().await, Arc::strong_count(&part)), (8, 3));
    caches().define("nowhere", || Ok(Cache::builder().backend(Memory::new())));
    assert_eq!((unknown().await, Arc::strong_count(&part)), (9, 1));
}

#[test]
fn of_those_who_come_first_at_the_same_time_all_get_the_same_cache() {
    const THREADS: usize = 4;
    for _ in 0..50 {
        let (function, all) = (FunctionCache::url("memory://", None), Barrier::new(THREADS));
        let caches: Vec<Cache> = thread::scope(|scope| {
            let come = || {
                all.wait();
                function.get().unwrap()
            };
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(come)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        caches[0].set("k", 1).now().unwrap().unwrap();
        assert!(caches.iter().all(|cache| cache.get("k").now().unwrap().unwrap() == Some(1)));
    }
}
