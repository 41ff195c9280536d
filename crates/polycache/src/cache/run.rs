//! How a command runs: switch, then plugins, then the backend within the timeout, then what is made of its answer.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;

use super::limit::limited;
use super::{Cache, Settings, View};
use crate::backend::{Backend, Key};
use crate::flight::{Flights, Scope};
use crate::key::{FullKey, Parts};
use crate::switch::State;
use crate::{CommandName, Error, ErrorKind, OnError, Reply, Result, lease};

/// Which way a command goes.
pub(super) enum Gate {
    /// To the backend.
    Open,
    /// Through the plugins' hooks, then with a bare view to the backend.
    Hooked,
    /// Nowhere: the cache is off or closed.
    Shut,
}

impl Cache {
    #[inline]
    pub(super) fn gate(&self) -> Gate {
        match (self.view.switch.is_on(), &self.view.bare) {
            (true, None) => Gate::Open,
            (true, Some(_)) => Gate::Hooked,
            (false, _) => Gate::Shut,
        }
    }

    /// The gate for what still runs while the cache is off: deletions. It looks at the switch once: thrown between two looks, a deletion
    /// would be neither done nor refused.
    pub(super) fn removal_gate(&self) -> Gate {
        match (self.state(), &self.view.bare) {
            (State::On | State::Disabled, None) => Gate::Open,
            (State::On | State::Disabled, Some(_)) => Gate::Hooked,
            (State::Off | State::Closed, _) => Gate::Shut,
        }
    }

    /// The answer of a command that changes nothing, while the gate is shut.
    #[cold]
    pub(super) fn shut<B>(&self, name: CommandName, answer: B) -> Reply<B> {
        match self.view.switch.state() {
            State::Closed => Reply::error(self.closed(name.as_str())),
            _ => Reply::ready(answer),
        }
    }

    #[cold]
    pub(crate) fn closed(&self, command: &'static str) -> Error {
        Error::new(ErrorKind::Closed, "the cache was closed").during(command, None)
    }

    pub(crate) fn state(&self) -> State {
        self.view.switch.state()
    }

    /// The answer of a write while the gate is shut: it deletes, or nothing stale would be gone when the cache is on again, as it may
    /// be by now.
    #[cold]
    pub(super) fn shut_write<B: Send + 'static>(
        &self,
        name: CommandName,
        keys: &[impl AsRef<str>],
        answer: B,
    ) -> Reply<B> {
        if matches!(self.state(), State::Off | State::Closed) || keys.is_empty() {
            return self.shut(name, answer);
        }
        let full = self.full_keys(keys);
        let deleted = self.change(full, |backend, keys| backend.multi_delete(keys));
        self.finish(name, None, deleted, move |_, _, deleted| deleted.map(|_| answer))
    }

    pub(crate) fn full_key(&self, name: &str) -> FullKey {
        match &self.view.settings.key_builder {
            None => FullKey::join(&self.view.prefix, name),
            Some(build) => FullKey::join(&self.view.prefix, &build(name)),
        }
    }

    /// The full keys of all these.
    pub(super) fn full_keys(&self, names: &[impl AsRef<str>]) -> Vec<FullKey> {
        names.iter().map(|name| self.full_key(name.as_ref())).collect()
    }

    /// Runs a command on one key. `operation` asks the backend; `finish` makes the command's result of its answer.
    #[inline]
    pub(super) fn ask<A: Send + 'static, B: Send + 'static>(
        &self,
        name: CommandName,
        key: &str,
        operation: impl FnOnce(&dyn Backend, Key<'_>) -> Reply<A>,
        finish: impl FnOnce(&Self, &str, Result<A>) -> Result<B> + Send + 'static,
    ) -> Reply<B> {
        let reply = self.with_key(key, operation);
        self.finish(name, Some(key), reply, finish)
    }

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
        keys: Vec<FullKey>,
        operation: impl FnOnce(&dyn Backend, &[Key<'_>]) -> Reply<A>,
    ) -> Reply<A> {
        let flights = &self.view.flights;
        let scope = Scope::Keys(keys);
        flights.overtake(&scope);
        let borrowed: Vec<Key<'_>> = scope.keys().iter().map(FullKey::key).collect();
        match operation(&*self.view.writer, &borrowed).now() {
            Ok(result) => Reply::from(result),
            Err(pending) => self.overtaking(scope, pending),
        }
    }

    /// Asks the backend to write to the whole namespace.
    pub(super) fn change_all<A: Send + 'static>(
        &self,
        operation: impl FnOnce(&dyn Backend, &str) -> Reply<A>,
    ) -> Reply<A> {
        let View { flights, backend, .. } = &*self.view;
        let namespace = self.namespace_name();
        let scope = Scope::Namespace(CompactString::new(namespace));
        flights.overtake(&scope);
        match operation(&**backend, namespace).now() {
            Ok(result) => Reply::from(result),
            Err(pending) => self.overtaking(scope, pending),
        }
    }

    /// A write that takes a while. Where there are leases it ends those of its keys first: what another process has computed before
    /// isn't stored after it.
    fn overtaking<A: Send + 'static>(&self, scope: Scope, write: Reply<A>) -> Reply<A> {
        let View { flights, settings, writer_ends_leases, backend, .. } = &*self.view;
        let ended = match &scope {
            // There are none, or the write does it by the way.
            _ if settings.lease.is_none() => return flights.overtaking(scope, write),
            Scope::Keys(_) if *writer_ends_leases => return flights.overtaking(scope, write),
            Scope::Keys(keys) => Reply::pending(lease::end(self.bare(), keys.clone())),
            // Once to end the leases, and again for what was stored under one until then.
            Scope::Namespace(namespace) => backend.clear(namespace),
        };
        flights.overtaking(
            scope,
            Reply::pending(async move {
                ended.await?;
                write.await
            }),
        )
    }

    /// How long a lease lives, where there are any.
    pub(crate) fn lease_life(&self) -> Option<Duration> {
        self.view.settings.lease
    }

    pub(crate) fn backend(&self) -> &dyn Backend {
        &*self.view.backend
    }

    pub(crate) fn flights(&self) -> &Arc<Flights> {
        &self.view.flights
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.view.settings
    }

    /// The same without plugins.
    pub(crate) fn bare(&self) -> Self {
        let view = Arc::clone(self.view.bare.as_ref().unwrap_or(&self.view));
        Self { view, ttl: self.ttl, timeout: self.timeout }
    }

    /// Asks the backend about one key, given by the caller's name for it.
    #[inline]
    pub(crate) fn with_key<R>(&self, key: &str, operation: impl FnOnce(&dyn Backend, Key<'_>) -> R) -> R {
        match self.plain_key(key) {
            Some(key) => operation(self.backend(), key),
            None => self.with_made_key(key, operation),
        }
    }

    /// The full key, where it is the caller's name for it.
    #[inline]
    fn plain_key<'a>(&self, key: &'a str) -> Option<Key<'a>> {
        let View { prefix, settings, .. } = &*self.view;
        (prefix.is_empty() && settings.key_builder.is_none()).then(|| Key::plain(key))
    }

    /// Apart, so that a command on a key that is stored as it is named has no need of a buffer.
    #[inline(never)]
    fn with_made_key<R>(&self, key: &str, operation: impl FnOnce(&dyn Backend, Key<'_>) -> R) -> R {
        let View { backend, prefix, settings, .. } = &*self.view;
        if settings.key_builder.is_some() || !Parts::fit(prefix, key) {
            return operation(&**backend, self.full_key(key).key());
        }
        operation(&**backend, Parts::new(prefix, key).key())
    }

    /// Makes a command's result of the backend's reply: at once where it is ready, else when it comes.
    #[inline]
    pub(super) fn finish<A: Send + 'static, B: Send + 'static>(
        &self,
        name: CommandName,
        key: Option<&str>,
        reply: Reply<A>,
        finish: impl FnOnce(&Self, &str, Result<A>) -> Result<B> + Send + 'static,
    ) -> Reply<B> {
        match reply.now() {
            Ok(result) => {
                let result = finish(self, key.unwrap_or_default(), result);
                Reply::from(result.map_err(|error| error.of(name, key)))
            }
            Err(pending) => self.wait(name, key, pending, finish),
        }
    }

    #[inline(never)]
    pub(super) fn wait<A: Send + 'static, B: Send + 'static>(
        &self,
        name: CommandName,
        key: Option<&str>,
        pending: Reply<A>,
        finish: impl FnOnce(&Self, &str, Result<A>) -> Result<B> + Send + 'static,
    ) -> Reply<B> {
        let cache = self.clone();
        // Short ones need no allocation.
        let key = key.map(CompactString::new);
        Reply::pending(async move {
            let result = cache.limited(pending).await;
            let result = finish(&cache, key.as_deref().unwrap_or_default(), result);
            result.map_err(|error| error.of(name, key.as_deref()))
        })
    }

    /// Awaits `future` for as long as a command of this cache may take.
    pub(crate) fn limited<T, F: Future<Output = Result<T>>>(
        &self,
        future: F,
    ) -> impl Future<Output = Result<T>> + use<T, F> {
        limited(self.time_limit(), self.timeout, future)
    }

    pub(super) fn time_limit(&self) -> Option<Duration> {
        (!self.timeout.is_zero()).then_some(self.timeout)
    }

    /// What a read makes of an error: a miss, where the builder chose that and the backend is to blame.
    #[cold]
    pub(super) fn missed<B>(&self, error: Error, miss: B) -> Result<B> {
        let settings = &self.view.settings;
        let backend_trouble = error.kind().is_backend_trouble() && settings.on_error == OnError::Miss;
        let decode_trouble = error.kind() == ErrorKind::Decode && settings.on_decode_error == OnError::Miss;
        if backend_trouble || decode_trouble {
            tracing::warn!(%error, "a failed read counts as a miss");
            return Ok(miss);
        }
        Err(error)
    }
}
