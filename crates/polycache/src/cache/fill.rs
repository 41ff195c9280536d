//! Storing a flight's value: a `set` that a write can overtake.

use super::Cache;
use super::gate::Gate;
use super::keys::checked;
use super::late::Late;
use crate::backend::{Backend, Capabilities, Key, Permit, SetOptions, When};
use crate::flight::{Seat, Tenure};
use crate::key::OwnedKey;
use crate::lease::Lease;
use crate::switch::State;
use crate::{Answer, CommandName, Reply, Ttl, Value};

const NAME: CommandName = CommandName::Set;

impl Cache {
    /// Stores a flight's value, unless a write to the key overtakes it. Returns whether it was stored.
    pub(crate) fn fill(
        &self,
        key: &str,
        value: Reply<Option<Value>>,
        when: When,
        permit: Permit,
        seat: &Seat,
        tenure: Option<Box<Tenure>>,
    ) -> Reply<bool> {
        self.fill_encoded(
            key,
            value,
            SetOptions { permit: Some(permit), ..SetOptions::new(Ttl::Never, when) },
            seat,
            tenure,
        )
    }

    fn fill_encoded(
        &self,
        key: &str,
        value: Reply<Option<Value>>,
        options: SetOptions,
        seat: &Seat,
        tenure: Option<Box<Tenure>>,
    ) -> Reply<bool> {
        let gate = match self.gate() {
            // Closing waits for fills under way.
            Gate::Shut if self.view.switch.is_closing() && self.has_plugins() => Gate::Hooked,
            Gate::Shut if self.view.switch.is_closing() => Gate::Open,
            gate => gate,
        };
        match gate {
            Gate::Open => self.fill_open(key, value, options, seat, tenure),
            Gate::Hooked => {
                let seat = seat.clone();
                self.hooked(
                    NAME,
                    [key],
                    move |cache, keys| cache.fill_encoded(&keys[0], value, options, &seat, tenure),
                    |_| Answer::Done,
                    |_, error| Err(error),
                )
            }
            Gate::Shut => self.shut_fill(key),
        }
    }

    fn fill_open(
        &self,
        key: &str,
        value: Reply<Option<Value>>,
        mut options: SetOptions,
        seat: &Seat,
        tenure: Option<Box<Tenure>>,
    ) -> Reply<bool> {
        match self.write_ttl() {
            Ok(ttl) => options.ttl = ttl,
            Err(error) => return Reply::error(error.of(NAME, Some(key))),
        }
        let set = match (value.now(), tenure) {
            (Ok(Err(error)), _) => return Reply::error(error.of(NAME, Some(key))),
            (Ok(Ok(None)), _) => return Reply::ready(false),
            (Ok(Ok(Some(value))), None) => {
                let set = |backend: &dyn Backend, key: Key<'_>| checked(key, |key| backend.set(key, value, options));
                match self.with_key(key, set).now() {
                    Ok(result) => return Reply::from(result.map_err(|error| error.of(NAME, Some(key)))),
                    Err(pending) => pending,
                }
            }
            (Ok(Ok(Some(value))), Some(tenure)) => self.under_tenure(self.full_key(key), value, options, tenure),
            (Err(value), tenure) => {
                let (cache, key) = (self.clone(), self.full_key(key));
                Reply::pending(async move {
                    let Some(value) = value.await? else { return Ok(false) };
                    match tenure {
                        None => checked(key.key(), |key| cache.backend().set(key, value, options)).await,
                        Some(tenure) => cache.under_tenure(key, value, options, tenure).await,
                    }
                })
            }
        };
        let reply = Reply::pending(seat.clone().send(set));
        self.finish(NAME, Some(key), reply, |_, _, result| result)
    }

    fn under_tenure(&self, key: OwnedKey, value: Value, options: SetOptions, tenure: Box<Tenure>) -> Reply<bool> {
        let set = self.under_lease(key, value, options, tenure.lease());
        Reply::pending(async move {
            let stored = set.await;
            // Not before the end of the `set`, even if the caller doesn't wait for that: a value that arrives afterwards would be stale.
            drop(tenure);
            stored
        })
    }

    /// Stores if the lease is still held, and ends the lease.
    fn under_lease(&self, key: OwnedKey, value: Value, mut options: SetOptions, lease: Lease) -> Reply<bool> {
        let cache = self.clone();
        let Capabilities { checks_leases, releases_leases, .. } = self.info().capabilities;
        Reply::pending(async move {
            if !checks_leases && !lease.seal().await? {
                return Ok(false);
            }
            let Some(storing) = lease.storing() else {
                lease.release().await?;
                return Ok(false);
            };
            let Some(version) = lease.leave().await else {
                storing.done();
                return Ok(false);
            };
            let ends = checks_leases || (releases_leases && version.is_some());
            options.permit = options.permit.map(|permit| permit.under(lease.key(), lease.token(), version));
            let stored = cache.backend().set(key.key(), value.clone(), options).await;
            if stored.is_ok() {
                storing.done();
            }
            if ends && stored.is_ok() {
                return stored;
            }
            lease.take_back().await;
            // At once, since a hook after this may write the key too.
            let late = Late { cache, key, value, lease: lease.clone(), may_be_there: !matches!(stored, Ok(false)) };
            match late.settle().await {
                Ok(true) => stored,
                Ok(false) => stored.map(|_| false),
                Err(error) => {
                    // Where the backend looks at the lease as it stores, no value is late.
                    if !checks_leases {
                        late.settle_in_time();
                    }
                    Err(error)
                }
            }
        })
    }

    /// A `set` while the cache is off deletes. This one overtakes no flight, since it is a flight's own.
    fn shut_fill(&self, key: &str) -> Reply<bool> {
        if self.view.switch.state() != State::Disabled {
            return Reply::ready(false);
        }
        let reply = self.with_key(key, |backend, key| checked(key, |key| backend.delete(key, When::Always)));
        self.finish(NAME, Some(key), reply, |_, _, result| result.map(|_| false))
    }
}
