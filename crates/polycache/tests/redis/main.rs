//! Redis, as real servers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod faults_cancelled;
mod faults_cuts;
mod faults_failover;
mod faults_garbage;
mod faults_heartbeat;
mod faults_outage;
mod faults_refusals;
mod faults_replica;
mod faults_resharding;
mod faults_runtimes;
mod interoperability;
mod large_values;
mod load;
mod polled_by_hand;
mod raw;
mod secrets;
mod shared;
mod subjects;
mod support;

use std::time::Duration;

use polycache::backends::near::Near;
use polycache_testkit::{Subject, Within};

polycache_testkit::conformance!(standalone, await subjects::standalone());
polycache_testkit::conformance!(resp2, await subjects::resp2());
polycache_testkit::conformance!(tracked, await subjects::tracked());
polycache_testkit::conformance!(tls_and_acl, await subjects::tls_and_acl());
polycache_testkit::conformance!(unix_socket, await subjects::unix_socket());
polycache_testkit::conformance!(cluster, await subjects::cluster());
polycache_testkit::conformance!(sentinel, await subjects::sentinel());

/// Keeps all it may, for as long as it may: nothing is forgiven by a short life near.
async fn near<S: Subject>(subject: impl Future<Output = S>) -> Within<S> {
    let long = Duration::from_secs(3_600);
    Within::new(subject.await, |far| Near::builder().ttl(long).misses(long).build(far).unwrap())
}

polycache_testkit::conformance!(near_standalone, await near(subjects::standalone()));
polycache_testkit::conformance!(near_cluster, await near(subjects::cluster()));
polycache_testkit::conformance!(near_sentinel, await near(subjects::sentinel()));
polycache_testkit::conformance!(near_tls_and_acl, await near(subjects::tls_and_acl()));
polycache_testkit::conformance!(near_unix_socket, await near(subjects::unix_socket()));
