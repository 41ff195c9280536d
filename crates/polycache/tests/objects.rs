//! `get_or_set_object` and `multi_get_or_set_object`: objects that serde doesn't know, computed once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::{join, join_all};
use polycache::backends::memory::Memory;
use polycache::plugins::Timing;
use polycache::{Cache, CommandName, OnError};
use polycache_testkit::Intercept;
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio::time::timeout;

/// Neither `Clone` nor known to serde.
#[derive(Debug)]
struct Model(u64);

/// Caches that answer at once, that make wait, and that have plugins.
fn caches() -> [Cache; 3] {
    let delayed = Cache::builder().backend(Intercept::delayed(Arc::new(Memory::new()))).build().unwrap();
    [Cache::memory(), delayed.clone(), delayed.namespace("n").with_plugin(Timing::new())]
}

async fn ok(id: u64) -> Result<Arc<Model>, Infallible> {
    Ok(Arc::new(Model(id)))
}

#[tokio::test]
async fn one_computes_and_all_share() {
    for cache in caches() {
        let calls = AtomicUsize::new(0);
        let compute = || async {
            calls.fetch_add(1, Ordering::SeqCst);
            yield_now().await;
            ok(7).await
        };
        let found = join_all((0..10).map(|_| cache.get_or_set_object("k", compute))).await;
        let stored = cache.get_object::<Model>("k").await.unwrap().unwrap();
        assert!(found.iter().all(|found| Arc::ptr_eq(found.as_ref().unwrap(), &stored)));
        assert!(Arc::ptr_eq(&cache.get_or_set_object("k", compute).await.unwrap(), &stored));
        assert_eq!((stored.0, calls.load(Ordering::SeqCst)), (7, 1));
    }
}

#[tokio::test]
async fn an_error_is_shared_and_not_stored() {
    for cache in caches() {
        let failing = || async {
            yield_now().await;
            Err::<Arc<Model>, _>("broken")
        };
        let (one, two) = join(cache.get_or_set_object("k", failing), cache.get_or_set_object("k", failing)).await;
        assert_eq!((one.unwrap_err(), two.unwrap_err()), ("broken", "broken"));
        assert!(!cache.exists("k").await.unwrap());
    }
}

#[tokio::test]
async fn a_write_meanwhile_wins() {
    for cache in caches() {
        let computed = cache.get_or_set_object("k", || async {
            cache.set_object("k", Arc::new(Model(2))).await.unwrap();
            ok(1).await
        });
        assert_eq!(computed.await.unwrap().0, 1);
        assert_eq!(cache.get_object::<Model>("k").await.unwrap().unwrap().0, 2);
    }
}

#[tokio::test]
async fn a_detached_computation_outlives_its_caller() {
    let (cache, open) = (Cache::memory(), Arc::new(Semaphore::new(0)));
    let compute = {
        let open = Arc::clone(&open);
        move || async move {
            open.acquire().await.unwrap().forget();
            ok(1).await
        }
    };
    let call = cache.get_or_set_object("k", compute).detached();
    assert!(timeout(Duration::from_millis(1), call).await.is_err());
    open.add_permits(1);
    assert_eq!(cache.get_or_set_object("k", || ok(2)).await.unwrap().0, 1);
}

#[tokio::test]
async fn another_type_is_replaced() {
    for on_decode_error in [OnError::Fail, OnError::Miss] {
        let cache = Cache::builder().on_decode_error(on_decode_error).build().unwrap();
        cache.set_object("k", Arc::new("another type")).await.unwrap();
        assert_eq!(cache.get_or_set_object("k", || ok(1)).await.unwrap().0, 1);
        assert_eq!(cache.get_object::<Model>("k").await.unwrap().unwrap().0, 1);

        cache.set_object("k", Arc::new("another type")).await.unwrap();
        let many = |keys: Vec<String>| async move { Ok::<_, Infallible>(keys.into_iter().map(|key| (key, model(2)))) };
        let found = cache.multi_get_or_set_object(&["k"], many).await;
        assert_eq!(found[0].as_ref().unwrap().as_ref().unwrap().0, 2);
        assert_eq!(cache.get_object::<Model>("k").await.unwrap().unwrap().0, 2);
    }
}

fn model(id: u64) -> Arc<Model> {
    Arc::new(Model(id))
}

#[tokio::test]
async fn many_are_read_and_computed_together() {
    for cache in caches() {
        cache.set_object("b", model(2)).await.unwrap();
        let compute = |missing: Vec<String>| async move {
            assert_eq!(missing, ["a", "x"]);
            Ok::<_, Infallible>([("a", model(1))])
        };
        let found = cache.multi_get_or_set_object(&["a", "b", "x", "a"], compute).await;
        let found: Vec<Option<u64>> = found.into_iter().map(|found| found.unwrap().map(|model| model.0)).collect();
        assert_eq!(found, [Some(1), Some(2), None, Some(1)]);
        assert_eq!(cache.get_object::<Model>("a").await.unwrap().unwrap().0, 1);
    }
}

#[tokio::test]
async fn plugins_see_what_happens() {
    let timing = Timing::new();
    let cache = Cache::builder().plugin(timing.clone()).build().unwrap();
    cache.get_or_set_object("k", || ok(1)).await.unwrap();
    let count = |name| timing.figures(name).map_or(0, |figures| figures.count);
    assert_eq!([CommandName::GetObject, CommandName::Set].map(count), [1, 1]);
}

/// A backend of bytes: nothing is stored, but those who ask at the same time share.
#[tokio::test]
async fn a_backend_without_objects_shares_what_is_under_way() {
    let bytes = Memory::builder().max_bytes(1 << 20).build().unwrap();
    let cache = Cache::builder().backend(bytes).build().unwrap();
    let calls = AtomicUsize::new(0);
    let compute = || async {
        calls.fetch_add(1, Ordering::SeqCst);
        yield_now().await;
        ok(1).await
    };
    let (one, two) = join(cache.get_or_set_object("k", compute), cache.get_or_set_object("k", compute)).await;
    assert!(Arc::ptr_eq(&one.unwrap(), &two.unwrap()));
    assert!(!cache.exists("k").await.unwrap());
    cache.get_or_set_object("k", compute).await.unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}
