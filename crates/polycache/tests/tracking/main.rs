//! Reads that Redis tracks: what the tracker hears, and when.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod changes;
mod channel;
mod cluster;
mod gaps;
mod near;
mod order;
mod refusals;
mod resharding;
mod sentinel;
mod support;
mod wrappers;
