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
    /// Stores a flight's value, unless a write to the key overtakes it.
    pub(crate) fn fill<T: Serialize + Clone + Send + Sync + 'static>(
        &self,
        key: &str,
        value: &T,
        when: When,
        filling: Filling,
    ) -> Reply<()> {
        self.fill_encoded(key, self.encode_copy(value), when, filling)
    }

    fn fill_encoded(&self, key: &str, value: Result<Value>, when: When, filling: Filling) -> Reply<()> {
        match self.gate() {
            Gate::Open => self.fill_open(key, value, when, filling),
            Gate::Hooked => self.hooked(
                NAME,
                [key],
                move |cache, keys| cache.fill_encoded(&keys[0], value, when, filling),
                |()| Answer::Done,
                |_, error| Err(error),
            ),
            Gate::Shut => self.shut_fill(key),
        }
    }

    fn fill_open(&self, key: &str, value: Result<Value>, when: When, filling: Filling) -> Reply<()> {
        let ready = value.and_then(|value| {
            let permit = Some(filling.permit());
            Ok((value, SetOptions { permit, ..SetOptions::new(self.write_ttl()?, when) }))
        });
        let reply = self.with_key(key, |backend, key| match ready {
            Ok((value, options)) => backend.set(key, value, options),
            Err(error) => Reply::error(error),
        });
        let reply = match reply.now() {
            Ok(result) => Reply::from(result),
            Err(pending) => match filling.lease().filter(|_| !self.info().capabilities.checks_leases) {
                Some(lease) => Reply::pending(filling.clone().send(self.under_lease(key, lease.clone(), pending))),
                None => Reply::pending(filling.send(pending)),
            },
        };
        self.finish(NAME, Some(key), reply, |_, _, result| result.map(drop))
    }

    /// Looks at the lease before and after `set`, on a backend that can't do so while it stores. What was stored in between, after the
    /// lease was lost, is deleted, unless somebody has written since.
    fn under_lease(&self, key: &str, lease: Lease, set: Reply<bool>) -> Reply<bool> {
        let (cache, key) = (self.clone(), self.full_key(key));
        Reply::pending(async move {
            if !lease.is_held().await? || !set.await? {
                return Ok(false);
            }
            let (_, version) = cache.backend().get_versioned(key.key()).await?;
            if lease.is_held().await? {
                return Ok(true);
            }
            cache.backend().delete_if(key.key(), &version).await.map(|_| false)
        })
    }

    /// A `set` while the cache is off deletes. This one overtakes no flight: it is a flight's own.
    fn shut_fill(&self, key: &str) -> Reply<()> {
        if self.view.switch.state() != State::Disabled {
            return Reply::ready(());
        }
        let reply = self.with_key(key, |backend, key: Key<'_>| backend.delete(key));
        self.finish(NAME, Some(key), reply, |_, _, result| result.map(drop))
    }
}
