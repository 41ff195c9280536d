#!/usr/bin/env bash
# moka 0.12.16 (Rust): what get_with computes replaces what was inserted meanwhile, and comes back after an invalidate.
#
# Expected: its documentation: get_with inserts if the key doesn't exist, invalidate discards the key's value, invalidate_all
#   what was inserted before. So what was read from the source before an invalidation isn't in the cache after it.
# Seen: a thread is within the closure of get_with and has read the old row. Another changes the row and calls insert,
#   invalidate or invalidate_all. When the closure returns, its old value is stored, over the inserted one too, and stays until
#   its TTL.
# Who meets it: write to the database, then invalidate: the usual order, with a reader in between. Now and then a row is old for
#   as long as the TTL is.
# Instead: a TTL that one can bear; entry(key).and_compute_with for reading and for changing, whose calls on one key wait for
#   each other.
source "$(dirname "$0")/lib.bash"

rust_run moka=0.12.16:sync <<'RUST'
use moka::sync::Cache;
use std::sync::mpsc::channel;
use std::thread;

fn after(change: fn(&Cache<u32, &'static str>)) -> (&'static str, Option<&'static str>) {
    let cache = Cache::new(100);
    let ((began, begins), (go_on, goes_on)) = (channel(), channel());
    let reader = thread::spawn({
        let cache = cache.clone();
        move || {
            cache.get_with(1, || {
                let old_row = "old";
                began.send(()).unwrap();
                goes_on.recv().unwrap();
                old_row
            })
        }
    });
    begins.recv().unwrap();
    change(&cache);
    go_on.send(()).unwrap();
    (reader.join().unwrap(), cache.get(&1))
}

fn main() {
    for (name, change) in [
        ("insert", (|cache| cache.insert(1, "new")) as fn(&Cache<_, _>)),
        ("invalidate", |cache| cache.invalidate(&1)),
        ("invalidate_all", |cache| cache.invalidate_all()),
    ] {
        let seen = after(change);
        println!("{name} during get_with: get_with returns {:?}, the cache then holds {:?}", seen.0, seen.1);
        assert_eq!(seen, ("old", Some("old")));
    }
}
RUST
