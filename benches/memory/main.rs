//! What an entry takes in memory, and how expired entries leave it.
//!
//! `cargo bench -p polycache-benches --bench memory`. A counting allocator counts the bytes that were asked for and not yet given
//! back; what the allocator adds to each piece of memory isn't in it.
#![allow(clippy::expect_used, reason = "a benchmark that can't go on says why and stops")]

mod entries;
mod expiry;

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How many entries.
const ENTRIES: u64 = 1_000_000;

/// How many a cache may hold: none is evicted, however a cache splits its room.
const ROOM: u64 = ENTRIES + ENTRIES / 5;

/// The bytes of a value.
const VALUE_LEN: usize = 32;

/// The bytes in use.
fn bytes_in_use() -> u64 {
    let stats = ALLOCATOR.stats();
    (stats.bytes_allocated - stats.bytes_deallocated) as u64
}

/// The pieces of memory given back so far.
fn given_back() -> u64 {
    ALLOCATOR.stats().deallocations as u64
}

fn main() {
    let entries = entries::measure();
    expiry::measure();
    polycache_benches::report::save("memory", &entries);
}
