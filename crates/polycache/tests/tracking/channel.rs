//! Near caches in front of memcached that tell each other of writes on a channel of Redis.

use std::sync::Arc;
use std::time::Duration;

use polycache::backends::memcached::Memcached as Far;
use polycache::backends::near::Near;
use polycache::backends::redis::Redis;
use polycache::events::{Event, EventKinds};
use polycache::{Cache, Caches, Config, ErrorKind, Plugin};
use polycache_testkit::Proxy;
use polycache_testkit::servers::{Memcached, RedisCluster, RedisServer};
use tokio::sync::watch;
use tokio::time::timeout;

use super::support::{PATIENCE, until};

/// Far longer than any test: what is seen sooner was told.
const LONG: Duration = Duration::from_secs(3_600);
const JOINED: &str = "joined";
/// How long what is read may be kept, where others are heard and where they aren't.
const HEARD: &str = "bound 3600s";
const UNHEARD: &str = "bound 1s";

/// Writes down what becomes of what is near.
#[derive(Debug, Clone, Default)]
struct Ear(Arc<watch::Sender<Vec<String>>>);

impl Plugin for Ear {
    fn events(&self) -> EventKinds {
        EventKinds::NEAR
    }

    fn event(&self, event: &Event<'_>) {
        let heard = match event {
            Event::NearChanged { key } => format!("{key} changed"),
            Event::NearFlushed { why } => {
                let why = format!("{why:?}");
                let gaps = [("Joined", JOINED), ("Told", "told"), ("Disconnected", "lost"), ("Unread", "unread")];
                gaps.into_iter().find(|(gap, _)| why.contains(gap)).map_or(why.clone(), |(_, name)| name.to_owned())
            }
            Event::NearBound { ttl } => format!("bound {:?}", ttl.unwrap()),
            _ => return,
        };
        self.0.send_modify(|all| all.push(heard));
    }
}

struct Process {
    near: Near,
    cache: Cache,
    ear: Ear,
}

impl Process {
    async fn start(memcached: &Memcached, bus: &str) -> Self {
        let process = Self::without_bus(memcached, bus);
        until("an answer", async || process.cache.get::<i32>("nothing").await.is_ok()).await;
        assert_eq!(process.hears(HEARD).await, [UNHEARD, JOINED, HEARD]);
        process
    }

    fn without_bus(memcached: &Memcached, bus: &str) -> Self {
        let far = Arc::new(Far::open(&memcached.url()).unwrap());
        let near = Near::builder().ttl(LONG).channel(&Redis::open(bus).unwrap()).build(far).unwrap();
        let ear = Ear::default();
        let cache = Cache::builder().backend(near.clone()).plugin(ear.clone()).build().unwrap();
        Self { near, cache, ear }
    }

    /// What was heard since this was last asked, as soon as `last` is.
    async fn hears(&self, last: &str) -> Vec<String> {
        let mut heard = self.ear.0.subscribe();
        let is_heard = timeout(PATIENCE, heard.wait_for(|heard| heard.iter().any(|heard| heard == last))).await.is_ok();
        let all = self.ear.0.send_replace(Vec::new());
        assert!(is_heard, "{last} isn't heard within {PATIENCE:?}, but {all:?}");
        all
    }

    async fn read(&self, key: &str) -> Option<i32> {
        self.cache.get(key).await.unwrap()
    }

    /// Returns when everything has come that `other` has said so far.
    async fn has_heard(&self, other: &Self) {
        let changed = || self.ear.0.borrow().iter().any(|heard| heard == "mark changed");
        until("the mark's change", async || {
            other.cache.set("mark", 1).await.unwrap();
            self.read("mark").await;
            changed()
        })
        .await;
    }

    async fn sees(&self, key: &str, value: i32) {
        until("the other's value", async || self.read(key).await == Some(value)).await;
    }
}

/// The server of a bus whose connections are found dead soon.
fn soon(url: &str) -> String {
    format!("{url}?heartbeat=1s&connect_timeout=1s")
}

#[tokio::test]
async fn what_one_process_writes_leaves_the_others() {
    let (memcached, redis) = (Memcached::start().await, RedisServer::start().await);
    let one = Process::start(&memcached, &redis.url()).await;
    let two = Process::start(&memcached, &redis.url()).await;
    one.cache.set("k", 1).await.unwrap();
    assert_eq!(two.read("k").await, Some(1));
    for value in 2..50 {
        one.cache.set("k", value).await.unwrap();
        two.sees("k", value).await;
    }
    one.cache.multi_set([("a", 1), ("b", 1)]).await.unwrap();
    assert_eq!([two.read("a").await, two.read("b").await], [Some(1); 2]);
    one.cache.multi_delete(&["a", "b"]).await.unwrap();
    until("both deletions", async || [two.read("a").await, two.read("b").await] == [None; 2]).await;

    // One's own messages come back, and are nothing new.
    two.has_heard(&one).await;
    two.ear.0.send_replace(Vec::new());
    two.cache.set("k", 50).await.unwrap();
    assert_eq!(two.read("k").await, Some(50));
    two.has_heard(&one).await;
    assert!(two.hears("mark changed").await.iter().all(|heard| heard == "mark changed"));

    // A raw command may change anything, and so may what isn't understood.
    one.cache.raw("delete", &["k"]).await.unwrap();
    two.hears("told").await;
    assert_eq!(two.read("k").await, None);
    redis.cli(&["PUBLISH", "polycache:near", "?"]).await;
    two.hears("told").await;
    redis.cli(&["PUBLISH", "polycache:near", "0123456789abcdef=mark"]).await;
}

/// A lost connection empties what is near, and until there is one again nothing stays for long. Neither does a write go unseen.
#[tokio::test]
async fn a_reader_that_is_cut_off() {
    let (memcached, redis) = (Memcached::start().await, RedisServer::start().await);
    let proxy = Proxy::start(redis.address()).await;
    let one = Process::start(&memcached, &redis.url()).await;
    let two = Process::start(&memcached, &soon(&redis.url_at(proxy.address()))).await;
    let faults: [fn(&Proxy, bool); 3] = [
        |proxy, is_on| {
            proxy.refuse(is_on);
            proxy.cut();
        },
        |proxy, is_on| {
            proxy.refuse(is_on);
            proxy.reset();
        },
        // It is found by its silence.
        |proxy, is_on| if is_on { proxy.stall() } else { proxy.heal() },
    ];
    for (number, fault) in (1..).zip(faults) {
        let value = number * 10;
        one.cache.set("k", value).await.unwrap();
        two.sees("k", value).await;
        two.ear.0.send_replace(Vec::new());
        fault(&proxy, true);
        assert!(two.hears(UNHEARD).await.contains(&"lost".to_owned()));
        assert!(two.near.is_empty());
        // Nobody tells of this: it is seen at the end of a second.
        assert_eq!(two.read("k").await, Some(value));
        one.cache.set("k", value + 1).await.unwrap();
        two.sees("k", value + 1).await;
        fault(&proxy, false);
        assert!(two.hears(HEARD).await.contains(&JOINED.to_owned()));
        assert!(two.near.is_empty());
    }
    one.cache.set("k", 1).await.unwrap();
    two.sees("k", 1).await;
    one.cache.set("k", 2).await.unwrap();
    two.sees("k", 2).await;
}

/// It can't tell of what it writes before it is back on the channel.
#[tokio::test]
async fn a_writer_that_is_cut_off() {
    let (memcached, redis) = (Memcached::start().await, RedisServer::start().await);
    let proxy = Proxy::start(redis.address()).await;
    let one = Process::start(&memcached, &soon(&redis.url_at(proxy.address()))).await;
    let two = Process::start(&memcached, &redis.url()).await;
    one.cache.set("k", 1).await.unwrap();
    two.sees("k", 1).await;
    one.ear.0.send_replace(Vec::new());
    proxy.refuse(true);
    proxy.cut();
    one.hears("lost").await;
    one.cache.set("k", 2).await.unwrap();
    proxy.refuse(false);
    two.sees("k", 2).await;
}

#[tokio::test]
async fn the_bus_is_killed_and_comes_back() {
    let (memcached, redis) = (Memcached::start().await, RedisServer::start().await);
    let one = Process::start(&memcached, &soon(&redis.url())).await;
    let two = Process::start(&memcached, &soon(&redis.url())).await;
    for stops in [false, true] {
        one.cache.set("k", 1).await.unwrap();
        two.sees("k", 1).await;
        two.ear.0.send_replace(Vec::new());
        if stops {
            redis.stop();
        } else {
            redis.kill();
        }
        two.hears("lost").await;
        assert!(two.near.is_empty());
        one.cache.set("k", 2).await.unwrap();
        two.sees("k", 2).await;
        if stops {
            redis.resume();
        } else {
            redis.restart().await;
        }
        two.hears(JOINED).await;
        until("a change that is told", async || {
            two.read("k").await;
            one.cache.set("k", 3).await.unwrap();
            two.ear.0.borrow().iter().any(|heard| heard == "k changed")
        })
        .await;
    }
}

/// Without a bus from the beginning, and without the right to it, values are near for a second.
#[tokio::test]
async fn no_bus() {
    let memcached = Memcached::start().await;
    let one = Process::without_bus(&memcached, "redis://127.0.0.1:1");
    let refusing = RedisServer::builder().user("app", "s3cret", "~* +@all -subscribe").start().await;
    let two = Process::without_bus(&memcached, &refusing.url_as("app", "s3cret"));
    for value in [1, 2] {
        one.cache.set("k", value).await.unwrap();
        assert_eq!(one.read("k").await, Some(value));
        two.sees("k", value).await;
        assert_eq!([one.near.ttl(), two.near.ttl()], [Some(Duration::from_secs(1)); 2]);
    }
}

#[tokio::test]
async fn closing_leaves_the_channel() {
    let (memcached, redis) = (Memcached::start().await, RedisServer::start().await);
    let one = Process::start(&memcached, &redis.url()).await;
    let members = async || redis.cli(&["PUBSUB", "NUMSUB", "polycache:near"]).await;
    assert!(members().await.ends_with('1'));
    one.cache.close().await.unwrap();
    until("nobody is on the channel", async || members().await.ends_with('0')).await;
    let two = Process::start(&memcached, &redis.url()).await;
    assert!(members().await.ends_with('1'));
    drop(two);
    until("nobody is on the channel", async || members().await.ends_with('0')).await;
}

#[tokio::test]
async fn settings() {
    let memcached = Memcached::start().await;
    for setting in ["protocol=resp2", "heartbeat=0"] {
        let bus = Redis::open(&format!("redis://127.0.0.1:1?{setting}")).unwrap();
        let far = Arc::new(Far::open(&memcached.url()).unwrap());
        let error = Near::builder().channel(&bus).build(far).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("`channel`"), "{error}");
    }
    let redis =
        RedisServer::builder().user("app", "s3cret", "&polycache:near +hello +ping +subscribe +publish").start();
    let redis = redis.await;
    let text = format!(
        "default = {{ url = '{}', near = {{ ttl = '1h', channel = '{}' }} }}",
        memcached.url(),
        redis.url_as("app", "s3cret")
    );
    let [one, two] = [(); 2].map(|()| {
        let caches = Caches::new();
        caches.set_config(Config::toml(&text).unwrap()).unwrap();
        caches.get("default").unwrap()
    });
    let members = async || redis.cli(&["PUBSUB", "NUMSUB", "polycache:near"]).await;
    assert_eq!([one.get::<i32>("k").await.unwrap(), two.get("k").await.unwrap()], [None; 2]);
    until("both are on the channel", async || members().await.ends_with('2')).await;
    for value in 0..10 {
        one.set("k", value).await.unwrap();
        until("the other's value", async || two.get("k").await.unwrap() == Some(value)).await;
    }
    for (channel, said) in [("'redis://:s3cret@:x'", "channel"), ("7", "channel"), ("['s3cret']", "channel")] {
        let caches = Caches::new();
        let text = format!("default = {{ url = '{}', near = {{ channel = {channel} }} }}", memcached.url());
        let error = caches.set_config(Config::toml(&text).unwrap()).and_then(|()| caches.get("default").map(drop));
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(said) && !error.to_string().contains("s3cret"), "{error}");
    }
}

#[tokio::test]
async fn a_cluster_is_none_and_one_of_its_servers_is() {
    let (memcached, cluster) = (Memcached::start().await, RedisCluster::start(2, 0).await);
    let far = Arc::new(Far::open(&memcached.url()).unwrap());
    let error = Near::builder().channel(&Redis::open(&cluster.url()).unwrap()).build(far).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let [one, two] = [0, 1].map(|number| cluster.nodes()[number].url());
    let (one, two) = (Process::start(&memcached, &one).await, Process::start(&memcached, &two).await);
    two.has_heard(&one).await;
}
