//! Random interleavings of computations, clears of tags, deletions, writes and expiry, in processes whose clocks are apart: no value is
//! older than a clear or a deletion that was acknowledged before its read began. Each interleaving is short and has a namespace of its own,
//! and a hundred run at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;
use futures_util::future::join_all;
use parking_lot::Mutex;
use polycache::backend::{Backend, WallClock};
use polycache::backends::memcached::Memcached;
use polycache::backends::memory::{ManualClock, Memory};
use polycache::backends::redis::Redis;
use polycache::{Cache, Reply, Ttl};
use polycache_testkit::Intercept;
use polycache_testkit::servers::{Memcached as MemcachedServer, RedisServer};
use tokio::task::{JoinSet, yield_now};
use tokio::time::sleep;

use super::{SECONDS, TURN};

/// So many, and more until the time of a soak is over.
const INTERLEAVINGS: u64 = 10_000;
const AT_ONCE: usize = 100;
/// What the clocks of the processes are ahead, in seconds.
const AHEAD: [i64; 3] = [-3, 0, 3];
const ACTORS: usize = 4;
const CALLS: usize = 2;
const KEYS: usize = 2;
/// Nothing fails here, however busy the machine is.
const PATIENT: &str = "heartbeat=30s&connect_timeout=30s";
const GRACE: Duration = Duration::from_secs(3_600);
const SEED: &str = "POLYCACHE_INTERLEAVING_SEED";

/// A key, and the source's version of it.
type Stored = (usize, u64);

#[derive(Debug, Clone)]
struct Failed;

/// How time passes, and how short a life can be.
#[derive(Debug, Clone)]
enum Time {
    Manual(ManualClock),
    /// To the millisecond.
    Real,
    /// To the second.
    Seconds,
}

#[derive(Debug, Default)]
struct Truth {
    version: u64,
    acknowledged: u64,
    own: [u64; AHEAD.len()],
    /// By process: calls under way that may share their result, and what had been acknowledged when they began.
    sharing: [Vec<(u64, u64)>; AHEAD.len()],
}

/// What had been acknowledged when a read began.
#[derive(Debug, Clone, Copy)]
struct Floor {
    version: u64,
    own: u64,
    shared: Option<u64>,
}

#[derive(Debug, Default)]
struct Tally {
    checked: AtomicU64,
    computed: AtomicU64,
    cleared: AtomicU64,
}

struct Interleaving {
    name: String,
    processes: Vec<Cache>,
    time: Time,
    /// Whether computations may fail, and stale values be given.
    fails: bool,
    keys: Mutex<[Truth; KEYS]>,
    /// Of two concurrent writers the earlier one could win. The first key is only computed, deleted and cleared.
    turn: tokio::sync::Mutex<()>,
    log: Mutex<Vec<String>>,
    tally: Arc<Tally>,
}

fn tags(key: usize) -> [String; 2] {
    [format!("own {key}"), "both".to_owned()]
}

impl Interleaving {
    async fn run(&self, seed: u64) {
        join_all((0..ACTORS).map(|actor| self.act(Rng::with_seed(seed ^ actor as u64)))).await;
    }

    async fn act(&self, mut rng: Rng) {
        let process = rng.usize(..self.processes.len());
        for _ in 0..CALLS {
            for _ in 0..rng.u32(..3) {
                yield_now().await;
            }
            match rng.u32(..100) {
                0..18 => self.get(process, &mut rng).await,
                18..58 => self.get_or_set(process, &mut rng).await,
                58..74 => self.clear_tag(process, &mut rng).await,
                74..84 => self.delete(process, &mut rng).await,
                84..90 => self.set(process, &mut rng).await,
                90..94 => self.expire(process, &mut rng).await,
                _ => self.let_time_pass(&mut rng).await,
            }
        }
    }

    fn note(&self, process: usize, what: &str) {
        self.log.lock().push(format!("process {process}: {what}"));
    }

    /// A life, often so short that it ends meanwhile.
    fn life(&self, rng: &mut Rng) -> Ttl {
        match self.time {
            _ if rng.bool() => Ttl::secs(60),
            Time::Seconds => Ttl::secs(1),
            _ => Ttl::After(Duration::from_millis(rng.u64(1..30))),
        }
    }

    async fn let_time_pass(&self, rng: &mut Rng) {
        let time = Duration::from_millis(rng.u64(1..25));
        match &self.time {
            Time::Manual(clock) => clock.advance(time),
            Time::Seconds if rng.u32(..20) == 0 => sleep(Duration::from_millis(1_100)).await,
            _ => sleep(time).await,
        }
    }

    fn floor(&self, process: usize, key: usize) -> Floor {
        let truth = &self.keys.lock()[key];
        Floor { version: truth.acknowledged, own: truth.own[process], shared: None }
    }

    async fn get(&self, process: usize, rng: &mut Rng) {
        let key = rng.usize(..KEYS);
        let floor = self.floor(process, key);
        let found = self.processes[process].get::<Stored>(&key.to_string()).await.unwrap();
        self.check(process, key, floor, found, "get");
    }

    async fn get_or_set(&self, process: usize, rng: &mut Rng) {
        let (key, call, life) = (rng.usize(..KEYS), rng.u64(..), self.life(rng));
        let name = key.to_string();
        let cache = self.processes[process].with_ttl(life);
        let cache = match rng.bool() {
            true => cache.tagged(tags(key)),
            false => cache.tagged_by(|_, stored: &Stored| tags(stored.0).to_vec()),
        };
        let floor = {
            let truth = &mut self.keys.lock()[key];
            let shared = truth.sharing[process].iter().map(|(_, floor)| *floor).min();
            truth.sharing[process].push((call, truth.acknowledged));
            Floor { version: truth.acknowledged, own: truth.own[process], shared }
        };
        let (before, after, fails) = (rng.u32(..4), rng.u32(..4), self.fails && rng.u32(..4) == 0);
        let slowly = rng.u32(..4) == 0;
        let computed = cache
            .get_or_set(&name, || async {
                pause(before, slowly).await;
                let version = self.keys.lock()[key].version;
                self.note(process, &format!("computes version {version} of {key} to live {life:?}, fails: {fails}"));
                self.tally.computed.fetch_add(1, Ordering::Relaxed);
                pause(after, slowly).await;
                if fails { Err(Failed) } else { Ok((key, version)) }
            })
            .await;
        self.keys.lock()[key].sharing[process].retain(|(other, _)| *other != call);
        self.check(process, key, floor, computed.ok(), "get_or_set");
    }

    /// A new version of these keys in the source, which the cache is to forget or to have.
    fn bump(&self, keys: &[usize]) -> Vec<(usize, u64)> {
        let mut truth = self.keys.lock();
        let bump = |key: &usize| {
            truth[*key].version += 1;
            (*key, truth[*key].version)
        };
        keys.iter().map(bump).collect()
    }

    fn acknowledge(&self, process: usize, versions: &[(usize, u64)], what: &str) {
        let mut truth = self.keys.lock();
        for (key, version) in versions {
            let Truth { acknowledged, own, .. } = &mut truth[*key];
            *acknowledged = version.max(acknowledged).to_owned();
            own[process] = own[process].max(*version);
        }
        self.note(process, &format!("{what} for {versions:?} is acknowledged"));
    }

    async fn turn(&self, keys: &[usize]) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        if keys.contains(&1) { Some(self.turn.lock().await) } else { None }
    }

    async fn clear_tag(&self, process: usize, rng: &mut Rng) {
        let tag = tags(rng.usize(..KEYS))[rng.usize(..2)].clone();
        let keys: Vec<usize> = (0..KEYS).filter(|key| tags(*key).contains(&tag)).collect();
        let _turn = self.turn(&keys).await;
        let versions = self.bump(&keys);
        self.note(process, &format!("clear_tag for {versions:?} begins"));
        self.processes[process].clear_tag(&tag).await.unwrap();
        self.tally.cleared.fetch_add(1, Ordering::Relaxed);
        self.acknowledge(process, &versions, "clear_tag");
    }

    async fn delete(&self, process: usize, rng: &mut Rng) {
        let key = rng.usize(..KEYS);
        let _turn = self.turn(&[key]).await;
        let versions = self.bump(&[key]);
        self.note(process, &format!("delete for {versions:?} begins"));
        self.processes[process].delete(&key.to_string()).await.unwrap();
        self.acknowledge(process, &versions, "delete");
    }

    async fn set(&self, process: usize, rng: &mut Rng) {
        let _turn = self.turn(&[1]).await;
        let versions = self.bump(&[1]);
        self.note(process, &format!("set of {versions:?} begins"));
        let cache = self.processes[process].with_ttl(self.life(rng)).tagged(tags(1));
        cache.set("1", versions[0]).await.unwrap();
        self.acknowledge(process, &versions, "set");
    }

    async fn expire(&self, process: usize, rng: &mut Rng) {
        let (key, life) = (rng.usize(..KEYS), self.life(rng));
        self.note(process, &format!("{key} is to live {life:?}"));
        self.processes[process].expire(&key.to_string(), life).await.unwrap();
    }

    fn check(&self, process: usize, key: usize, floor: Floor, found: Option<Stored>, call: &str) {
        let Some((of, version)) = found else { return };
        self.note(process, &format!("{call} gives version {version} of {of}"));
        self.tally.checked.fetch_add(1, Ordering::Relaxed);
        assert!(of == key && version <= self.keys.lock()[key].version, "{}: a value that never was", self.tell());
        // A call that joins another one of its process shares its result.
        let is_shared = floor.shared.is_some_and(|shared| version >= shared.max(floor.own));
        assert!(
            version >= floor.version || is_shared,
            "{}: {call} gave version {version} of {key}, {floor:?}",
            self.tell()
        );
    }

    fn tell(&self) -> String {
        format!("{}\n{}\n", self.name, self.log.lock().join("\n"))
    }
}

async fn pause(turns: u32, slowly: bool) {
    if slowly {
        sleep(Duration::from_millis(turns.into())).await;
    }
    for _ in 0..turns {
        yield_now().await;
    }
}

/// The same backend for a process whose clock is so many seconds ahead.
fn ahead(backend: Arc<dyn Backend>, seconds: i64) -> Intercept {
    let apart = Duration::from_secs(seconds.unsigned_abs());
    Intercept::new(backend, |_| Reply::ready(())).declaring(|info| {
        let right = info.clock.clone();
        info.clock = WallClock::new(move || if seconds < 0 { right.now() - apart } else { right.now() + apart });
    })
}

/// The caches of the processes.
fn caches(
    mut backend: impl FnMut() -> Arc<dyn Backend>,
    lease: Option<Duration>,
    grace: Option<Duration>,
) -> Vec<Cache> {
    let cache = |seconds| {
        let mut builder = Cache::builder().backend(ahead(backend(), seconds)).timeout(Duration::from_secs(60));
        if let Some(lease) = lease {
            builder = builder.lease(lease);
        }
        if let Some(grace) = grace {
            builder = builder.grace(grace);
        }
        builder.build().unwrap()
    };
    let caches: Vec<Cache> = AHEAD.into_iter().map(cache).collect();
    let apart = caches[AHEAD.len() - 1].now().duration_since(caches[0].now()).unwrap();
    assert!(apart > Duration::from_secs(5), "the clocks are {apart:?} apart");
    caches
}

/// `processes` makes the caches, with this grace.
async fn run(name: &str, time: impl Fn() -> Time, processes: impl Fn(&Time, Option<Duration>) -> Vec<Cache>) {
    let _turn = TURN.lock().await;
    let seconds = std::env::var(SECONDS).map_or(0.0, |seconds| seconds.parse().expect("seconds"));
    let seed = std::env::var(SEED).map_or_else(|_| fastrand::u64(..), |seed| seed.parse().expect("a number"));
    eprintln!("interleavings on {name}: {SEED}={seed}");
    let (started, tally, mut tasks, mut begun) = (Instant::now(), Arc::new(Tally::default()), JoinSet::new(), 0);
    while begun < INTERLEAVINGS || started.elapsed().as_secs_f64() < seconds {
        if tasks.len() >= AT_ONCE {
            tasks.join_next().await.unwrap().unwrap();
        }
        let (time, fails) = (time(), begun % 2 == 1);
        let own = format!("interleaving {begun}");
        let processes = processes(&time, fails.then_some(GRACE)).iter().map(|cache| cache.namespace(&own)).collect();
        let interleaving = Interleaving {
            name: format!("{own} on {name}, {SEED}={seed}"),
            processes,
            time,
            fails,
            keys: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            log: Mutex::default(),
            tally: Arc::clone(&tally),
        };
        let own_seed = seed.wrapping_add(begun.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        tasks.spawn(async move { interleaving.run(own_seed).await });
        begun += 1;
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    eprintln!("{begun} interleavings on {name} in {:?}: {tally:?}", started.elapsed());
    let few = |count: &AtomicU64| count.load(Ordering::Relaxed) < INTERLEAVINGS;
    assert!(
        !few(&tally.checked) && !few(&tally.computed) && !few(&tally.cleared),
        "hardly anything was done: {tally:?}"
    );
}

fn memory(time: &Time) -> Memory {
    let Time::Manual(clock) = time else { panic!("a manual clock") };
    Memory::builder().manual_clock(clock).build().unwrap()
}

/// One process, in which all calls are done at once, but for computations.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interleavings_in_memory() {
    let time = || Time::Manual(ManualClock::new());
    let processes = |time: &Time, grace| {
        let builder = Cache::builder().backend(memory(time));
        let builder = if let Some(grace) = grace { builder.grace(grace) } else { builder };
        vec![builder.build().unwrap()]
    };
    run("memory", time, processes).await;
}

/// The memory stands for a server that knows nothing of leases.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interleavings_on_a_store_without_leases_of_its_own() {
    let time = || Time::Manual(ManualClock::new());
    let processes = |time: &Time, grace| {
        let memory = Arc::new(memory(time));
        let remote = || Intercept::delayed(memory.clone()).declaring(|info| info.capabilities.exclusive = false);
        caches(|| Arc::new(remote()), Some(Duration::from_secs(1)), grace)
    };
    run("a store without leases of its own", time, processes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interleavings_on_redis() {
    let server = RedisServer::start().await;
    let open = || Arc::new(Redis::open(&format!("{}?{PATIENT}", server.url())).unwrap()) as Arc<dyn Backend>;
    let caches = [None, Some(GRACE)].map(|grace| caches(open, None, grace));
    run("Redis", || Time::Real, |_, grace| caches[usize::from(grace.is_some())].clone()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interleavings_on_memcached() {
    let server = MemcachedServer::start().await;
    let open = || Arc::new(Memcached::open(&format!("{}?{PATIENT}", server.url())).unwrap()) as Arc<dyn Backend>;
    let caches = [None, Some(GRACE)].map(|grace| caches(open, None, grace));
    run("memcached", || Time::Seconds, |_, grace| caches[usize::from(grace.is_some())].clone()).await;
}
