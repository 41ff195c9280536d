//! The conformance suite of polycache: a test for each line of a backend's contract.
//!
//! The author of a backend says how to make an empty one, a [`Subject`], and runs all cases with one macro:
//!
//! ```
//! use polycache::backend::Backend;
//! use polycache_testkit::Subject;
//! use std::sync::Arc;
//! # use polycache::backends::memory::Memory as Disk;
//!
//! struct Fixture(Arc<dyn Backend>);
//!
//! impl Fixture {
//!     fn new() -> Self {
//!         Self(Arc::new(Disk::new()))
//!     }
//! }
//!
//! impl Subject for Fixture {
//!     fn backend(&self) -> Arc<dyn Backend> {
//!         self.0.clone()
//!     }
//! }
//!
//! // In tests/conformance.rs: one test a case, `disk::counters::an_existing_key_keeps_its_ttl` and so on.
//! polycache_testkit::conformance!(disk, Fixture::new());
//! # fn main() {}
//! ```
//!
//! A case that needs a [capability](polycache::backend::Capabilities) which the backend declares absent says so on standard error, and
//! tests the documented answer instead.
//!
//! Beside the suite there are:
//! - [`histories`], random ones over several processes that are checked for stale reads and the like;
//! - [`Chaos`], delays, errors and silence in a backend or a source, by a script or at a rate;
//! - [`Intercept`], a wrapper that waits, fails or counts on demand;
//! - [`left_alone`], which begins a future and polls it no more;
//! - [`calm`], which runs a test anew that has failed on a machine that stood still;
//! - [`Events`], the events that reach `tracing`;
//! - [`InMemory`], the memory backend with a clock that tests move, and [`Within`], any subject inside your wrapper.
//!
//! The feature `servers` adds real servers that end with the test process, in the module `servers`, and `Proxy`, a TCP proxy that fails
//! on demand.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a case fails by panicking")]

mod calm;
pub mod cases;
mod chaos;
mod conformance;
mod events;
pub mod histories;
mod in_memory;
mod intercept;
mod left_alone;
mod marked;
#[cfg(feature = "servers")]
mod proxy;
#[cfg(feature = "servers")]
pub mod servers;
mod subject;
mod within;

pub use calm::calm;
pub use chaos::{Chaos, Fault};
pub use events::Events;
pub use in_memory::InMemory;
pub use intercept::{Faults, Intercept};
pub use left_alone::{LeftAlone, left_alone};
pub use marked::Marked;
#[cfg(feature = "servers")]
pub use proxy::{Proxy, Traffic};
pub use subject::Subject;
pub use within::Within;

#[doc(hidden)]
pub use tokio;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
