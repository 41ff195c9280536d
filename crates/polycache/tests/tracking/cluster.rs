//! Clusters: each node tells of its own keys, and slots change their node.

use std::time::{Duration, Instant};

use polycache::backend::{Backend, Key};
use polycache::backends::redis::Redis;
use polycache_testkit::servers::{RedisCluster, ignored};

use super::support::{Heard, changed, set, text, tracked, until};

#[tokio::test]
async fn each_node_tells_of_its_own_keys() {
    let cluster = RedisCluster::start(3, 0).await;
    let (other, ours) = (Redis::open(&cluster.url()).unwrap(), tracked(&cluster.url()));
    let keys: Vec<String> = (0..30).map(|key| format!("k{key}")).collect();
    let names: Vec<Key<'_>> = keys.iter().map(|key| Key::plain(key)).collect();
    ours.backend.multi_get(&names, polycache::backend::Want::VALUE).await.unwrap();
    for key in &keys {
        set(&other, key, "v").await;
        assert_eq!(ours.heard_until(changed(key)).await, [changed(key)]);
    }
    for key in &keys {
        assert_eq!(ours.get(key).await.as_deref(), Some("v"));
        ours.set(key, "w").await;
        ours.heard_until(changed(key)).await;
    }
    ours.get("k0").await;
    cluster.flush().await;
    ours.heard_until(Heard::Flushed).await;
}

#[tokio::test]
async fn a_slot_that_moves() {
    let cluster = RedisCluster::start(3, 0).await;
    let (other, ours) = (Redis::open(&cluster.url()).unwrap(), tracked(&cluster.url()));
    set(&other, "{k}there", "v").await;
    assert_eq!(ours.get("{k}there").await.as_deref(), Some("v"));
    assert_eq!(ours.get("{k}missing").await, None);
    let way = cluster.move_slot("{k}").await;
    way.key("{k}there").await;
    // The node that loses an entry tells of it.
    assert_eq!(ours.heard_until(changed("{k}there")).await, [changed("{k}there")]);
    way.end().await;

    // What is missing has nobody who could tell: it is told with the first answer of the new node.
    set(&other, "{k}missing", "v").await;
    assert_eq!(ours.heard(), []);
    assert_eq!(ours.get("{k}there").await.as_deref(), Some("v"));
    assert!(ours.has_heard(&Heard::Moved), "{:?}", ours.heard());
    assert_eq!(ours.get("{k}missing").await.as_deref(), Some("v"));
    ours.heard();
    for key in ["{k}there", "{k}missing"] {
        set(&other, key, "w").await;
        assert_eq!(ours.heard_until(changed(key)).await, [changed(key)]);
    }
}

/// All keys of a slot at once, as Valkey 9 (`CLUSTER MIGRATESLOTS`) and Redis 8.4 (`CLUSTER MIGRATION`) do it.
#[tokio::test]
async fn a_slot_that_moves_at_once() {
    let cluster = RedisCluster::start(3, 0).await;
    let from = cluster.master_of("{k}").await;
    let known = from.cli(&["COMMAND", "INFO", "cluster|migrateslots", "cluster|migration"]).await;
    if !known.contains("cluster|") {
        return ignored("the server moves slots key by key");
    }
    let (other, ours) = (Redis::open(&cluster.url()).unwrap(), tracked(&cluster.url()));
    set(&other, "{k}there", "v").await;
    assert_eq!(ours.get("{k}there").await.as_deref(), Some("v"));
    assert_eq!(ours.get("{k}missing").await, None);
    let to = cluster.nodes().iter().find(|node| node.port() != from.port()).unwrap();
    let (slot, id) = (from.cli(&["CLUSTER", "KEYSLOT", "{k}"]).await, to.cli(&["CLUSTER", "MYID"]).await);
    if known.contains("migrateslots") {
        from.cli(&["CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", &slot, &slot, "NODE", &id]).await;
    } else {
        to.cli(&["CLUSTER", "MIGRATION", "IMPORT", &slot, &slot]).await;
    }
    assert_eq!(ours.heard_until(changed("{k}there")).await, [changed("{k}there")]);
    until("the move", async || cluster.master_of("{k}").await.port() == to.port()).await;
    assert_eq!(ours.get("{k}there").await.as_deref(), Some("v"));
    assert!(ours.has_heard(&Heard::Moved), "{:?}", ours.heard());
    assert_eq!(ours.get("{k}missing").await, None);
    ours.heard();
    set(&other, "{k}missing", "v").await;
    assert_eq!(ours.heard_until(changed("{k}missing")).await, [changed("{k}missing")]);
}

/// What a node answers that was asked just this once isn't to be kept: so the key counts as changed before there is an answer.
#[tokio::test]
async fn a_slot_that_is_half_way() {
    let cluster = RedisCluster::start(2, 0).await;
    let (other, ours) = (Redis::open(&cluster.url()).unwrap(), tracked(&cluster.url()));
    set(&other, "{k}1", "v").await;
    set(&other, "{k}2", "v").await;
    ours.get("{k}2").await;
    let way = cluster.move_slot("{k}").await;
    way.key("{k}1").await;
    ours.heard();
    let keys = [Key::plain("{k}1"), Key::plain("{k}2")];
    for _ in 0..3 {
        assert_eq!(ours.get("{k}1").await.as_deref(), Some("v"));
        assert!(ours.heard().contains(&changed("{k}1")));
        let found = ours.backend.multi_get(&keys, polycache::backend::Want::VALUE).await.unwrap();
        let values: Vec<String> = found.into_iter().map(|found| text(&found.unwrap().value.unwrap())).collect();
        assert_eq!(values, ["v", "v"]);
        assert!(ours.heard().contains(&changed("{k}1")));
    }
    // The other one is where it was.
    set(&other, "{k}2", "w").await;
    assert_eq!(ours.heard_until(changed("{k}2")).await, [changed("{k}2")]);
    way.end().await;
}

#[tokio::test]
async fn a_node_that_joins_and_takes_a_slot() {
    let cluster = RedisCluster::start(3, 0).await;
    let url = format!("redis+cluster://{}", cluster.nodes()[0].address());
    let (other, ours) = (Redis::open(&cluster.url()).unwrap(), tracked(&url));
    set(&other, "k", "v").await;
    for round in 0..4 {
        assert_eq!(ours.get("k").await.as_deref(), Some("v"), "round {round}");
        ours.heard();
        let way = cluster.move_slot("k").await;
        way.key("k").await;
        ours.heard_until(changed("k")).await;
        assert_eq!(ours.get("k").await.as_deref(), Some("v"), "asked");
        assert!(ours.heard().contains(&changed("k")));
        way.end().await;
        assert_eq!(ours.get("k").await.as_deref(), Some("v"), "moved");
        assert!(ours.heard().contains(&Heard::Moved));
    }
}

/// The old master's connection stands, and tells of what it gets from the new one. It is given up all the same, as it may be cut off.
#[tokio::test]
async fn a_replica_that_is_promoted() {
    let cluster = RedisCluster::start(3, 3).await;
    let ours = tracked(&format!("{}?heartbeat=200ms", cluster.url()));
    let other = Redis::open(&cluster.url()).unwrap();
    ours.get("k").await;
    let master = cluster.master_of("k").await;
    // A heartbeat has told the connection that its server is a master.
    until("a heartbeat", async || {
        let clients = master.cli(&["CLIENT", "LIST"]).await;
        clients.lines().any(|client| client.contains("cmd=role") && client.contains("flags=t"))
    })
    .await;
    let nodes = master.cli(&["CLUSTER", "NODES"]).await;
    let id = master.cli(&["CLUSTER", "MYID"]).await;
    let replica = nodes.lines().find(|line| line.contains("slave") && line.contains(&id)).unwrap();
    let port = replica.split([' ', '@']).nth(1).unwrap().rsplit(':').next().unwrap();
    let replica = cluster.nodes().iter().find(|node| node.port().to_string() == port).unwrap();
    let promoted = Instant::now();
    replica.cli(&["CLUSTER", "FAILOVER"]).await;
    ours.heard_until(Heard::Disconnected).await;
    eprintln!("told {:?} after the failover was asked for", promoted.elapsed());
    cluster.settled().await;
    ours.get("k").await;
    assert!(ours.heard().contains(&Heard::Moved));
    set(&other, "k", "v").await;
    ours.heard_until(changed("k")).await;
}

#[tokio::test]
async fn a_master_that_dies() {
    let cluster = RedisCluster::start(3, 3).await;
    let settings = "?heartbeat=300ms&connect_timeout=500ms";
    let (other, ours) = (Redis::open(&cluster.url()).unwrap(), tracked(&format!("{}{settings}", cluster.url())));
    set(&other, "k", "v").await;
    for how in ["killed", "stopped"] {
        ours.get("k").await;
        ours.heard();
        let master = cluster.master_of("k").await;
        let lost = Instant::now();
        if how == "killed" {
            master.kill();
        } else {
            master.stop();
        }
        ours.heard_until(Heard::Disconnected).await;
        assert!(lost.elapsed() < Duration::from_secs(3), "{how}: {:?}", lost.elapsed());
        cluster.new_master_of("k", master).await;
        until("an answer", async || ours.backend.get(Key::plain("k")).await.is_ok()).await;
        assert!(ours.heard().contains(&Heard::Moved), "{how}");
        until("a write", async || other.delete(Key::plain("k"), polycache::backend::When::Always).await.is_ok()).await;
        until("an answer", async || ours.backend.get(Key::plain("k")).await.is_ok()).await;
        ours.heard();
        set(&other, "k", how).await;
        ours.heard_until(changed("k")).await;
        cluster.repair().await;
    }
}
