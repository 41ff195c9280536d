//! A lease: an entry of the backend that names its holder, and changes with each renewal.
//!
//! Those who want the lease find out whether its holder still lives, each by its own clock: they take the lease over when they have seen
//! the entry unchanged for longer than its life and a [`GRACE`], on condition that it still is. So a lease can be shorter than a tick of
//! the server's clock, and the entry's TTL only clears away entries that nobody wants any more. The idea is that of Amazon's lock client
//! for `DynamoDB` (`dynamodb-lock-client`: `leaseDuration`, `recordVersionNumber`).

mod end;
mod holder;
mod keeper;
mod name;
mod note;
mod watch;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::time::Instant;

pub(crate) use self::end::end;
#[cfg(feature = "memcached")]
pub(crate) use self::end::{end_one, is_sealed};
pub use self::holder::Holder;
pub(crate) use self::keeper::{Keeper, Until};
#[cfg(feature = "memory")]
pub(crate) use self::name::is_lock;
pub(crate) use self::name::{
    Purpose, ends_as_own, is_lease, is_of_all_tags, is_of_one_tag, is_own, lease_key, tag_key, told,
};
#[cfg(any(feature = "memcached", feature = "memory"))]
pub(crate) use self::name::{is_tag, leased};
use self::note::Note;
pub(crate) use self::watch::Watch;

use crate::backend::{Found, SetOptions, Version, Want, When, Written};
use crate::flight::Flights;
use crate::key::OwnedKey;
use crate::limit;
use crate::range::Range;
use crate::repeated::tell_repeated;
use crate::{Cache, Error, ErrorKind, Result, Ttl, Value};

/// How much longer than its life a lease is left to its holder: a renewal that a busy machine delays still finds it.
pub(crate) const GRACE: Duration = Duration::from_millis(125);

/// The shortest life: beside the grace a shorter one gains nothing, and its renewals would flood the server.
const SHORTEST: Duration = Duration::from_millis(40);

/// The longest life.
const LONGEST: Duration = Duration::from_secs(86_400);

/// The lives that may be asked for: how long a dead holder keeps others waiting.
pub(crate) const LEASE: Range<Duration> = Range::new("lease", Duration::from_millis(1), LONGEST);

/// A lease to take, renew and release. Plugins see nothing of it.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    cache: Cache,
    key: OwnedKey,
    life: Duration,
    /// The holder's writes, one at a time.
    held: Arc<Mutex<Held>>,
    token: Value,
    /// Whether the lease is taken sealed.
    sealed: bool,
}

/// The holder's knowledge of the lease.
#[derive(Debug)]
struct Held {
    note: Note,
    holder: Holder,
    /// The version of the entry, if it is known.
    version: Option<Version>,
    /// Whether the lease was given up, and was held until then.
    released: Option<bool>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.holder.forgets(self.note.token().as_bytes());
    }
}

impl Lease {
    /// A lease on `key`, as the caller names it, with a new token.
    pub(crate) fn new(cache: &Cache, key: &str, purpose: Purpose, life: Duration) -> Self {
        let life = life.max(SHORTEST);
        // Sealed until it is known that the computation takes a while: a short one then needn't seal it. Not with hooks: these may write
        // the key before the value is stored, and would wait.
        let seals = purpose == Purpose::Compute && !cache.info().capabilities.checks_leases;
        let sealed = seals && cache.view.bare.is_none();
        let holder = cache.flights().holder().clone();
        let note = Note::new(holder.name(), life, sealed);
        if seals {
            holder.holds(note.token().as_bytes());
        }
        Self {
            cache: cache.bare(),
            key: lease_key(cache.full_key(key).key(), purpose),
            life,
            token: Value::bytes(note.token().as_bytes()),
            sealed,
            held: Arc::new(Mutex::new(Held { note, holder, version: None, released: None })),
        }
    }

    pub(crate) fn flights(&self) -> &Arc<Flights> {
        self.cache.flights()
    }

    pub(crate) fn key(&self) -> &OwnedKey {
        &self.key
    }

    /// How long it lasts from the moment when it was asked for.
    pub(crate) fn life(&self) -> Duration {
        self.life
    }

    /// The bytes that the entry begins with while this lease holds.
    pub(crate) fn token(&self) -> &Value {
        &self.token
    }

    /// Takes the lease if nobody has it. A caller that is cancelled meanwhile hasn't taken it. Needs a tokio runtime.
    pub(crate) async fn take(&self) -> Result<bool> {
        self.take_when(When::Absent).await
    }

    /// Takes the lease from a holder whose entry is still this one.
    pub(crate) async fn take_over(&self, entry: &Value) -> Result<bool> {
        let (found, version) = self.entry().await?;
        if found.is_none_or(|found| found.as_bytes() != entry.as_bytes()) {
            return Ok(false);
        }
        let cause = self.flights().mark();
        tell_repeated!(
            WARN,
            cause,
            key = self.key.key().full(),
            "a lease is taken over: its holder has not renewed it in time"
        );
        self.take_when(When::Unchanged(version)).await
    }

    /// Looks at the present entry, and takes the lease if that is possible.
    pub(crate) async fn contend(&self, watch: &mut Watch) -> Result<bool> {
        let asked = Instant::now();
        match self.cache.limited(self.cache.backend().get(self.key.key())).await? {
            None => self.take().await,
            Some(entry) if watch.is_overdue(asked, &entry) => self.take_over(&entry).await,
            Some(_) => Ok(false),
        }
    }

    async fn take_when(&self, when: When) -> Result<bool> {
        let lease = self.clone();
        // Locked at once, so that the write is sent before the caller's next request: awaiting the lock would give way to other tasks now
        // and then.
        let free = Arc::clone(&self.held).try_lock_owned();
        let write = Box::pin(async move {
            let mut held = match free {
                Ok(held) => held,
                Err(_) => Arc::clone(&lease.held).lock_owned().await,
            };
            lease.write(&mut held, when).await
        });
        Taking { lease: self.clone(), write: Some(write), begun: false }.await
    }

    /// Starts the lease's life anew; `false` if the lease is lost.
    pub(crate) async fn renew(&self) -> Result<bool> {
        let mut held = self.held.lock().await;
        match held.released {
            Some(_) => Ok(true),
            None => self.rewrite(&mut held).await,
        }
    }

    /// Tells writers of the key to wait until the lease is released: the value is about to be stored. `false` if the lease is lost.
    pub(crate) async fn seal(&self) -> Result<bool> {
        let mut held = self.held.lock().await;
        if held.note.is_sealed() {
            return Ok(true);
        }
        held.note.seal(true);
        self.rewrite(&mut held).await
    }

    /// Lets writers of the key go ahead: a value is a while off. `false` if the lease is lost.
    pub(crate) async fn unseal(&self) -> Result<bool> {
        let mut held = self.held.lock().await;
        if held.released.is_some() || !held.note.is_sealed() {
            return Ok(true);
        }
        held.note.seal(false);
        self.rewrite(&mut held).await
    }

    /// Leaves the end of the lease to the backend, which is about to store under it. Returns the version of the entry, if it is known;
    /// `None` if the lease was given up before.
    pub(crate) async fn leave(&self) -> Option<Option<Version>> {
        let mut held = self.held.lock().await;
        if held.released.is_some() {
            return None;
        }
        held.released = Some(true);
        Some(held.version.clone())
    }

    /// The backend hasn't ended the lease, or nobody knows whether it has.
    pub(crate) async fn take_back(&self) {
        self.held.lock().await.released = None;
    }

    /// Marks a value that is about to be stored under the sealed lease. If the mark is dropped, nobody knows whether the value has arrived.
    /// `None` if a write of this cache has gone by the lease.
    pub(crate) fn storing(&self) -> Option<Storing<'_>> {
        let is_free = self.cache.info().capabilities.checks_leases || self.sends();
        is_free.then_some(Storing(Some(self)))
    }

    fn sends(&self) -> bool {
        self.cache.flights().holder().sends(self.token.as_bytes().unwrap_or_default())
    }

    /// Whether the lease has been given up.
    fn is_over(&self) -> bool {
        self.held.try_lock().is_ok_and(|held| held.released.is_some())
    }

    /// Gives the lease up in a task, unless that has been done.
    pub(crate) fn give_up(&self) {
        if let (false, Ok(runtime)) = (self.is_over(), Handle::try_current()) {
            let lease = self.clone();
            limit::spawn(&runtime, async move {
                if let Err(error) = lease.release().await {
                    let cause = (lease.flights().mark(), error.kind());
                    tell_repeated!(WARN, cause, %error, "a lease could not be released: it ends by itself");
                }
            });
        }
    }

    /// Gives the lease up; `false` if it was lost before.
    pub(crate) async fn release(&self) -> Result<bool> {
        let mut held = self.held.lock().await;
        if let Some(until_then) = held.released {
            return Ok(until_then);
        }
        let released = loop {
            let Some(version) = self.version(&mut held).await? else { break false };
            if self.cache.limited(self.cache.backend().delete(self.key.key(), When::unchanged(version))).await? {
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
            // The lease is lost, or one of its own writes that was given up has arrived after all.
        }
        Ok(false)
    }

    /// The present entry, of any holder, and its version.
    async fn entry(&self) -> Result<(Option<Value>, Version)> {
        let found = self.cache.limited(self.cache.backend().look(self.key.key(), Want::VERSIONED)).await?;
        Ok(Found::versioned(found))
    }

    /// The version of the entry, to write on condition of it; `None` if the entry isn't this lease's any more. A known version is used
    /// once.
    async fn version(&self, held: &mut Held) -> Result<Option<Version>> {
        if let Some(version) = held.version.take() {
            return Ok(Some(version));
        }
        let (found, version) = self.entry().await?;
        let own = found.is_some_and(|found| Note::is_of(&found, held.note.token()));
        Ok(own.then_some(version))
    }

    async fn write(&self, held: &mut Held, when: When) -> Result<bool> {
        let entry = Value::bytes(held.note.next().as_bytes());
        let written = Written::default();
        let options = SetOptions { written: Some(written.clone()), ..SetOptions::new(Ttl::After(self.ttl()), when) };
        let stored = self.cache.limited(self.cache.backend().set(self.key.key(), entry, options)).await?;
        held.version = written.version().filter(|_| stored).cloned();
        Ok(stored)
    }

    /// Long enough that a waiting caller takes over first, even from a server whose clock ticks once a second.
    fn ttl(&self) -> Duration {
        2 * (self.life + GRACE) + self.cache.info().ttl_resolution
    }
}

/// A value on its way under a lease.
pub(crate) struct Storing<'a>(Option<&'a Lease>);

impl Storing<'_> {
    /// The value has arrived, or never will.
    pub(crate) fn done(mut self) {
        if let Some(lease) = self.0.take() {
            lease.cache.flights().holder().forgets(lease.token.as_bytes().unwrap_or_default());
        }
    }
}

impl Drop for Storing<'_> {
    fn drop(&mut self) {
        if let Some(lease) = self.0 {
            lease.cache.flights().holder().is_unsure(lease.ttl());
        }
    }
}

/// The taking of a lease. If nobody awaits its end, or the end can't be known, the lease is given up.
struct Taking {
    lease: Lease,
    write: Option<Pin<Box<dyn Future<Output = Result<bool>> + Send>>>,
    begun: bool,
}

impl Future for Taking {
    type Output = Result<bool>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.begun = true;
        let Some(write) = &mut self.write else { return Poll::Ready(Ok(false)) };
        let taken = ready!(write.as_mut().poll(context));
        self.write = None;
        if taken.is_err() {
            // Nobody knows what the server has made of the request.
            self.lease.give_up();
        }
        Poll::Ready(taken)
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        if let (Some(write), true, Ok(runtime)) = (self.write.take(), self.begun, Handle::try_current()) {
            let lease = self.lease.clone();
            limit::spawn(&runtime, async move {
                if !write.await.is_ok_and(|taken| !taken) {
                    lease.give_up();
                }
            });
        }
    }
}

/// Checks that a lease can have this life.
pub(crate) fn checked_life(life: Duration) -> Result<Duration> {
    LEASE.check(life).map_err(|error| Error::new(ErrorKind::InvalidInput, error.to_string()))
}
