//! Hits in memory, in processor time.

use std::hint::black_box;

use polycache::Cache;
use polycache_benches::accesses::Accesses;
use polycache_benches::arguments::Arguments;
use polycache_benches::report::{Table, verdict};
use polycache_benches::rounds::{Contender, cpu_nanos, interleave};
use polycache_benches::user::User;

use crate::Entry;

pub(crate) const ROW: &str = "get in memory";

/// The keys that are hit.
const HOT: usize = 2_000;
const ACCESSES: usize = 200_000;
/// The most that a hit of an entry with both may cost, as a multiple of a plain one.
const GOAL: f64 = 1.5;

fn contender(entry: Entry, keys: &Accesses) -> Contender<'_> {
    Contender::new(entry.name(), move || {
        let cache = entry.cache(Cache::builder());
        for key in Accesses::in_sequence(0..HOT as u64).keys(0..HOT) {
            cache.set(key, User::new(7)).now().expect("memory is at once").expect("it fits");
        }
        move || {
            cpu_nanos(|| {
                for key in keys.keys(0..keys.len()) {
                    let user = cache.get::<User>(key).now().expect("memory is at once");
                    black_box(user.expect("no trouble").expect("it is stored"));
                }
            }) / keys.len() as f64
        }
    })
}

/// Prints the table; the nanoseconds of each kind of entry.
pub(crate) fn run(arguments: &Arguments) -> Vec<(String, f64)> {
    if !arguments.wants(ROW) {
        return Vec::new();
    }
    let keys = Accesses::at_random(0..HOT as u64, ACCESSES, &mut fastrand::Rng::with_seed(0x5EED));
    let figures = interleave(&arguments.plan, Entry::ALL.map(|entry| contender(entry, &keys)).into());
    let plain = figures[0].1;
    let mut table = Table::new([ROW, "ns a call", "÷ plain", "at most", ""]);
    for (name, nanos) in &figures {
        let ratio = nanos / plain;
        let mut cells = vec![(*name).to_owned(), format!("{nanos:.1}"), format!("{ratio:.2}")];
        if *name == Entry::Both.name() {
            cells.extend([format!("{GOAL:.2}"), verdict(ratio <= GOAL).to_owned()]);
        }
        table.row(cells);
    }
    println!("{}", table.markdown());
    figures.into_iter().map(|(name, nanos)| (format!("{ROW}, {name}"), nanos)).collect()
}
