//! What leases cost: a cache with them beside one without, on Redis and on memcached, in one process, in turns, in wall time.
//!
//! Next to the server a call is processor time, of client and server; a millisecond away it is round trips.
//!
//! `cargo bench -p polycache-benches --bench leases [-- ROW] [--rounds N]`; `ROW` is a row's name or a part of some. Starts servers
//! of its own.
#![allow(clippy::expect_used, reason = "a benchmark that can't go on says why and stops")]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::{Duration, Instant};

use polycache::Cache;
use polycache::backend::Backend;
use polycache::backends::memcached::Memcached;
use polycache::backends::redis::Redis;
use polycache::serializers::Text;
use polycache_benches::arguments::Arguments;
use polycache_benches::placement::place;
use polycache_benches::report::{Table, save, verdict};
use polycache_benches::rounds::{Contender, in_turn, median, quartiles};
use polycache_testkit::Proxy;
use polycache_testkit::servers::{Memcached as MemcachedServer, RedisServer};
use tokio::runtime::{Builder, Runtime};

const ROUNDS: usize = 31;
/// The calls of a round; and of one to a server that is far away.
const CALLS: usize = 1_000;
const FAR_CALLS: usize = 40;
/// How much later a far server gets a request.
const FAR: Duration = Duration::from_millis(1);
/// The keys of one call about many.
const MANY: usize = 100;

const WITHOUT: &str = "without";
const WITH: &str = "with leases";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Hit,
    Set,
    Delete,
    Add,
    Increment,
    MultiSet,
    Miss,
}

impl Work {
    const ALL: [Self; 7] = [Self::Hit, Self::Set, Self::Delete, Self::Add, Self::Increment, Self::MultiSet, Self::Miss];

    const fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit of get_or_set",
            Self::Set => "set",
            Self::Delete => "delete",
            Self::Add => "add",
            Self::Increment => "increment",
            Self::MultiSet => "multi_set of 100",
            Self::Miss => "miss of get_or_set",
        }
    }

    /// The most that leases may cost, as a multiple.
    const fn goal(self) -> Option<f64> {
        match self {
            Self::Hit => Some(1.05),
            Self::Set | Self::Delete => Some(1.1),
            Self::Miss => Some(1.5),
            Self::Add | Self::Increment | Self::MultiSet => None,
        }
    }

    async fn prepare(self, cache: &Cache, keys: &[String]) {
        match self {
            Self::Hit | Self::Delete => {
                cache.multi_set(keys.iter().map(|key| (key, "value"))).await.expect("stored");
            }
            Self::Add => {
                cache.multi_delete(keys).await.expect("deleted");
            }
            Self::Set | Self::Increment | Self::MultiSet | Self::Miss => {}
        }
    }

    async fn run(self, cache: &Cache, keys: &[String]) {
        for key in keys {
            match self {
                Self::Hit | Self::Miss => {
                    let Ok(_) = cache.get_or_set(key, || async { Ok::<_, Infallible>("value".to_owned()) }).await;
                }
                Self::Set => cache.set(key, "value").await.expect("stored"),
                Self::Delete => drop(cache.delete(key).await.expect("deleted")),
                Self::Add => drop(cache.add(key, "value").await.expect("stored")),
                Self::Increment => drop(cache.increment("counter", 1).await.expect("counted")),
                Self::MultiSet => {
                    cache.multi_set(keys[..MANY].iter().map(|key| (key, "value"))).await.expect("stored");
                }
            }
        }
    }
}

/// Nanoseconds a call, in rounds on keys of their own.
fn contender<'a>(name: &'static str, work: Work, calls: usize, runtime: &'a Runtime, cache: Cache) -> Contender<'a> {
    Contender::new(name, move || {
        let rounds = Cell::new(0);
        move || {
            let round = rounds.replace(rounds.get() + 1);
            let round = if work == Work::Miss { round } else { 0 };
            let keys: Vec<String> =
                (0..calls).map(|number| format!("{name}:{}:{calls}:{round}:{number}", work.name())).collect();
            runtime.block_on(async {
                work.prepare(&cache, &keys).await;
                let started = Instant::now();
                work.run(&cache, &keys).await;
                started.elapsed().as_secs_f64() * 1e9 / calls as f64
            })
        }
    })
}

fn cache(backend: impl Backend, lease: Option<Duration>) -> Cache {
    let builder = Cache::builder().backend(backend).serializer(Text).namespace("bench");
    let builder = lease.into_iter().fold(builder, |builder, lease| builder.lease(lease));
    builder.build().expect("settings that fit")
}

/// Where the server of a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Distance {
    Next,
    Far,
}

struct Row {
    name: String,
    redis: bool,
    work: Work,
    distance: Distance,
}

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for (distance, words) in [(Distance::Next, ""), (Distance::Far, ", 1 ms away")] {
        for (server, redis) in [("Redis", true), ("memcached", false)] {
            let works = Work::ALL.into_iter().filter(|work| distance == Distance::Next || work.goal().is_some());
            rows.extend(works.map(|work| Row {
                name: format!("{server}{words}, {}", work.name()),
                redis,
                work,
                distance,
            }));
        }
    }
    rows
}

fn main() {
    let rows = rows();
    let arguments = Arguments::parse(ROUNDS, rows.iter().map(|row| row.name.as_str()));
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let redis = runtime.block_on(RedisServer::start());
    let memcached = runtime.block_on(MemcachedServer::builder().args(&["-t", "1"]).start());
    let far = [redis.address(), memcached.address()].map(|server| {
        let proxy = runtime.block_on(Proxy::start(server));
        proxy.delay_requests(FAR);
        proxy
    });
    let mut table = Table::new(["µs a call", WITHOUT, WITH, "÷", "quartiles", "at most", ""]);
    let mut results = BTreeMap::new();
    for Row { name, redis: is_redis, work, distance } in rows.iter().filter(|row| arguments.wants(&row.name)) {
        eprintln!("{name} ...");
        let address = match (distance, is_redis) {
            (Distance::Next, true) => redis.address(),
            (Distance::Next, false) => memcached.address(),
            (Distance::Far, _) => far[usize::from(!is_redis)].address(),
        };
        let [without, with] = [Some(Duration::ZERO), None].map(|lease| match is_redis {
            true => cache(Redis::open(&format!("redis://{address}")).expect("the server's URL"), lease),
            false => cache(Memcached::open(&format!("memcached://{address}")).expect("the server's URL"), lease),
        });
        place(if *is_redis { redis.pid() } else { memcached.pid() }, true);
        let calls = match (distance, work) {
            (Distance::Far, _) => FAR_CALLS,
            (Distance::Next, Work::MultiSet) => CALLS / 10,
            (Distance::Next, _) => CALLS,
        };
        let contender = |name, cache| contender(name, *work, calls, &runtime, cache);
        let figures = in_turn(&arguments.plan, vec![contender(WITHOUT, without), contender(WITH, with)]);
        let [(_, without), (_, with)] = &figures[..] else { continue };
        let [low, ratio, high] = quartiles(without.iter().zip(with).map(|(without, with)| with / without).collect());
        let mut cells = vec![name.clone()];
        cells.extend([without, with].map(|figures| format!("{:.1}", median(figures.clone()) / 1e3)));
        cells.extend([format!("{ratio:.3}"), format!("{low:.3}–{high:.3}")]);
        cells.extend(
            work.goal().map(|goal| [format!("{goal:.2}"), verdict(ratio <= goal).to_owned()]).into_iter().flatten(),
        );
        table.row(cells);
        results.insert(name.clone(), [without, with].map(|figures| median(figures.clone())));
    }
    println!("{}", table.markdown());
    if arguments.want_all() {
        save("leases", &results);
    }
}
