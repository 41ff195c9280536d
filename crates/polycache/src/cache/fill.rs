//! Storing what a flight has computed: a `set` that a write can overtake.

use serde::Serialize;

use super::Cache;
use super::run::Gate;
use crate::backend::{Key, SetOptions, When};
use crate::flight::Filling;
use crate::lease::Lease;
use crate::switch::State;
use crate::{Answer, CommandName, Reply, Result, Value};

const NAME: CommandName = CommandName::Set;

impl Cache {
    /// Stores a flight's value, unless a write to the key overtakes it; whether it did.
    pub(crate) fn fill<T: Serialize + Clone + Send + Sync + 'static>(
        &self,
        key: &str,
        value: &T,
        when: When,
        filling: Filling,
    ) -> Reply<bool> {
        self.fill_encoded(key, self.encode_copy(value), when, filling)
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

    fn fill_open(&self, key: &str, value: Result<Value>, when: When, filling: Filling) -> Reply<bool> {
        let lease = filling.lease().filter(|_| !self.info().capabilities.checks_leases).cloned();
        let ready = value.and_then(|value| {
            let permit = Some(filling.permit());
            let leased = lease.map(|lease| (lease, value.clone()));
            Ok((value, leased, SetOptions { permit, ..SetOptions::new(self.write_ttl()?, when) }))
        });
        let (leased, reply) = match ready {
            Ok((value, leased, options)) => {
                (leased, self.with_key(key, |backend, key| backend.set(key, value, options)))
            }
            Err(error) => (None, Reply::error(error)),
        };
        let reply = match (reply.now(), leased) {
            (Ok(result), _) => Reply::from(result),
            (Err(pending), None) => Reply::pending(filling.send(pending)),
            (Err(pending), Some((lease, value))) => {
                Reply::pending(filling.send(self.under_lease(key, value, lease, pending)))
            }
        };
        self.finish(NAME, Some(key), reply, |_, _, result| result)
    }

    /// Stores on a backend that can't look at the lease while it does. Other processes that write the key wait meanwhile, but not for
    /// one that is suspended: what it has stored too late is deleted, unless somebody has written since.
    fn under_lease(&self, key: &str, value: Value, lease: Lease, set: Reply<bool>) -> Reply<bool> {
        let (cache, key) = (self.clone(), self.full_key(key));
        Reply::pending(async move {
            if !lease.seal().await? {
                return Ok(false);
            }
            let stored = set.await?;
            // At once: a hook after this may write the key too.
            if lease.release().await? || !stored {
                return Ok(stored);
            }
            let (found, version) = cache.backend().get_versioned(key.key()).await?;
            if found.is_some_and(|found| found.as_bytes() == value.as_bytes()) {
                cache.backend().delete_if(key.key(), &version).await?;
            }
            Ok(false)
        })
    }

    /// A `set` while the cache is off deletes. This one overtakes no flight: it is a flight's own.
    fn shut_fill(&self, key: &str) -> Reply<bool> {
        if self.view.switch.state() != State::Disabled {
            return Reply::ready(false);
        }
        let reply = self.with_key(key, |backend, key: Key<'_>| backend.delete(key));
        self.finish(NAME, Some(key), reply, |_, _, result| result.map(|_| false))
    }
}
