//! Who gets what: each line of the guide's table, in memory, on Redis and on memcached.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod scene;
mod source;
mod table;

use std::time::Duration;

use polycache::backends::memory::{ManualClock, Memory};
use polycache_testkit::calm;
use polycache_testkit::servers::{Memcached, RedisServer};
use tokio::task::JoinSet;

use self::scene::{Program, Scene};
use self::table::Server;

const LEASES: [Duration; 2] = [Duration::from_secs(2), Duration::ZERO];

/// Time passes only while everything waits, so the times are exact.
#[tokio::test(start_paused = true)]
async fn in_memory() {
    for lease in LEASES {
        let clock = ManualClock::new();
        let memory = Memory::builder().manual_clock(&clock).build().unwrap();
        Scene::in_memory(memory, clock, lease).play(Server::Up).await;
    }
}

/// All that may be with a server, at the same time, since most of it is waiting.
async fn on<P: Into<Program>>(start: impl AsyncFn() -> P) {
    let mut scenes = JoinSet::new();
    for lease in LEASES {
        for state in [Server::Up, Server::Down, Server::Slow] {
            scenes.spawn(Scene::on(start().await.into(), lease).play(state));
        }
    }
    scenes.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_redis() {
    calm(|| on(RedisServer::start)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_memcached() {
    calm(|| on(Memcached::start)).await;
}
