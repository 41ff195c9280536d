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

polycache_testkit::conformance!(standalone, await subjects::standalone());
polycache_testkit::conformance!(resp2, await subjects::resp2());
polycache_testkit::conformance!(tls_and_acl, await subjects::tls_and_acl());
polycache_testkit::conformance!(unix_socket, await subjects::unix_socket());
polycache_testkit::conformance!(cluster, await subjects::cluster());
polycache_testkit::conformance!(sentinel, await subjects::sentinel());
