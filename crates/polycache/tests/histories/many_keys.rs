//! Eight processes with near caches on 64 keys. Three of the processes don't write, so what they miss of others' writes stays missed.
//!
//! | | Redis, tracked | cluster, tracked | sentinels, tracked | Redis, by time | memcached, by time |
//! |---|---|---|---|---|---|
//! | connections cut, reset, refused, silent, late | yes | | | yes | yes |
//! | a server stands still | yes | yes | yes | yes | yes |
//! | a server is killed, and comes back empty | yes | yes | | yes | yes |
//! | another server takes its place | | yes | yes | | |
//! | slots move | | yes | | | |
//! | `FLUSHALL` | yes | yes | yes | yes | |
//! | evictions | yes | | | yes | |
//! | `CLIENT KILL` | yes | yes | yes | yes | |
//! | the table of tracked keys overflows | yes | yes | yes | | |
//! | TTLs, and changes of them | yes | yes | yes | yes | yes |

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use polycache_testkit::Proxy;
use polycache_testkit::histories::{Fault, Histories};
use polycache_testkit::servers::{Memcached as MemcachedServer, RedisCluster, RedisSentinel, RedisServer};
use tokio::time::sleep;

use super::{LEASE, SECONDS, SETTINGS, TURN, open};

const PROCESSES: usize = 8;
const READERS: usize = 3;
const KEYS: usize = 64;
const LIFE: Duration = Duration::from_secs(5);

/// Two and a half heartbeats, on a machine that is busy with all this.
const TRACKED: Duration = Duration::from_millis(1_500);
/// What is near by time alone, on that machine.
const BY_TIME_MILLIS: u64 = 300;
const BY_TIME: Duration = Duration::from_millis(BY_TIME_MILLIS + 2);

async fn run_many(histories: Histories, seconds: f64, faults: u64) {
    let seconds = std::env::var(SECONDS).map_or(seconds, |seconds| seconds.parse().expect("seconds"));
    let histories = histories.keys(KEYS).readers(READERS).lives(LIFE).lease(LEASE);
    let tally = histories.run(Duration::from_secs_f64(seconds)).await;
    assert!(
        tally.checked > 500 && tally.computed > 50 && tally.faults >= faults,
        "hardly anything was done: {tally:?}"
    );
}

/// A command that somebody else gives the server.
fn command(server: &Arc<RedisServer>, name: &str, command: &'static [&'static str]) -> Fault {
    let server = Arc::clone(server);
    Fault::new(name, move |_| {
        let server = Arc::clone(&server);
        async move { drop(server.cli(command).await) }
    })
}

/// The server makes room, at random, for what is written meanwhile.
fn evictions(server: &Arc<RedisServer>) -> Fault {
    const FILL: &str = "for i = 1, 2000 do redis.call('SET', 'filler' .. i, string.rep('x', 400)) end";
    let server = Arc::clone(server);
    let fault = Fault::new("the server has too little memory", move |time| {
        let server = Arc::clone(&server);
        async move {
            server.cli(&["CONFIG", "SET", "maxmemory-policy", "allkeys-random"]).await;
            server.cli(&["EVAL", FILL, "0"]).await;
            let memory = server.cli(&["INFO", "memory"]).await;
            let used = memory.lines().find_map(|line| line.trim_end().strip_prefix("used_memory:")).expect("is told");
            let less = used.parse::<u64>().expect("a number of bytes") - 300_000;
            server.cli(&["CONFIG", "SET", "maxmemory", &less.to_string()]).await;
            sleep(time).await;
            server.cli(&["CONFIG", "SET", "maxmemory", "0"]).await;
        }
    });
    fault.forgets()
}

fn restart(server: &Arc<RedisServer>) -> Fault {
    let server = Arc::clone(server);
    let fault = Fault::new("Redis is killed, and comes back empty", move |time| {
        let server = Arc::clone(&server);
        async move {
            server.kill();
            sleep(time).await;
            server.restart().await;
        }
    });
    fault.forgets()
}

/// What can happen to one Redis server.
fn faults_of(server: &Arc<RedisServer>) -> Vec<Fault> {
    vec![
        Fault::of_server("Redis", server, RedisServer::stop, RedisServer::resume),
        command(server, "all connections are killed", &["CLIENT", "KILL", "TYPE", "normal"]),
        command(server, "the server is flushed", &["FLUSHALL"]).forgets(),
        command(server, "the server is flushed", &["FLUSHALL", "ASYNC"]).forgets(),
    ]
}

/// What makes a server forget whom it has to tell.
fn small_table(server: &Arc<RedisServer>) -> [Fault; 2] {
    [
        command(server, "the server remembers four keys", &["CONFIG", "SET", "tracking-table-max-keys", "4"]),
        command(server, "the server remembers many keys", &["CONFIG", "SET", "tracking-table-max-keys", "1000"]),
    ]
}

/// Each process with a way of its own to the server.
async fn on_server(
    name: &str,
    address: SocketAddr,
    url_at: impl Fn(SocketAddr) -> String,
    settings: &str,
) -> Histories {
    let (mut backends, mut faults) = (Vec::new(), Vec::new());
    for process in 0..PROCESSES {
        let proxy = Arc::new(Proxy::start(address).await);
        backends.push(open(&format!("{}?{SETTINGS}{settings}", url_at(proxy.address()))));
        faults.extend(Fault::of_proxy(&format!("process {process}"), &proxy));
    }
    Histories::new(name, backends).faults(faults)
}

async fn on_one_redis(name: &str, near: &str) -> (Histories, Arc<RedisServer>) {
    let server = Arc::new(RedisServer::start().await);
    let histories = on_server(name, server.address(), |at| server.url_at(at), near).await;
    // A third of all faults: each process has ten of its proxy.
    let own = || faults_of(&server).into_iter().chain([evictions(&server), restart(&server)]);
    let faults: Vec<Fault> = (0..6).flat_map(|_| own()).collect();
    (histories.faults(faults), server)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_keys_tracked() {
    let _turn = TURN.lock().await;
    let (histories, server) = on_one_redis("tracked Redis", "&near=tracked").await;
    let tables = (0..4).flat_map(|_| small_table(&server));
    run_many(histories.faults(tables).near(TRACKED), 8.0, 8).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_keys_by_time() {
    let _turn = TURN.lock().await;
    let (histories, _) = on_one_redis("Redis by time", &format!("&near={BY_TIME_MILLIS}")).await;
    run_many(histories.near(BY_TIME), 4.0, 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_keys_on_memcached() {
    let _turn = TURN.lock().await;
    let server = Arc::new(MemcachedServer::start().await);
    let near = format!("&near={BY_TIME_MILLIS}");
    let histories = on_server("memcached by time", server.address(), |at| server.url_at(at), &near).await;
    let restart = |server: &Arc<MemcachedServer>| {
        let server = Arc::clone(server);
        let fault = Fault::new("memcached is killed, and comes back empty", move |time| {
            let server = Arc::clone(&server);
            async move {
                server.kill();
                sleep(time).await;
                server.restart().await;
            }
        });
        fault.forgets()
    };
    let own =
        |_| [Fault::of_server("memcached", &server, MemcachedServer::stop, MemcachedServer::resume), restart(&server)];
    run_many(histories.faults((0..10).flat_map(own)).near(BY_TIME), 4.0, 4).await;
}

/// A fault of one of the nodes.
fn on_a_node<F>(cluster: &Arc<RedisCluster>, name: &str, act: fn(Arc<RedisCluster>, usize, Duration) -> F) -> Fault
where
    F: Future<Output = ()> + Send + 'static,
{
    let cluster = Arc::clone(cluster);
    Fault::new(name, move |time| act(Arc::clone(&cluster), fastrand::usize(..cluster.nodes().len()), time))
}

/// A slot is between two masters for longer than the bound, one of its keys there and the others here.
async fn move_a_slot(cluster: Arc<RedisCluster>, _: usize, time: Duration) {
    let key = format!("histories:{}", fastrand::usize(..KEYS));
    let way = cluster.move_slot(&key).await;
    sleep(time / 4).await;
    way.key(&key).await;
    sleep(time * 3).await;
    way.end().await;
}

/// As somebody asks for it: the master waits for its replica, so nothing is lost.
async fn promote_the_replica(cluster: Arc<RedisCluster>, _: usize, _: Duration) {
    let mut replica = None;
    for node in cluster.nodes() {
        if node.cli(&["ROLE"]).await.starts_with("slave") {
            replica = Some(node);
        }
    }
    let replica = replica.expect("there is a replica");
    replica.cli(&["CLUSTER", "FAILOVER"]).await;
    // It may come to nothing, after five seconds.
    for _ in 0..60 {
        if replica.cli(&["ROLE"]).await.starts_with("master") {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    cluster.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_keys_on_a_cluster() {
    let _turn = TURN.lock().await;
    let cluster = Arc::new(RedisCluster::start(3, 1).await);
    let url = format!("{}?{SETTINGS}&near=tracked", cluster.url());
    let mut histories = Histories::new("tracked Redis Cluster", (0..PROCESSES).map(|_| open(&url)).collect());
    for _ in 0..3 {
        histories = histories.fault(on_a_node(&cluster, "a slot moves", move_a_slot));
    }
    histories = histories
        .fault(on_a_node(&cluster, "the replica is promoted", promote_the_replica))
        .fault(on_a_node(&cluster, "a node stands still", |cluster, node, time| async move {
            cluster.nodes()[node].stop();
            sleep(time).await;
            cluster.nodes()[node].resume();
        }))
        .fault(on_a_node(&cluster, "a node's connections are killed", |cluster, node, _| async move {
            cluster.nodes()[node].cli(&["CLIENT", "KILL", "TYPE", "normal"]).await;
        }))
        .fault(on_a_node(&cluster, "a node remembers few keys", |cluster, node, _| async move {
            cluster.nodes()[node].cli(&["CONFIG", "SET", "tracking-table-max-keys", "4"]).await;
        }))
        .fault(on_a_node(&cluster, "a node is killed, and comes back empty", restart_node).forgets())
        .fault(
            on_a_node(&cluster, "all nodes are flushed", |cluster, _, _| async move { cluster.flush().await })
                .forgets(),
        );
    run_many(histories.near(TRACKED), 8.0, 4).await;
}

async fn restart_node(cluster: Arc<RedisCluster>, node: usize, _: Duration) {
    cluster.nodes()[node].restart().await;
    cluster.settled().await;
}

/// A failover: what the replica has not got yet is lost.
fn failover(fleet: &Arc<RedisSentinel>, name: &str, killed: bool) -> Fault {
    let fleet = Arc::clone(fleet);
    let fault = Fault::new(name, move |_| {
        let fleet = Arc::clone(&fleet);
        async move {
            let primary = fleet.primary().await;
            if killed {
                primary.kill();
            } else {
                let url = fleet.url();
                let service = url.rsplit('/').next().expect("the name that the sentinels know");
                fleet.sentinels()[0].cli(&["SENTINEL", "FAILOVER", service]).await;
            }
            fleet.new_primary(primary).await;
            fleet.repair().await;
        }
    });
    fault.loses()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_keys_under_sentinels() {
    let _turn = TURN.lock().await;
    let fleet = Arc::new(RedisSentinel::start().await);
    let url = format!("{}?{SETTINGS}&near=tracked", fleet.url());
    let histories = Histories::new("tracked Redis under sentinels", (0..PROCESSES).map(|_| open(&url)).collect());
    let on_primary = |name: &str, command: &'static [&'static str]| {
        let fleet = Arc::clone(&fleet);
        Fault::new(name, move |_| {
            let fleet = Arc::clone(&fleet);
            async move { drop(fleet.primary().await.cli(command).await) }
        })
    };
    let still = Arc::clone(&fleet);
    let faults = [
        failover(&fleet, "the sentinels fail over", false),
        failover(&fleet, "the primary is killed", true),
        on_primary("all connections are killed", &["CLIENT", "KILL", "TYPE", "normal"]),
        on_primary("the primary remembers few keys", &["CONFIG", "SET", "tracking-table-max-keys", "4"]),
        on_primary("the primary is flushed", &["FLUSHALL"]).forgets(),
        Fault::new("the primary stands still", move |time| {
            let fleet = Arc::clone(&still);
            async move {
                let primary = fleet.primary().await;
                primary.stop();
                sleep(time).await;
                primary.resume();
            }
        }),
    ];
    run_many(histories.faults(faults).near(TRACKED), 8.0, 1).await;
}
