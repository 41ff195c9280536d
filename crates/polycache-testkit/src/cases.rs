//! The cases, by theme. [`conformance!`](crate::conformance) makes a test of each; one can be called alone as well.
//!
//! # Panics
//! A case panics where the backend doesn't keep the contract.

pub mod cas;
pub mod counters;
pub mod early;
pub mod errors;
pub mod events;
pub mod expiry;
pub mod flights;
pub mod grace;
pub mod heads;
pub mod keys;
pub mod left_alone;
pub mod locks;
pub mod look;
pub mod multi;
pub mod namespaces;
pub mod plugins;
pub mod races;
pub mod reads_and_writes;
pub mod renewals;
pub mod scan;
pub mod separators;
pub mod slow_sources;
pub mod switch;
pub mod tag_races;
pub mod tags;
pub mod values;
