//! The counts of the package's own plugins, until somebody looks at them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use pyo3::prelude::*;
use pyo3::types::PyList;

/// The commands that take the short way.
#[derive(Debug, Clone, Copy)]
pub(super) enum Command {
    Get,
    MultiGet,
    Set,
    Delete,
    Exists,
}

/// The names of the commands, in their order.
const NAMES: [&str; 5] = ["get", "multi_get", "set", "delete", "exists"];

/// How long the calls of a command took, in nanoseconds.
#[derive(Debug, Default)]
struct Times {
    count: Number,
    sum: Number,
    longest: Number,
    shortest: Number,
}

/// The counts since somebody last looked. Only touched by threads that are attached, one at a time: it needs no lock, and no
/// read-modify-write.
#[pyclass(frozen, module = "polycache._native")]
#[derive(Debug, Default)]
pub(crate) struct Tally {
    times: [Times; NAMES.len()],
    asked: Number,
    hits: Number,
}

/// A count, or nanoseconds.
#[derive(Debug, Default)]
struct Number(AtomicU64);

impl Number {
    #[inline]
    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    #[inline]
    fn set(&self, number: u64) {
        self.0.store(number, Ordering::Relaxed);
    }

    #[inline]
    fn add(&self, number: u64) {
        self.set(self.get().wrapping_add(number));
    }

    fn take(&self) -> u64 {
        let number = self.get();
        self.set(0);
        number
    }

    fn take_seconds(&self) -> f64 {
        self.take() as f64 / 1e9
    }
}

#[pymethods]
impl Tally {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    fn take_times(&self) -> Vec<(&'static str, u64, f64, f64, f64)> {
        let taken = |Times { count, sum, longest, shortest }: &Times| {
            (count.take(), sum.take_seconds(), longest.take_seconds(), shortest.take_seconds())
        };
        let counted = NAMES.into_iter().zip(self.times.iter().map(taken)).filter(|(_, (count, ..))| *count > 0);
        counted.map(|(name, (count, sum, longest, shortest))| (name, count, sum, longest, shortest)).collect()
    }

    fn take_hits(&self) -> (u64, u64) {
        (self.asked.take(), self.hits.take())
    }
}

/// The plugins that the short way stands in for, and their counts.
#[derive(Debug)]
pub(super) struct Counting {
    /// The cache's list must hold just these.
    pub(super) plugins: Vec<Py<PyAny>>,
    pub(super) times: Option<Py<Tally>>,
    pub(super) hits: Option<Py<Tally>>,
}

impl Counting {
    /// Whether the list holds just these plugins.
    #[inline]
    pub(super) fn covers(&self, listed: &Bound<'_, PyList>) -> bool {
        if self.plugins.is_empty() {
            return listed.is_empty();
        }
        let is_listed = |(place, plugin)| listed.get_item(place).is_ok_and(|listed| listed.is(plugin));
        listed.len() == self.plugins.len() && self.plugins.iter().enumerate().all(is_listed)
    }

    /// The time at a command's begin, if somebody measures times.
    #[inline]
    pub(super) fn begin(&self) -> Option<Instant> {
        self.times.as_ref().map(|_| Instant::now())
    }

    /// Counts a command that has ended.
    #[inline]
    pub(super) fn end(&self, command: Command, begun: Option<Instant>) {
        if let (Some(tally), Some(begun)) = (&self.times, begun) {
            let took = begun.elapsed();
            let took = took.as_secs() * 1_000_000_000 + u64::from(took.subsec_nanos());
            let Times { count, sum, longest, shortest } = &tally.get().times[command as usize];
            longest.set(longest.get().max(took));
            shortest.set(if count.get() == 0 { took } else { shortest.get().min(took) });
            count.add(1);
            sum.add(took);
        }
    }

    /// Counts keys asked for, and keys found.
    #[inline]
    pub(super) fn count_hits(&self, asked: usize, hits: usize) {
        if let Some(tally) = &self.hits {
            let Tally { asked: keys, hits: found, .. } = tally.get();
            keys.add(asked as u64);
            found.add(hits as u64);
        }
    }
}
