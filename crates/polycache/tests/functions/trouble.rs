//! A function goes on without its cache.

use std::sync::Arc;

use polycache::backends::memory::Memory;
use polycache::serializers::Json;
use polycache::{Cache, ErrorKind, cached, multi_cached};
use polycache_testkit::Intercept;

#[cached(cache = cache, key = "k")]
async fn value(cache: &Cache, n: u32) -> u32 {
    n
}

#[multi_cached(cache = cache, keys = ids, key = "{ids}")]
async fn values(cache: &Cache, ids: &[u32], n: u32) -> Vec<(u32, u32)> {
    ids.iter().map(|id| (*id, *id + n)).collect()
}

#[tokio::test]
async fn trouble_with_the_backend_is_not_the_callers() {
    for kind in [ErrorKind::Unavailable, ErrorKind::Timeout, ErrorKind::Backend, ErrorKind::UnknownOutcome] {
        let (backend, faults) = Intercept::failing(Arc::new(Memory::new()));
        let cache = Cache::builder().backend(backend).build().unwrap();
        faults.set(Some(kind));
        assert_eq!(value(&cache, 1).await, 1);
        assert_eq!(value(&cache, 2).refresh().await, 2);
        assert_eq!(value(&cache, 3).read_only().await, 3);
        assert_eq!(value(&cache, 4).write_behind().await, 4);
        assert_eq!(value(&cache, 4).invalidate().await.unwrap_err().kind(), kind);
        assert_eq!(values(&cache, &[1, 2], 1).await, [(1, 2), (2, 3)]);
        assert_eq!(values(&cache, &[1, 2], 2).refresh().await, [(1, 3), (2, 4)]);
        assert_eq!(values(&cache, &[1, 2], 3).read_only().await, [(1, 4), (2, 5)]);
        faults.set(None);
        assert_eq!(value(&cache, 5).await, 5);
        assert_eq!(value(&cache, 6).await, 5);
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_computed() {
    let cache = Cache::builder().serializer(Json).build().unwrap();
    cache.set("k", "no number").await.unwrap();
    assert_eq!(value(&cache, 1).await, 1);
    cache.set("2", "no number").await.unwrap();
    assert_eq!(values(&cache, &[1, 2], 1).await, [(1, 2), (2, 3)]);
}

#[tokio::test]
async fn a_cache_that_is_off_or_closed_computes() {
    let cache = Cache::memory();
    cache.set_enabled(false);
    assert_eq!((value(&cache, 1).await, value(&cache, 2).await), (1, 2));
    assert_eq!(values(&cache, &[1], 1).await, [(1, 2)]);
    cache.set_enabled(true);
    assert_eq!((value(&cache, 3).await, value(&cache, 4).await), (3, 3));
    cache.close().await.unwrap();
    assert_eq!((value(&cache, 5).await, value(&cache, 6).refresh().await), (5, 6));
}
