//! What came of the requests.

use std::sync::Mutex;
use std::time::Duration;

/// The requests of one second, or of several.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Second {
    /// How many were answered with a price.
    pub answered: u64,
    /// How many of these with a price from before a change that one of the processes had acknowledged.
    pub old: u64,
    /// How many of these from before a change that the same process had acknowledged.
    pub undone: u64,
    /// How many failed, and the last one's text.
    pub failed: u64,
    /// What the last one said that failed.
    pub failure: Option<String>,
    /// The longest that one took.
    pub longest: Duration,
    /// How often the database was asked.
    pub computed: u64,
}

impl Second {
    pub(crate) fn add(&mut self, other: &Self) {
        self.answered += other.answered;
        self.old += other.old;
        self.undone += other.undone;
        self.failed += other.failed;
        self.failure = other.failure.clone().or(self.failure.take());
        self.longest = self.longest.max(other.longest);
        self.computed += other.computed;
    }
}

/// The second under way.
#[derive(Default)]
pub(crate) struct Tally(Mutex<Second>);

impl Tally {
    pub(crate) fn count(&self, one: &Second) {
        self.0.lock().expect("nobody panics with it").add(one);
    }

    pub(crate) fn take(&self) -> Second {
        std::mem::take(&mut *self.0.lock().expect("nobody panics with it"))
    }
}
