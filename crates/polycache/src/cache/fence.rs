//! Writes against what is computed meanwhile: they overtake the flights of their keys, and end the leases on them.

use std::sync::Arc;

use compact_str::CompactString;

use super::{Cache, View};
use crate::backend::{Backend, Key};
use crate::flight::Scope;
use crate::key::OwnedKey;
use crate::{CommandName, Reply, Result, lease};

impl Cache {
    /// Runs a command that writes to one key.
    #[inline]
    pub(super) fn change_one<A: Send + 'static, B: Send + 'static>(
        &self,
        name: CommandName,
        key: &str,
        operation: impl FnOnce(&dyn Backend, Key<'_>) -> Reply<A>,
        finish: impl FnOnce(&Self, &str, Result<A>) -> Result<B> + Send + 'static,
    ) -> Reply<B> {
        let reply = match self.plain_key(key) {
            Some(key) => self.write(key, operation),
            None => self.with_made_key(key, |_, key| self.write(key, operation)),
        };
        let reply = match reply.now() {
            Ok(result) => Reply::from(result),
            Err(pending) => self.overtaking(Scope::Keys(vec![self.full_key(key)]), pending),
        };
        self.finish(name, Some(key), reply, finish)
    }

    /// Always inline: called, it would be felt in each write in memory.
    #[inline(always)]
    fn write<R>(&self, key: Key<'_>, operation: impl FnOnce(&dyn Backend, Key<'_>) -> R) -> R {
        let View { flights, writer, .. } = &*self.view;
        if flights.any() {
            flights.overtake_key(key.full());
        }
        operation(&**writer, key)
    }

    /// Asks the backend to write to some keys.
    pub(super) fn change<A: Send + 'static>(
        &self,
        keys: Vec<OwnedKey>,
        operation: impl FnOnce(&dyn Backend, &[Key<'_>]) -> Reply<A>,
    ) -> Reply<A> {
        let flights = &self.view.flights;
        let scope = Scope::Keys(keys);
        flights.overtake(&scope);
        let borrowed: Vec<Key<'_>> = scope.keys().iter().map(OwnedKey::key).collect();
        match operation(&*self.view.writer, &borrowed).now() {
            Ok(result) => Reply::from(result),
            Err(pending) => self.overtaking(scope, pending),
        }
    }

    /// Asks the backend to write to all keys with the cache's prefix.
    pub(super) fn change_all<A: Send + 'static>(
        &self,
        operation: impl FnOnce(&dyn Backend, &str) -> Reply<A>,
    ) -> Reply<A> {
        let View { flights, backend, prefix, .. } = &*self.view;
        let scope = Scope::Prefix(CompactString::new(prefix.as_str()));
        flights.overtake(&scope);
        match operation(&**backend, prefix.as_str()).now() {
            Ok(result) => Reply::from(result),
            Err(pending) => self.overtaking(scope, pending),
        }
    }

    /// A write that takes a while. Where there are leases it ends those of its keys first: what another process has computed before
    /// isn't stored after it.
    fn overtaking<A: Send + 'static>(&self, scope: Scope, write: Reply<A>) -> Reply<A> {
        let View { flights, options, writer_ends_leases, backend, .. } = &*self.view;
        let ended = match &scope {
            // There are none, or the write does it by the way.
            _ if options.lease.is_none() => return flights.overtaking(scope, write),
            Scope::Keys(_) if *writer_ends_leases => return flights.overtaking(scope, write),
            Scope::Keys(keys) => {
                Reply::pending(lease::end(Arc::clone(backend), flights.holder().clone(), keys.clone()))
            }
            // Once to end the leases, and again for what was stored under one until then.
            Scope::Prefix(prefix) => backend.clear(prefix),
        };
        flights.overtaking(
            scope,
            Reply::pending(async move {
                ended.await?;
                write.await
            }),
        )
    }
}
