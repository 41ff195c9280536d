//! Counters: no acknowledged increment is lost, no sum comes twice, and no increment is executed twice.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::clears::Clears;

/// How long an increment may take effect after its caller was told that its outcome is unknown: longer than any fault.
const LATE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Counters(Vec<Mutex<Counter>>);

/// Increments by one.
#[derive(Debug, Default)]
struct Calls {
    begun: i64,
    /// Increments that can't take effect any more: their sums are known, or they ended long ago.
    over: i64,
    /// When the other increments ended.
    unknown: VecDeque<Instant>,
    /// How many increments were over before the last clear.
    cleared: i64,
}

impl Calls {
    fn over(&mut self) -> i64 {
        while self.unknown.front().is_some_and(|ended| ended.elapsed() > LATE) {
            self.unknown.pop_front();
            self.over += 1;
        }
        self.over
    }
}

#[derive(Debug, Default)]
struct Counter {
    /// The epoch of the other fields, since a clear deletes counters too.
    epoch: Option<u64>,
    highest: i64,
    /// How many calls were over when the highest sum came. All others may have followed it.
    over: i64,
    sums: HashSet<i64>,
    calls: Calls,
}

impl Counter {
    fn enter(&mut self, epoch: Option<u64>) {
        if self.epoch != epoch || epoch.is_none() {
            let calls = std::mem::take(&mut self.calls);
            *self = Self { epoch, over: calls.cleared, calls, ..Self::default() };
        }
    }
}

/// The known state of a counter when a command began.
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

    /// As `begin`, for an increment by one.
    pub(super) fn begin_increment(&self, counter: usize, epoch: Option<u64>) -> Seen {
        let mut counter = self.counter(counter, epoch);
        counter.calls.begun += 1;
        Seen { epoch, highest: counter.highest }
    }

    /// An increment ends with an unknown outcome.
    pub(super) fn leave_unknown(&self, counter: usize) {
        self.lock(counter).calls.unknown.push_back(Instant::now());
    }

    /// How many increments of each counter are over, for a clear that begins.
    pub(super) fn over(&self) -> Vec<i64> {
        (0..self.0.len()).map(|counter| self.lock(counter).calls.over()).collect()
    }

    /// None of these increments is left after a clear.
    pub(super) fn clear(&self, over: &[i64]) {
        for (counter, over) in over.iter().enumerate() {
            let calls = &mut self.lock(counter).calls;
            calls.cleared = calls.cleared.max(*over);
        }
    }

    /// The error in the acknowledged sum of an increment by one, if there is one.
    pub(super) fn sum(&self, counter: usize, seen: Seen, clears: &Clears, sum: i64) -> Option<String> {
        let mut counter = self.lock(counter);
        // Under the lock, so that no clear ends before this does.
        if seen.epoch.is_none() || seen.epoch != clears.epoch() {
            // Nobody knows whether this sum belongs before those of this epoch.
            counter.calls.unknown.push_back(Instant::now());
            return None;
        }
        counter.enter(seen.epoch);
        let most = counter.highest + counter.calls.begun - counter.over;
        if sum > most {
            return Some(format!("gave {sum}, though so many were called that it gives {most} at most"));
        }
        counter.calls.over += 1;
        if sum > counter.highest {
            (counter.highest, counter.over) = (sum, counter.calls.over());
        }
        let new = counter.sums.insert(sum);
        match sum {
            sum if sum <= seen.highest => Some(format!("gave {sum}, after {} had been acknowledged", seen.highest)),
            sum if !new => Some(format!("gave {sum}, as another one did")),
            _ => None,
        }
    }

    /// The error in this reading, if there is one.
    pub(super) fn read(seen: Seen, epoch: Option<u64>, read: Option<i64>) -> Option<String> {
        let lost = seen.epoch.is_some() && seen.epoch == epoch && read.unwrap_or(0) < seen.highest;
        lost.then(|| format!("read {read:?}, after {} had been acknowledged", seen.highest))
    }

    fn counter(&self, counter: usize, epoch: Option<u64>) -> MutexGuard<'_, Counter> {
        let mut counter = self.lock(counter);
        counter.enter(epoch);
        counter
    }

    fn lock(&self, counter: usize) -> MutexGuard<'_, Counter> {
        self.0[counter].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
