//! A lease: an entry of the backend that says who has it, and changes with each renewal.
//!
//! Whether a holder still lives is for those who want the lease to find out, each by its own clock: they take it over when they have
//! seen the entry unchanged for longer than its life and a [`GRACE`], on condition that it still is. So a lease can be shorter than a tick
//! of the server's clock, and the entry's TTL only clears away what nobody wants any more. The idea is that of Amazon's lock client
//! for `DynamoDB` (`dynamodb-lock-client`: `leaseDuration`, `recordVersionNumber`).

mod end;
mod keeper;
mod note;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Mutex, oneshot};
use tokio::time::Instant;

pub(crate) use self::end::end;
pub(crate) use self::keeper::{Keeper, Until};
use self::note::Note;
pub(crate) use self::watch::Watch;

use crate::backend::{SetOptions, Version, When};
use crate::key::{FullKey, lease_key};
use crate::{Cache, Error, ErrorKind, Result, Ttl, Value};

/// How much longer than its life a lease is left to its holder: a renewal that a busy machine delays finds it still there.
pub(crate) const GRACE: Duration = Duration::from_millis(125);

/// The shortest life: beside the grace a shorter one is no gain, and its renewals would flood the server.
const SHORTEST: Duration = Duration::from_millis(40);

/// The longest life.
const LONGEST: Duration = Duration::from_secs(86_400);

/// What a lease is about; leases on one key for different purposes are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To compute the key's value.
    Compute,
    /// A lock.
    Lock,
    /// Not a lease, but the trace of those who wait for a lock.
    Wait,
}

impl Purpose {
    pub(crate) const ALL: [Self; 3] = [Self::Compute, Self::Lock, Self::Wait];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Compute => "lease",
            Self::Lock => "lock",
            Self::Wait => "wait",
        }
    }
}

/// A lease to take, renew and release. No plugin sees any of it.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    cache: Cache,
    key: FullKey,
    life: Duration,
    /// The holder's writes, one at a time.
    held: Arc<Mutex<Held>>,
    token: Value,
}

/// What its holder knows of it.
#[derive(Debug)]
struct Held {
    note: Note,
    /// The version of the entry, where it is known. A backend that compares bytes tells it beforehand.
    version: Option<Version>,
    by_bytes: bool,
    /// Whether it was given up, and was held until then.
    released: Option<bool>,
}

impl Lease {
    /// A lease on `key`, as the caller names it, with a new token.
    pub(crate) fn new(cache: &Cache, key: &str, purpose: Purpose, life: Duration) -> Self {
        let life = life.max(SHORTEST);
        let note = Note::new(life);
        Self {
            cache: cache.bare(),
            key: lease_key(cache.full_key(key).key(), purpose),
            life,
            token: Value::bytes(note.token().as_bytes()),
            held: Arc::new(Mutex::new(Held { note, version: None, by_bytes: false, released: None })),
        }
    }

    pub(crate) fn key(&self) -> &FullKey {
        &self.key
    }

    /// What the entry begins with while it is this lease's.
    pub(crate) fn token(&self) -> &Value {
        &self.token
    }

    /// Takes it, where nobody has it. A caller that is cancelled meanwhile has not taken it. For a tokio runtime only.
    pub(crate) async fn take(&self) -> Result<bool> {
        self.take_when(When::Absent).await
    }

    /// Takes it from a holder whose entry is still this one.
    pub(crate) async fn take_over(&self, entry: &Value) -> Result<bool> {
        let (found, version) = self.cache.limited(self.cache.backend().get_versioned(self.key.key())).await?;
        if found.is_none_or(|found| found.as_bytes() != entry.as_bytes()) {
            return Ok(false);
        }
        tracing::warn!(key = self.key.key().full(), "a lease is taken over: its holder has not renewed it in time");
        self.take_when(When::Unchanged(version)).await
    }

    /// Looks at the entry of whoever has it, and takes it if that is possible.
    pub(crate) async fn contend(&self, watch: &mut Watch) -> Result<bool> {
        let asked = Instant::now();
        match self.cache.limited(self.cache.backend().get(self.key.key())).await? {
            None => self.take().await,
            Some(entry) if watch.is_overdue(asked, &entry) => self.take_over(&entry).await,
            Some(_) => Ok(false),
        }
    }

    async fn take_when(&self, when: When) -> Result<bool> {
        let (tell, told) = oneshot::channel();
        let lease = self.clone();
        // In a task, since the backend may have done it when the caller is gone.
        tokio::spawn(async move {
            let taken = match lease.write(&mut *lease.held.lock().await, when).await {
                Ok(true) => Ok(Some(Taken(Some(lease.clone())))),
                Ok(false) => Ok(None),
                Err(error) => {
                    // What the server has made of it isn't known.
                    drop(Taken(Some(lease.clone())));
                    Err(error)
                }
            };
            // Where nobody listens any more, `Taken` is dropped.
            let _ = tell.send(taken);
        });
        match told.await {
            Ok(Ok(Some(mut taken))) => Ok(taken.0.take().is_some()),
            Ok(Ok(None)) => Ok(false),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(Error::new(ErrorKind::NoRuntime, "the tokio runtime was shut down")),
        }
    }

    /// Starts its life anew; `false` where it is lost.
    pub(crate) async fn renew(&self) -> Result<bool> {
        let mut held = self.held.lock().await;
        match held.released {
            Some(_) => Ok(true),
            None => self.rewrite(&mut held).await,
        }
    }

    /// Tells those who write the key to wait until it is released: the value is about to be stored. `false` where it is lost.
    pub(crate) async fn seal(&self) -> Result<bool> {
        let mut held = self.held.lock().await;
        held.note.seal();
        self.rewrite(&mut held).await
    }

    /// Gives it up; `false` where it was lost before.
    pub(crate) async fn release(&self) -> Result<bool> {
        let mut held = self.held.lock().await;
        if let Some(until_then) = held.released {
            return Ok(until_then);
        }
        let released = loop {
            let Some(version) = self.version(&mut held).await? else { break false };
            if self.cache.limited(self.cache.backend().delete_if(self.key.key(), &version)).await? {
                break true;
            }
        };
        held.released = Some(released);
        Ok(released)
    }

    async fn rewrite(&self, held: &mut Held) -> Result<bool> {
        while let Some(version) = self.version(held).await? {
            if self.write(held, When::Unchanged(version)).await? {
                return Ok(true);
            }
            // Lost; or a write of its own that was given up has arrived after all.
        }
        Ok(false)
    }

    /// The version of the entry, to write on the condition of it; none where it is no longer this lease's. What is known is used up.
    async fn version(&self, held: &mut Held) -> Result<Option<Version>> {
        if let Some(version) = held.version.take() {
            return Ok(Some(version));
        }
        let (found, version) = self.cache.limited(self.cache.backend().get_versioned(self.key.key())).await?;
        held.by_bytes = version.as_bytes().is_some();
        let own = found.is_some_and(|found| Note::is_of(&found, held.note.token()));
        Ok(own.then_some(version))
    }

    async fn write(&self, held: &mut Held, when: When) -> Result<bool> {
        let entry = held.note.next();
        let options = SetOptions::new(Ttl::After(self.ttl()), when);
        let set = self.cache.backend().set(self.key.key(), Value::bytes(entry.as_bytes()), options);
        let written = self.cache.limited(set).await?;
        held.version = (written && held.by_bytes).then(|| Version::bytes(entry.into_bytes()));
        Ok(written)
    }

    /// Long enough that whoever waits takes over first, also from a server whose clock ticks once a second.
    fn ttl(&self) -> Duration {
        2 * (self.life + GRACE) + self.cache.info().ttl_resolution
    }
}

/// A lease that has been taken for somebody: given back if it doesn't reach them.
struct Taken(Option<Lease>);

impl Drop for Taken {
    fn drop(&mut self) {
        if let (Some(lease), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(async move { lease.release().await });
        }
    }
}

/// A life that a lease can have.
pub(crate) fn checked_life(life: Duration) -> Result<Duration> {
    if !(Duration::from_millis(1)..=LONGEST).contains(&life) {
        let text = format!(
            "a lease of {life:?}, which is not between a millisecond and a day; it is how long a holder that has died keeps others waiting"
        );
        return Err(Error::new(ErrorKind::InvalidInput, text));
    }
    Ok(life)
}
