//! `redis-benchmark`, as the limit: a client in C that does nothing with the answers.

use std::process::Command as Process;

use polycache_benches::rounds::Contender;
use polycache_testkit::servers::RedisServer;

use crate::clients::VALUE;
use crate::load::{BATCH, Command, Cost, Load};
use crate::rows::KEYS;

/// How the calls under way are spread over connections.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Spread {
    /// A connection for each: `-c TASKS -P 1`.
    Connections,
    /// All over one: `-c 1 -P TASKS`.
    Pipeline,
}

/// `redis-benchmark` with as many calls under way as the load has tasks. Its processor time isn't measured.
pub(crate) fn contender<'a>(
    name: &'static str,
    load: Load,
    spread: Spread,
    server: &'a RedisServer,
) -> Contender<'a, Cost> {
    Contender::new(name, move || move || Cost { wall: 1e9 / calls_a_second(load, spread, server), cpu: f64::NAN })
}

fn calls_a_second(load: Load, spread: Spread, server: &RedisServer) -> f64 {
    // It puts twelve digits in the place of `__rand_int__`: the keys of `write_key`.
    const KEY: &str = "user:000__rand_int__";
    let (connections, pipeline) = match spread {
        Spread::Connections => (load.tasks, 1),
        Spread::Pipeline => (1, load.tasks),
    };
    let mut process = Process::new("redis-benchmark");
    process.args(["-h", "127.0.0.1", "-3", "--csv"]).args(["-p", &server.port().to_string()]);
    process.args(["-r", &KEYS.to_string(), "-n", &load.calls.to_string()]);
    process.args(["-c", &connections.to_string(), "-P", &pipeline.to_string()]);
    match load.command {
        Command::Get => process.args(["GET", KEY]),
        Command::Set => process.args(["SET", KEY, VALUE]),
        Command::MultiGet => process.arg("MGET").args([KEY; BATCH]),
    };
    let output = process.output().expect("redis-benchmark, of Debian's package redis-tools");
    assert!(output.status.success(), "redis-benchmark: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    // "title","calls a second","latency",...
    let second = text.lines().last().and_then(|line| line.split("\",\"").nth(1));
    second.and_then(|figure| figure.parse().ok()).expect("redis-benchmark prints a figure")
}
