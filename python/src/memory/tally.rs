//! The counts of the package's own plugins, until somebody looks at them.

use std::time::Instant;

use parking_lot::Mutex;
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

/// How long the calls of a command took, in seconds.
#[derive(Debug, Clone, Copy, Default)]
struct Times {
    count: u64,
    sum: f64,
    longest: f64,
    shortest: f64,
}

#[derive(Debug, Default)]
struct Counts {
    times: [Times; NAMES.len()],
    asked: u64,
    hits: u64,
}

/// The counts since somebody last looked.
#[pyclass(frozen, module = "polycache._native")]
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Never held while Python code runs.
    counts: Mutex<Counts>,
}

#[pymethods]
impl Tally {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    fn take_times(&self) -> Vec<(&'static str, u64, f64, f64, f64)> {
        let times = std::mem::take(&mut self.counts.lock().times);
        let counted = NAMES.into_iter().zip(times).filter(|(_, times)| times.count > 0);
        counted.map(|(name, Times { count, sum, longest, shortest })| (name, count, sum, longest, shortest)).collect()
    }

    fn take_hits(&self) -> (u64, u64) {
        let mut counts = self.counts.lock();
        (std::mem::take(&mut counts.asked), std::mem::take(&mut counts.hits))
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
        listed.len() == self.plugins.len() && listed.iter().zip(&self.plugins).all(|(listed, plugin)| listed.is(plugin))
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
            let took = begun.elapsed().as_secs_f64();
            let mut counts = tally.get().counts.lock();
            let Times { count, sum, longest, shortest } = &mut counts.times[command as usize];
            *longest = longest.max(took);
            *shortest = if *count == 0 { took } else { shortest.min(took) };
            *count += 1;
            *sum += took;
        }
    }

    /// Counts keys asked for, and keys found.
    #[inline]
    pub(super) fn count_hits(&self, asked: usize, hits: usize) {
        if let Some(tally) = &self.hits {
            let mut counts = tally.get().counts.lock();
            counts.asked += asked as u64;
            counts.hits += hits as u64;
        }
    }
}
