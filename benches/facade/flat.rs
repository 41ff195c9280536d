//! Cloning reads of a record as large as a user that has no memory of its own: the cache's cost without the allocator's.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use polycache::backends::memory::Memory;
use polycache::{Cache, Ttl};
use polycache_benches::accesses::{Accesses, write_key};
use polycache_benches::rounds::{Contender, Plan, cpu_nanos, interleave};
use polycache_benches::user::User;
use serde::{Deserialize, Serialize};

use crate::peers::{PerEntry, TTL};
use crate::rows::{FLOOR, FLOOR_COPY, MOKA, MOKA_COPY, POLYCACHE, reading, roomy};
use crate::work::{runtime, shuffled};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Record {
    id: u64,
    name: [u8; 24],
    score: f64,
    active: bool,
}

const _: () = assert!(size_of::<Record>() == size_of::<User>());

impl Record {
    fn new(id: u64) -> Self {
        Self { id, name: *b"Ada Lovelace, of London.", score: id as f64 / 7.0, active: id.is_multiple_of(2) }
    }
}

type Floor = HashMap<String, Arc<Record>, foldhash::fast::RandomState>;
type Moka = moka::future::Cache<String, Arc<Record>>;

fn floor(count: u32) -> Floor {
    let mut floor = Floor::default();
    for (key, record) in records(count) {
        floor.insert(key, Arc::new(record));
    }
    floor
}

fn moka(count: u32) -> Moka {
    let moka = Moka::builder().max_capacity(roomy(count) as u64).expire_after(PerEntry).build();
    runtime().block_on(async {
        for (key, record) in records(count) {
            moka.insert(key, Arc::new(record)).await;
        }
    });
    moka
}

fn polycache(count: u32) -> Cache {
    let memory = Memory::builder().max_entries(roomy(count) as u64).build().expect("a bound above zero");
    let cache = Cache::builder().backend(memory).ttl(Ttl::After(TTL)).build().expect("settings that fit");
    for (key, record) in records(count) {
        cache.set(&key, record).now().expect("memory is ready").expect("it fits");
    }
    cache
}

fn records(count: u32) -> impl Iterator<Item = (String, Record)> {
    shuffled(count).into_iter().map(|number| {
        let mut key = String::new();
        write_key(&mut key, u64::from(number));
        (key, Record::new(u64::from(number)))
    })
}

/// A contender whose rounds read all keys; `read` returns something of what it read.
fn contender<'a, C: 'a>(
    name: &'static str,
    keys: &'a Accesses,
    cache: impl FnOnce() -> C + 'a,
    read: impl AsyncFn(&C, &str) -> Option<u64> + 'a,
) -> Contender<'a> {
    Contender::new(name, move || {
        let (cache, runtime, warm) = (cache(), runtime(), keys.len() / 5);
        move || {
            let reads = async |range| {
                let mut sum = 0;
                for key in keys.keys(range) {
                    sum += read(&cache, key).await.unwrap_or_default();
                }
                black_box(sum);
            };
            runtime.block_on(reads(0..warm));
            cpu_nanos(|| runtime.block_on(reads(warm..keys.len()))) / (keys.len() - warm) as f64
        }
    })
}

/// Reads at random of so many keys: polycache copies, F and M share, and then copy too.
pub(crate) fn reads(plan: &Plan, count: u32) -> Vec<(&'static str, f64)> {
    let keys = &reading(count);
    let copied = |record: Arc<Record>| black_box(Record::clone(&record)).id;
    let contenders = vec![
        contender(FLOOR, keys, || floor(count), async |floor, key| floor.get(key).cloned().map(|record| record.id)),
        contender(MOKA, keys, || moka(count), async |moka, key| moka.get(key).await.map(|record| record.id)),
        contender(
            POLYCACHE,
            keys,
            || polycache(count),
            async |cache, key| {
                let record: Option<Record> = cache.get(key).await.expect("a record is stored");
                record.map(|record| black_box(record).id)
            },
        ),
        contender(FLOOR_COPY, keys, || floor(count), async |floor, key| floor.get(key).cloned().map(copied)),
        contender(MOKA_COPY, keys, || moka(count), async |moka, key| moka.get(key).await.map(copied)),
    ];
    interleave(plan, contenders)
}
