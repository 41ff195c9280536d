//! Sixteen processes that read one key on Redis, whose entry is refreshed early: how often it is computed, and how long reads take beside those
//! of a plain entry.
//!
//! `cargo bench -p polycache-benches --profile dev --bench early [-- --seconds N] [--processes N]`. Waiting is what is measured, so it needn't
//! be optimized. Starts a `redis-server` of its own.
#![allow(clippy::expect_used, clippy::panic, reason = "a benchmark that can't go on says why and stops")]

mod reader;

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

use polycache_benches::report::{Table, save, verdict};
use polycache_testkit::servers::RedisServer;

use self::reader::{EARLY, READER, Seen, TTL};

/// The 99th percentile of reads, at most, as a multiple of a plain entry's.
const GOAL: f64 = 1.5;

/// The value of an option.
fn option(name: &str, usual: u64) -> u64 {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1).map_or(usual, |value| value.parse().unwrap_or_else(|_| panic!("{name} wants a number")))
}

/// What the processes have seen, once they have read for so long.
fn run(url: &str, processes: u64, seconds: u64) -> Seen {
    let start = |_| {
        let program = std::env::current_exe().expect("this program's file");
        let orders = format!("{url} {processes} {seconds}");
        Command::new(program).env(READER, orders).stdout(Stdio::piped()).spawn().expect("a process")
    };
    let mut all = Seen::default();
    for mut child in (0..processes).map(start).collect::<Vec<_>>() {
        let mut told = String::new();
        child.stdout.take().expect("it is piped").read_to_string(&mut told).expect("text");
        assert!(child.wait().expect("a process that has ended").success(), "a reader has failed");
        all.add(serde_json::from_str(&told).expect("what a reader has seen"));
    }
    all
}

/// The time below which all but this part of the reads took.
fn percentile(reads: &mut [u64], above: f64) -> f64 {
    reads.sort_unstable();
    let index = (reads.len() as f64 * (1.0 - above)) as usize;
    reads[index.min(reads.len() - 1)] as f64 / 1e3
}

fn main() {
    if let Ok(orders) = std::env::var(READER) {
        return reader::read(&orders);
    }
    let (processes, seconds) = (option("--processes", 16), option("--seconds", 20));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let server = runtime.block_on(RedisServer::start());
    let Seen { mut computed, mut plain, mut early } = run(&server.url(), processes, seconds);
    computed.sort_unstable();
    let gaps: Vec<u64> = computed.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let least = gaps.iter().copied().min().unwrap_or(0);
    // Each begins once the part of the TTL is over that the one before has given its value.
    let life = Duration::from_secs_f64(TTL.as_secs_f64() * EARLY).as_millis() as u64;
    println!(
        "{processes} processes, {seconds} s, a TTL of {} ms, refreshed after {life} ms: {} computations, from one to the next {} to {} ms: {}\n",
        TTL.as_millis(),
        computed.len(),
        least,
        gaps.iter().copied().max().unwrap_or(0),
        verdict(computed.len() > 1 && least >= life),
    );
    let mut table =
        Table::new(["reads, µs", "reads", "median", "p99", "p99.9", "longest", "÷ plain's p99", "at most", ""]);
    let bound = percentile(&mut plain, 0.01);
    let mut figures = Vec::new();
    for (name, reads, goal) in [("plain", &mut plain, None), ("refreshed early", &mut early, Some(GOAL))] {
        let [median, p99, p999, longest] = [0.5, 0.01, 0.001, 0.0].map(|above| percentile(reads, above));
        let mut cells = vec![name.to_owned(), reads.len().to_string()];
        cells.extend([median, p99, p999, longest].map(|micros| format!("{micros:.0}")));
        if let Some(goal) = goal {
            let ratio = p99 / bound;
            cells.extend([format!("{ratio:.2}"), format!("{goal:.2}"), verdict(ratio <= goal).to_owned()]);
        }
        table.row(cells);
        figures.push((name, [median, p99, p999, longest]));
    }
    println!("{}", table.markdown());
    save("early", &(computed.len(), figures));
}
