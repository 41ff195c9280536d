#!/usr/bin/env bash
# foyer-memory 0.22.6 (Rust, foyer's cache in memory): what clear() has removed goes on to take up room: a cache that was full and
# is cleared keeps a third afterwards, and less after each further time.
#
# Expected: clear() empties the cache; it can be filled again as before.
# Seen: after clear() entries() is 0 and usage() what it was. As many entries as fitted before are inserted again, and two thirds
#   of them are evicted at once, since the weight of those that were cleared still counts. Neither evict_all() nor removing every
#   key gives it back. remove() of each entry instead of clear() does no harm.
# Who meets it: a cache that is cleared upon a deployment, a change of configuration or a failed invalidation: its hit rate is
#   low ever after, until the process is restarted.
# Instead: remove() the keys; or build a new cache. (Known: pull request 1309 of foyer.)
source "$(dirname "$0")/lib.bash"

rust_run foyer-memory=0.22.6 <<'RUST'
use foyer_memory::{Cache, CacheBuilder};

fn fill(cache: &Cache<u32, Vec<u8>>) -> usize {
    for key in 0..100 {
        cache.insert(key, vec![0; 8 << 10]);
    }
    (0..100).filter(|key| cache.contains(key)).count()
}

fn build() -> Cache<u32, Vec<u8>> {
    CacheBuilder::new(1 << 20).with_weighter(|_: &u32, value: &Vec<u8>| value.len()).build()
}

fn main() {
    let cache = build();
    let kept = fill(&cache);
    cache.clear();
    println!("1 MiB, 100 entries of 8 KiB inserted: {kept} kept; cleared: {} entries, usage {}", cache.entries(), cache.usage());
    assert!(cache.entries() == 0 && cache.usage() == kept << 13);
    let again = fill(&cache);
    for _ in 0..5 {
        cache.clear();
        fill(&cache);
    }
    cache.evict_all();
    let later = fill(&cache);
    println!("inserted again: {again} kept; after five more times and evict_all(): {later}");
    assert!(kept > 80 && again < 50 && later < 20);

    let cache = build();
    let kept = fill(&cache);
    for key in 0..100 {
        cache.remove(&key);
    }
    let (usage, again) = (cache.usage(), fill(&cache));
    println!("with remove() instead: {kept} kept, usage {usage}, inserted again: {again} kept");
    assert!(usage == 0 && again == kept);
}
RUST
