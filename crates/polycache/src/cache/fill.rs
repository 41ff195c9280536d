//! Storing what a flight has computed: a `set` that a write can overtake.

use super::Cache;
use super::gate::Gate;
use crate::backend::{Capabilities, Found, Key, Permit, SetOptions, Want, When};
use crate::flight::Filling;
use crate::key::OwnedKey;
use crate::lease::Lease;
use crate::switch::State;
use crate::{Answer, CommandName, Reply, Result, Storable, Value};

const NAME: CommandName = CommandName::Set;

impl Cache {
    /// Stores a flight's value, unless a write to the key overtakes it; whether it did.
    pub(crate) fn fill<T: Storable + Clone>(&self, key: &str, value: &T, when: When, filling: Filling) -> Reply<bool> {
        self.fill_encoded(key, value.store_copy(self, key), when, filling)
    }

    fn fill_encoded(&self, key: &str, value: Result<Value>, when: When, filling: Filling) -> Reply<bool> {
        match self.gate() {
            Gate::Open => self.fill_open(key, value, when, filling),
            Gate::Hooked => self.hooked(
                NAME,
                [key],
                move |cache, keys| cache.fill_encoded(&keys[0], value, when, filling),
                |_| Answer::Done,
                |_, error| Err(error),
            ),
            Gate::Shut => self.shut_fill(key),
        }
    }

    fn fill_open(&self, key: &str, value: Result<Value>, when: When, mut filling: Filling) -> Reply<bool> {
        let ready = value.and_then(|value| Ok((value, SetOptions::new(self.write_ttl()?, when))));
        let reply = match (ready, filling.take_lease()) {
            (Err(error), _) => Reply::error(error),
            (Ok((value, options)), None) => {
                let options = SetOptions { permit: Some(filling.permit().clone()), ..options };
                match self.with_key(key, |backend, key| backend.set(key, value, options)).now() {
                    Ok(result) => Reply::from(result),
                    Err(pending) => Reply::pending(filling.send(pending)),
                }
            }
            (Ok((value, options)), Some((lease, tenure))) => {
                let set = self.under_lease(self.full_key(key), value, options, filling.permit().clone(), lease);
                let set = Reply::pending(async move {
                    let stored = set.await;
                    drop(tenure);
                    stored
                });
                Reply::pending(filling.send(set))
            }
        };
        self.finish(NAME, Some(key), reply, |_, _, result| result)
    }

    /// Stores if the lease is still held, and ends it.
    fn under_lease(
        &self,
        key: OwnedKey,
        value: Value,
        mut options: SetOptions,
        permit: Permit,
        lease: Lease,
    ) -> Reply<bool> {
        let cache = self.clone();
        let Capabilities { checks_leases, releases_leases, .. } = self.info().capabilities;
        Reply::pending(async move {
            if !checks_leases && !lease.seal().await? {
                return Ok(false);
            }
            let Some(version) = lease.leave().await else { return Ok(false) };
            let ends = checks_leases || (releases_leases && version.is_some());
            options.permit = Some(permit.under(lease.key(), lease.token(), version));
            let storing = lease.storing();
            let stored = cache.backend().set(key.key(), value.clone(), options).await;
            if stored.is_ok() {
                storing.done();
            }
            if ends && stored.is_ok() {
                return stored;
            }
            lease.take_back().await;
            // At once: a hook after this may write the key too.
            if lease.release().await? || matches!(stored, Ok(false)) {
                return stored;
            }
            // Others who write the key have waited, but not for a holder that is suspended: what that has stored too late is deleted, unless
            // somebody has written since. So is what has arrived without a word.
            let (found, version) = Found::versioned(cache.backend().look(key.key(), Want::VERSIONED).await?);
            if found.is_some_and(|found| found.as_bytes() == value.as_bytes()) {
                cache.backend().delete(key.key(), When::unchanged(version)).await?;
            }
            stored.map(|_| false)
        })
    }

    /// A `set` while the cache is off deletes. This one overtakes no flight: it is a flight's own.
    fn shut_fill(&self, key: &str) -> Reply<bool> {
        if self.view.switch.state() != State::Disabled {
            return Reply::ready(false);
        }
        let reply = self.with_key(key, |backend, key: Key<'_>| backend.delete(key, When::Always));
        self.finish(NAME, Some(key), reply, |_, _, result| result.map(|_| false))
    }
}
