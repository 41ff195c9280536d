//! Values that are refreshed in the background once their TTL is over, in memory: by polycache, and by hand around moka's `get_with`.

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use polycache::{Cache, Ttl};
use polycache_benches::accesses::Accesses;
use polycache_benches::arguments::Arguments;
use polycache_benches::report::{Table, verdict};
use polycache_benches::rounds::{Contender, cpu_nanos, interleave};
use polycache_benches::user::User;

use crate::{GRACE, TTL};

pub(crate) const HIT: &str = "in memory, always fresh";
pub(crate) const REFRESHED: &str = "in memory, refreshed each 20 ms";

const POLYCACHE: &str = "polycache";
const MOKA: &str = "moka by hand";

/// The keys that are hit.
const HOT: u64 = 2_000;
const ACCESSES: usize = 200_000;
/// After so many calls the tasks that refresh get their turn.
const BURST: usize = 200;
/// The most that a call may cost, as a multiple of moka's.
const GOAL: f64 = 1.0;

/// Where values come from.
#[derive(Debug, Default)]
struct Source {
    asked: AtomicU64,
}

impl Source {
    async fn load(&self) -> User {
        User::new(self.asked.fetch_add(1, Ordering::Relaxed))
    }
}

/// Something that answers by stale values while it refreshes them.
trait Peer: 'static {
    fn open(ttl: Duration) -> Self;

    async fn user(&self, key: &str) -> User;

    fn asked(&self) -> u64;
}

struct Polycache {
    cache: Cache,
    source: Arc<Source>,
}

impl Peer for Polycache {
    fn open(ttl: Duration) -> Self {
        let builder = Cache::builder().ttl(Ttl::After(ttl)).grace(GRACE).soft_timeout(Duration::ZERO);
        Self { cache: builder.build().expect("settings that fit"), source: Arc::default() }
    }

    async fn user(&self, key: &str) -> User {
        let source = Arc::clone(&self.source);
        let load = || async move { Ok::<_, Infallible>(source.load().await) };
        let Ok(user) = self.cache.get_or_set(key, load).detached().await;
        user
    }

    fn asked(&self) -> u64 {
        self.source.asked.load(Ordering::Relaxed)
    }
}

/// moka keeps a value for its TTL and the grace; what tells whether it is to be refreshed, and by whom, is beside it.
struct Moka {
    cache: moka::future::Cache<String, Arc<Kept>>,
    source: Arc<Source>,
    ttl: Duration,
}

struct Kept {
    user: User,
    fresh_until: Instant,
    is_refreshed: AtomicBool,
}

impl Kept {
    async fn load(source: &Source, ttl: Duration) -> Arc<Self> {
        let user = source.load().await;
        Arc::new(Self { user, fresh_until: Instant::now() + ttl, is_refreshed: AtomicBool::new(false) })
    }
}

impl Peer for Moka {
    fn open(ttl: Duration) -> Self {
        let cache = moka::future::Cache::builder().max_capacity(100_000).time_to_live(ttl + GRACE).build();
        Self { cache, source: Arc::default(), ttl }
    }

    async fn user(&self, key: &str) -> User {
        let kept = self.cache.get_with_by_ref(key, Kept::load(&self.source, self.ttl)).await;
        if Instant::now() >= kept.fresh_until && !kept.is_refreshed.swap(true, Ordering::Relaxed) {
            let (cache, source, ttl, key) = (self.cache.clone(), Arc::clone(&self.source), self.ttl, key.to_owned());
            tokio::spawn(async move { cache.insert(key, Kept::load(&source, ttl).await).await });
        }
        kept.user.clone()
    }

    fn asked(&self) -> u64 {
        self.source.asked.load(Ordering::Relaxed)
    }
}

fn contender<'a, P: Peer>(
    name: &'static str,
    ttl: Duration,
    keys: &'a Accesses,
    asked: &'a AtomicU64,
) -> Contender<'a> {
    Contender::new(name, move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let peer = P::open(ttl);
        move || {
            let nanos = cpu_nanos(|| {
                runtime.block_on(async {
                    for (number, key) in keys.keys(0..keys.len()).enumerate() {
                        black_box(peer.user(key).await);
                        if number % BURST == 0 {
                            tokio::task::yield_now().await;
                        }
                    }
                });
            });
            asked.store(peer.asked(), Ordering::Relaxed);
            nanos / keys.len() as f64
        }
    })
}

/// Prints the table; the nanoseconds of each.
pub(crate) fn run(arguments: &Arguments) -> Vec<(String, f64)> {
    let keys = Accesses::at_random(0..HOT, ACCESSES, &mut fastrand::Rng::with_seed(0x5EED));
    let mut table =
        Table::new(["get_or_set, ns a call", POLYCACHE, MOKA, "÷ moka", "at most", "", "computations", "moka's"]);
    let mut results = Vec::new();
    for (row, ttl) in [(HIT, TTL), (REFRESHED, Duration::from_millis(20))] {
        if !arguments.wants(row) {
            continue;
        }
        let asked = [(); 2].map(|()| AtomicU64::new(0));
        let contenders = vec![
            contender::<Polycache>(POLYCACHE, ttl, &keys, &asked[0]),
            contender::<Moka>(MOKA, ttl, &keys, &asked[1]),
        ];
        let figures = interleave(&arguments.plan, contenders);
        let [ours, moka] = [0, 1].map(|index| figures.get(index).map_or(f64::NAN, |figure| figure.1));
        let ratio = ours / moka;
        let mut cells = vec![row.to_owned()];
        cells.extend([ours, moka].map(|nanos| format!("{nanos:.1}")));
        cells.extend([format!("{ratio:.2}"), format!("{GOAL:.2}"), verdict(ratio <= GOAL).to_owned()]);
        cells.extend(asked.map(|asked| asked.into_inner().to_string()));
        table.row(cells);
        results.extend(figures.into_iter().map(|(name, nanos)| (format!("{row}, {name}"), nanos)));
    }
    if !results.is_empty() {
        println!("{}", table.markdown());
    }
    results
}
