//! Fleets that lose a server under load.

use std::time::{Duration, Instant};

use polycache_testkit::calm;
use polycache_testkit::servers::{RedisCluster, RedisSentinel};

use super::load::Load;
use super::support::cache_with;

const TIMEOUT: Duration = Duration::from_secs(1);
const SETTINGS: &str = "?heartbeat=300ms&connect_timeout=500ms";

/// How long service may be away. The fleets themselves take a second or two to agree on a successor, longer on a busy machine.
const BOUND: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_sentinel_primary() {
    let fleet = RedisSentinel::start().await;
    let cache = cache_with(&format!("{}{SETTINGS}", fleet.url()), TIMEOUT);
    let mut load = Load::start(&cache, TIMEOUT, 16).await;
    for how in ["killed", "stopped"] {
        let primary = fleet.primary().await;
        let lost = Instant::now();
        if how == "killed" {
            primary.kill();
        } else {
            primary.stop();
        }
        load.troubled().await;
        let successor = fleet.new_primary(primary).await;
        let elected = lost.elapsed();
        let away = load.served_since(lost + elected).await;
        eprintln!("sentinel primary {how}: a successor after {elected:?}, every task is served {away:?} later");
        assert!(away < BOUND);
        assert_eq!(fleet.primary().await.port(), successor.port());
        // The old one comes back, at first with its old role.
        fleet.repair().await;
        load.served_since(Instant::now()).await;
    }
    load.stop("sentinel").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_cluster_master() {
    let cluster = RedisCluster::start(3, 3).await;
    let cache = cache_with(&format!("{}{SETTINGS}", cluster.url()), TIMEOUT);
    let mut load = Load::start(&cache, TIMEOUT, 16).await;
    for how in ["killed", "stopped"] {
        let master = cluster.master_of("0:1").await;
        let lost = Instant::now();
        if how == "killed" {
            master.kill();
        } else {
            master.stop();
        }
        load.troubled().await;
        cluster.new_master_of("0:1", master).await;
        let elected = lost.elapsed();
        let away = load.served_since(lost + elected).await;
        eprintln!("cluster master {how}: a successor after {elected:?}, every task is served {away:?} later");
        assert!(away < BOUND);
        cluster.repair().await;
        load.served_since(Instant::now()).await;
    }
    load.stop("cluster").await;
}

/// A master that stands still costs its own keys one timeout, and no other key anything.
#[tokio::test]
async fn a_cluster_master_that_stands_still() {
    calm(a_cluster_master_that_stands_still_once).await;
}

async fn a_cluster_master_that_stands_still_once() {
    let cluster = RedisCluster::start(3, 0).await;
    let timeout = Duration::from_millis(200);
    let cache = cache_with(&cluster.url(), timeout);
    let lost = cluster.master_of("lost").await;
    let mut held = Vec::new();
    for i in 0..100 {
        let key = format!("k{i}");
        cache.set(&key, i).await.unwrap();
        if cluster.master_of(&key).await.port() != lost.port() {
            held.push(key);
        }
        if held.len() == 3 {
            break;
        }
    }
    cache.set("lost", 1).await.unwrap();
    lost.stop();
    let stopped = Instant::now();
    let mut slow = 0;
    while stopped.elapsed() < Duration::from_millis(1500) {
        let started = Instant::now();
        cache.set("lost", 2).await.unwrap_err();
        slow += u32::from(started.elapsed() > timeout * 3 / 4);
        for key in &held {
            cache.get::<i32>(key).await.unwrap();
        }
    }
    assert!(slow <= 2, "{slow} slow calls");
    lost.resume();
    super::support::until_it_serves(&cache).await;
}
