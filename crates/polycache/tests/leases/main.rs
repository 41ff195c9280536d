//! `get_or_set` across processes, on servers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod children;
mod overtaken;
mod processes;
mod server;

use std::time::Duration;

use tokio::sync::Mutex;

/// The work is longer than the lease.
const WORK: Duration = Duration::from_millis(300);
const LEASE: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(60);

/// Eight processes take what the machine has: one scenario at a time.
static TURN: Mutex<()> = Mutex::const_new(());
