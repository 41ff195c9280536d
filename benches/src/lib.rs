//! What the benchmarks of polycache have in common: keys and access patterns, interleaved rounds, tables and results.
#![allow(clippy::expect_used, clippy::panic, reason = "a benchmark that can't go on says why and stops")]

pub mod accesses;
pub mod arguments;
pub mod placement;
pub mod report;
pub mod rounds;
pub mod user;
pub mod zipf;
