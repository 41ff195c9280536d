//! Memcached, as real servers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod between;
mod generations;
mod interoperable;
mod outages;
mod restarts;
mod subjects;

use std::time::Duration;

use polycache::backends::near::Near;
use polycache_testkit::{Subject, Within};

polycache_testkit::conformance!(single, await subjects::single());
polycache_testkit::conformance!(tls, await subjects::tls());
polycache_testkit::conformance!(unix_socket, await subjects::unix_socket());
polycache_testkit::conformance!(fleet, await subjects::fleet());

/// Keeps all it may, for as long as it may: nothing is forgiven by a short life near.
async fn near<S: Subject>(subject: impl Future<Output = S>) -> Within<S> {
    let long = Duration::from_secs(3_600);
    Within::new(subject.await, |far| Near::builder().ttl(long).misses(long).build(far).unwrap())
}

polycache_testkit::conformance!(near_single, await near(subjects::single()));
polycache_testkit::conformance!(near_fleet, await near(subjects::fleet()));
