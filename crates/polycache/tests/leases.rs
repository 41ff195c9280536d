//! `get_or_set` across processes: real ones, which run this test binary again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use polycache::backends::redis::Redis;
use polycache::{Cache, Ttl};
use polycache_testkit::servers::RedisServer;
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

const PROCESSES: i64 = 8;
const TASKS: usize = 64;
/// Longer than the lease, which is longer than a machine busy with other tests stalls a process.
const WORK: Duration = Duration::from_secs(3);
const LEASE: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(60);

/// Eight processes take what the machine has: one scenario at a time.
static TURN: Mutex<()> = Mutex::const_new(());

/// What tells a child what it is: the server, the scenario, the rounds.
const CHILD: &str = "POLYCACHE_TEST_CHILD";

fn rounds(most: usize) -> usize {
    std::env::var("POLYCACHE_TEST_ROUNDS").map_or(most, |rounds| rounds.parse().unwrap())
}

fn cache_at(url: &str) -> Cache {
    let cache = Cache::builder().backend(Redis::open(url).unwrap()).namespace("work").lease(LEASE).timeout(LONG);
    cache.build().unwrap()
}

/// Where processes tell each other what they do.
fn control_at(url: &str) -> Cache {
    Cache::builder().backend(Redis::open(url).unwrap()).namespace("control").timeout(LONG).build().unwrap()
}

/// The children of one run, killed at the latest when it ends.
struct Children(Vec<Child>);

impl Children {
    fn start(url: &str, scenario: &str, rounds: usize) -> Self {
        let start = |_| {
            let mut child = Command::new(std::env::current_exe().unwrap());
            child.args(["--exact", "a_child", "--nocapture", "--quiet"]);
            child.env(CHILD, format!("{url} {scenario} {rounds}"));
            child.stdout(Stdio::null()).spawn().unwrap()
        };
        Self((0..PROCESSES).map(start).collect())
    }

    /// Waits for all but the one that was killed.
    async fn end(mut self, killed: Option<u32>) {
        let started = Instant::now();
        for child in &mut self.0 {
            let status = loop {
                if let Some(status) = child.try_wait().unwrap() {
                    break status;
                }
                assert!(started.elapsed() < LONG * 10, "a child hangs");
                sleep(Duration::from_millis(5)).await;
            };
            assert_eq!(status.success(), Some(child.id()) != killed, "{status}");
        }
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Returns once all processes have come here.
async fn together(control: &Cache, place: &str) {
    control.increment(place, 1).await.unwrap();
    let all = async {
        while control.get::<i64>(place).await.unwrap() != Some(PROCESSES) {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(LONG, all).await.expect("all processes come");
}

fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()
}

/// Not a test of its own: what each child process runs.
#[test]
fn a_child() {
    let Ok(orders) = std::env::var(CHILD) else { return };
    let orders: Vec<&str> = orders.split(' ').collect();
    let [url, scenario, rounds] = orders[..] else { panic!("{orders:?}") };
    let (fails, killed) = (scenario == "fails", scenario == "killed");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let (cache, control) = (cache_at(url), control_at(url));
        for round in 0..rounds.parse().unwrap() {
            together(&control, &format!("start:{round}")).await;
            let mut tasks = JoinSet::new();
            for task in 0..TASKS {
                let (cache, control) = (cache.clone(), control.clone());
                tasks.spawn(async move {
                    let pid = std::process::id();
                    let compute = || async {
                        control.set(&format!("holder:{round}"), pid).await.unwrap();
                        let first = control.increment(&format!("computed:{round}"), 1).await.unwrap() == 1;
                        // Who is to be killed is still at it then.
                        sleep(if killed && first { LONG } else { WORK }).await;
                        if fails { Err((pid, task)) } else { Ok(format!("value {round}")) }
                    };
                    cache.get_or_set(&format!("cold:{round}"), compute).await
                });
            }
            let results = tasks.join_all().await;
            control.set(&format!("end:{round}:{}", std::process::id()), now()).await.unwrap();
            match &results[0] {
                Ok(value) => assert_eq!(*value, format!("value {round}")),
                Err((pid, _)) => assert_eq!(*pid, std::process::id(), "an error of this process"),
            }
            assert!(results.iter().all(|result| *result == results[0]), "shared by all: {results:?}");
            together(&control, &format!("over:{round}")).await;
        }
    });
    runtime.shutdown_background();
}

#[tokio::test]
async fn one_process_computes() {
    let _turn = TURN.lock().await;
    let server = RedisServer::start().await;
    let rounds = rounds(2);
    Children::start(&server.url(), "works", rounds).end(None).await;
    let control = control_at(&server.url());
    for round in 0..rounds {
        assert_eq!(control.get::<i64>(&format!("computed:{round}")).await.unwrap(), Some(1));
    }
    let cache = cache_at(&server.url());
    assert_eq!(cache.scan("*").collect().await.unwrap().len(), rounds);
    sleep(2 * LEASE).await;
    assert_eq!(server.cli(&["KEYS", "*lease*"]).await, "", "all leases have been given back");
}

#[tokio::test]
async fn an_error_is_shared_by_its_process() {
    let _turn = TURN.lock().await;
    let server = RedisServer::start().await;
    let rounds = rounds(1);
    Children::start(&server.url(), "fails", rounds).end(None).await;
    let control = control_at(&server.url());
    for round in 0..rounds {
        assert_eq!(control.get::<i64>(&format!("computed:{round}")).await.unwrap(), Some(PROCESSES));
    }
}

#[tokio::test]
async fn another_process_takes_over_from_a_dead_one() {
    let _turn = TURN.lock().await;
    let server = RedisServer::start().await;
    for _ in 0..rounds(1) {
        server.flush().await;
        let control = control_at(&server.url());
        let children = Children::start(&server.url(), "killed", 1);
        let holder = loop {
            if let Some(pid) = control.get::<u32>("holder:0").await.unwrap() {
                break pid;
            }
            sleep(Duration::from_millis(2)).await;
        };
        // Beyond its lease, which it has renewed.
        sleep(LEASE * 3 / 2).await;
        let killed = now();
        assert!(Command::new("kill").args(["-9", &holder.to_string()]).status().unwrap().success());
        // In its place, where the others wait for it.
        let ends = async {
            loop {
                let ends = control.scan("end:0:*").collect().await.unwrap();
                if ends.len() as i64 == PROCESSES - 1 {
                    break ends;
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        let ends = timeout(LONG, ends).await.expect("nobody hangs");
        control.increment("over:0", 1).await.unwrap();
        children.end(Some(holder)).await;
        assert_eq!(control.get::<i64>("computed:0").await.unwrap(), Some(2));
        for end in control.multi_get::<u128>(&ends).await.unwrap().into_iter().flatten() {
            let waited = u64::try_from(end.saturating_sub(killed)).unwrap();
            let most = LEASE + WORK + Duration::from_secs(2);
            assert!(Duration::from_millis(waited) <= most, "{waited} ms after the end of the holder");
        }
    }
}

/// Two caches that know nothing of each other, as two processes.
struct Two {
    server: RedisServer,
    here: Cache,
    there: Cache,
    _turn: MutexGuard<'static, ()>,
}

impl Two {
    async fn start() -> Self {
        let turn = TURN.lock().await;
        let server = RedisServer::start().await;
        let (here, there) = (cache_at(&server.url()), cache_at(&server.url()));
        Self { server, here, there, _turn: turn }
    }
}

/// Whatever another process does to the key while this one computes: what is computed isn't stored.
#[tokio::test]
async fn a_write_in_another_process_overtakes() {
    let Two { server, here, there, _turn } = Two::start().await;
    for write in ["delete", "multi_delete", "clear", "set", "expire", "increment"] {
        let computed = here.get_or_set("k", || async {
            match write {
                "delete" => drop(there.delete("k").await.unwrap()),
                "multi_delete" => drop(there.multi_delete(&["k"]).await.unwrap()),
                "clear" => there.clear().await.unwrap(),
                "set" => there.set("k", 7).await.unwrap(),
                "expire" => drop(there.expire("k", Ttl::secs(9)).await.unwrap()),
                _ => drop(there.increment("k", 7).await.unwrap()),
            }
            Ok::<_, ()>(1)
        });
        assert_eq!(computed.await, Ok(1));
        let left = matches!(write, "set" | "increment").then_some(7);
        assert_eq!(here.get::<i32>("k").await.unwrap(), left, "after {write}");
        server.flush().await;
    }
}

/// A process that was suspended beyond its lease doesn't replace a newer value, and doesn't bring back a deleted one.
#[tokio::test]
async fn a_holder_that_comes_back_stores_nothing() {
    let Two { server, here, there, _turn } = Two::start().await;
    let computed = here.get_or_set("k", || async {
        // The lease ends, as it does where nobody renews it.
        server.cli(&["DEL", &server.cli(&["KEYS", "*lease*"]).await]).await;
        assert_eq!(there.get_or_set("k", || async { Ok::<_, ()>(2) }).await, Ok(2));
        server.cli(&["DEL", "work:k"]).await;
        Ok::<_, ()>(1)
    });
    assert_eq!(computed.await, Ok(1));
    assert!(!there.exists("k").await.unwrap());
}

/// A leader that is cancelled gives its lease back, whenever that is; others don't wait for its end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_holder_gives_its_lease_back() {
    let Two { server, _turn, .. } = Two::start().await;
    let long_lease = || {
        let backend = Redis::open(&server.url()).unwrap();
        Cache::builder().backend(backend).namespace("work").lease(LONG).build().unwrap()
    };
    let (here, there) = (long_lease(), long_lease());
    for round in 0..200 {
        let key = format!("{round}");
        let never = here.get_or_set(&key, std::future::pending::<Result<i32, ()>>);
        let _ = timeout(Duration::from_micros(fastrand::u64(..3_000)), never).await;
        let value = timeout(LONG / 2, there.get_or_set(&key, || async { Ok::<_, ()>(1) }));
        assert_eq!(value.await, Ok(Ok(1)));
    }
}

/// Without the server each process computes for itself, once.
#[tokio::test]
async fn a_server_that_is_down_is_done_without() {
    let Two { server, here, _turn, .. } = Two::start().await;
    here.set("other", 1).await.unwrap();
    server.kill();
    let computed = std::sync::atomic::AtomicU32::new(0);
    let compute = || async {
        sleep(Duration::from_millis(20)).await;
        Ok::<_, ()>(computed.fetch_add(1, std::sync::atomic::Ordering::SeqCst))
    };
    let impatient = here.with_timeout(Duration::from_millis(500));
    let results = tokio::join!(impatient.get_or_set("k", compute), impatient.get_or_set("k", compute));
    assert_eq!(results, (Ok(0), Ok(0)));

    here.set_enabled(false);
    assert_eq!(here.get_or_set("off", compute).await, Ok(1));
}
