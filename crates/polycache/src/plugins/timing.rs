//! How long commands take.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hdrhistogram::Histogram;
use parking_lot::Mutex;

use crate::{Command, CommandName, Held, Outcome, Plugin, Reply};

/// The longest time that is told apart from longer ones: an hour, in nanoseconds.
const LONGEST_NANOS: u64 = 3_600_000_000_000;

/// Measures how long each command takes, hooks included. A clone shares the figures.
///
/// Percentiles come from a histogram with two significant digits.
///
/// ```
/// use polycache::{Cache, CommandName, plugins::Timing};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// let timing = Timing::new();
/// let cache = Cache::builder().plugin(timing.clone()).build()?;
/// cache.set("k", 1).await?;
/// cache.get::<i32>("k").await?;
///
/// let get = timing.figures(CommandName::Get).expect("there was a get");
/// assert_eq!(get.count, 1);
/// assert!(get.min <= get.average && get.average <= get.max && get.p50 <= get.p999);
/// assert!(timing.figures(CommandName::Delete).is_none());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Timing(Arc<[Mutex<Option<Times>>; CommandName::ALL.len()]>);

struct Times {
    histogram: Histogram<u32>,
    total: Duration,
    min: Duration,
    max: Duration,
}

/// The times of one command so far; see [`Timing::figures`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimingFigures {
    /// How many calls were measured, failed ones included.
    pub count: u64,
    /// The mean.
    pub average: Duration,
    /// The shortest.
    pub min: Duration,
    /// The longest.
    pub max: Duration,
    /// Half of the calls took no longer.
    pub p50: Duration,
    /// 99 % of the calls took no longer.
    pub p99: Duration,
    /// 99.9 % of the calls took no longer.
    pub p999: Duration,
}

impl Timing {
    /// A plugin that has measured nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(std::array::from_fn(|_| Mutex::new(None))))
    }

    /// The figures of one command; `None` if it wasn't called.
    #[must_use]
    pub fn figures(&self, command: CommandName) -> Option<TimingFigures> {
        self.0[command as usize].lock().as_ref().map(Times::figures)
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self::new()
    }
}

impl Times {
    fn new() -> Option<Self> {
        let histogram = Histogram::new_with_bounds(1, LONGEST_NANOS, 2).ok()?;
        Some(Self { histogram, total: Duration::ZERO, min: Duration::MAX, max: Duration::ZERO })
    }

    fn record(&mut self, took: Duration) {
        self.histogram.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(LONGEST_NANOS).max(1));
        self.total += took;
        self.min = self.min.min(took);
        self.max = self.max.max(took);
    }

    fn figures(&self) -> TimingFigures {
        let count = self.histogram.len();
        let quantile = |share| Duration::from_nanos(self.histogram.value_at_quantile(share)).clamp(self.min, self.max);
        TimingFigures {
            count,
            average: Duration::from_nanos((self.total.as_nanos() / u128::from(count.max(1))) as u64),
            min: self.min,
            max: self.max,
            p50: quantile(0.5),
            p99: quantile(0.99),
            p999: quantile(0.999),
        }
    }
}

impl Plugin for Timing {
    fn after(&self, command: &Command<'_>, _outcome: &Outcome<'_>, took: Duration, _held: Held) -> Reply<()> {
        let mut times = self.0[command.name() as usize].lock();
        if times.is_none() {
            *times = Times::new();
        }
        if let Some(times) = &mut *times {
            times.record(took);
        }
        Reply::ready(())
    }
}

impl fmt::Debug for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let measured = CommandName::ALL.iter().copied().filter_map(|name| Some((name, self.figures(name)?)));
        f.debug_map().entries(measured).finish()
    }
}
