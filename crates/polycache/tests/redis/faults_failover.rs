//! Fleets that lose a server under load.

use std::time::{Duration, Instant};

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
