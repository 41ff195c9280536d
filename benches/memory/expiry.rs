//! A million entries that expire at once.

use std::time::{Duration, Instant};

use cpu_time::ThreadTime;
use polycache::Cache;
use polycache_benches::accesses::write_key;
use polycache_benches::report::{Table, verdict};

use crate::entries::cache;
use crate::{ENTRIES, VALUE_LEN, given_back};

/// From the start of filling to the deadline that all entries share.
const LIFE: Duration = Duration::from_secs(6);

/// When all keys and values shall be given back.
const GOAL: Duration = Duration::from_millis(250);

/// How long the calls around the deadline are watched.
const WATCHED: Duration = Duration::from_millis(500);

/// How often each is done. The wheel's tick may be nearly over at the deadline, or just have begun.
const ROUNDS: usize = 5;

/// How many entries expire at once.
const CROWDS: [u64; 3] = [10_000, 100_000, ENTRIES];

/// Measures both and prints them.
pub(crate) fn measure() {
    let mut table =
        Table::new(["entries that expire at once", "ms until the last value is given back", "longest", "at most", ""]);
    for entries in CROWDS {
        let mut delays: Vec<Duration> = (1..=ROUNDS)
            .map(|round| {
                eprintln!("{entries} entries expire, {round} of {ROUNDS} ...");
                without_traffic(entries)
            })
            .collect();
        delays.sort_unstable();
        let (median, longest) = (delays[ROUNDS / 2], delays[ROUNDS - 1]);
        let millis = |delay: Duration| format!("{:.0}", delay.as_secs_f64() * 1e3);
        let goal = GOAL.as_millis().to_string();
        table.row([entries.to_string(), millis(median), millis(longest), goal, verdict(longest <= GOAL).to_owned()]);
    }
    println!("no traffic\n\n{}", table.markdown());

    let (quiet, expiring) = with_traffic();
    let mut table = Table::new(["longest of all calls, µs", "calls", "get, cpu", "get, wall", "set, cpu", "set, wall"]);
    for (name, longest) in [("before the deadline", quiet), ("while all expire", expiring)] {
        let micros = [longest.get, longest.set]
            .iter()
            .flat_map(|call| [call.cpu, call.wall])
            .map(|time| format!("{:.0}", time.as_secs_f64() * 1e6))
            .collect::<Vec<_>>();
        table.row([name.to_owned(), longest.calls.to_string()].into_iter().chain(micros));
    }
    println!("{}", table.markdown());
}

/// A full cache, and when all of it expires.
fn filled(entries: u64) -> (Cache, Instant) {
    let cache = cache();
    let deadline = Instant::now() + LIFE;
    let mut key = String::new();
    for number in 0..entries {
        key.clear();
        write_key(&mut key, number);
        let left = deadline.saturating_duration_since(Instant::now());
        let stored = cache.with_ttl(left).set(&key, [number as u8; VALUE_LEN]).now();
        stored.expect("memory is ready").expect("filling takes less than a life");
    }
    (cache, deadline)
}

/// From the deadline until everything is given back, seen from outside.
fn without_traffic(entries: u64) -> Duration {
    let (cache, deadline) = filled(entries);
    let before = given_back();
    while given_back() - before < entries {
        std::thread::sleep(Duration::from_millis(1));
        assert!(deadline.elapsed() < LIFE, "expired entries stay");
    }
    let delay = deadline.elapsed();
    drop(cache);
    delay
}

#[derive(Debug, Clone, Copy, Default)]
struct Longest {
    calls: u64,
    get: Call,
    set: Call,
}

#[derive(Debug, Clone, Copy, Default)]
struct Call {
    cpu: Duration,
    wall: Duration,
}

impl Call {
    fn watch(&mut self, call: impl FnOnce()) {
        let (wall, cpu) = (Instant::now(), ThreadTime::now());
        call();
        self.cpu = self.cpu.max(cpu.elapsed());
        self.wall = self.wall.max(wall.elapsed());
    }
}

/// The longest calls in an equal time before and after the deadline.
fn with_traffic() -> (Longest, Longest) {
    let (cache, deadline) = filled(ENTRIES);
    std::thread::sleep(deadline.saturating_duration_since(Instant::now() + WATCHED));
    let quiet = traffic(&cache, deadline);
    let expiring = traffic(&cache, deadline + WATCHED);
    (quiet, expiring)
}

fn traffic(cache: &Cache, until: Instant) -> Longest {
    let mut longest = Longest::default();
    let mut key = String::new();
    while Instant::now() < until {
        key.clear();
        write_key(&mut key, fastrand::u64(0..2 * ENTRIES));
        longest.get.watch(|| drop(cache.get::<[u8; VALUE_LEN]>(&key).now()));
        longest.set.watch(|| drop(cache.set(&key, [0_u8; VALUE_LEN]).now()));
        longest.calls += 2;
    }
    longest
}
