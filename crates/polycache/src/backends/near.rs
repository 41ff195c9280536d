//! Memory in front of another backend.
//!
//! [`Near`] keeps what it has read from a *far* backend in this process for a while, so that the next reads don't ask the server. How old
//! that may get is bounded, and the process's own writes are seen at once.

mod builder;
mod epochs;
mod others;
mod tier;
mod write;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use self::builder::NearBuilder;
use self::others::Others;
use self::tier::{Lives, Read, Tier};
use crate::backend::{self, Backend, Entry, Found, Holder, Key, OwnedKey, SetOptions, Tracker, Want, When};
use crate::events::{Event, EventKinds, Flushed, Listener};
use crate::lease::{is_lease, is_tag};
use crate::{Raw, Reply, Result, Ttl, Value};

/// What a read has to find for its answer to be kept: the life of a copy is never longer than what is left of the entry's.
const KEEPABLE: Want = Want::VALUE.and(Want::TTL);

/// A backend that keeps in memory what it has read from another one.
///
/// A read that finds its key near is done at once, and hands out the object that was decoded before. Otherwise the far backend is asked for
/// the value and what is left of its TTL, and the answer is kept, never past the entry's own TTL:
///
/// - where the far backend [tells of changes](Backend::tracked), until it does, or the connection that would tell is lost;
/// - elsewhere for [`ttl`](NearBuilder::ttl), a second by default, from the moment when the read departed: so a read never gets a value
///   that was replaced or deleted elsewhere more than that long ago;
/// - once a write through this backend is acknowledged, or `delete` has returned, no read through it gets an older value, also if it had
///   departed before; a write that fails, or is cancelled, leaves nothing near.
///
/// A value that a read brings is kept only if nothing has happened to its key meanwhile. Writes are not kept: the next read brings the
/// value.
///
/// Versions ([`get_versioned`](crate::Cache::get_versioned), for `cas`), `scan` and `raw` are always far, and so are leases and locks. A
/// `clear` and a `raw` command empty the near tier, or its part.
///
/// A clone is a handle on the same two tiers.
///
/// ```
/// use polycache::backends::memory::Memory;
/// use polycache::backends::near::Near;
/// use polycache::Cache;
/// use std::sync::Arc;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// let server = Arc::new(Memory::new()); // or Redis
/// let near = Near::builder().max_entries(1_000).build(server)?;
/// let cache = Cache::builder().backend(near.clone()).build()?;
/// cache.set("k", 1).await?;
/// assert_eq!(near.len(), 0);
/// assert_eq!(cache.get::<i32>("k").await?, Some(1)); // from the server
/// assert_eq!(cache.get::<i32>("k").await?, Some(1)); // from near
/// assert_eq!(near.len(), 1);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Near {
    /// With tracked reads, if there can be.
    far: Arc<dyn Backend>,
    /// The backend whose second handle that is.
    untracked: Option<Arc<dyn Backend>>,
    tier: Arc<Tier>,
    lives: Lives,
    others: Others,
}

impl Near {
    /// With all defaults: 10,000 entries, each for a second, or as long as it lives where the far backend tells of changes.
    ///
    /// # Errors
    /// Those of [`NearBuilder::build`].
    pub fn new(far: Arc<dyn Backend>) -> Result<Self> {
        NearBuilder::new().build(far)
    }

    /// Settings for a new near cache.
    pub fn builder() -> NearBuilder {
        NearBuilder::new()
    }

    /// The number of entries near. Expired ones count until they are freed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tier.len()
    }

    /// Whether nothing is near.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How long a value is kept near at most that is read now: so long ago another process may have replaced or deleted a value that is
    /// still read. `None` where the far backend tells of changes, and nothing else bounds that.
    #[must_use]
    pub fn ttl(&self) -> Option<Duration> {
        self.lives().ttl
    }

    /// Whether the far backend tells of changes.
    #[must_use]
    pub fn is_tracked(&self) -> bool {
        self.untracked.is_some()
    }

    /// Forgets everything near. The next reads ask the far backend.
    pub fn flush(&self) {
        self.tier.flush(Flushed::Asked);
    }

    /// Takes what others have changed: for a message of another process whose near cache [tells](NearBuilder::tells) of its writes.
    #[must_use]
    pub fn tracker(&self) -> Arc<dyn Tracker> {
        Arc::clone(&self.tier) as Arc<dyn Tracker>
    }

    /// How long what is read now may be kept.
    fn lives(&self) -> Lives {
        self.others.lives(self.lives)
    }

    /// What is asked far, for an answer to `want` that can be kept. Where changes are told, value and life may be of two moments: what is
    /// written in between is told before the answer, and then nothing is kept.
    fn keepable(&self, want: Want) -> Want {
        let is_exact = want.has(Want::TTL) && !want.has(Want::ROUGH);
        if is_exact || !self.is_tracked() { KEEPABLE } else { KEEPABLE.and(Want::ROUGH) }
    }

    /// A read of a value that isn't near.
    #[inline(never)]
    fn get_far(&self, key: Key<'_>) -> Reply<Option<Value>> {
        if is_lease(key.full()) {
            return self.far.get(key);
        }
        self.tier.tell_miss(key);
        match self.tier.departs(key.full()) {
            None => self.far.get(key),
            Some(read) => self.read_far(key, Want::VALUE, read, |found| found?.value),
        }
    }

    /// Reads far what can be kept, and keeps it.
    fn read_far<T: Send + 'static>(
        &self,
        key: Key<'_>,
        want: Want,
        read: Read,
        answer: impl FnOnce(Option<Found>) -> T + Send + 'static,
    ) -> Reply<T> {
        self.others.listen();
        let lives = self.lives();
        match self.far.look(key, self.keepable(want)).now() {
            Ok(Ok(mut found)) => {
                self.tier.keep(key.full(), read, lives, &mut found);
                Reply::ready(answer(found))
            }
            Ok(Err(error)) => Reply::error(error),
            Err(pending) => {
                let (tier, key) = (Arc::clone(&self.tier), key.into_owned());
                Reply::pending(async move {
                    let mut found = pending.await?;
                    tier.keep(key.key().full(), read, lives, &mut found);
                    Ok(answer(found))
                })
            }
        }
    }

    /// Reads far the keys that aren't near. `found` has an answer for those that are.
    fn read_many_far(
        &self,
        keys: &[Key<'_>],
        want: Want,
        found: Vec<Option<Option<Found>>>,
    ) -> Reply<Vec<Option<Found>>> {
        let missing: Vec<Key<'_>> =
            keys.iter().zip(&found).filter_map(|(key, found)| found.is_none().then_some(*key)).collect();
        if missing.iter().any(|key| is_lease(key.full()) && !is_tag(key.full())) {
            // Whoever waits for a lease asks for its key too, and what somebody has just stored there.
            return self.far.multi_get(keys, want);
        }
        if !want.has(Want::VALUE) {
            let reply = self.far.multi_get(&missing, want);
            return reply.map(|far| together(found, far));
        }
        self.others.listen();
        // The generations of tags are never near.
        let departs = |key: &Key<'_>| {
            if is_tag(key.full()) {
                return None;
            }
            self.tier.tell_miss(*key);
            self.tier.departs(key.full())
        };
        let reads: Vec<Option<Read>> = missing.iter().map(departs).collect();
        let owned: Vec<OwnedKey> = missing.iter().map(|key| key.into_owned()).collect();
        let (tier, lives) = (Arc::clone(&self.tier), self.lives());
        self.far.multi_get(&missing, self.keepable(want)).map(move |mut far| {
            for ((key, read), found) in owned.iter().zip(reads).zip(&mut far) {
                if let Some(read) = read {
                    tier.keep(key.key().full(), read, lives, found);
                }
                if let Some(found) = found.as_mut().filter(|_| !want.has(Want::TTL)) {
                    found.ttl = None;
                }
            }
            together(found, far)
        })
    }
}

/// The answers that were near, and in the gaps those from far.
fn together(near: Vec<Option<Option<Found>>>, far: Vec<Option<Found>>) -> Vec<Option<Found>> {
    let mut far = far.into_iter();
    near.into_iter().map(|found| found.unwrap_or_else(|| far.next().flatten())).collect()
}

impl Backend for Near {
    backend::forward!(self.far, all but [
        get look multi_get set multi_set increment expire delete multi_delete clear raw close listen
    ]);

    #[inline]
    fn get(&self, key: Key<'_>) -> Reply<Option<Value>> {
        match self.tier.get(key) {
            Some(value) => {
                self.tier.tell_hit(key);
                Reply::ready(value)
            }
            None => self.get_far(key),
        }
    }

    fn look(&self, key: Key<'_>, want: Want) -> Reply<Option<Found>> {
        if want.has(Want::VERSION) {
            return self.far.look(key, want);
        }
        if let Some(found) = self.tier.find(key.full(), want) {
            self.tier.tell_hit(key);
            return Reply::ready(found);
        }
        if !want.has(Want::VALUE) || is_lease(key.full()) {
            return self.far.look(key, want);
        }
        self.tier.tell_miss(key);
        let Some(read) = self.tier.departs(key.full()) else { return self.far.look(key, want) };
        self.read_far(key, want, read, move |found| {
            let mut found = found?;
            found.ttl = found.ttl.filter(|_| want.has(Want::TTL));
            Some(found)
        })
    }

    fn multi_get(&self, keys: &[Key<'_>], want: Want) -> Reply<Vec<Option<Found>>> {
        if want.has(Want::VERSION) {
            return self.far.multi_get(keys, want);
        }
        let found: Vec<Option<Option<Found>>> = keys.iter().map(|key| self.tier.find(key.full(), want)).collect();
        keys.iter().zip(&found).filter(|(_, found)| found.is_some()).for_each(|(key, _)| self.tier.tell_hit(*key));
        if found.iter().all(Option::is_some) {
            return Reply::ready(found.into_iter().flatten().collect());
        }
        self.read_many_far(keys, want, found)
    }

    fn set(&self, key: Key<'_>, value: Value, options: SetOptions) -> Reply<bool> {
        if is_lease(key.full()) {
            self.tier.lease_is_touched(key.full());
            return self.far.set(key, value, options);
        }
        self.write(key).until(self.far.set(key, value, options))
    }

    fn multi_set(&self, entries: Vec<Entry<'_>>) -> Reply<()> {
        self.write_each(entries.iter().map(|entry| entry.key)).until(self.far.multi_set(entries))
    }

    fn increment(&self, key: Key<'_>, delta: i64, ttl: Ttl) -> Reply<i64> {
        self.write(key).until(self.far.increment(key, delta, ttl))
    }

    fn expire(&self, key: Key<'_>, ttl: Ttl) -> Reply<bool> {
        self.write(key).until(self.far.expire(key, ttl))
    }

    fn delete(&self, key: Key<'_>, when: When) -> Reply<bool> {
        self.write(key).until(self.far.delete(key, when))
    }

    fn multi_delete(&self, keys: &[Key<'_>]) -> Reply<u64> {
        self.write_each(keys.iter().copied()).until(self.far.multi_delete(keys))
    }

    fn clear(&self, prefix: &str) -> Reply<()> {
        self.write_all(prefix).until(self.far.clear(prefix))
    }

    /// The command may write anything.
    fn raw(&self, command: &str, args: &[&[u8]]) -> Reply<Raw> {
        self.write_all("").until(self.far.raw(command, args))
    }

    fn close(&self) -> Reply<()> {
        self.tier.flush(Flushed::Closed);
        self.others.close();
        let closed = self.far.close();
        match self.untracked.clone() {
            None => closed,
            Some(untracked) => closed.then(move |closed| untracked.close().and_then(|()| Reply::from(closed))),
        }
    }

    fn listen(&self, listener: Listener) {
        if listener.kinds().overlaps(EventKinds::NEAR) {
            self.tier.listeners.add(listener.clone());
            listener.hear(&Event::NearBound { ttl: self.ttl() });
        }
        self.untracked.as_ref().unwrap_or(&self.far).listen(listener);
    }

    fn ending_leases(&self, holder: &Holder) -> Option<Arc<dyn Backend>> {
        Some(Arc::new(Self { far: self.far.ending_leases(holder)?, ..self.clone() }))
    }
}

impl fmt::Debug for Near {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Near").field("near", &self.tier).field("far", &self.far).finish()
    }
}
