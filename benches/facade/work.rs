//! What a round does, on any contender.

use std::hint::black_box;
use std::ops::Range;
use std::sync::Arc;

use polycache_benches::accesses::{Accesses, write_key};
use polycache_benches::rounds::{Contender, cpu_nanos};
use polycache_benches::user::User;
use tokio::runtime::Runtime;

use crate::store::Store;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Reads that share the value.
    Read,
    /// The same, where each key depends on the value read before: the processor can't overlap the reads.
    Chain,
    /// Reads that copy the value.
    Copy,
    /// Writes of a value made for it.
    Write,
    /// Writes of a value that is shared already.
    Share,
    /// One write in ten accesses, else reads that share the value.
    Mix,
}

/// Every how many accesses one is a write.
const WRITE_EVERY: usize = 10;

/// A runtime as a small service has it.
pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime")
}

/// Does `work` on these accesses; a sum that depends on everything read.
pub(crate) async fn work<S: Store>(work: Work, store: &mut S, accesses: &Accesses, range: Range<usize>) -> u64 {
    let mut sum = 0;
    match work {
        Work::Read => {
            for key in accesses.keys(range) {
                if let Some(user) = store.read(key).await {
                    sum += user.id;
                }
            }
        }
        Work::Chain => {
            // Identities are small: nothing is added, which the processor can't know.
            let mut none = 0;
            for index in range {
                if let Some(user) = store.read(accesses.key(index + none)).await {
                    none = (user.id >> 63) as usize;
                    sum += user.id;
                }
            }
        }
        Work::Copy => {
            for key in accesses.keys(range) {
                if let Some(user) = store.read_copy(key).await {
                    sum += black_box(user).id;
                }
            }
        }
        Work::Write => {
            for (id, key) in (0..).zip(accesses.keys(range)) {
                store.write(key, User::new(id)).await;
            }
        }
        Work::Share => {
            let user = Arc::new(User::new(1));
            for key in accesses.keys(range) {
                store.share(key, Arc::clone(&user)).await;
            }
        }
        Work::Mix => {
            for (number, key) in accesses.keys(range).enumerate() {
                if number % WRITE_EVERY == 0 {
                    store.write(key, User::new(number as u64)).await;
                } else if let Some(user) = store.read(key).await {
                    sum += user.id;
                }
            }
        }
    }
    sum
}

/// A contender whose rounds are `accesses`, the first part of them untimed to warm the processor up. Nanoseconds an access.
pub(crate) fn contender<'a, S: Store + 'a>(
    name: &'static str,
    kind: Work,
    store: impl FnOnce() -> S + 'a,
    accesses: &'a Accesses,
) -> Contender<'a> {
    Contender::new(name, move || {
        let mut store = store();
        let runtime = runtime();
        let warm = accesses.len() / 5;
        move || {
            black_box(runtime.block_on(work(kind, &mut store, accesses, 0..warm)));
            let nanos = cpu_nanos(|| {
                black_box(runtime.block_on(work(kind, &mut store, accesses, warm..accesses.len())));
            });
            nanos / (accesses.len() - warm) as f64
        }
    })
}

/// The numbers below `count` in random order, the same each time: that of storing, so that neighbours in memory aren't neighbours
/// in number.
pub(crate) fn shuffled(count: u32) -> Vec<u32> {
    let mut numbers: Vec<u32> = (0..count).collect();
    fastrand::Rng::with_seed(7).shuffle(&mut numbers);
    numbers
}

/// The store, holding users under the numbers below `count`.
pub(crate) fn filled<S: Store>(mut store: S, count: u32) -> S {
    runtime().block_on(async {
        let mut key = String::new();
        for number in shuffled(count) {
            key.clear();
            write_key(&mut key, u64::from(number));
            store.write(&key, User::new(u64::from(number))).await;
        }
    });
    store
}
