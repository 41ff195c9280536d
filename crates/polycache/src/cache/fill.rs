//! Storing what a flight has computed: a `set` that a write can overtake.

use serde::Serialize;

use super::Cache;
use super::run::Gate;
use crate::backend::{Key, SetOptions, When};
use crate::flight::Filling;
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
            let permit = Some(filling.permit().clone());
            Ok((value, SetOptions { permit, ..SetOptions::new(self.write_ttl()?, when) }))
        });
        let reply = self.with_key(key, |backend, key| match ready {
            Ok((value, options)) => backend.set(key, value, options),
            Err(error) => Reply::error(error),
        });
        let reply = match reply.now() {
            Ok(result) => Reply::from(result),
            Err(pending) => Reply::pending(filling.send(pending)),
        };
        self.finish(NAME, Some(key), reply, |_, _, result| result.map(drop))
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
