//! What `get_or_set` costs, beside `get` and beside moka's `try_get_with`, in one process, in turns, in processor time.
//!
//! `cargo bench -p polycache-benches --bench flight [-- --rounds N]`.
#![allow(clippy::expect_used, reason = "a benchmark that can't go on says why and stops")]

use std::convert::Infallible;
use std::hint::black_box;
use std::time::{Duration, Instant};

use moka::Expiry;
use polycache::backends::memory::Memory;
use polycache::{Cache, Ttl};
use polycache_benches::accesses::Accesses;
use polycache_benches::arguments::Arguments;
use polycache_benches::report::{Table, save, verdict};
use polycache_benches::rounds::{Contender, cpu_nanos, interleave};
use polycache_benches::user::User;

const TTL: Duration = Duration::from_secs(3600);
/// What a cache holds.
const CAPACITY: u64 = 10_000;
/// The keys that are hit.
const HOT: u64 = 2_000;
const ACCESSES: usize = 250_000;

const GET: &str = "get";
const GET_OR_SET: &str = "get_or_set";
const TRY_GET_WITH: &str = "moka's try_get_with";

/// The most that a hit may cost, as a multiple of `get`, and a miss, of moka's.
const HIT_GOAL: f64 = 1.1;
const MISS_GOAL: f64 = 0.6;

/// Every entry has the same TTL, but moka has to ask for each.
struct PerEntry;

impl Expiry<String, User> for PerEntry {
    fn expire_after_create(&self, _: &String, _: &User, _: Instant) -> Option<Duration> {
        Some(TTL)
    }
}

fn polycache() -> Cache {
    let memory = Memory::builder().max_entries(CAPACITY).build().expect("a bound above zero");
    Cache::builder().backend(memory).ttl(Ttl::After(TTL)).build().expect("settings that fit")
}

fn moka() -> moka::future::Cache<String, User> {
    moka::future::Cache::builder().max_capacity(CAPACITY).expire_after(PerEntry).build()
}

/// A contender whose round asks for each of the keys with `ask`, after a round that isn't timed. Nanoseconds a call.
fn contender<'a, C, F>(
    name: &'static str,
    cache: impl Fn() -> C + 'a,
    keys: &'a Accesses,
    anew: bool,
    ask: impl Fn(C, &'a Accesses) -> F + Copy + 'a,
) -> Contender<'a>
where
    C: Clone + 'a,
    F: Future<Output = u64> + 'a,
{
    Contender::new(name, move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let kept = cache();
        move || {
            // A cache of its own for each round of misses: it fills up, and evicts from then on.
            let used = if anew { cache() } else { kept.clone() };
            if !anew {
                black_box(runtime.block_on(ask(used.clone(), keys)));
            }
            cpu_nanos(|| {
                black_box(runtime.block_on(ask(used, keys)));
            }) / keys.len() as f64
        }
    })
}

async fn get(cache: Cache, keys: &Accesses) -> u64 {
    let mut sum = 0;
    for key in keys.keys(0..keys.len()) {
        match cache.get::<User>(key).await.expect("users are stored") {
            Some(user) => sum += user.id,
            None => cache.set(key, User::new(7)).await.expect("it fits"),
        }
    }
    sum
}

async fn get_or_set(cache: Cache, keys: &Accesses) -> u64 {
    let mut sum = 0;
    for key in keys.keys(0..keys.len()) {
        let Ok(user) = cache.get_or_set(key, || async { Ok::<_, Infallible>(User::new(7)) }).await;
        sum += user.id;
    }
    sum
}

async fn try_get_with(cache: moka::future::Cache<String, User>, keys: &Accesses) -> u64 {
    let mut sum = 0;
    for key in keys.keys(0..keys.len()) {
        let user = cache.try_get_with_by_ref(key, async { Ok::<_, Infallible>(User::new(7)) }).await;
        sum += user.expect("it is infallible").id;
    }
    sum
}

fn main() {
    let plan = Arguments::parse(21, ["hit", "miss"]).plan;
    let mut rng = fastrand::Rng::with_seed(0x5EED);
    let hits = Accesses::at_random(0..HOT, ACCESSES, &mut rng);
    let misses = Accesses::in_sequence(0..ACCESSES as u64);
    let mut table = Table::new(["ns a call", GET, GET_OR_SET, TRY_GET_WITH, "÷ get", "÷ moka", "at most", ""]);
    let mut results = Vec::new();
    for (name, keys, anew) in [("hit", &hits, false), ("miss", &misses, true)] {
        let figures = interleave(
            &plan,
            vec![
                contender(GET, polycache, keys, anew, get),
                contender(GET_OR_SET, polycache, keys, anew, get_or_set),
                contender(TRY_GET_WITH, moka, keys, anew, try_get_with),
            ],
        );
        let [get, ours, moka] = [0, 1, 2].map(|index| figures.get(index).map_or(f64::NAN, |figure| figure.1));
        let (goal, ratio) = if anew { (MISS_GOAL, ours / moka) } else { (HIT_GOAL, ours / get) };
        let mut cells = vec![name.to_owned()];
        cells.extend([get, ours, moka].map(|nanos| format!("{nanos:.1}")));
        cells.extend([ours / get, ours / moka, goal].map(|ratio| format!("{ratio:.2}")));
        cells.push(verdict(ratio <= goal).to_owned());
        table.row(cells);
        results.push((name, figures));
    }
    println!("{}", table.markdown());
    save("flight", &results);
}
