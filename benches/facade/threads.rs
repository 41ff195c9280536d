//! Two threads on one cache: accesses a second of wall time, and the slowest of single writes.

use std::hint::black_box;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use polycache_benches::accesses::Accesses;
use polycache_benches::report::Table;
use polycache_benches::rounds::{Contender, Plan, interleave};
use polycache_benches::user::User;

use crate::peers::{Foyer, Moka, Polycache, Quick};
use crate::rows::{FOYER, FULL, HOT, MOKA, POLYCACHE, QUICK, mixed, reading, roomy};
use crate::store::Store;
use crate::work::{Work, filled, runtime, work};

const THREADS: usize = 2;

/// Rounds for the slowest writes: each is long.
const LATENCY_ROUNDS: usize = 5;

/// Prints the table of both; the figures.
pub(crate) fn measure(plan: &Plan) -> Vec<(&'static str, Vec<(&'static str, f64)>)> {
    let hot = reading(HOT);
    let mix = mixed();
    let rows = vec![
        ("2 threads, shared read, hot", both(plan, Work::Read, &hot, HOT, roomy(HOT))),
        ("2 threads, Zipf mix 90/10", both(plan, Work::Mix, &mix, FULL as u32, FULL)),
        ("insert under pressure, p99.9, µs", slowest(&Plan { rounds: LATENCY_ROUNDS, ..plan.clone() })),
    ];
    let mut table = Table::new(["wall time", MOKA, QUICK, FOYER, POLYCACHE, "÷ M"]);
    for (name, figures) in &rows {
        let of = |name| figures.iter().find(|(found, _)| *found == name).map_or(f64::NAN, |&(_, figure)| figure);
        let cells = [MOKA, QUICK, FOYER, POLYCACHE].map(|name| format!("{:.1}", of(name)));
        let ratio = format!("{:.3}", of(POLYCACHE) / of(MOKA));
        table.row([(*name).to_owned()].into_iter().chain(cells).chain([ratio]));
    }
    println!("{}", table.markdown());
    rows
}

/// Wall nanoseconds for an access of either thread, with all threads busy.
fn both(plan: &Plan, kind: Work, keys: &Accesses, count: u32, capacity: usize) -> Vec<(&'static str, f64)> {
    let contenders = vec![
        threads(MOKA, kind, move || filled(Moka::new(capacity), count), keys),
        threads(QUICK, kind, move || filled(Quick::new(capacity), count), keys),
        threads(FOYER, kind, move || filled(Foyer::new(capacity), count), keys),
        threads(POLYCACHE, kind, move || filled(Polycache::new(capacity), count), keys),
    ];
    interleave(plan, contenders)
}

fn threads<'a, S: Store + Clone + Send + 'a>(
    name: &'static str,
    kind: Work,
    store: impl FnOnce() -> S + 'a,
    keys: &'a Accesses,
) -> Contender<'a> {
    Contender::new(name, move || {
        let store = store();
        move || {
            let start = Barrier::new(THREADS);
            let spans = std::thread::scope(|scope| {
                let thread = |number: usize| {
                    let (mut store, start) = (store.clone(), &start);
                    scope.spawn(move || {
                        let half = keys.len() / THREADS;
                        let runtime = runtime();
                        start.wait();
                        let began = Instant::now();
                        black_box(runtime.block_on(work(kind, &mut store, keys, number * half..(number + 1) * half)));
                        (began, Instant::now())
                    })
                };
                let threads: Vec<_> = (0..THREADS).map(thread).collect();
                threads.into_iter().map(|thread| thread.join().expect("no panic")).collect::<Vec<_>>()
            });
            let began = spans.iter().map(|span| span.0).min().expect("threads");
            let ended = spans.iter().map(|span| span.1).max().expect("threads");
            (ended - began).as_nanos() as f64 / keys.len() as f64
        }
    })
}

/// The 99.9th percentile of single inserts into a full cache, in microseconds of wall time.
fn slowest(plan: &Plan) -> Vec<(&'static str, f64)> {
    let keys = Accesses::in_sequence(0..250_000);
    let keys = &keys;
    let contenders = vec![
        latencies(MOKA, Moka::new(FULL), keys),
        latencies(QUICK, Quick::new(FULL), keys),
        latencies(FOYER, Foyer::new(FULL), keys),
        latencies(POLYCACHE, Polycache::new(FULL), keys),
    ];
    interleave(plan, contenders)
}

fn latencies<'a, S: Store + 'a>(name: &'static str, mut store: S, keys: &'a Accesses) -> Contender<'a> {
    Contender::new(name, move || {
        move || {
            let mut times = Vec::with_capacity(keys.len());
            runtime().block_on(async {
                for key in keys.keys(0..keys.len()) {
                    let user = User::new(1);
                    let start = Instant::now();
                    store.write(key, user).await;
                    times.push(start.elapsed());
                }
            });
            percentile(&mut times, 0.999).as_nanos() as f64 / 1e3
        }
    })
}

fn percentile(times: &mut [Duration], share: f64) -> Duration {
    times.sort_unstable();
    times[(times.len() as f64 * share) as usize]
}
