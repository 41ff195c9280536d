//! A shop, two processes of it, and the day on which its Redis and its database go away.
//!
//! `cargo run -p polycache-stories` tells it second by second; `tests/outage.rs` holds what it promises.
#![allow(clippy::expect_used, clippy::panic, reason = "a story that can't go on says why and stops")]

mod client;
mod database;
mod day;
mod shop;
mod tally;

pub use day::{Day, Report};
pub use tally::Second;
