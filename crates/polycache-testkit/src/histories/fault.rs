//! Faults, and when they happen.

use std::fmt;
use std::future::Future;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::books::Books;

/// The milliseconds of a short fault, and of a long one, which outlasts timeouts, leases and heartbeats.
const SHORT: RangeInclusive<u64> = 2..=60;
const LONG: RangeInclusive<u64> = 200..=900;

/// By how much a replica may be behind its primary, and how long a call of the lost primary may take to end.
const LAG: Duration = Duration::from_secs(1);
const TAIL: Duration = Duration::from_secs(1);

type Run = dyn Fn(Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

/// A fault that happens now and then, for a while.
pub struct Fault {
    name: String,
    effect: Effect,
    run: Box<Run>,
}

/// What a fault does to what the store has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    None,
    Forgets,
    Loses,
}

impl Fault {
    /// `run` makes trouble for the time that it is given, from two milliseconds to nearly a second. The trouble has ended when the future
    /// is ready. A momentary fault may ignore the time.
    pub fn new<F>(name: &str, run: impl Fn(Duration) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self { name: name.to_owned(), effect: Effect::None, run: Box::new(move |time| Box::pin(run(time))) }
    }

    /// Meanwhile the store may forget anything, counters and locks too, and comes back with nothing older.
    #[must_use]
    pub fn forgets(self) -> Self {
        Self { effect: Effect::Forgets, ..self }
    }

    /// Meanwhile the store may also lose writes that it has acknowledged, so that older values come back: as with a replica that takes its
    /// primary's place. Values are checked again once that is over.
    #[must_use]
    pub fn loses(self) -> Self {
        Self { effect: Effect::Loses, ..self }
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
        let begun = Instant::now();
        if fault.effect != Effect::None {
            books.clears.begin();
        }
        if fault.effect == Effect::Loses {
            books.losses.begin();
        }
        (fault.run)(time).await;
        if fault.effect == Effect::Loses {
            tokio::time::sleep(TAIL).await;
            books.losses.end(|| books.revoke(begun - LAG));
        }
        if fault.effect != Effect::None {
            books.clears.end(true);
        }
        books.log.all(format!("FAULT {} ends", fault.name));
        books.faults.fetch_add(1, Ordering::Relaxed);
    }
}
