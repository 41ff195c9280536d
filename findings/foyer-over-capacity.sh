#!/usr/bin/env bash
# foyer-memory 0.22.6 (Rust, foyer's cache in memory): a cache of 1 MiB holds 16 MiB, and a get_or_fetch() that nobody awaits fetches.
#
# Expected: the capacity is a bound: what is heavier than all of it isn't kept, or is alone. And a future does nothing until
#   it is polled; one that is dropped has been given up.
# Seen: it is cut into eight shards, and each keeps its newest entry whatever its weight: entries of 2 MiB in a cache of 1 MiB
#   are kept, one per shard, and usage() says 16 times the capacity. get_or_fetch() starts the fetch when it is called, as a task of
#   its own: a timeout around it, or `let _ =`, ends the waiting, and the fetch goes on and its value is cached.
# Who meets it: a process whose memory is sized by its caches; a client that is to load less by timeouts.
# Instead: with_filter() that refuses what is heavier than a shard's part; a timeout within the fetch.
source "$(dirname "$0")/lib.bash"

rust_run foyer-memory=0.22.6 tokio=1.54.1:full <<'RUST'
use foyer_memory::{Cache, CacheBuilder};
use std::time::Duration;
use tokio::time::{sleep, timeout};

#[tokio::main]
async fn main() {
    let cache: Cache<u32, Vec<u8>> = CacheBuilder::new(1 << 20).with_weighter(|_: &u32, value: &Vec<u8>| value.len()).build();
    for key in 0..200 {
        cache.insert(key, vec![0; 2 << 20]);
    }
    println!("capacity {} MiB, usage {} MiB, {} entries", cache.capacity() >> 20, cache.usage() >> 20, cache.entries());
    assert!(cache.capacity() == 1 << 20 && cache.usage() == 16 << 20);

    let cache: Cache<u32, u32> = CacheBuilder::new(100).build();
    drop(cache.get_or_fetch(&1, || async { Ok::<u32, std::io::Error>(1) }));
    let slow = cache.get_or_fetch(&2, || async {
        sleep(Duration::from_millis(200)).await;
        Ok::<u32, std::io::Error>(2)
    });
    let given_up = timeout(Duration::from_millis(20), slow).await.is_err();
    sleep(Duration::from_millis(500)).await;
    println!("dropped before it was polled: cached {}; given up {given_up} after 20 ms: cached {}", cache.contains(&1), cache.contains(&2));
    assert!(given_up && cache.contains(&1) && cache.contains(&2));
}
RUST
