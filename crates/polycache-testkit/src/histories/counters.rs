//! Counters: what was acknowledged isn't lost, and no sum comes twice.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Debug)]
pub(super) struct Counters(Vec<Mutex<Counter>>);

/// How often increments were called, and how often one was acknowledged: of all, and before the last clear.
#[derive(Debug, Clone, Copy, Default)]
struct Calls {
    begun: i64,
    acknowledged: i64,
    cleared: i64,
}

#[derive(Debug, Default)]
struct Counter {
    /// The epoch that the rest is about: a clear takes counters along.
    epoch: Option<u64>,
    highest: i64,
    sums: HashSet<i64>,
    calls: Calls,
}

/// What was known of a counter when a command began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    epoch: Option<u64>,
    highest: i64,
}

impl Counters {
    pub(super) fn new(number: usize) -> Self {
        Self((0..number).map(|_| Mutex::default()).collect())
    }

    pub(super) fn begin(&self, counter: usize, epoch: Option<u64>) -> Seen {
        let counter = self.counter(counter, epoch);
        Seen { epoch, highest: counter.highest }
    }

    /// The same for an increment by one.
    pub(super) fn begin_increment(&self, counter: usize, epoch: Option<u64>) -> Seen {
        let mut counter = self.counter(counter, epoch);
        counter.calls.begun += 1;
        Seen { epoch, highest: counter.highest }
    }

    /// How many of each counter are acknowledged, for a clear that begins.
    pub(super) fn acknowledged(&self) -> Vec<i64> {
        (0..self.0.len()).map(|counter| self.lock(counter).calls.acknowledged).collect()
    }

    /// After a clear none of those is left.
    pub(super) fn clear(&self, acknowledged: &[i64]) {
        for (counter, acknowledged) in acknowledged.iter().enumerate() {
            let calls = &mut self.lock(counter).calls;
            calls.cleared = calls.cleared.max(*acknowledged);
        }
    }

    /// What is wrong with this sum of an increment by one, after it was acknowledged.
    pub(super) fn sum(&self, counter: usize, seen: Seen, epoch: Option<u64>, sum: i64) -> Option<String> {
        let calls = {
            let calls = &mut self.lock(counter).calls;
            calls.acknowledged += 1;
            *calls
        };
        if seen.epoch.is_none() || seen.epoch != epoch {
            return None;
        }
        if sum > calls.begun - calls.cleared {
            return Some(format!("gave {sum}, though it was called only {} times", calls.begun - calls.cleared));
        }
        let mut counter = self.counter(counter, epoch);
        counter.highest = counter.highest.max(sum);
        let new = counter.sums.insert(sum);
        match sum {
            sum if sum <= seen.highest => Some(format!("gave {sum}, after {} had been acknowledged", seen.highest)),
            sum if !new => Some(format!("gave {sum}, as another one did")),
            _ => None,
        }
    }

    /// What is wrong with this reading.
    pub(super) fn read(seen: Seen, epoch: Option<u64>, read: Option<i64>) -> Option<String> {
        let lost = seen.epoch.is_some() && seen.epoch == epoch && read.unwrap_or(0) < seen.highest;
        lost.then(|| format!("read {read:?}, after {} had been acknowledged", seen.highest))
    }

    fn counter(&self, counter: usize, epoch: Option<u64>) -> MutexGuard<'_, Counter> {
        let mut counter = self.lock(counter);
        if counter.epoch != epoch || epoch.is_none() {
            *counter = Counter { epoch, calls: counter.calls, ..Counter::default() };
        }
        counter
    }

    fn lock(&self, counter: usize) -> MutexGuard<'_, Counter> {
        self.0[counter].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
