//! Reads of keys at random, by one task.

use std::hint::black_box;
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use polycache_benches::accesses::Accesses;
use polycache_benches::rounds::{Contender, Plan, in_turn, median};
use polycache_testkit::servers::RedisServer;
use tokio::runtime::Runtime;
use tokio::time::sleep;

use crate::peers::{Kept, Peer};

pub(crate) const KEYS: u64 = 2_000;

/// Nanoseconds of a read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) wall: f64,
    /// Of this process's time on processors.
    pub(crate) cpu: f64,
    /// Of the server's.
    pub(crate) server: f64,
    /// How many times the server was asked.
    pub(crate) asked: f64,
}

/// What makes the value of a number.
pub(crate) type Make<V> = fn(u64) -> V;

/// The medians of each contender.
pub(crate) fn costs<'a>(plan: &Plan, contenders: Vec<Contender<'a, Cost>>) -> Vec<(&'static str, Cost)> {
    let rounds = in_turn(plan, contenders).into_iter();
    rounds
        .map(|(name, rounds)| {
            let of = |part: fn(&Cost) -> f64| median(rounds.iter().map(part).collect());
            let (wall, cpu) = (of(|cost| cost.wall), of(|cost| cost.cpu));
            (name, Cost { wall, cpu, server: of(|cost| cost.server), asked: of(|cost| cost.asked) })
        })
        .collect()
}

/// One whose rounds are `accesses`, the first part of them untimed to warm the processor up.
pub(crate) fn contender<'a, V: Kept, P: Peer<V> + 'a>(
    name: &'static str,
    runtime: &'a Runtime,
    accesses: &'a Accesses,
    value: Make<V>,
) -> Contender<'a, Cost> {
    Contender::new(name, move || {
        let (server, mut peer) = runtime.block_on(async {
            let server = RedisServer::start().await;
            let mut peer = P::open(server.url()).await;
            let keys = Accesses::in_sequence(0..KEYS);
            for (number, key) in (0..).zip(keys.keys(0..KEYS as usize)) {
                peer.write(key, &value(number)).await;
            }
            // Whoever is told of its own writes has heard of them by then.
            sleep(Duration::from_millis(300)).await;
            reads(&mut peer, &keys, KEYS as usize).await;
            (server, peer)
        });
        move || {
            runtime.block_on(reads(&mut peer, accesses, accesses.len() / 5));
            let before = runtime.block_on(Server::of(&server));
            let (cpu, wall) = (ProcessTime::now(), Instant::now());
            runtime.block_on(reads(&mut peer, accesses, accesses.len()));
            let (cpu, wall) = (cpu.elapsed(), wall.elapsed());
            let after = runtime.block_on(Server::of(&server));
            let each = |spent: Duration| spent.as_secs_f64() * 1e9 / accesses.len() as f64;
            let asked = (after.asked - before.asked) / accesses.len() as f64;
            Cost { cpu: each(cpu), wall: each(wall), server: each(after.cpu - before.cpu), asked }
        }
    })
}

async fn reads<V, P: Peer<V>>(peer: &mut P, accesses: &Accesses, count: usize) {
    for key in accesses.keys(0..count) {
        black_box(peer.read(key).await.expect("it is there"));
    }
}

/// What a server says of itself.
struct Server {
    /// How many reads of keys it has answered.
    asked: f64,
    cpu: Duration,
}

impl Server {
    async fn of(server: &RedisServer) -> Self {
        let stats = server.cli(&["INFO", "everything"]).await;
        let figure = |name: &str| {
            let line = stats.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.and_then(|number| number.trim().parse::<f64>().ok()).expect("a figure of the server")
        };
        let cpu = figure("used_cpu_user") + figure("used_cpu_sys");
        Self { asked: figure("keyspace_hits") + figure("keyspace_misses"), cpu: Duration::from_secs_f64(cpu) }
    }
}
