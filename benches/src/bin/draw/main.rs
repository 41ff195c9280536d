//! Draws the results that the benchmarks left last: `cargo run --release -p polycache-benches --bin draw`.
//!
//! Writes `docs/img/*.svg`, without a background and in colours that read on light and dark. The picture of a benchmark without results
//! stays as it is.
#![allow(clippy::expect_used, reason = "a tool that can't go on says why and stops")]

mod bars;
mod curves;
mod network;
mod outages;
mod python;
mod svg;

use std::collections::BTreeMap;

use polycache_benches::report::{in_package, load};
use serde::de::DeserializeOwned;

use crate::bars::Bar;
use crate::curves::Curves;

/// polycache's colour.
const OURS: &str = "#e8590c";
/// Those of the others, in this order: moka, `quick_cache`, foyer.
const OTHERS: [&str; 3] = ["#3b82c4", "#2f9e6e", "#9a6fc4"];
const FLOOR: &str = "#8b949e";

/// The rows of the facade's table that are drawn, and what is written above them.
const COSTS: [(&str, &str); 4] = [
    ("shared read, hot", "shared read, 2,000 keys"),
    ("shared read, cold", "shared read, 100,000 keys"),
    ("insert under pressure", "insert into a full cache"),
    ("Zipf mix 90/10", "nine reads to a write, Zipf 0.99"),
];

/// A contender by its name in the results, the name in the picture, and its colour.
const CONTENDERS: [(&str, &str, &str); 5] = [
    ("F", "HashMap, no lock", FLOOR),
    ("polycache", "polycache", OURS),
    ("quick_cache", "quick_cache, no TTL", OTHERS[1]),
    ("foyer", "foyer, no TTL", OTHERS[2]),
    ("M", "moka", OTHERS[0]),
];

fn main() {
    picture("facade", "cost.svg", |results| costs(&results));
    picture("memory", "memory.svg", |results: Vec<_>| memory(&results));
    picture("hit_ratio", "hit_ratio.svg", hit_ratios);
    picture("redis", "redis.svg", |results| network::redis(&results));
    picture("memcached", "memcached.svg", |results| network::memcached(&results));
    picture("near", "near.svg", |results: Vec<_>| near(&results));
    picture("python", "python.svg", |results| python::draw(&results));
    picture("outages", "outages.svg", |results: Vec<_>| outages::draw(&results));
}

/// Draws the results of `bench`, if there are any.
fn picture<T: DeserializeOwned>(bench: &str, name: &str, draw: impl FnOnce(T) -> String) {
    let Some(results) = load(bench) else { return };
    let text = draw(results);
    let file = in_package("../docs/img").join(name);
    std::fs::create_dir_all(in_package("../docs/img")).expect("the folder can be made");
    std::fs::write(&file, text).expect("the picture can be written");
    println!("{}", file.display());
}

fn costs(results: &BTreeMap<String, BTreeMap<String, f64>>) -> String {
    let panels: Vec<(&str, Vec<Bar>)> = COSTS
        .iter()
        .map(|(row, title)| {
            let figures = &results[*row];
            let bar = |(name, label, color): &(&str, &str, &'static str)| {
                let value = figures[*name];
                Bar { label: (*label).to_owned(), value, text: format!("{value:.0} ns"), color }
            };
            (*title, CONTENDERS.iter().map(bar).collect())
        })
        .collect();
    bars::draw("Processor time of a call", &panels)
}

/// A row, a contender and its nanoseconds.
fn near(results: &[(String, String, f64)]) -> String {
    let panels: Vec<(&str, Vec<Bar>)> =
        results
            .chunk_by(|(one, ..), (other, ..)| one == other)
            .map(|rows| {
                let bars =
                    rows.iter().zip([OURS, OURS, FLOOR].into_iter().chain(OTHERS)).map(|((_, peer, nanos), color)| {
                        Bar { label: peer.clone(), value: *nanos, text: format!("{nanos:.0} ns"), color }
                    });
                (rows[0].0.as_str(), bars.collect())
            })
            .collect();
    bars::draw("Processor time of a hit near", &panels)
}

fn memory(results: &[(String, f64)]) -> String {
    let bar = |(name, bytes): &(String, f64)| {
        let ours = name.starts_with("polycache");
        let color = CONTENDERS.iter().find(|(_, label, _)| name.starts_with(label.split(',').next().unwrap_or(label)));
        let color = color.map_or(FLOOR, |&(.., color)| if ours { OURS } else { color });
        Bar { label: name.clone(), value: *bytes, text: format!("{bytes:.0} B"), color }
    };
    let panel = ("over a key of 20 and a value of 32 bytes, a million entries", results.iter().map(bar).collect());
    bars::draw("Memory of an entry", &[panel])
}

fn hit_ratios(results: Vec<(String, usize, [f64; 4])>) -> String {
    let mut panels: Vec<Curves> = Vec::new();
    for (trace, capacity, [ours, quick, moka, foyer]) in results {
        if panels.last().is_none_or(|panel| panel.title != trace) {
            panels.push(Curves { title: trace, capacities: Vec::new(), ratios: Vec::new() });
        }
        if let Some(panel) = panels.last_mut() {
            panel.capacities.push(capacity);
            panel.ratios.push([foyer, moka, quick, ours]);
        }
    }
    let colors = [("foyer", OTHERS[2]), ("moka", OTHERS[0]), ("quick_cache", OTHERS[1]), ("polycache", OURS)];
    curves::draw("Hit ratio by capacity", &colors, &panels)
}
