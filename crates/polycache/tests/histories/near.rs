//! Near caches: no read gets what another process has replaced longer ago than the bound, nor what its own process has.

use std::time::Duration;

use super::{LEASE, TURN, on_memcached, on_redis, run};

/// In milliseconds: a value is as old as the read that has brought it, to the clock's millisecond.
const NEAR_MILLIS: u64 = 100;
const NEAR: Duration = Duration::from_millis(NEAR_MILLIS + 2);

/// All that a process knows of is its own: nothing is forgiven, though what is near stays for an hour.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn near_redis_alone() {
    let _turn = TURN.lock().await;
    run(on_redis(1, "&near=3600000").await.lease(Duration::ZERO)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn near_redis() {
    let _turn = TURN.lock().await;
    let tally = run(on_redis(3, &format!("&near={NEAR_MILLIS}")).await.lease(LEASE).near(NEAR)).await;
    assert!(tally.excused > 0, "nothing was near: {tally:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn near_memcached() {
    let _turn = TURN.lock().await;
    let tally = run(on_memcached(3, &format!("&near={NEAR_MILLIS}")).await.lease(LEASE).near(NEAR)).await;
    assert!(tally.excused > 0, "nothing was near: {tally:?}");
}
