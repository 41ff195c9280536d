#!/usr/bin/env bash
# lfu_cache 1.3.0 (Rust): in a TimedLfuCache a new value goes when the old one would have, and what came by entry() never expires.
#
# Expected: its documentation: elements "that have been in the cache longer than the provided duration" are evicted. A value that is inserted
#   again, or removed and inserted, begins anew.
# Seen: each insert() and get() adds a note of the time and leaves the earlier ones: at the first of them the key is removed, whatever its
#   value is by then. With 600 ms: inserted, inserted again after 400, gone at 600; the same after remove() and insert(). What
#   entry(key).or_insert(value) stores has no note: it is there for ever.
# Who meets it: whoever replaces a token or a price before it runs out: the new one is lost at once, and computed twice; whoever writes
#   get-or-compute by the entry API, as for a HashMap: old values for good.
# Instead: no entry(); after a change a new cache, or a crate with one time per entry.
source "$(dirname "$0")/lib.bash"

rust_run lfu_cache=1.3.0 <<'RUST'
use lfu_cache::TimedLfuCache;
use std::thread::sleep;
use std::time::Duration;

fn wait(milliseconds: u64) {
    sleep(Duration::from_millis(milliseconds));
}

fn main() {
    let cache = || TimedLfuCache::with_capacity_and_expiration(10, Duration::from_millis(600));
    let mut again = cache();
    again.insert("token", "old");
    wait(400);
    again.insert("token", "new");
    let before = again.get(&"token").copied();
    wait(300);
    let after = again.get(&"token").copied();
    println!("inserted again after 400 of 600 ms: {before:?}, 300 ms later: {after:?}");
    assert_eq!((before, after), (Some("new"), None));

    let mut removed = cache();
    removed.insert("token", "old");
    wait(400);
    removed.remove(&"token");
    removed.insert("token", "new");
    wait(300);
    let found = removed.get(&"token").copied();
    println!("removed and inserted again: {found:?}");
    assert_eq!(found, None);

    let mut once = cache();
    once.insert("token", "old");
    wait(400);
    let there = once.get(&"token").copied();
    wait(300);
    println!("inserted once, after 400 ms: {there:?}, after 700: {:?}", once.get(&"token"));
    assert_eq!((there, once.get(&"token")), (Some("old"), None));

    let mut entry = cache();
    entry.entry("token").or_insert("old");
    wait(1800);
    println!("by entry(), after 1800 ms: {:?}", entry.get(&"token"));
    assert_eq!(entry.entry("token").or_insert("new"), &"old");
}
RUST
