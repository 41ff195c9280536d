//! `get_or_set` across processes, on servers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

/// Each of these as a test on Redis, and as one on memcached. Eight processes take what the machine has: one at a time.
macro_rules! on_each_server {
    ($($scenario:ident)*) => {
        mod on_redis {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                let _turn = crate::TURN.lock().await;
                super::$scenario(crate::server::Server::redis().await).await;
            }
        )*}
        mod on_memcached {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                let _turn = crate::TURN.lock().await;
                super::$scenario(crate::server::Server::memcached().await).await;
            }
        )*}
    };
}

mod by_default;
mod children;
mod lost;
mod odd;
mod overtaken;
mod processes;
mod sealed;
mod server;
mod unleased;

use std::time::Duration;

use tokio::sync::Mutex;

/// The work is longer than the lease.
const WORK: Duration = Duration::from_millis(300);
const LEASE: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(60);

static TURN: Mutex<()> = Mutex::const_new(());
