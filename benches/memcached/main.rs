//! What a call over the network costs: polycache-memcached, one connection for all tasks, against async-memcached with a
//! connection for each, and a raw pipelined loop as the limit. In one process, in turns, on one real memcached.
//!
//! `cargo bench -p polycache-benches --bench memcached [-- PART] [--rounds N] [--only NUMBER]`; `PART` is a
//! part of a row's name, `NUMBER` a contender's, from 0, for profilers.
#![allow(clippy::expect_used, reason = "a benchmark that can't go on says why and stops")]
#![allow(unreachable_pub, reason = "nothing here is a library")]

mod contenders;

use std::collections::BTreeMap;
use std::time::Instant;

use cpu_time::ProcessTime;
use polycache_benches::placement::place;
use polycache_benches::report::{Table, save, verdict};
use polycache_benches::rounds::{median, quartiles};
use polycache_memcached::{Client, Entry};
use polycache_testkit::servers::Memcached;
use tokio::runtime::{Builder, Runtime};

use crate::contenders::{KEYS, Round, Row, Work, Workers};

const ROUNDS: usize = 31;

/// Rows, and how many times the calls of async-memcached in the same time are the goal.
const ROWS: &[(Row, Option<f64>)] = &[
    (row(Work::Get, Workers::CurrentThread, 1, 4_000), Some(0.9)),
    (row(Work::Get, Workers::CurrentThread, 16, 1_500), Some(3.0)),
    (row(Work::Get, Workers::CurrentThread, 256, 150), Some(5.0)),
    (row(Work::Get, Workers::Two, 1, 4_000), None),
    (row(Work::Get, Workers::Two, 16, 1_500), None),
    (row(Work::Get, Workers::Two, 256, 150), Some(1.8)),
    (row(Work::Set, Workers::CurrentThread, 1, 4_000), Some(0.9)),
    (row(Work::Set, Workers::CurrentThread, 16, 1_500), Some(3.0)),
    (row(Work::Set, Workers::CurrentThread, 256, 150), Some(5.0)),
    (row(Work::Set, Workers::Two, 256, 150), Some(1.8)),
    (row(Work::MultiGet, Workers::CurrentThread, 1, 500), Some(1.3)),
    (row(Work::MultiGet, Workers::CurrentThread, 16, 50), Some(1.3)),
    (row(Work::MultiGet, Workers::Two, 16, 50), None),
];

const fn row(work: Work, workers: Workers, tasks: usize, calls: usize) -> Row {
    Row { work, workers, tasks, calls }
}

fn name(row: &Row) -> String {
    let work = match row.work {
        Work::Get => "get",
        Work::Set => "set",
        Work::MultiGet => "get 100",
    };
    let workers = if row.workers == Workers::Two { "2 workers" } else { "current thread" };
    format!("{work}, {workers}, {} tasks", row.tasks)
}

fn main() {
    let (mut part, mut rounds, mut only) = (None, ROUNDS, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--bench" => {}
            "--rounds" => rounds = arguments.next().and_then(|n| n.parse().ok()).expect("--rounds N"),
            "--only" => only = Some(arguments.next().and_then(|n| n.parse().ok()).expect("--only NUMBER")),
            _ => part = Some(argument),
        }
    }
    let own = Builder::new_current_thread().enable_all().build().expect("a runtime");
    // One thread serves all connections: with several, a client's figures would hang on which of them it got, and on which processor.
    let server = own.block_on(Memcached::builder().args(&["-c", "2048", "-t", "1"]).start());
    let address = server.address().to_string();
    own.block_on(fill(&address));

    let contenders = ["raw pipeline", "async-memcached", "polycache", "÷", "quartiles"];
    let mut times = Table::new(["calls a second, thousands"].into_iter().chain(contenders).chain(["at least", ""]));
    let mut costs = Table::new(["µs of processor time a call"].into_iter().chain(contenders).chain(["below", ""]));
    let mut results = BTreeMap::new();
    for (row, goal) in ROWS.iter().filter(|(row, _)| part.as_ref().is_none_or(|part| name(row).contains(part))) {
        eprintln!("{} ...", name(row));
        place(server.pid(), row.workers == Workers::CurrentThread || row.tasks == 1);
        let rounds = measure(row, &address, rounds, only);
        let figures = rounds.each_ref().map(|rounds| {
            let (wall, cpu): (Vec<_>, Vec<_>) = rounds.iter().copied().unzip();
            (median(wall), median(cpu))
        });
        // Rounds that followed each other, so that what slows the machine for a while is in both.
        let ratios = |ratio: fn(Figure, Figure) -> f64| {
            let [_, theirs, ours] = &rounds;
            quartiles(theirs.iter().zip(ours).map(|(&theirs, &ours)| ratio(theirs, ours)).collect())
        };
        let [low, ratio, high] = ratios(|(theirs, _), (ours, _)| theirs / ours);
        let mut cells = vec![name(row)];
        cells.extend(figures.map(|(wall, _)| format!("{:.1}", 1e6 / wall)));
        cells.extend([format!("{ratio:.2}"), format!("{low:.2}–{high:.2}")]);
        cells.extend(goal.map(|goal| [format!("{goal:.1}"), verdict(ratio >= goal).to_owned()]).into_iter().flatten());
        times.row(cells);
        let [low, ratio, high] = ratios(|(_, theirs), (_, ours)| ours / theirs);
        let mut cells = vec![name(row)];
        cells.extend(figures.map(|(_, cpu)| format!("{:.2}", cpu / 1e3)));
        cells.extend([format!("{ratio:.3}"), format!("{low:.3}–{high:.3}"), "1".to_owned()]);
        cells.push(verdict(ratio < 1.0).to_owned());
        costs.row(cells);
        results.insert(name(row), figures);
    }
    println!("{}\n{}", times.markdown(), costs.markdown());
    if part.is_none() && only.is_none() {
        save("memcached", &results);
    }
}

/// Nanoseconds of wall time and of processor time for a call.
type Figure = (f64, f64);

async fn fill(address: &str) {
    let client = Client::open(address).expect("an address");
    let value = contenders::value();
    let keys: Vec<_> = (0..KEYS).map(contenders::key).collect();
    let entries: Vec<_> = keys.iter().map(|key| (key, Entry::new(&value))).collect();
    client.multi_set(&entries).await.expect("stored");
}

/// The rounds of the limit, the peer, and ours.
fn measure(row: &Row, address: &str, rounds: usize, only: Option<usize>) -> [Vec<Figure>; 3] {
    let runtime = runtime(row.workers);
    let mut contenders: [Round<'_>; 3] = [
        contenders::pipeline(&runtime, address, *row),
        contenders::async_memcached(&runtime, address, *row),
        contenders::ours(&runtime, address, *row),
    ];
    contenders.iter_mut().for_each(|round| round());
    let mut figures: [Vec<Figure>; 3] = Default::default();
    let calls = (row.tasks * row.calls) as f64;
    for number in 0..rounds {
        for who in (0..3).map(|offset| (number + offset) % 3).filter(|&who| only.is_none_or(|only| only == who)) {
            let (wall, cpu) = (Instant::now(), ProcessTime::now());
            contenders[who]();
            let figure = (wall.elapsed().as_secs_f64() * 1e9 / calls, cpu.elapsed().as_secs_f64() * 1e9 / calls);
            figures[who].push(figure);
        }
    }
    figures
}

fn runtime(workers: Workers) -> Runtime {
    let mut builder = match workers {
        Workers::CurrentThread => Builder::new_current_thread(),
        Workers::Two => Builder::new_multi_thread(),
    };
    builder.worker_threads(2).enable_all().build().expect("a runtime")
}
