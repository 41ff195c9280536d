//! Backends around Redis, and those that can't track.

use std::sync::Arc;

use polycache::backend::Backend;
use polycache::backends::breaker::Breaker;
use polycache::backends::fallback::Fallback;
use polycache::backends::memcached::Memcached;
use polycache::backends::memory::Memory;
use polycache::backends::recovery::Recovery;
use polycache::backends::redis::Redis;
use polycache_testkit::Intercept;
use polycache_testkit::servers::RedisServer;

use super::support::{Log, changed, set, tracked_on};

#[tokio::test]
async fn a_handle_is_wrapped_as_its_backend_is() {
    let server = RedisServer::start().await;
    let redis = || Arc::new(Redis::open(&server.url()).unwrap());
    let other = redis();
    let wrapped: [Arc<dyn Backend>; 3] = [
        Arc::new(Breaker::new(redis())),
        Arc::new(Recovery::new(redis())),
        Arc::new(Breaker::new(Arc::new(Recovery::new(Arc::new(Intercept::delayed(redis())))))),
    ];
    for backend in wrapped {
        let ours = tracked_on(&*backend);
        assert_eq!(ours.backend.info().name, backend.info().name);
        ours.get("k").await;
        set(&*other, "k", "v").await;
        ours.heard_until(changed("k")).await;
        ours.get("k").await;
        ours.set("k", "w").await;
        ours.heard_until(changed("k")).await;
    }
}

#[test]
fn others_track_nothing() {
    let redis = Arc::new(Redis::open("redis://127.0.0.1:1").unwrap());
    let backends: [Arc<dyn Backend>; 3] = [
        Arc::new(Memory::new()),
        Arc::new(Memcached::open("memcached://127.0.0.1:1").unwrap()),
        // While the server is away its answers come from this process's memory.
        Arc::new(Fallback::new(redis)),
    ];
    for backend in backends {
        assert!(backend.tracked(Arc::<Log>::default()).unwrap().is_none());
    }
}
