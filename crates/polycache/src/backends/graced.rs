//! Entries that stay for a while after their TTL, for when their source fails: a backend around the cache's own.
//!
//! An entry with a grace is stored for its TTL and the grace, which its head tells. It is *stale* while no more than the grace is left of
//! its life: the backend's own clock tells that, and no other one is compared with it. Here stale entries are missing; who is to have one
//! all the same asks the inner backend.

use std::sync::Arc;
use std::time::Duration;

use crate::backend::{self, Backend, Entry, Found, Holder, Key, OwnedKey, Permit, SetOptions, Want, When};
use crate::lease::is_lease;
use crate::{Error, ErrorKind, Head, Reply, Ttl, Value};

/// The backend of a cache with a grace.
#[derive(Debug)]
pub(crate) struct Graced {
    inner: Arc<dyn Backend>,
    /// Of what is stored.
    grace: Duration,
    /// The part of a TTL after which an entry is refreshed early; 1 for never.
    early: f64,
}

/// What it takes to tell whether an entry is stale.
pub(crate) const FRESHNESS: Want = Want::VALUE.and(Want::TTL);

/// The same of one entry that is only read.
pub(crate) const ROUGHLY: Want = FRESHNESS.and(Want::ROUGH);

/// How an entry stands to its TTL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// Its TTL isn't over. So much of it is left.
    Fresh(Ttl),
    /// The same, and it is to be refreshed early.
    Early(Ttl),
    /// Its TTL is over. So much is left of its grace.
    Stale {
        /// How much.
        left: Duration,
    },
    /// Its TTL is over, and its source has failed and isn't to be asked yet.
    Resting,
}

impl Age {
    pub(crate) const fn is_fresh(self) -> bool {
        matches!(self, Self::Fresh(_) | Self::Early(_))
    }

    /// Whether nothing is to be done about it now.
    pub(crate) const fn is_calm(self) -> bool {
        matches!(self, Self::Fresh(_) | Self::Resting)
    }

    /// Of an entry whose value and remaining life were asked for.
    pub(crate) fn of(found: &Found) -> Self {
        let life = found.ttl.unwrap_or_default();
        let (Ttl::After(left), Some(head)) = (life, found.value.as_ref().and_then(Value::head)) else {
            return Self::Fresh(life);
        };
        let rests = || head.rests().is_some_and(|rests| left > rests);
        match head.grace() {
            Some(grace) if left <= grace && rests() => Self::Resting,
            Some(grace) if left <= grace => Self::Stale { left },
            grace => {
                let fresh = Ttl::After(left - grace.unwrap_or_default());
                let is_early = head.early().is_some_and(|early| left <= early && !rests());
                if is_early { Self::Early(fresh) } else { Self::Fresh(fresh) }
            }
        }
    }

    /// Whether the TTL of such an entry isn't over.
    fn is_fresh_in(found: &Found) -> bool {
        match (found.ttl, found.value.as_ref().and_then(Value::grace)) {
            (Some(Ttl::After(left)), Some(grace)) => left > grace,
            _ => true,
        }
    }
}

impl Graced {
    pub(crate) fn new(inner: Arc<dyn Backend>, grace: Duration, early: f64) -> Self {
        Self { inner, grace, early }
    }

    /// The value and its life, with the grace.
    fn keep(&self, key: Key<'_>, value: Value, ttl: Ttl) -> (Value, Ttl) {
        match ttl {
            Ttl::After(life) if !is_lease(key.full()) => {
                let mut head = value.head().map(Head::into_owned).unwrap_or_default();
                if !self.grace.is_zero() {
                    head = head.with_grace(self.grace);
                }
                if self.early < 1.0 {
                    let rest = Duration::try_from_secs_f64(life.as_secs_f64() * (1.0 - self.early));
                    head = head.with_early(rest.unwrap_or(life).saturating_add(self.grace));
                }
                (value.with_head(&head), Ttl::After(life.saturating_add(self.grace)))
            }
            ttl => (value, ttl),
        }
    }
}

fn grace_of(found: &Found) -> Option<Duration> {
    found.value.as_ref()?.grace()
}

/// The entry, if it isn't stale, with the rest of its TTL.
fn fresh(found: Option<Found>, want: Want) -> Option<Found> {
    let mut found = found?;
    let (Age::Fresh(left) | Age::Early(left)) = Age::of(&found) else { return None };
    found.ttl = want.has(Want::TTL).then_some(left);
    if !want.has(Want::VALUE) {
        found.value = None;
    }
    Some(found)
}

/// Looks at the entry, and stores where it is as it was seen. A stale entry may be marked meanwhile, since its source has failed or is
/// slow, or have lost its version with the connection: that is no write, so it is looked at `again`.
fn set_on_condition(
    inner: Arc<dyn Backend>,
    key: OwnedKey,
    value: Value,
    options: SetOptions,
    again: bool,
) -> Reply<bool> {
    let looked = inner.look(key.key(), FRESHNESS.and(Want::VERSION));
    looked.and_then(move |found| {
        let is_stale = found.as_ref().is_some_and(|found| !Age::is_fresh_in(found));
        let when = match (&options.when, found.and_then(|found| found.version)) {
            (When::Absent, Some(_)) if !is_stale => return Reply::ready(false),
            // Who writes ends the lease first, so the lease guards the entry.
            (When::Absent, Some(_)) if options.permit.as_ref().and_then(Permit::lease).is_some() => When::Always,
            (When::Absent, Some(version)) => {
                let once = SetOptions { when: When::Unchanged(version), ..options.clone() };
                let stored = inner.set(key.key(), value.clone(), once);
                return stored.and_then(move |stored| {
                    if stored || !again {
                        return Reply::ready(stored);
                    }
                    set_on_condition(inner, key, value, options, false)
                });
            }
            (_, Some(_)) if is_stale => return Reply::ready(false),
            (when, _) => when.clone(),
        };
        inner.set(key.key(), value, SetOptions { when, ..options })
    })
}

/// Gives a fresh entry another TTL, and leaves it its grace.
fn expire(inner: Arc<dyn Backend>, key: OwnedKey, ttl: Ttl) -> Reply<bool> {
    // With the version, which a near cache asks for far: a copy may be fresh where the entry is stale by now.
    let look = |inner: &dyn Backend, key: &OwnedKey| inner.look(key.key(), FRESHNESS.and(Want::VERSION));
    look(&*inner, &key).and_then(move |found| {
        let Some(found) = found.filter(Age::is_fresh_in) else {
            return Reply::ready(false);
        };
        let (Ttl::After(life), Some(grace)) = (ttl, grace_of(&found)) else {
            return inner.expire(key.key(), ttl);
        };
        let expired = inner.expire(key.key(), Ttl::After(life.saturating_add(grace)));
        expired.and_then(move |is_there| {
            if !is_there {
                return Reply::ready(false);
            }
            // What has come in between may have a shorter grace, or none: its TTL would be too long.
            look(&*inner, &key).and_then(move |found| match found {
                Some(found) if grace_of(&found).unwrap_or_default() < grace => expire(inner, key, ttl),
                _ => Reply::ready(true),
            })
        })
    })
}

/// Adds to a counter, in place of a stale number. That may be marked meanwhile, or have lost its version with the connection: so it is
/// looked at `again`.
fn count(inner: Arc<dyn Backend>, key: OwnedKey, delta: i64, ttl: Ttl, again: bool) -> Reply<i64> {
    inner.increment(key.key(), delta, ttl).then(move |sum| {
        let error = match sum {
            Err(error) if error.kind() == ErrorKind::NotANumber => error,
            sum => return Reply::from(sum),
        };
        inner.look(key.key(), FRESHNESS.and(Want::VERSION)).and_then(move |found| match found {
            Some(found) if Age::is_fresh_in(&found) => Reply::error(match grace_of(&found) {
                None => error,
                Some(_) => Error::new(
                    ErrorKind::NotANumber,
                    "what is stored has a grace, and a counter has none; set it by a view without, `with_grace(Duration::ZERO)`, or begin \
                     with `increment`",
                ),
            }),
            Some(Found { version: Some(version), .. }) => {
                let deleted = inner.delete(key.key(), When::Unchanged(version));
                deleted.and_then(move |deleted| match deleted || !again {
                    true => inner.increment(key.key(), delta, ttl),
                    false => count(inner, key, delta, ttl, false),
                })
            }
            _ => inner.increment(key.key(), delta, ttl),
        })
    })
}

impl Backend for Graced {
    backend::forward!(self.inner, all but [get look multi_get set multi_set increment expire]);

    fn get(&self, key: Key<'_>) -> Reply<Option<Value>> {
        match self.inner.look(key, ROUGHLY).now() {
            Ok(Ok(Some(found))) if Age::is_fresh_in(&found) => Reply::from(Ok(found.value)),
            Ok(found) => Reply::from(found.map(|_| None)),
            Err(pending) => pending.map(|found| found.filter(Age::is_fresh_in)?.value),
        }
    }

    fn look(&self, key: Key<'_>, want: Want) -> Reply<Option<Found>> {
        self.inner.look(key, want.and(FRESHNESS)).map(move |found| fresh(found, want))
    }

    fn multi_get(&self, keys: &[Key<'_>], want: Want) -> Reply<Vec<Option<Found>>> {
        let found = self.inner.multi_get(keys, want.and(FRESHNESS));
        found.map(move |found| found.into_iter().map(|found| fresh(found, want)).collect())
    }

    /// On a condition, the present entry is looked at first: a stale one counts as none, and is replaced if it is still the one that was
    /// seen.
    fn set(&self, key: Key<'_>, value: Value, mut options: SetOptions) -> Reply<bool> {
        let (value, ttl) = self.keep(key, value, options.ttl);
        options.ttl = ttl;
        if options.when == When::Always || is_lease(key.full()) {
            return self.inner.set(key, value, options);
        }
        set_on_condition(Arc::clone(&self.inner), key.into_owned(), value, options, true)
    }

    fn multi_set(&self, entries: Vec<Entry<'_>>) -> Reply<()> {
        let keep = |Entry { key, value, ttl }| {
            let (value, ttl) = self.keep(key, value, ttl);
            Entry::new(key, value, ttl)
        };
        self.inner.multi_set(entries.into_iter().map(keep).collect())
    }

    /// Counts are stored without a grace. Only a number that was set has one: it can't be counted, and is in the way where it is stale.
    fn increment(&self, key: Key<'_>, delta: i64, ttl: Ttl) -> Reply<i64> {
        count(Arc::clone(&self.inner), key.into_owned(), delta, ttl, true)
    }

    fn expire(&self, key: Key<'_>, ttl: Ttl) -> Reply<bool> {
        expire(Arc::clone(&self.inner), key.into_owned(), ttl)
    }

    fn ending_leases(&self, holder: &Holder) -> Option<Arc<dyn Backend>> {
        Some(Arc::new(Self { inner: self.inner.ending_leases(holder)?, ..*self }))
    }
}
