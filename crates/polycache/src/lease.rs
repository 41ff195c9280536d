//! A lease: a key of the backend that holds its holder's token for a while.

mod keeper;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

pub(crate) use self::keeper::{Keeper, Until};

use crate::backend::{SetOptions, Version, When};
use crate::key::{FullKey, lease_key};
use crate::{Cache, Error, ErrorKind, Result, Ttl, Value};

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
    token: Value,
    life: Duration,
    /// The version of the entry, on a backend that compares bytes: always the same then, so it is read once.
    version: Arc<OnceLock<Version>>,
}

impl Lease {
    /// A lease on `key`, as the caller names it, with a new token.
    pub(crate) fn new(cache: &Cache, key: &str, purpose: Purpose, life: Duration) -> Self {
        let token = format!("{:032x}", fastrand::u128(..));
        Self {
            cache: cache.bare(),
            key: lease_key(cache.full_key(key).key(), purpose),
            token: Value::bytes(token.into_bytes()),
            life,
            version: Arc::default(),
        }
    }

    pub(crate) fn key(&self) -> &FullKey {
        &self.key
    }

    pub(crate) fn token(&self) -> &Value {
        &self.token
    }

    /// Takes it, where nobody has it. A caller that is cancelled meanwhile has not taken it. For a tokio runtime only.
    pub(crate) async fn take(&self) -> Result<bool> {
        let (tell, told) = oneshot::channel();
        let lease = self.clone();
        // In a task, since the backend may have done it when the caller is gone.
        tokio::spawn(async move {
            let taken = match lease.store(When::Absent).await {
                Ok(true) => Ok(Some(Taken(Some(lease)))),
                Ok(false) => Ok(None),
                Err(error) => {
                    // What the server has made of it isn't known.
                    drop(Taken(Some(lease)));
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
        match self.version().await? {
            Some(version) => self.store(When::Unchanged(version)).await,
            None => Ok(false),
        }
    }

    /// Gives it up; `false` where it was lost before.
    pub(crate) async fn release(&self) -> Result<bool> {
        match self.version().await? {
            Some(version) => self.cache.limited(self.cache.backend().delete_if(self.key.key(), &version)).await,
            None => Ok(false),
        }
    }

    /// Whether it still is its holder's.
    pub(crate) async fn is_held(&self) -> Result<bool> {
        Ok(self.read().await?.is_some())
    }

    /// The version of the entry, to write on the condition of it; none where it is no longer this lease's.
    async fn version(&self) -> Result<Option<Version>> {
        match self.version.get() {
            Some(version) => Ok(Some(version.clone())),
            None => self.read().await,
        }
    }

    /// The version of the entry, if it is this lease's.
    async fn read(&self) -> Result<Option<Version>> {
        let (value, version) = self.cache.limited(self.cache.backend().get_versioned(self.key.key())).await?;
        if value.is_none_or(|value| value.as_bytes() != self.token.as_bytes()) {
            return Ok(None);
        }
        if version.as_bytes().is_some() {
            let _ = self.version.set(version.clone());
        }
        Ok(Some(version))
    }

    /// A clock that ticks once a second, as memcached's does, may end an entry a tick early.
    fn slack(&self) -> Duration {
        let tick = self.cache.info().ttl_resolution;
        if tick > Duration::from_millis(1) { tick } else { Duration::ZERO }
    }

    async fn store(&self, when: When) -> Result<bool> {
        let options = SetOptions::new(Ttl::After(self.life + self.slack()), when);
        let set = self.cache.backend().set(self.key.key(), self.token.clone(), options);
        self.cache.limited(set).await
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
    if life < Duration::from_millis(1) {
        let text = "a lease of less than a millisecond; it is how long a holder that has died keeps others waiting";
        return Err(Error::new(ErrorKind::InvalidInput, text));
    }
    Ok(life)
}
