//! What a call to Redis costs: polycache through its whole facade beside the bare client, redis-rs, and `redis-benchmark` as the limit.
//!
//! `cargo bench -p polycache-benches --bench redis [-- ROW] [--rounds N] [--only CONTENDER]`; `ROW` is a row's name or a part of
//! some. Starts a `redis-server` of its own.
#![allow(clippy::expect_used, reason = "a benchmark that can't go on says why and stops")]
#![allow(unreachable_pub, reason = "nothing here is a library")]

mod clients;
mod limit;
mod load;
mod rows;
mod tables;

use std::collections::BTreeMap;

use polycache_benches::arguments::Arguments;
use polycache_benches::placement::place;
use polycache_benches::report::save;
use polycache_testkit::servers::RedisServer;

use crate::load::Threads;
use crate::rows::rows;
use crate::tables::Tables;

const ROUNDS: usize = 15;

fn main() {
    let rows = rows();
    let arguments = Arguments::parse(ROUNDS, rows.iter().map(|row| row.name.as_str()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let server = runtime.block_on(RedisServer::start());
    let mut tables = Tables::new();
    let mut results = BTreeMap::new();
    for row in rows.iter().filter(|row| arguments.wants(&row.name)) {
        eprintln!("{} ...", row.name);
        let one_by_one = row.load.threads == Threads::Current || row.load.tasks == 1;
        place(server.pid(), one_by_one);
        let figures = row.measure(&arguments.plan, &server);
        results.insert(row.name.clone(), tables.add(row, &figures));
    }
    tables.print();
    if arguments.want_all() {
        save("redis", &results);
    }
}
