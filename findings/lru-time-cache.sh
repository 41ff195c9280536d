#!/usr/bin/env bash
# lru_time_cache 0.11.11 (Rust): a walk over the entries turns the order of eviction round, and remove() gives out what has expired.
#
# Expected: iter(), whose documentation says that it updates the times of what it passes, makes all entries equally fresh, or leaves
#   their order. remove() of an expired key is None, as get() is, and its documentation says "removes a key-value pair".
# Seen: after iter() the entry that was used last is the first to be evicted, and the oldest one the last; a second iter()
#   turns it back. For an expired key get() is None and contains_key() false, but remove(), if nobody has asked before, returns
#   the value, and so it does after contains_key(). insert() over it returns None.
# Who meets it: a line of statistics each minute makes the cache throw out what it has just been given; a token that is to be used
#   once, by remove(), is taken long after it has expired.
# Instead: peek_iter(); get() before remove().
source "$(dirname "$0")/lib.bash"

rust_run lru_time_cache=0.11.11 <<'RUST'
use lru_time_cache::LruCache;
use std::{thread::sleep, time::Duration};

fn evicted(walk: impl FnOnce(&mut LruCache<u32, ()>)) -> Vec<u32> {
    let mut cache = LruCache::with_capacity(5);
    for key in 1..=5 {
        cache.insert(key, ());
    }
    walk(&mut cache);
    let mut order = Vec::new();
    for key in 6..=10 {
        cache.insert(key, ());
        order.extend((1..=5).filter(|key| !cache.contains_key(key) && !order.contains(key)).collect::<Vec<_>>());
    }
    order
}

fn main() {
    let plain = evicted(|_| ());
    let walked = evicted(|cache| assert_eq!(cache.iter().count(), 5));
    let twice = evicted(|cache| assert_eq!(cache.iter().count() + cache.iter().count(), 10));
    let peeked = evicted(|cache| assert_eq!(cache.peek_iter().count(), 5));
    println!("1 to 5 are evicted in the order {plain:?}; after iter() {walked:?}, two of them {twice:?}, peek_iter() {peeked:?}");
    assert!(walked == [5, 4, 3, 2, 1] && plain == [1, 2, 3, 4, 5] && twice == plain && peeked == plain);

    let mut tokens = LruCache::with_expiry_duration(Duration::from_millis(20));
    for key in ["untouched", "asked", "got", "again"] {
        tokens.insert(key, "valid");
    }
    sleep(Duration::from_millis(100));
    let asked = tokens.contains_key("asked");
    let removed = (tokens.remove("untouched"), tokens.remove("asked"));
    let replaced = tokens.insert("again", "new");
    println!("expired: contains_key {asked}, remove {removed:?}, insert over it {replaced:?}");
    let got = tokens.get("got").copied();
    println!("get {got:?}, and remove after it {:?}", tokens.remove("got"));
    assert!(!asked && removed == (Some("valid"), Some("valid")) && replaced.is_none() && got.is_none());
}
RUST
