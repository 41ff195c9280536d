//! Memcached, as real servers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod generations;
mod interoperable;
mod outages;
mod subjects;

polycache_testkit::conformance!(single, await subjects::single());
polycache_testkit::conformance!(tls, await subjects::tls());
polycache_testkit::conformance!(unix_socket, await subjects::unix_socket());
polycache_testkit::conformance!(fleet, await subjects::fleet());
