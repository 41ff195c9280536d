//! What the benchmarks of servers left: calls a second.

use std::collections::BTreeMap;

use crate::bars::{self, Bar};
use crate::{FLOOR, OTHERS, OURS};

/// The rows of the Redis tables that are drawn.
const REDIS: [&str; 5] = [
    "get, 1 task, current thread",
    "get, 16 tasks, current thread",
    "get, 256 tasks, current thread",
    "get, 256 tasks, two workers",
    "multi_get of 100, 16 tasks, current thread",
];
/// The rows of the memcached tables that are drawn.
const MEMCACHED: [&str; 5] = [
    "get, current thread, 1 tasks",
    "get, current thread, 16 tasks",
    "get, current thread, 256 tasks",
    "get, 2 workers, 256 tasks",
    "get 100, current thread, 16 tasks",
];

/// Contenders: the name in the results, the one in the picture, the colour.
const REDIS_CONTENDERS: [(&str, &str, &str); 2] =
    [("redis-rs", "redis-rs", OTHERS[0]), ("polycache", "polycache, the facade", OURS)];
const MEMCACHED_CONTENDERS: [(&str, &str); 3] =
    [("raw pipeline", FLOOR), ("async-memcached", OTHERS[0]), ("polycache-memcached", OURS)];

/// Thousands of calls a second by row and contender.
pub(crate) fn redis(results: &BTreeMap<String, BTreeMap<String, f64>>) -> String {
    let panels: Vec<(&str, Vec<Bar>)> = REDIS
        .iter()
        .map(|row| {
            let bars = REDIS_CONTENDERS.iter().map(|(name, label, color)| bar(label, results[*row][*name], color));
            (*row, bars.collect())
        })
        .collect();
    bars::draw("Calls a second to Redis, one connection", &panels)
}

/// Nanoseconds of wall and of processor time by row, contender by contender.
pub(crate) fn memcached(results: &BTreeMap<String, [(f64, f64); 3]>) -> String {
    let panels: Vec<(&str, Vec<Bar>)> = MEMCACHED
        .iter()
        .map(|row| {
            let figures = MEMCACHED_CONTENDERS.iter().zip(results[*row]);
            let bars = figures.map(|((label, color), (wall, _))| bar(label, 1e6 / wall, color));
            (*row, bars.collect())
        })
        .collect();
    bars::draw("Calls a second to memcached", &panels)
}

fn bar(label: &str, thousands: f64, color: &'static str) -> Bar {
    Bar { label: label.to_owned(), value: thousands, text: format!("{thousands:.0} k/s"), color }
}
