//! What is near is decoded once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use polycache::backend::Backend;
use polycache::backends::memory::Memory;
use polycache::backends::near::Near;
use polycache::{Cache, Value};
use polycache_testkit::Intercept;
use serde::{Deserialize, Deserializer, Serialize};

static DECODED: AtomicUsize = AtomicUsize::new(0);

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Counted(u32);

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        DECODED.fetch_add(1, Ordering::SeqCst);
        u32::deserialize(deserializer).map(Self)
    }
}

#[tokio::test]
async fn a_value_is_decoded_once() {
    let far = Memory::builder().max_bytes(1 << 20).build().unwrap();
    let near =
        Near::builder().ttl(std::time::Duration::from_secs(3_600)).build(Arc::new(Intercept::delayed(Arc::new(far))));
    let cache = Cache::builder().backend(near.unwrap()).namespace("n").build().unwrap();
    cache.set("k", Counted(7)).await.unwrap();
    for _ in 0..1_000 {
        assert_eq!(cache.get("k").await.unwrap(), Some(Counted(7)));
        assert_eq!(cache.multi_get(&["k"]).await.unwrap(), [Some(Counted(7))]);
        assert_eq!(cache.get_or_set("k", || async { Err(()) }).await, Ok(Counted(7)));
    }
    assert_eq!(DECODED.load(Ordering::SeqCst), 1);
    // Another type is read from the same bytes.
    assert_eq!(cache.get("k").await.unwrap(), Some(7_u8));
    assert_eq!(cache.get::<Value>("k").await.unwrap().unwrap().as_bytes(), Some(&b"7"[..]));
}

/// Where the far backend holds live objects, both tiers share them.
#[tokio::test]
async fn live_objects_are_shared() {
    struct Plain;

    let near = Near::new(Arc::new(Memory::new())).unwrap();
    assert!(near.info().capabilities.live_objects);
    let cache = Cache::builder().backend(near).build().unwrap();
    let object = Arc::new(Plain);
    cache.set_object("k", Arc::clone(&object)).await.unwrap();
    for _ in 0..2 {
        assert!(Arc::ptr_eq(&cache.get_object::<Plain>("k").await.unwrap().unwrap(), &object));
    }
}
