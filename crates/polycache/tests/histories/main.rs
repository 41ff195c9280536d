//! Random histories on every backend, over one process and over three, with faults. `make soak` has them run for longer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod interleavings;
mod many_keys;
mod near;

use std::sync::Arc;
use std::time::Duration;

use polycache::ErrorKind;
use polycache::backend::Backend;
use polycache::backends::memcached::Memcached;
use polycache::backends::memory::Memory;
use polycache::backends::near::Near;
use polycache::backends::recovery::Recovery;
use polycache::backends::redis::Redis;
use polycache_testkit::histories::{Fault, Histories, Tally};
use polycache_testkit::servers::{Memcached as MemcachedServer, RedisCluster, RedisServer};
use polycache_testkit::{Intercept, Proxy};
use tokio::sync::Mutex;

/// How long each takes, in seconds.
const SECONDS: &str = "POLYCACHE_HISTORY_SECONDS";
const LEASE: Duration = Duration::from_millis(150);
/// Silence that ends a connection, well below the longest fault.
const SETTINGS: &str = "heartbeat=200ms&connect_timeout=300ms";

/// Each takes what the machine has: one at a time.
static TURN: Mutex<()> = Mutex::const_new(());

async fn run(histories: Histories) -> Tally {
    let seconds = std::env::var(SECONDS).map_or(2.0, |seconds| seconds.parse().expect("seconds"));
    let tally = histories.run(Duration::from_secs_f64(seconds)).await;
    assert!(tally.checked > 20 && tally.computed > 5, "hardly anything was done: {tally:?}");
    tally
}

/// With a recovery around it, where the URL ends in `recovery`; with a near cache in front, where it ends in `near=` and how long that
/// keeps values, or `near=tracked`.
fn open(url: &str) -> Arc<dyn Backend> {
    if let Some((url, ttl)) = url.split_once("&near=") {
        let near = Near::builder().misses(Duration::from_millis(50));
        let near = match ttl.parse() {
            Ok(millis) => near.tracking(false).ttl(Duration::from_millis(millis)),
            Err(_) => near,
        };
        let near = near.build(open(url)).unwrap();
        assert_eq!(near.is_tracked(), ttl == "tracked");
        return Arc::new(near);
    }
    if let Some(url) = url.strip_suffix("&recovery") {
        return Arc::new(Recovery::new(open(url)));
    }
    if url.starts_with("redis") { Arc::new(Redis::open(url).unwrap()) } else { Arc::new(Memcached::open(url).unwrap()) }
}

/// Processes on one server, each with a way of its own to it.
async fn on_server(
    name: &str,
    processes: usize,
    address: std::net::SocketAddr,
    url_at: impl Fn(std::net::SocketAddr) -> String,
    settings: &str,
) -> Histories {
    let (mut backends, mut faults) = (Vec::new(), Vec::new());
    for process in 0..processes {
        let proxy = Arc::new(Proxy::start(address).await);
        backends.push(open(&format!("{}?{SETTINGS}{settings}", url_at(proxy.address()))));
        faults.extend(Fault::of_proxy(&format!("process {process}"), &proxy));
    }
    Histories::new(name, backends).faults(faults)
}

async fn on_redis(processes: usize, settings: &str) -> Histories {
    let server = Arc::new(RedisServer::start().await);
    let histories = on_server("Redis", processes, server.address(), |at| server.url_at(at), settings).await;
    histories.fault(Fault::of_server("Redis", &server, RedisServer::stop, RedisServer::resume))
}

async fn on_memcached(processes: usize, settings: &str) -> Histories {
    let server = Arc::new(MemcachedServer::start().await);
    let histories = on_server("memcached", processes, server.address(), |at| server.url_at(at), settings).await;
    histories.fault(Fault::of_server("memcached", &server, MemcachedServer::stop, MemcachedServer::resume))
}

/// The key's place follows from the addresses: all processes have the same proxies.
async fn on_fleet(processes: usize) -> Histories {
    let (mut hosts, mut faults) = (Vec::new(), Vec::new());
    for number in 0..3 {
        let server = Arc::new(MemcachedServer::start().await);
        let proxy = Arc::new(Proxy::start(server.address()).await);
        hosts.push(proxy.address().to_string());
        faults.extend(Fault::of_proxy(&format!("server {number}"), &proxy));
        let name = format!("server {number}");
        faults.push(Fault::of_server(&name, &server, MemcachedServer::stop, MemcachedServer::resume));
    }
    let url = format!("memcached://{}?{SETTINGS}&generations=100ms", hosts.join(","));
    Histories::new("a memcached fleet", (0..processes).map(|_| open(&url)).collect()).faults(faults)
}

/// The memory stands for a server that knows nothing of leases, and fails now and then.
fn on_memory(processes: usize) -> Histories {
    let memory = Arc::new(Memory::new());
    let mut histories = Vec::new();
    let mut faults = Vec::new();
    for process in 0..processes {
        let remote = Intercept::delayed(memory.clone()).declaring(|info| info.capabilities.exclusive = false);
        let (backend, switch) = Intercept::failing(Arc::new(remote));
        histories.push(Arc::new(backend.remote()) as Arc<dyn Backend>);
        faults.push(Fault::new(&format!("process {process} is cut off"), move |time| {
            let switch = switch.clone();
            async move {
                switch.set(Some(ErrorKind::Unavailable));
                tokio::time::sleep(time).await;
                switch.set(None);
            }
        }));
    }
    Histories::new("a store without leases of its own", histories).faults(faults)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory() {
    let _turn = TURN.lock().await;
    run(Histories::new("memory", vec![Arc::new(Memory::new())])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_without_leases_of_its_own() {
    let _turn = TURN.lock().await;
    run(on_memory(3).lease(LEASE)).await;
}

/// Without leases, which would refuse what arrives late.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_alone() {
    let _turn = TURN.lock().await;
    run(on_redis(1, "").await.lease(Duration::ZERO)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis() {
    let _turn = TURN.lock().await;
    run(on_redis(3, "").await.lease(LEASE)).await;
}

/// What a recovery deletes later is never more than that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_with_recovery() {
    let _turn = TURN.lock().await;
    run(on_redis(3, "&recovery").await.lease(LEASE)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memcached_with_recovery() {
    let _turn = TURN.lock().await;
    run(on_memcached(3, "&recovery").await.lease(LEASE)).await;
}

/// Callers give up what is done all the same: an increment that could be repeated then would be done twice. Nothing else goes wrong, since
/// each call of unknown outcome is one that may have been done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_answers_late() {
    let _turn = TURN.lock().await;
    let server = RedisServer::start().await;
    let proxy = Arc::new(Proxy::start(server.address()).await);
    let histories = Histories::new("Redis that answers late", vec![open(&server.url_at(proxy.address()))]);
    let fault = Fault::of_late_replies("Redis", &proxy, Duration::from_millis(150));
    run(histories.timeout(Duration::from_millis(40)).without_clears().fault(fault)).await;
}

/// Nodes tell each other's addresses, so there are no proxies.
async fn on_cluster(settings: &str) -> Histories {
    let cluster = Arc::new(RedisCluster::start(3, 0).await);
    let url = format!("{}?{SETTINGS}{settings}", cluster.url());
    let mut histories = Histories::new("Redis Cluster", (0..3).map(|_| open(&url)).collect()).lease(LEASE);
    for node in 0..3 {
        let cluster = Arc::clone(&cluster);
        histories = histories.fault(Fault::new(&format!("node {node} stands still"), move |time| {
            let cluster = Arc::clone(&cluster);
            async move {
                cluster.nodes()[node].stop();
                tokio::time::sleep(time).await;
                cluster.nodes()[node].resume();
            }
        }));
    }
    histories
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_cluster() {
    let _turn = TURN.lock().await;
    run(on_cluster("").await).await;
}

/// As on Redis, without leases.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memcached_alone() {
    let _turn = TURN.lock().await;
    run(on_memcached(1, "").await.lease(Duration::ZERO)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memcached() {
    let _turn = TURN.lock().await;
    run(on_memcached(3, "").await.lease(LEASE)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memcached_with_generations() {
    let _turn = TURN.lock().await;
    let believed = Duration::from_millis(100);
    run(on_memcached(3, "&generations=100ms").await.lease(LEASE).believed(believed)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_memcached_fleet() {
    let _turn = TURN.lock().await;
    run(on_fleet(3).await.lease(LEASE).believed(Duration::from_millis(100))).await;
}

/// The same with tags, which are cleared meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tags_in_memory() {
    let _turn = TURN.lock().await;
    run(Histories::new("memory with tags", vec![Arc::new(Memory::new())]).tagged()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tags_in_a_store_without_leases_of_its_own() {
    let _turn = TURN.lock().await;
    run(on_memory(3).lease(LEASE).tagged()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tags_on_redis() {
    let _turn = TURN.lock().await;
    run(on_redis(3, "").await.lease(LEASE).tagged()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tags_on_redis_with_recovery() {
    let _turn = TURN.lock().await;
    run(on_redis(3, "&recovery").await.lease(LEASE).tagged()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tags_on_redis_cluster() {
    let _turn = TURN.lock().await;
    let cluster = RedisCluster::start(3, 0).await;
    let url = format!("{}?{SETTINGS}", cluster.url());
    run(Histories::new("Redis Cluster with tags", (0..3).map(|_| open(&url)).collect()).lease(LEASE).tagged()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tags_on_memcached() {
    let _turn = TURN.lock().await;
    run(on_memcached(3, "").await.lease(LEASE).tagged()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tags_on_a_memcached_fleet() {
    let _turn = TURN.lock().await;
    run(on_fleet(3).await.lease(LEASE).believed(Duration::from_millis(100)).tagged()).await;
}
