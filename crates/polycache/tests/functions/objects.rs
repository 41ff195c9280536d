//! Functions whose values serde doesn't know: `#[cached(object)]` and its siblings.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use polycache::plugins::Timing;
use polycache::{Cache, Ttl, cached, cached_stampede, multi_cached};
use tokio::task::yield_now;

/// Neither `Clone` nor known to serde.
#[derive(Debug)]
struct Model {
    id: u64,
}

#[cached(object, cache = cache, key = "model:{id}")]
async fn model(cache: &Cache, id: u64, calls: &AtomicUsize) -> Arc<Model> {
    calls.fetch_add(1, Ordering::SeqCst);
    yield_now().await;
    Arc::new(Model { id })
}

#[tokio::test]
async fn all_callers_share_one_object() {
    for cache in [Cache::memory(), Cache::memory().with_plugin(Timing::new())] {
        let calls = AtomicUsize::new(0);
        let models = join_all((0..10).map(|_| model(&cache, 7, &calls))).await;
        let later = model(&cache, 7, &calls).await;
        assert!(models.iter().all(|model| Arc::ptr_eq(model, &later)));
        assert!(Arc::ptr_eq(&cache.get_object::<Model>("model:7").await.unwrap().unwrap(), &later));
        assert_eq!((later.id, calls.load(Ordering::SeqCst)), (7, 1));

        let fresh = model(&cache, 7, &calls).refresh().await;
        assert!(!Arc::ptr_eq(&fresh, &later));
        assert!(Arc::ptr_eq(&model(&cache, 7, &calls).read_only().await, &fresh));
        assert!(model(&cache, 7, &calls).invalidate().await.unwrap());
    }
}

#[cached(
    object,
    cache = cache,
    key = "told:{id}",
    ttl_from = |model: &Arc<Model>| Ttl::secs(model.id),
    skip_if = |model| model.id == 13
)]
async fn told(cache: &Cache, id: u64) -> Result<Arc<Model>, String> {
    if id == 0 { Err("none".to_owned()) } else { Ok(Arc::new(Model { id })) }
}

#[tokio::test]
async fn what_is_told_of_values_is_told_of_objects() {
    let cache = Cache::memory();
    assert_eq!(told(&cache, 0).await.unwrap_err(), "none");
    assert_eq!(told(&cache, 13).await.unwrap().id, 13);
    assert_eq!(told(&cache, 60).await.unwrap().id, 60);
    assert!(!cache.exists("told:0").await.unwrap() && !cache.exists("told:13").await.unwrap());
    assert!(matches!(cache.ttl("told:60").await.unwrap(), Some(Ttl::After(left)) if left.as_secs() <= 60));
}

#[cached_stampede(object, lease = "2s", cache = cache, key = "leased")]
async fn leased(cache: &Cache) -> Arc<Model> {
    Arc::new(Model { id: 1 })
}

#[tokio::test]
async fn a_lease_changes_nothing_for_objects() {
    let cache = Cache::memory();
    assert!(Arc::ptr_eq(&leased(&cache).await, &leased(&cache).await));
}

#[multi_cached(object, cache = cache, keys = ids, key = "model:{ids}")]
async fn models(cache: &Cache, ids: &[u64], calls: &AtomicUsize) -> Result<HashMap<u64, Arc<Model>>, String> {
    calls.fetch_add(1, Ordering::SeqCst);
    Ok(ids.iter().filter(|id| **id != 404).map(|id| (*id, Arc::new(Model { id: *id }))).collect())
}

#[tokio::test]
async fn many_share_their_objects_with_calls_for_one() {
    let (cache, calls) = (Cache::memory(), AtomicUsize::new(0));
    let found = models(&cache, &[1, 2, 404], &calls).await.unwrap();
    assert_eq!((found.len(), found[&2].id), (2, 2));
    assert!(Arc::ptr_eq(&found[&1], &model(&cache, 1, &calls).await));
    assert!(Arc::ptr_eq(&found[&1], &models(&cache, &[1], &calls).read_only().await.unwrap()[&1]));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}
