//! How long commands take.

mod histogram;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use self::histogram::Histogram;
use crate::{Command, CommandName, Held, Outcome, Plugin, Reply};

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
    histogram: Histogram,
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
    fn new() -> Self {
        Self { histogram: Histogram::new(), total: Duration::ZERO, min: Duration::MAX, max: Duration::ZERO }
    }

    fn record(&mut self, took: Duration) {
        self.histogram.record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        self.total += took;
        self.min = self.min.min(took);
        self.max = self.max.max(took);
    }

    fn figures(&self) -> TimingFigures {
        let count = self.histogram.len();
        let quantile = |share| Duration::from_nanos(self.histogram.quantile(share)).clamp(self.min, self.max);
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
        self.0[command.name() as usize].lock().get_or_insert_with(Times::new).record(took);
        Reply::ready(())
    }
}

impl fmt::Debug for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let measured = CommandName::ALL.iter().copied().filter_map(|name| Some((name, self.figures(name)?)));
        f.debug_map().entries(measured).finish()
    }
}
