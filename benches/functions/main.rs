//! What a hit costs through a cached function, beside `get_or_set`, and beside the crate `cached`, in turns, in processor time.
//!
//! `cargo bench -p polycache-benches --bench functions [-- --rounds N]`.
#![allow(clippy::expect_used, reason = "a benchmark that can't go on says why and stops")]

use std::convert::Infallible;
use std::future::Future;
use std::hint::black_box;
use std::sync::LazyLock;

use polycache::{Cache, Ttl};
use polycache_benches::arguments::Arguments;
use polycache_benches::report::{Table, save};
use polycache_benches::rounds::{Contender, cpu_nanos, interleave};
use polycache_benches::user::User;

/// The arguments that are asked for.
const HOT: u64 = 2_000;
const CALLS: usize = 250_000;

const GET: &str = "get, key made by format!";
const GET_OR_SET: &str = "get_or_set, key made by format!";
const TEMPLATE: &str = "#[cached], a template";
const GIVEN: &str = "#[cached], a template, a cache given";
const DEFAULT: &str = "#[cached], the default key";
const CACHED: &str = "crate cached, #[cached]";

static CACHE: LazyLock<Cache> = LazyLock::new(|| Cache::memory().with_ttl(Ttl::secs(3600)));

async fn get(id: u64) -> User {
    let key = format!("bare:{id}");
    match CACHE.get(&key).await.expect("users are stored") {
        Some(user) => user,
        None => {
            CACHE.set(&key, User::new(id)).await.expect("it fits");
            User::new(id)
        }
    }
}

async fn get_or_set(id: u64) -> User {
    let key = format!("computed:{id}");
    let Ok(user) = CACHE.get_or_set(&key, || async { Ok::<_, Infallible>(User::new(id)) }).await;
    user
}

/// By the alias `default`, which is in memory.
#[polycache::cached(key = "user:{id}", ttl = "1h")]
async fn template(id: u64) -> User {
    User::new(id)
}

#[polycache::cached(cache = CACHE, key = "given:{id}", ttl = "1h")]
async fn given(id: u64) -> User {
    User::new(id)
}

#[polycache::cached(ttl = "1h")]
async fn by_arguments(id: u64) -> User {
    User::new(id)
}

/// Its lock is tokio's, its hits are counted, and an entry's life is looked at: as it comes.
#[cached::macros::cached(ttl_secs = 3600)]
async fn peer(id: u64) -> User {
    User::new(id)
}

fn contender<'a, F: Future<Output = User> + 'a>(
    name: &'static str,
    ids: &'a [u64],
    call: impl Fn(u64) -> F + Copy + 'a,
) -> Contender<'a> {
    Contender::new(name, move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        move || {
            let round = || {
                runtime.block_on(async {
                    let mut sum = 0;
                    for id in ids {
                        sum += call(*id).await.id;
                    }
                    black_box(sum);
                });
            };
            // Everything is there, and hot, from then on.
            round();
            cpu_nanos(round) / ids.len() as f64
        }
    })
}

fn main() {
    let plan = Arguments::parse(21, ["hit"]).plan;
    let mut rng = fastrand::Rng::with_seed(0x5EED);
    let ids: Vec<u64> = (0..CALLS).map(|_| rng.u64(0..HOT)).collect();
    let figures = interleave(
        &plan,
        vec![
            contender(GET, &ids, get),
            contender(GET_OR_SET, &ids, get_or_set),
            contender(TEMPLATE, &ids, template),
            contender(GIVEN, &ids, given),
            contender(DEFAULT, &ids, by_arguments),
            contender(CACHED, &ids, peer),
        ],
    );
    let mut table = Table::new(["a hit", "ns", "÷ get_or_set"]);
    let beside = figures.iter().find(|figure| figure.0 == GET_OR_SET).map_or(f64::NAN, |figure| figure.1);
    for (name, nanos) in &figures {
        table.row(vec![(*name).to_string(), format!("{nanos:.1}"), format!("{:.2}", nanos / beside)]);
    }
    println!("{}", table.markdown());
    save("functions", &[("hit", figures)]);
}
