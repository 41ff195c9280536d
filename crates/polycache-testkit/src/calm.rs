//! Tests whose bounds are tight, on machines that stand still now and then.

use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use futures_util::FutureExt;

/// How often the machine's pace is looked at.
const PAUSE: Duration = Duration::from_millis(5);

/// A machine that is so late has stood still. Much less than the times that tests tell apart.
const STILL: Duration = Duration::from_millis(25);

/// A machine that stands still in each of so many attempts is none to test on.
const ATTEMPTS: u32 = 10;

/// Runs a test whose bounds hold only on a machine that goes on: one that fails while the machine has stood still is run anew. A failure on
/// a machine that went on all the time is one at once.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// polycache_testkit::calm(|| async {
///     let started = Instant::now();
///     tokio::time::sleep(Duration::from_millis(10)).await;
///     assert!(started.elapsed() < Duration::from_millis(40));
/// })
/// .await;
/// # }
/// ```
///
/// # Panics
/// As the test does.
pub async fn calm<F: Future<Output = ()>>(test: impl Fn() -> F) {
    for attempt in 1.. {
        let pace = Pace::watch();
        let result = AssertUnwindSafe(test()).catch_unwind().await;
        let stood = pace.longest();
        let Err(failure) = result else { return };
        if stood < STILL || attempt == ATTEMPTS {
            resume_unwind(failure);
        }
        eprintln!("attempt {attempt} counts for nothing: the machine stood still for {stood:?} meanwhile");
    }
}

/// Looks at the clock all the time.
struct Pace {
    /// Whose other end the thread has: it goes when this goes.
    wanted: Arc<()>,
    /// Ends with the longest time that the machine has stood still.
    watch: JoinHandle<Duration>,
}

impl Pace {
    fn watch() -> Self {
        let wanted = Arc::new(());
        let until = Arc::downgrade(&wanted);
        let watch = thread::spawn(move || {
            let mut longest = Duration::ZERO;
            while until.strong_count() > 0 {
                let asked = Instant::now();
                thread::sleep(PAUSE);
                longest = longest.max(asked.elapsed().saturating_sub(PAUSE));
            }
            longest
        });
        Self { wanted, watch }
    }

    fn longest(self) -> Duration {
        drop(self.wanted);
        self.watch.join().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn an_attempt_counts_where_the_machine_went_on() {
        // The thread that watches stands still as well where a whole machine does.
        let failed =
            AssertUnwindSafe(calm(|| async { panic!("on a machine at rest, most likely") })).catch_unwind().await;
        assert!(failed.is_err());

        let attempts = Cell::new(0);
        calm(|| async { attempts.set(attempts.get() + 1) }).await;
        assert_eq!(attempts.get(), 1);
    }
}
