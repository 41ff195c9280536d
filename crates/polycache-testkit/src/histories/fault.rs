//! Faults, and when they happen.

use std::fmt;
use std::future::Future;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::books::Books;

/// The milliseconds of a short fault, and of a long one, which outlasts timeouts, leases and heartbeats.
const SHORT: RangeInclusive<u64> = 2..=60;
const LONG: RangeInclusive<u64> = 200..=900;

type Run = dyn Fn(Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

/// A fault that happens now and then, for a while.
pub struct Fault {
    name: String,
    run: Box<Run>,
}

impl Fault {
    /// `run` makes trouble for the time that it is given, from two milliseconds to nearly a second. The trouble has ended when the future
    /// is ready. A momentary fault may ignore the time.
    pub fn new<F>(name: &str, run: impl Fn(Duration) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self { name: name.to_owned(), run: Box::new(move |time| Box::pin(run(time))) }
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fault").field("name", &self.name).finish_non_exhaustive()
    }
}

/// One fault after another, with quiet in between.
pub(super) async fn happen(faults: Vec<Fault>, mut rng: fastrand::Rng, books: Arc<Books>) {
    while !books.is_over() {
        tokio::time::sleep(Duration::from_millis(rng.u64(5..100))).await;
        let fault = &faults[rng.usize(..faults.len())];
        let time = Duration::from_millis(if rng.bool() { rng.u64(SHORT) } else { rng.u64(LONG) });
        books.log.all(format!("FAULT {} for {time:?}", fault.name));
        (fault.run)(time).await;
        books.log.all(format!("FAULT {} ends", fault.name));
        books.faults.fetch_add(1, Ordering::Relaxed);
    }
}
