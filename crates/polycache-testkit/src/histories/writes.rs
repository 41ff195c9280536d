//! Writes, counters and locks.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use polycache::locks::RedLock;
use tokio::time::{sleep, timeout};

use super::PATIENCE;
use super::books::{COUNTERS, LOCKS, Stored};
use super::process::{Process, pause};
use super::reads::{counter_name, name, some};

/// The life of a lock's lease.
const LOCK: Duration = Duration::from_millis(150);

impl Process {
    /// Changes a key in the source, then deletes it.
    pub(super) async fn delete(&self, rng: &mut Rng) {
        let key = rng.usize(self.books.keys());
        let _turn = self.turn(key).await;
        let version = self.books.bump(key);
        self.note(Some(key), &format!("delete for version {version} begins"));
        if self.done(self.cache(rng).delete(&name(key)), rng, Some(key), "delete").await.is_some() {
            self.acknowledge(key, "delete", version);
        }
    }

    pub(super) async fn multi_delete(&self, rng: &mut Rng) {
        let keys = some(rng, self.books.keys());
        let _turns = self.turns(&keys).await;
        let versions = self.bump(&keys, "multi_delete");
        let names: Vec<String> = keys.iter().map(|key| name(*key)).collect();
        if self.done(self.cache(rng).multi_delete(&names), rng, None, "multi_delete").await.is_some() {
            versions.iter().for_each(|(key, version)| self.acknowledge(*key, "multi_delete", *version));
        }
    }

    /// Changes all keys in the source, then clears.
    pub(super) async fn clear(&self, rng: &mut Rng) {
        let keys: Vec<usize> = self.books.keys().collect();
        let _turns = self.turns(&keys).await;
        let versions = self.bump(&keys, "clear");
        let counted = self.books.counters.over();
        self.books.clears.begin();
        let done = self.done(self.cache(rng).clear(), rng, None, "clear").await.is_some();
        self.books.clears.end(done);
        if done {
            self.books.counters.clear(&counted);
            versions.iter().for_each(|(key, version)| self.acknowledge(*key, "clear", *version));
        }
    }

    /// Changes a key in the source, and stores the new version.
    pub(super) async fn set(&self, rng: &mut Rng) {
        let key = rng.usize(self.books.written());
        let _turn = self.turn(key).await;
        let stored = self.stored(key, self.books.bump(key), "set");
        let (ttl, expires) = (self.books.lives.draw(rng), self.books.lives.expires(key).epoch());
        match self.done(self.storing(rng, &[key], ttl).set(&name(key), stored), rng, Some(key), "set").await {
            Some(()) => {
                self.books.lives.begin(key, stored.number, ttl, expires);
                self.acknowledge(key, "set", stored.version);
            }
            None => self.books.leave_unknown(stored.number),
        }
    }

    pub(super) async fn multi_set(&self, rng: &mut Rng) {
        let keys = some(rng, self.books.written());
        let _turns = self.turns(&keys).await;
        let versions = self.bump(&keys, "multi_set");
        let number = self.books.number();
        let stored = |(key, version): &(usize, u64)| (name(*key), Stored { key: *key, version: *version, number });
        let pairs: Vec<(String, Stored)> = versions.iter().map(stored).collect();
        let ttl = self.books.lives.draw(rng);
        match self.done(self.storing(rng, &keys, ttl).multi_set(pairs), rng, None, "multi_set").await {
            Some(()) => versions.iter().for_each(|(key, version)| self.acknowledge(*key, "multi_set", *version)),
            None => self.books.leave_unknown(number),
        }
    }

    /// Stores the source's version if there is no value.
    pub(super) async fn add(&self, rng: &mut Rng) {
        let key = rng.usize(self.books.written());
        let _turn = self.turn(key).await;
        let stored = self.stored(key, self.books.version(key), "add");
        let ttl = self.books.lives.draw(rng);
        match self.done(self.storing(rng, &[key], ttl).add(&name(key), stored), rng, Some(key), "add").await {
            Some(added) => self.note(Some(key), &format!("add of #{}: {added}", stored.number)),
            None => self.books.leave_unknown(stored.number),
        }
    }

    /// Stores the source's version if nobody has written meanwhile.
    pub(super) async fn cas(&self, rng: &mut Rng) {
        let key = rng.usize(self.books.written());
        let read = self.cache(rng).get_versioned::<Stored>(&name(key));
        let Some((_, version)) = self.done(read, rng, Some(key), "get_versioned").await else { return };
        let _turn = self.turn(key).await;
        let stored = self.stored(key, self.books.version(key), "cas");
        let ttl = self.books.lives.draw(rng);
        match self.done(self.storing(rng, &[key], ttl).cas(&name(key), stored, version), rng, Some(key), "cas").await {
            Some(done) => self.note(Some(key), &format!("cas of #{}: {done}", stored.number)),
            None => self.books.leave_unknown(stored.number),
        }
    }

    /// Changes how long a key lives.
    pub(super) async fn expire(&self, rng: &mut Rng) {
        let key = rng.usize(self.books.keys());
        let expires = self.books.lives.expires(key);
        expires.begin();
        let ttl = self.books.lives.draw(rng);
        self.note(Some(key), &format!("expire within {ttl:?} begins"));
        let done = self.done(self.cache(rng).expire(&name(key), ttl), rng, Some(key), "expire").await;
        expires.end(done.is_some());
    }

    pub(super) async fn increment(&self, rng: &mut Rng) {
        let counter = rng.usize(..COUNTERS);
        let key = Some(self.books.keys().end + counter);
        let on = self.on.read().await;
        if !*on {
            return;
        }
        let seen = self.books.counters.begin_increment(counter, self.books.clears.epoch());
        let (name, cache) = (counter_name(counter), self.cache(rng));
        let call = async {
            loop {
                match cache.increment(&name, 1).await {
                    // After a retryable error the increment wasn't executed, so it isn't executed twice.
                    Err(error) if error.is_retryable() && !self.books.is_over() => {
                        self.note(key, &format!("increment is repeated after {error:?}"));
                        sleep(Duration::from_millis(5)).await;
                    }
                    result => return result,
                }
            }
        };
        let Some(sum) = self.done(call, rng, key, "increment").await else {
            return self.books.counters.leave_unknown(counter);
        };
        self.note(key, &format!("increment: {sum}"));
        if let Some(wrong) = self.books.counters.sum(counter, seen, &self.books.clears, sum) {
            self.books.find(key, &format!("an increment by process {} {wrong}", self.index));
        }
    }

    pub(super) async fn lock(&self, rng: &mut Rng) {
        let lock = rng.usize(..LOCKS);
        let key = Some(self.books.keys().end + COUNTERS + lock);
        let on = self.on.read().await;
        let Some(epoch) = self.books.clears.epoch().filter(|_| *on) else { return };
        let wanted = RedLock::new(&self.cache(rng), &format!("lock {lock}"), LOCK);
        let within = Duration::from_millis(rng.u64(..100));
        let Ok(Ok(guard)) = timeout(PATIENCE, wanted.acquire(within)).await else { return };
        drop(on);
        let guard = Arc::new(guard);
        self.note(key, "has the lock");
        if self.books.clears.epoch() == Some(epoch)
            && let Some(other) = self.books.locks.hold(lock, self.index, epoch, &guard)
            && self.books.clears.epoch() == Some(epoch)
        {
            self.books.find(key, &format!("processes {other} and {} hold lock {lock}", self.index));
        }
        sleep(pause(rng)).await;
        self.books.locks.give_up(lock, &guard);
        self.note(key, "gives the lock up");
        if let Some(guard) = Arc::into_inner(guard) {
            // It doesn't matter whether the lock was held to the end.
            let _ = timeout(PATIENCE, guard.release()).await;
        }
    }

    /// The value that a write of this version begins to store.
    fn stored(&self, key: usize, version: u64, command: &str) -> Stored {
        let number = self.books.number();
        self.note(Some(key), &format!("{command} of version {version} as #{number} begins"));
        Stored { key, version, number }
    }

    pub(super) fn bump(&self, keys: &[usize], command: &str) -> Vec<(usize, u64)> {
        let bump = |key: &usize| {
            let version = self.books.bump(*key);
            self.note(Some(*key), &format!("{command} for version {version} begins"));
            (*key, version)
        };
        keys.iter().map(bump).collect()
    }

    pub(super) fn acknowledge(&self, key: usize, command: &str, version: u64) {
        self.books.acknowledge(self.index, key, version);
        self.note(Some(key), &format!("{command} for version {version} is acknowledged"));
    }

    /// The turn to write a key, if it needs one.
    async fn turn(&self, key: usize) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        if !self.books.written().contains(&key) { None } else { Some(self.books.turns[key].lock().await) }
    }

    pub(super) async fn turns(&self, keys: &[usize]) -> Vec<tokio::sync::MutexGuard<'_, ()>> {
        let mut turns = Vec::new();
        for key in keys {
            turns.extend(self.turn(*key).await);
        }
        turns
    }
}
