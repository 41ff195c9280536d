//! Memory in front of Redis: whether it stays coherent while a reply is held back, and what a hit and a miss cost.
//!
//! `cargo bench -p polycache-benches --bench near [-- ROW] [--rounds N] [--only PEER]`; for `held reply`, where waiting is what is measured,
//! `--profile dev` will do. Starts servers of its own.
#![allow(clippy::expect_used, reason = "a benchmark that can't go on says why and stops")]
#![allow(async_fn_in_trait, reason = "nothing here is a library")]

mod held;
mod hits;
mod load;
mod misses;
mod peers;

use polycache_benches::arguments::Arguments;

const ROUNDS: usize = 21;

fn main() {
    let arguments = Arguments::parse(ROUNDS, [held::NAME, misses::NAME].into_iter().chain(hits::ROWS));
    // On one thread, so that what is read together is dealt with together.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    if hits::ROWS.iter().any(|row| arguments.wants(row)) {
        hits::measure(&arguments, &runtime);
    }
    if arguments.wants(misses::NAME) {
        misses::measure(&arguments, &runtime);
    }
    if arguments.wants(held::NAME) {
        held::measure(&arguments, &runtime);
    }
}
