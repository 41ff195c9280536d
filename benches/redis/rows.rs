//! What is compared, and which goals polycache has there.

use std::sync::Arc;

use polycache_benches::accesses::Accesses;
use polycache_benches::rounds::{Plan, in_turn};
use polycache_testkit::servers::RedisServer;

use crate::clients::{Bare, Client, Polycache};
use crate::limit::{self, Spread};
use crate::load::{self, Command, Cost, Load, Threads};

/// The names of contenders.
pub(crate) const CONNECTIONS: &str = "redis-benchmark -P 1";
pub(crate) const PIPELINE: &str = "pipelined";
pub(crate) const BARE: &str = "redis-rs";
pub(crate) const POLYCACHE: &str = "polycache";

/// How many keys the server holds.
pub(crate) const KEYS: u32 = 2_000;

/// The goals, as multiples of the bare client's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Goal {
    /// Throughput, at least.
    pub(crate) throughput: f64,
    /// Processor time of a call, at most.
    pub(crate) cpu: Option<f64>,
}

/// A row of the tables.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) goal: Goal,
    pub(crate) load: Load,
}

/// All rows.
pub(crate) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for command in [Command::Get, Command::Set, Command::MultiGet] {
        for threads in [Threads::Current, Threads::TwoWorkers] {
            for tasks in [1, 16, 256] {
                rows.push(Row::new(command, tasks, threads));
            }
        }
    }
    rows
}

impl Row {
    fn new(command: Command, tasks: usize, threads: Threads) -> Self {
        // A tenth of a second or so.
        let calls = match (command, tasks) {
            (Command::MultiGet, 1) => 1_000,
            (Command::MultiGet, _) => 2_048,
            (_, 1) => 4_000,
            (_, 16) => 16_000,
            _ => 32_768,
        };
        let goal = match command {
            Command::MultiGet => Goal { throughput: 0.95, cpu: None },
            Command::Get | Command::Set => Goal { throughput: 0.92, cpu: Some(1.12) },
        };
        let plural = if tasks == 1 { "" } else { "s" };
        let name = format!("{}, {tasks} task{plural}, {}", command.name(), threads.name());
        Self { name, goal, load: Load { command, tasks, threads, calls } }
    }

    /// The costs of each contender in all rounds.
    pub(crate) fn measure(&self, plan: &Plan, server: &RedisServer) -> Vec<(&'static str, Vec<Cost>)> {
        let load = self.load;
        let accesses = load.calls * load.command.keys();
        let keys = Accesses::at_random(0..u64::from(KEYS), accesses, &mut fastrand::Rng::with_seed(0x5EED));
        let keys = Arc::new(keys);
        fill(server);
        let mut contenders = vec![
            load::contender::<Bare>(BARE, load, server, &keys),
            load::contender::<Polycache>(POLYCACHE, load, server, &keys),
        ];
        // No runtime of ours takes part.
        if load.threads == Threads::Current {
            contenders.push(limit::contender(CONNECTIONS, load, Spread::Connections, server));
            contenders.push(limit::contender(PIPELINE, load, Spread::Pipeline, server));
        }
        in_turn(plan, contenders)
    }
}

/// Stores all keys.
fn fill(server: &RedisServer) {
    let keys = Accesses::in_sequence(0..u64::from(KEYS));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut client = Polycache::connect(server).await;
        for key in keys.keys(0..keys.len()) {
            client.set(key).await;
        }
    });
}
