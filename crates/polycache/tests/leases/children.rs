//! Real processes, which run this test binary again.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use polycache::Cache;
use polycache::backends::redis::Redis;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::server::cache_at;
use crate::{LEASE, LONG, WORK};

pub(crate) const PROCESSES: i64 = 8;
const TASKS: usize = 64;

/// What tells a child what it is: the server, the place where processes tell each other what they do, the scenario.
const CHILD: &str = "POLYCACHE_TEST_CHILD";

/// What the children do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scenario {
    Works,
    Fails,
    /// The first who computes is at it for ever, or until it is told to be done.
    Hangs,
}

/// The children of one run, killed at the latest when it ends.
pub(crate) struct Children(Vec<Child>);

impl Children {
    pub(crate) fn start(url: &str, control: &str, scenario: Scenario) -> Self {
        let start = |_| {
            let mut child = Command::new(std::env::current_exe().unwrap());
            child.args(["--exact", "children::a_child", "--nocapture", "--quiet"]);
            child.env(CHILD, format!("{url} {control} {scenario:?}"));
            child.stdout(Stdio::null()).spawn().unwrap()
        };
        Self((0..PROCESSES).map(start).collect())
    }

    /// Kills one as `kill -9` does.
    pub(crate) fn kill(&mut self, pid: u32) {
        self.0.iter_mut().find(|child| child.id() == pid).expect("a child").kill().unwrap();
    }

    /// Waits for all but the one that was killed.
    pub(crate) async fn end(mut self, killed: Option<u32>) {
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

pub(crate) fn signal(pid: u32, signal: &str) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

/// Where processes tell each other what they do: a server apart, always the same kind.
pub(crate) fn control_at(url: &str) -> Cache {
    Cache::builder().backend(Redis::open(url).unwrap()).namespace("control").timeout(LONG).build().unwrap()
}

/// What is under `key`, once there is anything.
pub(crate) async fn told<T: serde::de::DeserializeOwned + Clone + Send + Sync + 'static>(
    control: &Cache,
    key: &str,
) -> T {
    let told = async {
        loop {
            match control.get(key).await.unwrap() {
                Some(value) => break value,
                None => sleep(Duration::from_millis(2)).await,
            }
        }
    };
    timeout(LONG, told).await.expect("nobody hangs")
}

/// Returns once so many have come here.
async fn together(control: &Cache, place: &str) {
    control.increment(place, 1).await.unwrap();
    let all = async {
        while control.get::<i64>(place).await.unwrap() != Some(PROCESSES) {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(LONG, all).await.expect("all processes come");
}

/// Milliseconds of a clock that all processes share.
pub(crate) fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// Not a test of its own: what each child process runs.
#[test]
fn a_child() {
    let Ok(orders) = std::env::var(CHILD) else { return };
    let orders: Vec<&str> = orders.split(' ').collect();
    let [url, control, scenario] = orders[..] else { panic!("{orders:?}") };
    let scenario = [Scenario::Works, Scenario::Fails, Scenario::Hangs]
        .into_iter()
        .find(|known| format!("{known:?}") == scenario)
        .expect("a scenario");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let (cache, control) = (cache_at(url, LEASE), control_at(control));
        tokio::spawn(tell_delays(cache.clone(), control.clone()));
        ask(&cache, &control, scenario).await;
    });
    runtime.shutdown_background();
}

/// Tells of each delay that is longer than all before: of its timers, and of the server's answers.
async fn tell_delays(cache: Cache, control: Cache) {
    const STEP: Duration = Duration::from_millis(20);
    let mut longest = 30;
    loop {
        let asked = Instant::now();
        sleep(STEP).await;
        cache.exists("probe").await.unwrap();
        let delay = u64::try_from(asked.elapsed().saturating_sub(STEP).as_millis()).unwrap();
        if delay > longest {
            longest = delay;
            control.set(&format!("delay:{}", std::process::id()), delay).await.unwrap();
        }
    }
}

async fn ask(cache: &Cache, control: &Cache, scenario: Scenario) {
    let pid = std::process::id();
    together(control, "start").await;
    let mut tasks = JoinSet::new();
    let barrier = Arc::new(Barrier::new(TASKS));
    for task in 0..TASKS {
        let (cache, control, barrier) = (cache.clone(), control.clone(), Arc::clone(&barrier));
        tasks.spawn(async move {
            barrier.wait().await;
            let compute = || async {
                control.set("holder", pid).await.unwrap();
                let count = control.increment("computed", 1).await.unwrap();
                if scenario == Scenario::Hangs && count == 1 {
                    told::<bool>(&control, "done").await;
                } else {
                    sleep(WORK).await;
                }
                if scenario == Scenario::Fails { Err((pid, task)) } else { Ok(format!("value {count}")) }
            };
            cache.get_or_set("cold", compute).await
        });
    }
    let results = tasks.join_all().await;
    let end = (now(), results[0].clone().unwrap_or_default());
    control.set(&format!("end:{pid}"), end).await.unwrap();
    if let Err((leader, _)) = &results[0] {
        assert_eq!(*leader, pid, "an error of this process");
    }
    assert!(results.iter().all(|result| *result == results[0]), "shared by all: {results:?}");
    together(control, "over").await;
}
