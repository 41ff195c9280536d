//! Slots that move from one server of a cluster to another while all keys are walked over.

use std::collections::BTreeSet;

use polycache::backend::{Backend, Key, SetOptions, When};
use polycache::backends::redis::Redis;
use polycache::{Cache, ErrorKind, Raw, Ttl, Value};
use polycache_testkit::servers::{RedisCluster, RedisServer, ignored};

use super::support::cache;

const KEYS: usize = 20_000;

/// How slots move.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// Slot by slot, and of each key by key: a slot has two holders meanwhile.
    Keys,
    /// Ranges of slots, at once after all their keys were copied: by `CLUSTER MIGRATESLOTS` of Valkey 9.
    Ranges,
}

impl Way {
    async fn is_known(self) -> bool {
        match self {
            Self::Keys => true,
            Self::Ranges => {
                let told = RedisServer::start().await.cli(&["COMMAND", "INFO", "cluster|migrateslots"]).await;
                told.contains("migrateslots")
            }
        }
    }
}

/// Two servers of a cluster: slots move from a walk's last server to its first.
struct Resharding<'a> {
    from: &'a RedisServer,
    to: &'a RedisServer,
    ids: [String; 2],
    nodes: [Cache; 2],
}

impl<'a> Resharding<'a> {
    async fn of(cluster: &'a RedisCluster) -> Self {
        let mut nodes: Vec<&RedisServer> = cluster.nodes().iter().collect();
        nodes.sort_by_key(|node| node.address().to_string());
        let (to, from) = (nodes[0], nodes[nodes.len() - 1]);
        let ids = [from.cli(&["CLUSTER", "MYID"]).await, to.cli(&["CLUSTER", "MYID"]).await];
        Self { from, to, ids, nodes: [cache(&from.url()), cache(&to.url())] }
    }

    /// Slots that the first one holds, all of which have keys.
    async fn slots(&self, most: usize) -> Vec<String> {
        let text = self.from.cli(&["CLUSTER", "NODES"]).await;
        let line = text.lines().find(|line| line.contains("myself")).unwrap();
        let ranges = line.split(' ').skip(8).filter_map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            Some(first.parse::<u16>().ok()?..=last.parse().ok()?)
        });
        ranges.flatten().take(most).map(|slot| slot.to_string()).collect()
    }

    /// Moves these slots, which follow each other, and waits until they have moved.
    async fn range(&self, slots: &[String]) {
        let (first, last) = (&slots[0], &slots[slots.len() - 1]);
        let [_, to_id] = &self.ids;
        self.from.cli(&["CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", first, last, "NODE", to_id]).await;
        while self.slots(1).await.contains(first) {
            let jobs = self.from.cli(&["CLUSTER", "GETSLOTMIGRATIONS"]).await;
            assert!(!jobs.contains("failed"), "{jobs}");
        }
    }

    async fn slot(&self, slot: &str) {
        let [from, to] = &self.nodes;
        let [from_id, to_id] = &self.ids;
        let set = async |node: &Cache, words: &[&str]| {
            node.raw("CLUSTER", &[&["SETSLOT", slot], words].concat()).await.unwrap();
        };
        set(to, &["IMPORTING", from_id]).await;
        set(from, &["MIGRATING", to_id]).await;
        let port = self.to.port().to_string();
        loop {
            let Raw::List(keys) = from.raw("CLUSTER", &["GETKEYSINSLOT", slot, "10"]).await.unwrap() else { panic!() };
            if keys.is_empty() {
                break;
            }
            let keys = keys.iter().map(|key| String::from_utf8_lossy(key.as_bytes().unwrap()).into_owned());
            let keys: Vec<String> = keys.collect();
            let mut words = vec!["127.0.0.1", &port, "", "0", "5000", "KEYS"];
            words.extend(keys.iter().map(String::as_str));
            from.raw("MIGRATE", &words).await.unwrap();
        }
        set(to, &["NODE", to_id]).await;
        set(from, &["NODE", to_id]).await;
    }

    async fn run(&self, way: Way) {
        match way {
            Way::Keys => {
                for slot in self.slots(40).await {
                    self.slot(&slot).await;
                }
            }
            Way::Ranges => {
                for range in self.slots(1_500).await.chunks(500) {
                    self.range(range).await;
                }
            }
        }
    }
}

async fn fill(cache: &Cache, keys: &[String]) {
    for keys in keys.chunks(1000) {
        cache.multi_set(keys.iter().map(|key| (key.as_str(), 1))).await.unwrap();
    }
}

async fn left(cluster: &RedisCluster) -> usize {
    let mut left = 0;
    for node in cluster.nodes() {
        left += node.cli(&["DBSIZE"]).await.parse::<usize>().unwrap();
    }
    left
}

async fn clear_leaves_nothing_behind(way: Way) {
    let cluster = RedisCluster::start(3, 0).await;
    let cache = cache(&cluster.url()).namespace("ns");
    let keys: Vec<String> = (0..KEYS).map(|i| format!("k{i}")).collect();
    let resharding = Resharding::of(&cluster).await;
    for _ in 0..3 {
        fill(&cache, &keys).await;
        let ((), cleared) = tokio::join!(resharding.run(way), async { cache.clear().await });
        match cleared {
            Ok(()) => assert_eq!(left(&cluster).await, 0, "keys are left"),
            // Slots that never rest are told.
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                assert!(error.to_string().contains("moving"), "{error}");
            }
        }
        cache.clear().await.unwrap();
        assert_eq!(left(&cluster).await, 0, "keys are left, though all slots rest");
    }
}

async fn scan_misses_nothing(way: Way) {
    let cluster = RedisCluster::start(3, 0).await;
    let cache = cache(&cluster.url()).namespace("ns");
    let keys: Vec<String> = (0..KEYS).map(|i| format!("k{i}")).collect();
    fill(&cache, &keys).await;
    let resharding = Resharding::of(&cluster).await;
    for _ in 0..3 {
        let scan = async { cache.scan("*").collect().await };
        let ((), found) = tokio::join!(resharding.run(way), scan);
        match found {
            Ok(found) => assert_eq!(found.into_iter().collect::<BTreeSet<_>>().len(), KEYS, "keys are missing"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}"),
        }
    }
    let found: Vec<String> = cache.scan("*").collect().await.unwrap();
    assert_eq!(found.len(), KEYS, "each once, as all slots rest");
}

macro_rules! ways {
    ($($name:ident: $walk:ident, $way:ident;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if !Way::$way.is_known().await {
                    return ignored("the server has no CLUSTER MIGRATESLOTS, as Valkey has since 9.0");
                }
                $walk(Way::$way).await;
            }
        )*
    };
}

ways! {
    clear_while_slots_move: clear_leaves_nothing_behind, Keys;
    clear_while_ranges_move: clear_leaves_nothing_behind, Ranges;
    scan_while_slots_move: scan_misses_nothing, Keys;
    scan_while_ranges_move: scan_misses_nothing, Ranges;
}

/// A slot whose move was left half done isn't walked over for ever, and none of its keys is missed.
#[tokio::test]
async fn a_slot_that_is_left_half_way() {
    let cluster = RedisCluster::start(3, 0).await;
    let cache = cache(&cluster.url()).namespace("{ns}");
    let from = cluster.master_of("{ns}").await;
    let to = cluster.nodes().iter().find(|node| node.port() != from.port()).unwrap();
    let (from_id, to_id) = (from.cli(&["CLUSTER", "MYID"]).await, to.cli(&["CLUSTER", "MYID"]).await);
    let keys: Vec<String> = (0..50).map(|i| format!("k{i}")).collect();
    fill(&cache, &keys).await;
    let slot = from.cli(&["CLUSTER", "KEYSLOT", "{ns}"]).await;
    to.cli(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]).await;
    from.cli(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]).await;
    for key in &keys[..20] {
        from.cli(&["MIGRATE", "127.0.0.1", &to.port().to_string(), &format!("{{ns}}:{key}"), "0", "5000"]).await;
    }
    let found: BTreeSet<String> = cache.scan("*").collect().await.unwrap().into_iter().collect();
    assert_eq!(found.len(), keys.len());
    cache.clear().await.unwrap();
    assert_eq!(left(&cluster).await, 0);
}

/// While a slot moves, what is missing at its old place is looked for at the new one: a lease, though its key is still at the old place. A
/// write ends the lease there, and leaves the key in one place.
#[tokio::test]
async fn a_write_whose_lease_is_elsewhere() {
    let cluster = RedisCluster::start(2, 0).await;
    let (redis, cache) = (Redis::open(&cluster.url()).unwrap(), cache(&cluster.url()));
    let slot = cluster.nodes()[0].cli(&["CLUSTER", "KEYSLOT", "k"]).await;
    let copies = async || {
        let mut copies = 0;
        for node in cluster.nodes() {
            copies += node.cli(&["CLUSTER", "COUNTKEYSINSLOT", &slot]).await.parse::<usize>().unwrap();
        }
        copies
    };
    let lease = Key::plain("k").lease();
    let take = async || {
        let options = SetOptions::new(Ttl::secs(60), When::Absent);
        assert!(redis.set(Key::plain(&lease), Value::bytes(*b"l"), options).await.unwrap());
    };
    cache.set("k", 1).await.unwrap();
    let way = cluster.move_slot("k").await;
    take().await;
    assert_eq!(copies().await, 2);

    cache.set("k", 2).await.unwrap();
    assert_eq!(copies().await, 1, "the key, in one place, and no lease");
    assert_eq!(cache.get("k").await.unwrap(), Some(2));
    take().await;
    cache.multi_set([("k", 3)]).await.unwrap();
    assert_eq!(copies().await, 1);
    assert_eq!(cache.get("k").await.unwrap(), Some(3));
    take().await;
    assert!(cache.delete("k").await.unwrap());
    assert_eq!(copies().await, 0);

    // From now on it is at the new place.
    cache.set("k", 4).await.unwrap();
    take().await;
    cache.set("k", 5).await.unwrap();
    assert_eq!(copies().await, 1);
    way.end().await;
    assert_eq!(cache.get("k").await.unwrap(), Some(5));
}
