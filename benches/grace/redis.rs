//! Hits on Redis, in wall time and in processor time of this process.

use std::sync::Arc;
use std::time::Instant;

use cpu_time::ProcessTime;
use polycache::Cache;
use polycache::backends::redis::Redis;
use polycache::serializers::Text;
use polycache_benches::accesses::Accesses;
use polycache_benches::arguments::Arguments;
use polycache_benches::placement::place;
use polycache_benches::report::{Table, verdict};
use polycache_benches::rounds::{Contender, in_turn, median, quartiles};
use polycache_testkit::servers::RedisServer;
use tokio::task::JoinSet;

use crate::Entry;

pub(crate) const ONE: &str = "get on Redis, 1 task";
pub(crate) const MANY: &str = "get on Redis, 16 tasks";

const KEYS: usize = 2_000;
const CALLS: usize = 8_000;
/// The most that a hit of an entry with both may cost, as a multiple of a plain one.
const GOAL: f64 = 1.15;

/// Nanoseconds of a call.
#[derive(Debug, Clone, Copy)]
struct Cost {
    wall: f64,
    cpu: f64,
}

fn contender<'a>(entry: Entry, tasks: usize, server: &'a RedisServer, keys: &'a Arc<Accesses>) -> Contender<'a, Cost> {
    Contender::new(entry.name(), move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let redis = Redis::open(&server.url()).expect("the server's URL");
        let cache = entry.cache(Cache::builder().backend(redis).serializer(Text).namespace(entry.name()));
        runtime.block_on(async {
            for key in Accesses::in_sequence(0..KEYS as u64).keys(0..KEYS) {
                cache.set(key, "v".repeat(100)).await.expect("stored");
            }
        });
        move || {
            let (cpu, wall) = (ProcessTime::now(), Instant::now());
            runtime.block_on(round(tasks, &cache, keys));
            let cost = |spent: std::time::Duration| spent.as_secs_f64() * 1e9 / keys.len() as f64;
            Cost { wall: cost(wall.elapsed()), cpu: cost(cpu.elapsed()) }
        }
    })
}

async fn round(tasks: usize, cache: &Cache, keys: &Arc<Accesses>) {
    let share = keys.len() / tasks;
    let task = |number: usize| {
        let (cache, keys) = (cache.clone(), Arc::clone(keys));
        async move {
            for key in keys.keys(number * share..(number + 1) * share) {
                assert!(cache.get::<String>(key).await.expect("an answer").is_some(), "{key}");
            }
        }
    };
    (0..tasks).map(task).collect::<JoinSet<()>>().join_all().await;
}

/// Prints the table; the nanoseconds of each kind of entry.
pub(crate) fn run(arguments: &Arguments) -> Vec<(String, f64)> {
    let rows = [(ONE, 1), (MANY, 16)].into_iter().filter(|(row, _)| arguments.wants(row));
    let mut results = Vec::new();
    let mut server = None;
    let mut table =
        Table::new(["", "wall, µs", "÷ plain", "quartiles", "processor, µs", "÷ plain", "quartiles", "at most", ""]);
    for (row, tasks) in rows {
        let server = &*server.get_or_insert_with(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(RedisServer::start())
        });
        place(server.pid(), true);
        let keys = Arc::new(Accesses::at_random(0..KEYS as u64, CALLS, &mut fastrand::Rng::with_seed(0x5EED)));
        let contenders = Entry::ALL.map(|entry| contender(entry, tasks, server, &keys));
        let figures = in_turn(&arguments.plan, contenders.into());
        let plain = figures[0].1.clone();
        for (name, costs) in &figures {
            // Of rounds that followed each other.
            let ratios = |figure: fn(&Cost) -> f64| {
                quartiles(costs.iter().zip(&plain).map(|(cost, plain)| figure(cost) / figure(plain)).collect())
            };
            let mut cells = vec![format!("{row}, {name}")];
            let mut met = true;
            for figure in [|cost: &Cost| cost.wall, |cost: &Cost| cost.cpu] {
                let [low, middle, high] = ratios(figure);
                let micros = median(costs.iter().map(figure).collect()) / 1e3;
                cells.extend([format!("{micros:.2}"), format!("{middle:.3}"), format!("{low:.3}–{high:.3}")]);
                met &= middle <= GOAL;
            }
            if *name == Entry::Both.name() {
                cells.extend([format!("{GOAL:.2}"), verdict(met).to_owned()]);
            }
            table.row(cells);
            results.push((format!("{row}, {name}"), median(costs.iter().map(|cost| cost.wall).collect())));
        }
    }
    if !results.is_empty() {
        println!("{}", table.markdown());
    }
    results
}
