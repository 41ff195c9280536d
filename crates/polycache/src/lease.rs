//! A lease: a key of the backend that holds its holder's token for a while.

mod keeper;

use std::time::Duration;

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
        }
    }

    pub(crate) fn key(&self) -> &FullKey {
        &self.key
    }

    pub(crate) fn token(&self) -> &Value {
        &self.token
    }

    /// Takes it, where nobody has it.
    pub(crate) async fn take(&self) -> Result<bool> {
        self.store(When::Absent).await
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
        Ok(self.version().await?.is_some())
    }

    /// The version of the entry, while it is this lease's.
    async fn version(&self) -> Result<Option<Version>> {
        let (value, version) = self.cache.limited(self.cache.backend().get_versioned(self.key.key())).await?;
        let own = value.as_ref().is_some_and(|value| value.as_bytes() == self.token.as_bytes());
        Ok(own.then_some(version))
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

/// A life that a lease can have.
pub(crate) fn checked_life(life: Duration) -> Result<Duration> {
    if life < Duration::from_millis(1) {
        let text = "a lease of less than a millisecond; it is how long a holder that has died keeps others waiting";
        return Err(Error::new(ErrorKind::InvalidInput, text));
    }
    Ok(life)
}
