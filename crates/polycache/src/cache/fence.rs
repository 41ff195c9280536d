//! Writes overtake the flights of their keys, and end the leases on them.

use std::sync::Arc;

use compact_str::CompactString;

use super::keys::checked;
use super::{Cache, View};
use crate::backend::{Backend, Key};
use crate::flight::Scope;
use crate::key::OwnedKey;
use crate::{CommandName, Reply, Result, lease};

impl Cache {
    /// Tells the cache of a write to `key` that goes to the store past it: a value that is just being computed for that key isn't stored
    /// then. To be called before the write, by whoever holds a store in this process and also writes to it directly.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// use polycache::Cache;
    /// use polycache::backends::memory::Memory;
    ///
    /// let memory = Memory::new();
    /// let cache = Cache::builder().backend(memory.clone()).build()?;
    /// let outdated = cache.get_or_set("price", || async {
    ///     cache.overtake("price");
    ///     memory.delete_where(|key, _| key == "price"); // the computation began before: its result isn't kept
    ///     Ok::<_, polycache::Error>(5)
    /// });
    /// assert_eq!(outdated.await?, 5);
    /// assert!(!cache.exists("price").await?);
    /// # Ok(()) }
    /// ```
    #[inline]
    pub fn overtake(&self, key: &str) {
        if self.flights().any() {
            self.overtake_flights(key);
        }
    }

    #[cold]
    fn overtake_flights(&self, key: &str) {
        self.flights().overtake_key(self.full_key(key).key().full());
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
            Some(key) => checked(key, |key| self.write(key, operation)),
            None => self.with_made_key(key, |_, key| checked(key, |key| self.write(key, operation))),
        };
        match reply.now() {
            Ok(result) => {
                let result = finish(self, key, result);
                Reply::from(result.map_err(|error| error.of(name, Some(key))))
            }
            Err(pending) => self.change_later(name, key, pending, finish),
        }
    }

    /// A write to one key that takes a while. Everything around the backend's write is one future, which keeps only the key's name: the
    /// full key is made only if there are flights.
    #[inline(never)]
    fn change_later<A: Send + 'static, B: Send + 'static>(
        &self,
        name: CommandName,
        key: &str,
        write: Reply<A>,
        finish: impl FnOnce(&Self, &str, Result<A>) -> Result<B> + Send + 'static,
    ) -> Reply<B> {
        let write = match self.view.options.lease {
            Some(_) if !self.view.writer_ends_leases => self.after_leases(vec![self.full_key(key)], write),
            _ => write,
        };
        let cache = self.clone();
        // A short name needs no allocation.
        let key = CompactString::new(key);
        Reply::pending(async move {
            let result = cache.limited(cache.overtaking_one(&key, write)).await;
            finish(&cache, &key, result).map_err(|error| error.of(name, Some(&key)))
        })
    }

    /// Runs a write to one key as [`Flights::overtaking`](crate::flight::Flights::overtaking) does.
    async fn overtaking_one<A>(&self, key: &str, write: Reply<A>) -> Result<A> {
        let flights = self.flights();
        if flights.any() {
            // In a box: otherwise every write would have room for it.
            Box::pin(async { flights.overtake_and_wait(&Scope::Keys(vec![self.full_key(key)])).await }).await;
        }
        let result = write.await;
        if flights.any() {
            flights.overtake_key(self.full_key(key).key().full());
        }
        result
    }

    /// Always inline: a call would be felt in each write in memory.
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

    /// A write that takes a while. It first ends the leases on its keys, if there are any.
    fn overtaking<A: Send + 'static>(&self, scope: Scope, write: Reply<A>) -> Reply<A> {
        let View { flights, options, writer_ends_leases, backend, .. } = &*self.view;
        let write = match &scope {
            // There are no leases, or the write also ends them.
            _ if options.lease.is_none() => write,
            Scope::Keys(_) if *writer_ends_leases => write,
            Scope::Keys(keys) => self.after_leases(keys.clone(), write),
            // Once to end the leases, and again for values stored under one until then.
            Scope::Prefix(prefix) => first(backend.clear(prefix), write),
        };
        flights.overtaking(scope, write)
    }

    /// The write after the leases on its keys are ended: no value that another process has computed before is stored after it.
    fn after_leases<A: Send + 'static>(&self, keys: Vec<OwnedKey>, write: Reply<A>) -> Reply<A> {
        let View { flights, backend, .. } = &*self.view;
        let ended = lease::end(Arc::clone(backend), flights.holder().clone(), keys);
        first(Reply::pending(ended), write)
    }
}

/// One after the other, if the first succeeds.
fn first<A: Send + 'static>(before: Reply<()>, write: Reply<A>) -> Reply<A> {
    Reply::pending(async move {
        before.await?;
        write.await
    })
}
