//! What a call costs in Python.

use std::collections::BTreeMap;

use crate::bars::{self, Bar};
use crate::{FLOOR, OTHERS, OURS};

/// The rows of the benchmark that are drawn, and what is written above them.
const ROWS: [(&str, &str); 6] = [
    ("memory get (asyncio)", "a hit in memory"),
    ("memory @cached hit (asyncio)", "a hit of a cached function, in memory"),
    ("redis get, one after another (asyncio)", "get from Redis, one after another"),
    ("redis get, 100 tasks (asyncio)", "get from Redis, 100 tasks"),
    ("memcached get, one after another (asyncio)", "get from memcached, one after another"),
    ("memcached get, 100 tasks (asyncio)", "get from memcached, 100 tasks"),
];

/// The rows that have results: of each its contenders, by name, with the microseconds of a call.
pub(crate) fn draw(results: &BTreeMap<String, Vec<(String, f64)>>) -> String {
    let panels: Vec<(&str, Vec<Bar>)> = ROWS
        .iter()
        .filter_map(|(row, title)| results.get(*row).map(|contenders| (*title, contenders.iter().map(bar).collect())))
        .collect();
    bars::draw("Processor time of a call in Python", &panels)
}

fn bar((name, micros): &(String, f64)) -> Bar {
    let color = match name.as_str() {
        "polycache" => OURS,
        "aiocache" => OTHERS[0],
        "cashews" => OTHERS[1],
        "redis-py + hiredis" | "aiomcache" => OTHERS[2],
        _ => FLOOR,
    };
    let digits = if *micros < 10.0 { 2 } else { 0 };
    Bar { label: name.clone(), value: *micros, text: format!("{micros:.digits$} µs"), color }
}
