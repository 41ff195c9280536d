//! Tests that not every version of a server can run.

use std::io::{Write, stderr};

/// Reports that this test tests nothing, with the reason, past the harness. A test that needs something the server lacks calls this and
/// returns.
///
/// ```
/// # use polycache_testkit::servers::{Memcached, ignored};
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let server = Memcached::start().await;
/// if server.version().await < [1, 6, 38] {
///     return ignored("memcached has a proxy since 1.6.38");
/// }
/// # }
/// ```
pub fn ignored(reason: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // Not by `eprintln!`, which the harness hides while a test passes.
    let _ = writeln!(stderr(), "IGNORED {test}: {reason}");
}

/// The numbers of a version, `[7, 0, 15]` of `7.0.15`.
///
/// # Panics
///
/// If it doesn't begin with a number.
pub(super) fn numbers(version: &str) -> [u16; 3] {
    let mut numbers =
        version.trim().split(|digit: char| !digit.is_ascii_digit()).map_while(|digits| digits.parse().ok());
    let first = numbers.next().unwrap_or_else(|| panic!("`{version}` is no version"));
    [first, numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)]
}
