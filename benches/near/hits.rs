//! What a hit of a near tier costs: reads of keys that have all been read before, of which none may ask the server.

use polycache_benches::accesses::Accesses;
use polycache_benches::arguments::Arguments;
use polycache_benches::report::{Table, save, verdict};
use polycache_benches::rounds::Contender;
use polycache_benches::user::User;
use tokio::runtime::Runtime;

use crate::load::{Cost, KEYS, Make, contender, costs};
use crate::peers::{Amalgam, Cached, InMemory, Kept, Packed, Polycache, RedisRs, RedisRsJson, Tracked};

pub(crate) const ROWS: [&str; 2] = ["hit, string", "hit, JSON record"];

const READS: usize = 100_000;
/// The most that a hit may take, as a multiple of each peer's, and of a hit of live objects in memory.
const OF_PEERS: f64 = 0.25;
const OF_MEMORY: f64 = 1.3;

const NEAR: &str = "polycache";
const OTHER_FORMAT: &str = "polycache, MsgPack";
const MEMORY: &str = "polycache, memory";

pub(crate) fn measure(arguments: &Arguments, runtime: &Runtime) {
    let accesses = Accesses::at_random(0..KEYS, READS, &mut fastrand::Rng::with_seed(0x5EED));
    let mut table = Table::new(["", "ns a hit", "cpu ns", "near ÷ this", "at most", ""]);
    let mut results = Vec::new();
    for row in ROWS.into_iter().filter(|row| arguments.wants(row)) {
        eprintln!("{row} ...");
        let contenders = match row {
            "hit, string" => {
                let value = |number: u64| format!("{number:0100}");
                let all = ours(runtime, &accesses, value);
                let theirs = [contender::<_, RedisRs>("redis-rs, CacheConfig", runtime, &accesses, value)];
                all.into_iter().chain(theirs).chain(others(runtime, &accesses, value)).collect()
            }
            _ => {
                let all = ours(runtime, &accesses, User::new);
                let theirs = [contender::<_, RedisRsJson>("redis-rs, CacheConfig", runtime, &accesses, User::new)];
                all.into_iter().chain(theirs).chain(others(runtime, &accesses, User::new)).collect()
            }
        };
        let costs = costs(&arguments.plan, contenders);
        for (name, cost) in &costs {
            assert!(cost.asked < 0.01, "{name}: of a hundred reads {} have asked the server", 100.0 * cost.asked);
        }
        let near = costs.iter().find(|(name, _)| *name == NEAR).map_or(f64::NAN, |(_, cost)| cost.cpu);
        for (name, cost) in &costs {
            let mut cells = vec![format!("{row}: {name}"), format!("{:.1}", cost.wall), format!("{:.1}", cost.cpu)];
            let goal = match *name {
                NEAR | OTHER_FORMAT => None,
                MEMORY => Some(OF_MEMORY),
                _ => Some(OF_PEERS),
            };
            let ratio = near / cost.cpu;
            cells.push(format!("{ratio:.3}"));
            cells.extend(goal.into_iter().flat_map(|goal| [goal.to_string(), verdict(ratio <= goal).to_owned()]));
            table.row(cells);
            results.push((row, *name, cost.cpu));
        }
    }
    println!("{}", table.markdown());
    if arguments.plan.only.is_none() && ROWS.into_iter().all(|row| arguments.wants(row)) {
        save("near", &results);
    }
}

fn ours<'a, V: Kept>(runtime: &'a Runtime, accesses: &'a Accesses, value: Make<V>) -> Vec<Contender<'a, Cost>> {
    vec![
        contender::<_, Polycache<Tracked>>(NEAR, runtime, accesses, value),
        contender::<_, Polycache<Packed>>(OTHER_FORMAT, runtime, accesses, value),
        contender::<_, Polycache<InMemory>>(MEMORY, runtime, accesses, value),
    ]
}

fn others<'a, V: Kept>(runtime: &'a Runtime, accesses: &'a Accesses, value: Make<V>) -> Vec<Contender<'a, Cost>> {
    vec![
        contender::<_, Cached<V>>("cached, client_side_caching", runtime, accesses, value),
        contender::<_, Amalgam<V>>("amalgam-cache, memory, Redis and backplane", runtime, accesses, value),
    ]
}
