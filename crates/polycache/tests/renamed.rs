//! The library under another name, or re-exported by another crate: the attributes are told where it is.
#![cfg(feature = "macros")]
#![allow(
    unused_qualifications,
    reason = "a lint takes the path to the library for one that is written where it is used"
)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(unused_extern_crates, reason = "what nobody is to find")]
// What an expansion finds that looks for the library by its own name.
extern crate core as polycache;
extern crate polycache as renamed;

use renamed::{Cache, cached, cached_stampede, multi_cached};

#[cached(crate = renamed, alias = "renamed", ttl = "60s", skip_if = Option::is_none)]
async fn one(id: u64) -> Option<u64> {
    Some(id)
}

#[cached(crate = renamed, url = "memory://", ttl = "never", key = "kept:{id}", cache_errors)]
async fn kept(id: u64) -> Result<u64, String> {
    Ok(id)
}

#[cached(crate = ::renamed, url = "memory://", ttl = renamed::Ttl::secs(60), key_builder = |id: &u64| *id)]
async fn fallible(id: u64) -> Result<u64, String> {
    if id == 0 { Err("none".to_owned()) } else { Ok(id) }
}

mod reexported {
    pub(crate) use renamed as cache;
}

#[cached_stampede(crate = reexported::cache, cache = cache, lease = "2s", key = "leased:{id}")]
async fn leased(cache: &Cache, id: u64) -> u64 {
    id
}

#[multi_cached(crate = reexported::cache, cache = cache, keys = ids, key = "many:{ids}")]
async fn many(cache: &Cache, ids: &[u64]) -> Result<Vec<(u64, u64)>, String> {
    Ok(ids.iter().map(|id| (*id, id + 1)).collect())
}

#[tokio::test]
async fn attributes_find_the_library_where_they_are_told() {
    let config =
        renamed::Config::json(r#"{"default": {"backend": "memory"}, "renamed": {"backend": "memory"}}"#).unwrap();
    renamed::caches().set_config(config).unwrap();
    assert_eq!(one(1).await, Some(1));
    assert_eq!(one(1).read_only().await, Some(1));
    assert_eq!(kept(1).await, Ok(1));
    assert_eq!((fallible(0).await, fallible(1).await), (Err("none".to_owned()), Ok(1)));

    let cache = Cache::memory();
    assert_eq!(leased(&cache, 1).await, 1);
    assert_eq!(cache.get::<u64>("leased:1").await.unwrap(), Some(1));
    assert_eq!(many(&cache, &[1, 2]).await, Ok(vec![(1, 2), (2, 3)]));
}
