//! Functions whose values have tags.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use polycache::backends::memory::Memory;
use polycache::{Cache, cached, multi_cached};
use polycache_testkit::Intercept;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct User {
    id: u64,
    team: u32,
}

/// With clears in memory, and with generations as on a server.
fn caches() -> [Cache; 2] {
    [Cache::memory(), Cache::builder().backend(Intercept::delayed(Arc::new(Memory::new()))).build().unwrap()]
}

#[derive(Clone, Default)]
struct Calls(Arc<AtomicUsize>);

impl Calls {
    fn taken(&self) -> usize {
        self.0.swap(0, Ordering::SeqCst)
    }
}

#[cached(
    cache = cache,
    key = "user:{id}",
    tags = ["user:{id:03}", "users", "{tenant}:team:{result.team}:{{}}"]
)]
async fn user(cache: &Cache, tenant: String, id: u64, calls: &Calls) -> Result<User, String> {
    calls.0.fetch_add(1, Ordering::SeqCst);
    drop(tenant); // The body owns it.
    Ok(User { id, team: (id % 2) as u32 })
}

#[tokio::test]
async fn of_arguments_and_of_the_result() {
    for cache in caches() {
        let calls = Calls::default();
        let get = |id| user(&cache, "acme".to_owned(), id, &calls);
        for tag in ["user:001", "users", "acme:team:1:{}"] {
            for _ in 0..2 {
                assert_eq!(get(1).await, Ok(User { id: 1, team: 1 }));
                assert_eq!(get(2).await, Ok(User { id: 2, team: 0 }));
            }
            calls.taken();
            cache.clear_tag("nobody's").await.unwrap();
            cache.clear_tag("acme:team:1").await.unwrap();
            get(1).await.unwrap();
            assert_eq!(calls.taken(), 0);
            cache.clear_tag(tag).await.unwrap();
            assert!(!cache.exists("user:1").await.unwrap());
            get(1).await.unwrap();
            get(2).await.unwrap();
            assert_eq!(calls.taken(), if tag == "users" { 2 } else { 1 }, "{tag}");
        }
        get(1).refresh().await.unwrap();
        calls.taken();
        assert!(cache.exists("user:1").await.unwrap(), "what is refreshed is stored");
        get(1).read_only().await.unwrap();
        assert_eq!(calls.taken(), 0);
        cache.clear_tag("users").await.unwrap();
        get(1).read_only().await.unwrap();
        assert_eq!(calls.taken(), 1);
    }
}

#[cached(cache = cache, key = "plain:{id}", tags = ["plain"])]
async fn plain(cache: &Cache, id: u64) -> u64 {
    id
}

#[cached(cache = cache, key = "{result}", tags = ["by:{result}"])]
async fn with_an_argument_of_that_name(cache: &Cache, result: u64) -> u64 {
    result + 1
}

#[cached(cache = cache, object, key = "object:{id}", tags = ["team:{result.team}"])]
async fn object(cache: &Cache, id: u64) -> Arc<User> {
    Arc::new(User { id, team: 7 })
}

#[tokio::test]
async fn of_all_sorts_of_functions() {
    for cache in caches() {
        assert_eq!(plain(&cache, 5).await, 5);
        assert_eq!(with_an_argument_of_that_name(&cache, 5).await, 6);
        assert_eq!(object(&cache, 5).await.team, 7);
        assert!(cache.exists("plain:5").await.unwrap() && cache.exists("5").await.unwrap());
        cache.clear_tag("plain").await.unwrap();
        cache.clear_tag("by:6").await.unwrap();
        assert!(!cache.exists("plain:5").await.unwrap() && cache.exists("5").await.unwrap());
        cache.clear_tag("by:5").await.unwrap();
        assert!(!cache.exists("5").await.unwrap());
        if cache.info().capabilities.live_objects {
            assert!(cache.exists("object:5").await.unwrap());
            cache.clear_tag("team:7").await.unwrap();
            assert!(!cache.exists("object:5").await.unwrap());
        }
    }
}

#[multi_cached(cache = cache, keys = ids, key = "user:{ids}", tags = ["users", "user:{ids}", "{tenant}:{ids}:{result.team}"])]
async fn users(cache: &Cache, tenant: &str, ids: &[u64], calls: &Calls) -> Result<HashMap<u64, User>, String> {
    calls.0.fetch_add(ids.len(), Ordering::SeqCst);
    Ok(ids.iter().map(|id| (*id, User { id: *id, team: (id % 2) as u32 })).collect())
}

#[tokio::test]
async fn of_each_of_many_keys() {
    for cache in caches() {
        let calls = Calls::default();
        for (tag, lost) in [("users", 3), ("user:2", 1), ("acme:3:1", 1), ("acme:3:0", 0)] {
            for _ in 0..2 {
                assert_eq!(users(&cache, "acme", &[1, 2, 3], &calls).await.unwrap().len(), 3);
            }
            calls.taken();
            cache.clear_tag(tag).await.unwrap();
            users(&cache, "acme", &[1, 2, 3], &calls).await.unwrap();
            assert_eq!(calls.taken(), lost, "{tag}");
        }
        users(&cache, "acme", &[1, 2, 3], &calls).refresh().await.unwrap();
        calls.taken();
        users(&cache, "acme", &[1, 2, 3], &calls).await.unwrap();
        assert_eq!(calls.taken(), 0, "what is refreshed is stored");
    }
}
