//! What `{:?}` tells of a cache: what its user has chosen, and nothing of how it works.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use polycache::plugins::HitMissRatio;
use polycache::{Cache, Ttl};

#[test]
fn a_cache_in_memory() {
    let cache = Cache::builder().namespace("shop").ttl(Ttl::secs(60)).plugin(HitMissRatio::new()).build().unwrap();
    assert_eq!(
        format!("{cache:?}"),
        "Cache { backend: \"memory\", namespace: \"shop\", ttl: After(60s), timeout: 5s, lease: 0ns, serializer: Null, plugins: 1, \
         state: On, .. }"
    );
}

#[test]
fn a_cache_on_a_server() {
    let url = "redis://user:hunter2@127.0.0.1:1?namespace=shop&grace=1h&refresh_early=0.8&lease=3s";
    let cache = Cache::open(url).unwrap().tagged(["sale"]);
    assert_eq!(
        format!("{cache:?}"),
        "Cache { backend: \"redis\", namespace: \"shop\", ttl: Never, timeout: 5s, lease: 3s, grace: 3600s, refresh_early: 0.8, \
         tags: [\"sale\"], serializer: Json, plugins: 0, state: On, .. }"
    );
}

/// What the others hold is told on demand, in a few lines.
#[test]
fn the_backend_and_the_plugins_in_full() {
    for (url, parts) in [
        (
            "memory://?fallback=true&breaker=true",
            &["Fallback", "Recovery", "Breaker", "Memory", "capacity: 100000"][..],
        ),
        ("redis://user:hunter2@127.0.0.1:1?near=100", &["Near", "Redis", "Idle"]),
        ("memcached://127.0.0.1:1,127.0.0.1:2", &["Memcached", "127.0.0.1", "Ketama"]),
    ] {
        let cache = Cache::open(url).unwrap();
        let shown = format!("{:#?}", cache.with_plugin(HitMissRatio::new()));
        for part in parts.iter().chain(&["HitMissRatio"]) {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(!shown.contains("Tagged") && !shown.contains("hunter2") && shown.lines().count() < 100, "{shown}");
    }
}
