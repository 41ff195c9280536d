#!/usr/bin/env bash
# quick_cache 0.7.0 (Rust): how large an entry may be depends on the number of processors: what is kept on one isn't on two.
#
# Expected: a cache of 100 MiB by weight keeps an entry of 20 MiB. It is told 100 MiB, and nothing of processors.
# Seen: it is cut into four shards per processor, each with its part of the weight, and an entry that is heavier than its shard
#   is dropped by insert() without a word. On one processor up to 24 MiB are kept, on two up to 12; with the 256 shards of 64
#   processors less than 400 KiB. What was under the key is gone, too. capacity() says 100 MiB everywhere.
# Who meets it: a cache of pages or images that works on the small test machine, and never hits for the large ones on the large
#   machine in production.
# Instead: shards(n) of OptionsBuilder, so that each has room for the largest entry; shard_capacity() in a check.
source "$(dirname "$0")/lib.bash"

rust_run quick_cache=0.7.0 <<'RUST'
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use std::process::Command;

#[derive(Clone)]
struct Length;

impl Weighter<u32, Vec<u8>> for Length {
    fn weight(&self, _: &u32, value: &Vec<u8>) -> u64 {
        value.len() as u64
    }
}

/// The weight in KiB of the largest entry that is kept.
fn largest(cache: &Cache<u32, Vec<u8>, Length>) -> u64 {
    let kept = |kib: u64| {
        cache.insert(1, vec![0; 10]);
        cache.insert(1, vec![0; (kib << 10) as usize]);
        match cache.get(&1) {
            Some(value) => {
                assert_eq!(value.len() as u64, kib << 10, "the old value is still there");
                true
            }
            None => false,
        }
    };
    let (mut some, mut none) = (1, 100 << 10);
    while some + 1 < none {
        let middle = (some + none) / 2;
        if kept(middle) { some = middle } else { none = middle }
    }
    some
}

fn main() {
    if std::env::args().nth(1).is_some() {
        let cache = Cache::with_weighter(10_000, 100 << 20, Length);
        println!("{} {} {}", cache.capacity() >> 20, cache.num_shards(), largest(&cache));
        return;
    }
    // Itself again, on one processor and on two.
    for (processors, expected) in [("0", 20_000..=25_600), ("0,1", 10_000..=12_800)] {
        let program = std::env::current_exe().unwrap();
        let output = Command::new("taskset").args(["-c", processors]).arg(program).arg("on").output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let said: Vec<u64> = said.split_whitespace().map(|word| word.parse().unwrap()).collect();
        let count = processors.split(',').count();
        println!("on {count} processor(s): capacity {} MiB, {} shards, largest entry kept {} KiB", said[0], said[1], said[2]);
        assert!(said[0] == 100 && expected.contains(&said[2]));
    }
    let options = OptionsBuilder::new().estimated_items_capacity(10_000).weight_capacity(100 << 20).shards(256).build().unwrap();
    let cache = Cache::with_options(options, Length, DefaultHashBuilder::default(), DefaultLifecycle::default());
    let largest = largest(&cache);
    println!("with {} shards, as on 64: largest entry kept {largest} KiB", cache.num_shards());
    assert!(cache.num_shards() == 256 && largest <= 400);
}
RUST
