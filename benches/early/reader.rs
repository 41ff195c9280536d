//! One of the processes.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use polycache::backends::redis::Redis;
use polycache::serializers::Text;
use polycache::{Cache, Ttl};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Tells a process that it is a reader: the server, how many there are, for how many seconds.
pub(crate) const READER: &str = "POLYCACHE_BENCH_READER";

pub(crate) const TTL: Duration = Duration::from_secs(1);
/// The part of the TTL after which the entry is refreshed.
pub(crate) const EARLY: f64 = 0.7;
/// What a computation takes. Who waited for one would be seen among the longest reads.
const WORK: Duration = Duration::from_millis(200);
/// The tasks of a process, and the pause of each between its reads.
const TASKS: usize = 4;
const PAUSE: Duration = Duration::from_millis(2);

/// What processes have seen.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// When computations began, in milliseconds of a clock that all share.
    pub(crate) computed: Vec<u64>,
    /// Nanoseconds of each read of a plain entry.
    pub(crate) plain: Vec<u64>,
    /// The same of the entry that is refreshed early.
    pub(crate) early: Vec<u64>,
}

impl Seen {
    pub(crate) fn add(&mut self, other: Self) {
        self.computed.extend(other.computed);
        self.plain.extend(other.plain);
        self.early.extend(other.early);
    }
}

pub(crate) fn read(orders: &str) {
    let orders: Vec<&str> = orders.split(' ').collect();
    let [url, processes, seconds] = orders[..] else { panic!("{orders:?}") };
    let processes = processes.parse().expect("a number");
    let time = Duration::from_secs(seconds.parse().expect("a number"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let seen = runtime.block_on(async {
        let redis = Redis::open(url).expect("the server's URL");
        let builder = Cache::builder().backend(redis).serializer(Text).ttl(Ttl::After(TTL));
        let cache = builder.refresh_early(EARLY).build().expect("settings that fit");
        all_tasks(cache, processes, time).await
    });
    println!("{}", serde_json::to_string(&seen).expect("plain data"));
}

async fn all_tasks(cache: Cache, processes: i64, time: Duration) -> Seen {
    let plain = cache.with_refresh_early(1.0).with_ttl(Ttl::Never);
    plain.set("plain", "value").await.expect("stored");
    let computed = Arc::new(Mutex::new(Vec::new()));
    // The first value, before anybody's time runs.
    cache.get_or_set("early", || compute(Arc::clone(&computed))).detached().await.expect("it is infallible");
    plain.increment("started", 1).await.expect("counted");
    while plain.increment("started", 0).await.expect("counted") < processes {
        sleep(PAUSE).await;
    }
    let ends = Instant::now() + time;
    let task = |_| {
        let (cache, plain, computed) = (cache.clone(), plain.clone(), Arc::clone(&computed));
        async move {
            let mut seen = Seen::default();
            while Instant::now() < ends {
                sleep(PAUSE).await;
                let asked = Instant::now();
                plain.get_or_set("plain", || compute(Arc::default())).detached().await.expect("it is infallible");
                seen.plain.push(nanos(asked));
                sleep(PAUSE).await;
                let asked = Instant::now();
                cache
                    .get_or_set("early", || compute(Arc::clone(&computed)))
                    .detached()
                    .await
                    .expect("it is infallible");
                seen.early.push(nanos(asked));
            }
            seen
        }
    };
    let mut all = Seen::default();
    for seen in (0..TASKS).map(task).collect::<JoinSet<Seen>>().join_all().await {
        all.add(seen);
    }
    // Waits for a refresh under way: whoever left it would keep its lease.
    cache.close().await.expect("closed in time");
    all.computed.extend(computed.lock().expect("nobody panics").iter().copied());
    all
}

fn nanos(asked: Instant) -> u64 {
    u64::try_from(asked.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

async fn compute(computed: Arc<Mutex<Vec<u64>>>) -> Result<String, Infallible> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that is right");
    computed.lock().expect("nobody panics").push(u64::try_from(now.as_millis()).expect("not so late"));
    sleep(WORK).await;
    Ok("value".to_owned())
}
