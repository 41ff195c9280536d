//! The bytes of an entry.

use std::time::{Duration, Instant, SystemTime};

use moka::Expiry;
use polycache::backends::memory::Memory;
use polycache::{Cache, Head, Ttl, Value};
use polycache_benches::accesses::{KEY_LEN, write_key};
use polycache_benches::report::{Table, verdict};

use crate::{ENTRIES, ROOM, VALUE_LEN, bytes_in_use};

const TTL: Duration = Duration::from_secs(3600);

/// The most bytes that an entry may take over its key and value.
const GOAL: f64 = 100.0;

/// The same for one with a head of two tags.
const GOAL_WITH_HEAD: f64 = 200.0;

const HEADED: &str = "polycache, bytes and a head of two tags, TTL";

/// The TTL of entries of moka.
struct PerEntry;

impl Expiry<String, [u8; VALUE_LEN]> for PerEntry {
    fn expire_after_create(&self, _: &String, _: &[u8; VALUE_LEN], _: Instant) -> Option<Duration> {
        Some(TTL)
    }
}

/// The bytes of an entry over its key and value, in each cache.
pub(crate) fn measure() -> Vec<(&'static str, f64)> {
    let overheads = vec![
        (
            "HashMap",
            over(|| {
                fill(std::collections::HashMap::<_, _, foldhash::fast::RandomState>::default(), |map, key, value| {
                    map.insert(key.to_owned(), value);
                })
            }),
        ),
        (
            "quick_cache",
            over(|| {
                fill(quick_cache::sync::Cache::new(ROOM as usize), |cache, key, value| {
                    cache.insert(key.to_owned(), value);
                })
            }),
        ),
        (
            "moka, TTL",
            over(|| {
                let cache = moka::sync::Cache::builder().max_capacity(ROOM).expire_after(PerEntry).build();
                let cache = fill(cache, |cache, key, value| cache.insert(key.to_owned(), value));
                cache.run_pending_tasks();
                cache
            }),
        ),
        (
            "foyer",
            over(|| {
                fill(foyer::CacheBuilder::new(ROOM as usize).build::<foyer::CacheProperties>(), |cache, key, value| {
                    cache.insert(key.to_owned(), value);
                })
            }),
        ),
        (
            "polycache, objects, TTL",
            over(|| {
                fill(cache(), |cache, key, value| {
                    cache.set(key, value).now().expect("memory is ready").expect("it fits");
                })
            }),
        ),
        (
            "polycache, bytes, TTL",
            over(|| {
                fill(cache(), |cache, key, value| {
                    cache.set(key, Value::bytes(value)).now().expect("memory is ready").expect("it fits");
                })
            }),
        ),
        (
            HEADED,
            over(|| {
                let head = Head::new().with_born(SystemTime::now()).with_cost(Duration::from_millis(3));
                let head = head.with_tag("product:1234567", 1_000).with_tag("shop", 1_000_000_000);
                fill(cache(), |cache, key, value| {
                    let value = Value::bytes(value).with_head(&head);
                    cache.set(key, value).now().expect("memory is ready").expect("it fits");
                })
            }),
        ),
    ];
    let mut table = Table::new(["bytes an entry", "over key and value", "goal", ""]);
    for &(name, over) in &overheads {
        let goal = match name {
            HEADED => Some(GOAL_WITH_HEAD),
            name if name.starts_with("polycache") => Some(GOAL),
            _ => None,
        };
        let goal = goal.map(|goal| [format!("{goal:.0}"), verdict(over <= goal).to_owned()]).unwrap_or_default();
        table.row([name.to_owned(), format!("{over:.0}")].into_iter().chain(goal));
    }
    println!("{ENTRIES} entries, keys of {KEY_LEN} bytes, values of {VALUE_LEN}\n\n{}", table.markdown());
    overheads
}

/// polycache with room for all.
pub(crate) fn cache() -> Cache {
    let memory = Memory::builder().max_entries(ROOM).build().expect("a bound above zero");
    Cache::builder().backend(memory).ttl(Ttl::After(TTL)).build().expect("settings that fit")
}

fn over<C>(make: impl FnOnce() -> C) -> f64 {
    let before = bytes_in_use();
    let cache = make();
    let used = bytes_in_use() - before;
    drop(cache);
    used as f64 / ENTRIES as f64 - (KEY_LEN + VALUE_LEN) as f64
}

fn fill<C>(mut cache: C, mut insert: impl FnMut(&mut C, &str, [u8; VALUE_LEN])) -> C {
    let mut key = String::new();
    for number in 0..ENTRIES {
        key.clear();
        write_key(&mut key, number);
        insert(&mut cache, &key, [number as u8; VALUE_LEN]);
    }
    cache
}
