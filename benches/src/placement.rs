//! Where the kernel may run a server and its client.

use std::process::Command;
use std::sync::LazyLock;

/// All processors that this process might use when it started: later it would count those where it has been put.
static ALL: LazyLock<String> = LazyLock::new(|| {
    let processors = std::thread::available_parallelism().expect("the number of processors");
    format!("0-{}", processors.get() - 1)
});

/// Puts a server and this process, its client, on the same processor, or both back on all. Otherwise the kernel decides, for each round anew:
/// on processors that are idle it makes a round trip of a single task seven times as long where it takes two of them.
pub fn place(server: u32, on_one: bool) {
    let all = ALL.as_str();
    let processors = if on_one { "0" } else { all };
    for pid in [std::process::id(), server] {
        let placed = Command::new("taskset")
            .args(["--all-tasks", "--cpu-list", "--pid", processors])
            .arg(pid.to_string())
            .output();
        if !placed.is_ok_and(|placed| placed.status.success()) {
            eprintln!("`taskset` doesn't place process {pid}: rows of one task hang on where the kernel puts it");
        }
    }
}
