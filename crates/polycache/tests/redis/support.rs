//! What the fault tests share.

use std::process::Command;
use std::time::{Duration, Instant};

use polycache::backends::redis::Redis;
use polycache::serializers::Text;
use polycache::{Cache, Error};

/// How long anything may take that must come about.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What a call may take beyond its timeout, on a machine that is busy with other tests.
pub(crate) const SLACK: Duration = Duration::from_millis(1500);

/// A cache with a timeout of five seconds for a call.
pub(crate) fn cache(url: &str) -> Cache {
    cache_with(url, Duration::from_secs(5))
}

pub(crate) fn cache_with(url: &str, timeout: Duration) -> Cache {
    Cache::builder().backend(Redis::open(url).unwrap()).timeout(timeout).build().unwrap()
}

/// A cache of texts that are stored as they are.
pub(crate) fn texts(url: &str) -> Cache {
    Cache::builder().backend(Redis::open(url).unwrap()).serializer(Text).build().unwrap()
}

/// Waits until it is so.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < PATIENCE, "{what} hasn't come about within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until reads and writes succeed again.
pub(crate) async fn until_it_serves(cache: &Cache) {
    until("service", async || cache.set("service", 1).await.is_ok() && cache.get::<u64>("service").await.is_ok()).await;
}

/// The error, and that it came in time.
pub(crate) fn failed<T: std::fmt::Debug>(started: Instant, bound: Duration, result: Result<T, Error>) -> Error {
    let took = started.elapsed();
    let error = result.expect_err("a call that can't succeed");
    assert!(took < bound + SLACK, "{error} after {took:?}, where {bound:?} were allowed");
    error
}

const CHILD: &str = "POLYCACHE_TEST_CHILD";

/// Whether this is the process that [`alone`] has started.
pub(crate) fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// Runs the test of this name again, in a process of its own with these variables: for what a whole process has one of.
pub(crate) fn alone(test: &str, environment: &[(&str, &str)]) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .envs(environment.iter().copied())
        .env(CHILD, "1")
        .output()
        .unwrap();
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("1 passed"), "{}\n{text}\n{errors}", output.status);
    eprint!("{errors}");
}

/// The most memory that this process has used so far, in mebibytes.
pub(crate) fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}
