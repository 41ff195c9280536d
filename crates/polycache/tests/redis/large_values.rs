//! Values of megabytes beside small ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use polycache::Cache;
use polycache::Value;
use polycache::backends::redis::Redis;
use polycache_testkit::servers::RedisServer;

const LARGE: usize = 8 << 20;
const READS: usize = 200;

fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::fill(&mut bytes);
    bytes
}

/// How long small reads take, in order, while large values are read or not.
async fn small_reads(cache: &Cache) -> Vec<Duration> {
    let mut took = Vec::new();
    for _ in 0..READS {
        let started = Instant::now();
        assert_eq!(cache.get::<u32>("small").await.unwrap(), Some(1));
        took.push(started.elapsed());
    }
    took.sort_unstable();
    took
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn do_not_keep_small_ones_waiting_for_long() {
    let server = RedisServer::start().await;
    for connections in [1, 4] {
        let redis = Redis::open(&format!("{}?connections={connections}", server.url())).unwrap();
        let cache = Cache::builder().backend(redis).build().unwrap();
        let large = Value::bytes(random(LARGE));
        cache.set("large", large.clone()).await.unwrap();
        cache.set("small", 1).await.unwrap();
        let alone = small_reads(&cache).await;

        let (stop, reads) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let reader = {
            let (cache, stop, reads) = (cache.clone(), stop.clone(), reads.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let got = cache.get::<Value>("large").await.unwrap().unwrap();
                    assert_eq!(got.as_bytes(), large.as_bytes());
                    reads.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        super::support::until("a large read", async || reads.load(Ordering::Relaxed) > 0).await;
        let beside = small_reads(&cache).await;
        stop.store(true, Ordering::Relaxed);
        reader.await.unwrap();

        let show = |took: &[Duration]| {
            format!("median {:?}, 99 % {:?}, most {:?}", took[READS / 2], took[READS * 99 / 100], took[READS - 1])
        };
        eprintln!("{connections} connections: small reads alone: {}", show(&alone));
        eprintln!(
            "{connections} connections: beside {} reads of 8 MiB: {}",
            reads.load(Ordering::Relaxed),
            show(&beside)
        );
        assert!(beside[READS - 1] < Duration::from_secs(2));
    }
}
