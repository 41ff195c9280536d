//! The events that reach `tracing`, where others run beside. One test, since it is about the first subscriber of a process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use polycache_testkit::Events;

#[test]
fn another_thread_switches_nothing_off() {
    let events = Events::collect();
    let tell = || tracing::warn!("told");
    std::thread::spawn(tell).join().unwrap();
    assert!(events.take().is_empty());
    tell();
    assert_eq!(events.take(), ["WARN message=told"]);
}
