//! A memory for one outage of the server.

use std::time::Duration;

use parking_lot::Mutex;

use crate::backend::{
    Backend, Capabilities, Entry, Found, Key, OwnedKey, Permit, SetOptions, Version, Want, When, Written,
};
use crate::backends::memory::Memory;
use crate::lease::{Purpose, is_tag, lease_key};
use crate::{Reply, Ttl, Value};

/// The first bytes of an outage's versions, so that no version of the server's is taken for one.
const TAG: &[u8; 16] = b"\xc1pc fallback\0\0\0\0";

/// Whether a version is one of memory's, in any outage.
pub(super) fn is_own(version: &Version) -> bool {
    version.as_bytes().is_some_and(|bytes| bytes.starts_with(TAG))
}

/// The entries of one outage. The next outage has a new one, so it can't read a write that comes too late.
pub(super) struct Outage {
    memory: Memory,
    /// The outage's number among all of this fallback.
    pub(super) number: u64,
    longest: Ttl,
    /// The server's capabilities, by which the caches go.
    capabilities: Capabilities,
    /// Makes a look at a lease and the store that depends on it one step.
    leases: Mutex<()>,
}

impl Outage {
    pub(super) fn new(memory: Memory, number: u64, longest: Ttl, capabilities: Capabilities) -> Self {
        Self { memory, number, longest, capabilities, leases: Mutex::new(()) }
    }

    pub(super) fn get(&self, key: Key<'_>) -> Reply<Option<Value>> {
        self.memory.get(key)
    }

    pub(super) fn look(&self, key: Key<'_>, want: Want) -> Reply<Option<Found>> {
        map(self.memory.look(key, want), |found| found.map(|found| self.told(found)))
    }

    pub(super) fn multi_get(&self, keys: &[Key<'_>], want: Want) -> Reply<Vec<Option<Found>>> {
        map(self.memory.multi_get(keys, want), |all| {
            all.into_iter().map(|found| found.map(|found| self.told(found))).collect()
        })
    }

    pub(super) fn set(&self, key: Key<'_>, value: Value, options: SetOptions) -> Reply<bool> {
        let SetOptions { ttl, when, permit, written, .. } = options;
        let Some(when) = self.own(when) else { return Reply::ready(false) };
        let own = Written::default();
        let mut options = SetOptions::new(self.shortened(key, ttl, value.grace()), when);
        options.written = Some(own.clone());
        options.permit = permit.clone();
        let stored = match permit.as_ref().and_then(|permit| Some((permit, permit.lease()?.0))) {
            Some((permit, lease)) => self.set_under(permit, lease, key, value, options),
            None => self.memory.set(key, value, options),
        };
        if let (Some(written), Some(version)) = (written, own.version()) {
            written.leave(self.version(version));
        }
        stored
    }

    /// Stores if the lease is still there, and ends it where the server would.
    fn set_under(
        &self,
        permit: &Permit,
        lease: Key<'_>,
        key: Key<'_>,
        value: Value,
        options: SetOptions,
    ) -> Reply<bool> {
        let _step = self.leases.lock();
        let token = permit.lease().map(|(_, token)| token).unwrap_or_default();
        let found = self.memory.get(lease).now();
        let is_held = match &found {
            Ok(Ok(Some(entry))) => entry.as_bytes().is_some_and(|entry| entry.starts_with(token)),
            _ => false,
        };
        if !is_held {
            return Reply::ready(false);
        }
        let stored = self.memory.set(key, value, options);
        if self.capabilities.checks_leases || permit.lease_version().is_some() {
            return then(self.memory.delete(lease, When::Always), stored);
        }
        stored
    }

    pub(super) fn multi_set(&self, mut entries: Vec<Entry<'_>>) -> Reply<()> {
        for entry in &mut entries {
            entry.ttl = self.shortened(entry.key, entry.ttl, entry.value.grace());
        }
        self.memory.multi_set(entries)
    }

    pub(super) fn increment(&self, key: Key<'_>, delta: i64, ttl: Ttl) -> Reply<i64> {
        self.memory.increment(key, delta, self.shortened(key, ttl, None))
    }

    pub(super) fn expire(&self, key: Key<'_>, ttl: Ttl) -> Reply<bool> {
        let found = self.memory.get(key).now();
        let grace = found.ok().and_then(Result::ok).flatten().and_then(|value| value.grace());
        self.memory.expire(key, self.shortened(key, ttl, grace))
    }

    pub(super) fn delete(&self, key: Key<'_>, when: When) -> Reply<bool> {
        match self.own(when) {
            Some(when) => self.memory.delete(key, when),
            None => Reply::ready(false),
        }
    }

    pub(super) fn multi_delete(&self, keys: &[Key<'_>]) -> Reply<u64> {
        self.memory.multi_delete(keys)
    }

    pub(super) fn clear(&self, prefix: &str) -> Reply<()> {
        self.memory.clear(prefix)
    }

    /// Ends the leases on these keys, then writes, in one step.
    pub(super) fn ending<T>(&self, keys: &[Key<'_>], write: impl FnOnce(&Self) -> Reply<T>) -> Reply<T> {
        let leases: Vec<OwnedKey> = keys.iter().map(|key| lease_key(*key, Purpose::Compute)).collect();
        let leases: Vec<Key<'_>> = leases.iter().map(OwnedKey::key).collect();
        let _step = self.leases.lock();
        then(self.memory.multi_delete(&leases), write(self))
    }

    /// A life that is no longer than those in memory are, before its grace. The generation of a tag outlives the entries that have it.
    fn shortened(&self, key: Key<'_>, ttl: Ttl, grace: Option<Duration>) -> Ttl {
        match (ttl, self.longest) {
            (ttl, Ttl::Never) => ttl,
            (ttl, _) if is_tag(key.full()) => ttl,
            (ttl, Ttl::After(longest)) => {
                let longest = longest.saturating_add(grace.unwrap_or_default());
                Ttl::After(match ttl {
                    Ttl::After(life) => life.min(longest),
                    Ttl::Never => longest,
                })
            }
        }
    }

    fn told(&self, mut found: Found) -> Found {
        found.version = found.version.map(|version| self.version(&version));
        found
    }

    /// The version that callers get for a version of the memory's.
    fn version(&self, version: &Version) -> Version {
        match version.as_number() {
            Some(number) => Version::bytes([&TAG[..], &self.number.to_be_bytes(), &number.to_be_bytes()].concat()),
            None => version.clone(),
        }
    }

    /// The condition in the memory's versions; `None` if the version isn't from this outage.
    fn own(&self, when: When) -> Option<When> {
        let When::Unchanged(version) = &when else { return Some(when) };
        let rest = version.as_bytes()?.strip_prefix(TAG)?.strip_prefix(&self.number.to_be_bytes())?;
        Some(When::Unchanged(Version::number(u64::from_be_bytes(rest.try_into().ok()?))))
    }
}

/// Changes an answer of the memory's, which is there at once.
fn map<T, U>(reply: Reply<T>, change: impl FnOnce(T) -> U) -> Reply<U> {
    match reply.now() {
        Ok(result) => Reply::from(result.map(change)),
        Err(_) => Reply::error(super::not_ready()),
    }
}

/// The second answer, if the first is no error.
fn then<T, U>(first: Reply<T>, second: Reply<U>) -> Reply<U> {
    match first.now() {
        Ok(Ok(_)) => second,
        Ok(Err(error)) => Reply::error(error),
        Err(_) => Reply::error(super::not_ready()),
    }
}
