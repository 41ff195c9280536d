//! Reads, and computations of missing values.

use std::convert::Infallible;
use std::ops::Range;
use std::time::{Duration, Instant};

use fastrand::Rng;
use tokio::time::sleep;

use super::books::{COUNTERS, Stored};
use super::counters::Counters;
use super::process::{Process, pause};

impl Process {
    pub(super) async fn get(&self, rng: &mut Rng) {
        let key = rng.usize(self.books.keys());
        let floor = self.books.floor(self.index, key);
        let Some(found) = self.done(self.cache(rng).get::<Stored>(&name(key)), rng, Some(key), "get").await else {
            return;
        };
        if let Some(found) = found {
            self.note(Some(key), &format!("get: version {} of #{}", found.version, found.number));
            self.books.check(floor, found, "get");
        }
    }

    pub(super) async fn multi_get(&self, rng: &mut Rng) {
        let keys = some(rng, self.books.keys());
        let names: Vec<String> = keys.iter().map(|key| name(*key)).collect();
        let floors: Vec<_> = keys.iter().map(|key| self.books.floor(self.index, *key)).collect();
        let Some(found) = self.done(self.cache(rng).multi_get::<Stored>(&names), rng, None, "multi_get").await else {
            return;
        };
        for ((key, floor), found) in keys.into_iter().zip(floors).zip(found) {
            if let Some(found) = found {
                self.note(Some(key), &format!("multi_get: version {} of #{}", found.version, found.number));
                self.books.check(floor, found, "multi_get");
            }
        }
    }

    pub(super) async fn get_or_set(&self, rng: &mut Rng) {
        let key = rng.usize(self.books.keys());
        let (floor, _sharing) = self.books.share(self.index, key);
        let (cache, before, after) = (self.computing(rng, &[key]), pause(rng), pause(rng));
        let name = name(key);
        let call = cache.get_or_set(&name, || async {
            let computed = self.compute(&[key], before, after).await;
            Ok::<_, Infallible>(computed[0].1)
        });
        let call = async { Ok(call.await.unwrap_or_else(|never| match never {})) };
        if let Some(found) = self.done(call, rng, Some(key), "get_or_set").await {
            self.note(Some(key), &format!("get_or_set: version {} of #{}", found.version, found.number));
            self.books.check(floor, found, "get_or_set");
        }
    }

    pub(super) async fn multi_get_or_set(&self, rng: &mut Rng) {
        let keys = some(rng, self.books.keys());
        let names: Vec<String> = keys.iter().map(|key| name(*key)).collect();
        let (floors, _sharing): (Vec<_>, Vec<_>) = keys.iter().map(|key| self.books.share(self.index, *key)).unzip();
        let (cache, before, after) = (self.computing(rng, &keys), pause(rng), pause(rng));
        let call = cache.multi_get_or_set(&names, |missing| {
            let keys: Vec<usize> = missing.iter().map(|name| name.parse().expect("a key of these histories")).collect();
            async move {
                let computed = self.compute(&keys, before, after).await;
                Ok::<_, Infallible>(computed.into_iter().map(|(key, stored)| (name(key), stored)).collect::<Vec<_>>())
            }
        });
        let call = async { Ok(call.await) };
        let Some(found) = self.done(call, rng, None, "multi_get_or_set").await else { return };
        for ((key, floor), found) in keys.into_iter().zip(floors).zip(found) {
            if let Ok(Some(found)) = found {
                self.note(Some(key), &format!("multi_get_or_set: version {} of #{}", found.version, found.number));
                self.books.check(floor, found, "multi_get_or_set");
            }
        }
    }

    pub(super) async fn read_counter(&self, rng: &mut Rng) {
        let counter = rng.usize(..COUNTERS);
        let on = self.on.read().await;
        if !*on {
            return;
        }
        let (seen, at) = (self.books.counters.begin(counter, self.books.clears.epoch()), Instant::now());
        let read = self.cache(rng).get::<i64>(&counter_name(counter));
        let Some(found) = self.done(read, rng, Some(self.books.keys().end + counter), "get").await else { return };
        let wrong = Counters::read(seen, self.books.clears.epoch(), found);
        // What other processes have counted may not be seen near yet.
        if let Some(wrong) = wrong.filter(|_| !self.books.is_believing(at) && !self.books.has_near()) {
            self.books.find(Some(self.books.keys().end + counter), &format!("process {} {wrong}", self.index));
        }
    }

    /// Reads the source, with pauses before and after.
    async fn compute(&self, keys: &[usize], before: Duration, after: Duration) -> Vec<(usize, Stored)> {
        sleep_if(before).await;
        let read = keys.iter().map(|key| {
            let (version, number) = (self.books.version(*key), self.books.number_fill(self.index));
            let stored = Stored { key: *key, version, number };
            self.note(Some(*key), &format!("computes version {version} as #{number}"));
            (*key, stored)
        });
        let read = read.collect();
        sleep_if(after).await;
        read
    }
}

async fn sleep_if(time: Duration) {
    if !time.is_zero() {
        sleep(time).await;
    }
}

/// The name of a key.
pub(super) fn name(key: usize) -> String {
    key.to_string()
}

pub(super) fn counter_name(counter: usize) -> String {
    format!("counter {counter}")
}

/// Some of these keys, in order: half of a few, or about eight.
pub(super) fn some(rng: &mut Rng, keys: Range<usize>) -> Vec<usize> {
    let one_in = (keys.len() / 8).max(2);
    let mut some: Vec<usize> = keys.clone().filter(|_| rng.usize(..one_in) == 0).collect();
    if some.is_empty() {
        some.push(rng.usize(keys));
    }
    some
}
