//! How many reads find their key, of those who fill the cache on a miss: polycache against its peers.
//!
//! `cargo bench -p polycache-benches --bench hit_ratio [-- TRACE] [--runs N]`. Hashes are seeded anew in every run, so figures are
//! means of some runs.
#![allow(clippy::expect_used, reason = "a benchmark that can't go on says why and stops")]

mod traces;

use polycache::Cache;
use polycache::backends::memory::Memory;
use polycache_benches::accesses::Accesses;
use polycache_benches::report::{Table, save, verdict};

use crate::traces::{TRACES, Trace};

const RUNS: usize = 3;

/// How far polycache may fall below `quick_cache`, in points of a hundred.
const MARGIN: f64 = 0.3;

fn main() {
    let (mut wanted, mut runs) = (None, RUNS);
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--runs" => runs = arguments.next().and_then(|n| n.parse().ok()).expect("--runs N"),
            _ => wanted = Some(argument),
        }
    }
    let heads =
        ["hit ratio, %", "entries", "polycache", "quick_cache", "moka", "foyer", "− quick_cache", "", "− moka", ""];
    let mut table = Table::new(heads);
    let mut results = Vec::new();
    for trace in TRACES.iter().filter(|trace| wanted.as_ref().is_none_or(|wanted| trace.name == wanted)) {
        let accesses = trace.load();
        for capacity in trace.capacities {
            eprintln!("{} {capacity} ...", trace.name);
            let ratios = [polycache, quick_cache, moka, foyer].map(|cache| {
                let sum: f64 = (0..runs).map(|_| cache(&accesses, capacity)).sum();
                100.0 * sum / runs as f64
            });
            table.row(cells(trace, capacity, ratios));
            results.push((trace.name, capacity, ratios));
        }
    }
    println!("{}", table.markdown());
    if wanted.is_none() {
        save("hit_ratio", &results);
    }
}

fn cells(trace: &Trace, capacity: usize, ratios: [f64; 4]) -> Vec<String> {
    let [ours, quick, moka, _] = ratios;
    let mut cells = vec![trace.name.to_owned(), capacity.to_string()];
    cells.extend(ratios.map(|ratio| format!("{ratio:.2}")));
    cells.extend([format!("{:+.2}", ours - quick), verdict(ours - quick >= -MARGIN).to_owned()]);
    let better = if trace.real { verdict(ours > moka) } else { "" };
    cells.extend([format!("{:+.2}", ours - moka), better.to_owned()]);
    cells
}

/// The share of accesses that `hit`, which fills the cache on a miss.
fn share(accesses: &Accesses, mut hit: impl FnMut(&str) -> bool) -> f64 {
    let hits = accesses.keys(0..accesses.len()).filter(|key| hit(key)).count();
    hits as f64 / accesses.len() as f64
}

fn polycache(accesses: &Accesses, capacity: usize) -> f64 {
    let memory = Memory::builder().max_entries(capacity as u64).build().expect("a bound above zero");
    let cache = Cache::builder().backend(memory).build().expect("settings that fit");
    share(accesses, |key| {
        let found = cache.get::<bool>(key).now().expect("memory is ready").expect("a bool").is_some();
        if !found {
            cache.set(key, true).now().expect("memory is ready").expect("it fits");
        }
        found
    })
}

fn quick_cache(accesses: &Accesses, capacity: usize) -> f64 {
    let cache = quick_cache::sync::Cache::<String, bool>::new(capacity);
    share(accesses, |key| {
        let found = cache.get(key).is_some();
        if !found {
            cache.insert(key.to_owned(), true);
        }
        found
    })
}

/// moka decides in its housekeeping: done after every access, so that its policy is judged and not its batches.
fn moka(accesses: &Accesses, capacity: usize) -> f64 {
    let cache = moka::sync::Cache::<String, bool>::new(capacity as u64);
    share(accesses, |key| {
        let found = cache.get(key).is_some();
        if !found {
            cache.insert(key.to_owned(), true);
        }
        cache.run_pending_tasks();
        found
    })
}

fn foyer(accesses: &Accesses, capacity: usize) -> f64 {
    let cache = foyer::CacheBuilder::new(capacity).build::<foyer::CacheProperties>();
    share(accesses, |key| {
        let found = cache.get(key).is_some();
        if !found {
            cache.insert(key.to_owned(), true);
        }
        found
    })
}
