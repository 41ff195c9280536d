//! Makes up for deletes and writes that didn't reach the server.
//!
//! A lost `delete` leaves a stale value. [`Recovery`] remembers the key, lets its reads miss, and deletes it when the server can be reached
//! again.

mod backlog;
mod builder;
mod replay;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use tokio::time::Instant;

use self::backlog::Backlog;
pub(in crate::backends) use self::backlog::Lost;
pub use self::backlog::Pending;
pub use self::builder::RecoveryBuilder;
use crate::backend::{
    self, Backend, Cursor, Entry, Found, Holder, Key, OwnedKey, Page, Pattern, SetOptions, Tracker, Want, When,
};
use crate::lease::told;
use crate::{Error, ErrorKind, Raw, Reply, Result, Ttl, Value};

/// A backend that makes up for writes that didn't reach the inner backend.
///
/// If a `set`, `multi_set`, `delete`, `multi_delete` or `clear` fails since the backend can't be reached, or is dropped before its end (by
/// the cache's timeout, say), its keys are remembered. The caller still gets the error. From then on:
///
/// - reads of these keys miss, and `scan` doesn't list them;
/// - the keys are *deleted* as soon as the backend can be reached: by a task that tries again after 50 ms to 2 s, and before any other
///   write to one of them;
/// - the deletion also ends leases, so that no other process stores a value computed before the lost write.
///
/// A lost `set` isn't repeated, since the server may have a newer value by then. A deletion is always right: a cache may forget. `add`,
/// `cas`, `increment` and `expire` aren't remembered: none of them removes a stale value.
///
/// Pending keys are in this process's memory: other processes read the stale values until the deletion, and the values stay if this process
/// ends. There is room for [10,000](RecoveryBuilder::max_pending) keys. When it is full, each namespace takes the place of its keys: all of
/// the namespace misses, and is cleared when the backend can be reached. A key without room even so isn't remembered: its error says so,
/// and [`Pending::lost`] counts it.
///
/// A clone is a handle on the same backlog.
///
/// ```
/// use polycache::backends::memory::Memory;
/// use polycache::backends::recovery::Recovery;
/// use polycache::Cache;
/// use std::sync::Arc;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// let server = Arc::new(Memory::new()); // or Redis
/// let recovery = Recovery::new(server);
/// let cache = Cache::builder().backend(recovery.clone()).build()?;
/// cache.set("k", 1).await?;
/// assert!(recovery.pending().keys.is_empty());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Recovery {
    inner: Arc<dyn Backend>,
    backlog: Arc<Backlog>,
    close_timeout: Duration,
}

impl Recovery {
    /// With all defaults: up to 10,000 keys, and 2 seconds for `close`.
    #[must_use]
    pub fn new(inner: Arc<dyn Backend>) -> Self {
        RecoveryBuilder::new().assemble(inner)
    }

    /// Settings for a new recovery.
    pub fn builder() -> RecoveryBuilder {
        RecoveryBuilder::new()
    }

    /// The keys that are still to be deleted.
    #[must_use]
    pub fn pending(&self) -> Pending {
        self.backlog.pending()
    }

    /// Remembers a write that a wrapper has kept from the backend. Returns `false` if there is no room.
    #[cfg(feature = "memory")]
    pub(in crate::backends) fn remember(&self, lost: &Lost) -> bool {
        let is_kept = self.backlog.remember(lost);
        self.backlog.wake();
        is_kept
    }

    /// Whether nothing is pending.
    #[cfg(feature = "memory")]
    pub(in crate::backends) fn is_settled(&self) -> bool {
        self.backlog.is_empty()
    }

    /// A call that changes nothing.
    fn ask<T: Send + 'static>(&self, reply: Reply<T>) -> Reply<T> {
        if self.backlog.is_empty() {
            return reply;
        }
        self.backlog.wake();
        let backlog = Arc::clone(&self.backlog);
        match reply.now() {
            Ok(result) => Reply::from(backlog.hear(result)),
            Err(pending) => Reply::pending(async move { backlog.hear(pending.await) }),
        }
    }

    /// A call that writes. `lost` is remembered if the call doesn't reach the backend.
    fn keep<T: Send + 'static>(&self, lost: Option<Lost>, reply: Reply<T>) -> Reply<T> {
        let Some(lost) = lost else { return self.ask(reply) };
        let mut write = Write { backlog: Arc::clone(&self.backlog), lost: Some(lost) };
        match reply.now() {
            Ok(result) => Reply::from(write.end(result)),
            Err(pending) => Reply::pending(async move {
                let result = pending.await;
                write.end(result)
            }),
        }
    }

    /// As `keep`, once the pending ones of these keys are deleted.
    fn after<T: Send + 'static>(
        &self,
        keys: Vec<OwnedKey>,
        lost: Option<Lost>,
        call: impl FnOnce(&dyn Backend, &[Key<'_>]) -> Reply<T> + Send + 'static,
    ) -> Reply<T> {
        self.backlog.wake();
        let (inner, backlog) = (Arc::clone(&self.inner), Arc::clone(&self.backlog));
        let reply = Reply::pending(async move {
            let names: Vec<CompactString> = keys.iter().map(|key| CompactString::new(key.key().full())).collect();
            backlog.settle(&names).await?;
            let reply = {
                let keys: Vec<Key<'_>> = keys.iter().map(OwnedKey::key).collect();
                call(&*inner, &keys)
            };
            reply.await
        });
        self.keep(lost, reply)
    }

    /// A write to one key.
    fn change<T: Send + 'static>(
        &self,
        key: Key<'_>,
        lost: Option<Lost>,
        call: impl FnOnce(&dyn Backend, Key<'_>) -> Reply<T> + Send + 'static,
    ) -> Reply<T> {
        if !self.backlog.holds_up(key.full()) {
            return self.keep(lost, call(&*self.inner, key));
        }
        self.after(vec![key.into_owned()], lost, |inner, keys| match keys.first() {
            Some(key) => call(inner, *key),
            None => Reply::error(Error::new(ErrorKind::InvalidInput, "a write to no key")),
        })
    }

    /// Whether one of these keys is pending.
    fn covers_any<'a>(&self, keys: impl IntoIterator<Item = Key<'a>>) -> bool {
        !self.backlog.is_empty() && keys.into_iter().any(|key| self.backlog.covers(key.full()))
    }
}

impl Backlog {
    /// A success shows that the backend can be reached.
    fn hear<T>(&self, result: Result<T>) -> Result<T> {
        if result.is_ok() && !self.is_empty() {
            self.answered.notify_one();
        }
        result
    }
}

/// A write that is remembered unless its end is known.
struct Write {
    backlog: Arc<Backlog>,
    lost: Option<Lost>,
}

impl Write {
    fn end<T>(&mut self, result: Result<T>) -> Result<T> {
        let lost = self.lost.take();
        let error = match result {
            Err(error) if error.kind().is_out_of_reach() => error,
            result => return self.backlog.hear(result),
        };
        let Some(lost) = lost else { return Err(error) };
        let what = if self.backlog.remember(&lost) {
            self.backlog.wake();
            "it is remembered, and the key misses until it has been deleted"
        } else {
            "it can't be remembered, since too much is pending: what is stored may be stale until it expires"
        };
        Err(Error::new(error.kind(), format!("{error}; {what}")))
    }
}

impl Drop for Write {
    fn drop(&mut self) {
        if let Some(lost) = self.lost.take() {
            if !self.backlog.remember(&lost) {
                tracing::error!("a write that was cancelled can't be remembered, since too much is pending");
            }
            self.backlog.wake();
        }
    }
}

impl Backend for Recovery {
    backend::forward!(self.inner, all but [
        get look multi_get set multi_set increment expire delete multi_delete clear scan raw close
    ]);

    fn get(&self, key: Key<'_>) -> Reply<Option<Value>> {
        if self.backlog.covers(key.full()) {
            self.backlog.wake();
            return Reply::ready(None);
        }
        self.ask(self.inner.get(key))
    }

    fn look(&self, key: Key<'_>, want: Want) -> Reply<Option<Found>> {
        if self.backlog.covers(key.full()) {
            self.backlog.wake();
            return Reply::ready(None);
        }
        self.ask(self.inner.look(key, want))
    }

    fn multi_get(&self, keys: &[Key<'_>], want: Want) -> Reply<Vec<Option<Found>>> {
        if !self.covers_any(keys.iter().copied()) {
            return self.ask(self.inner.multi_get(keys, want));
        }
        self.backlog.wake();
        let is_asked: Vec<bool> = keys.iter().map(|key| !self.backlog.covers(key.full())).collect();
        let asked: Vec<Key<'_>> = keys.iter().zip(&is_asked).filter_map(|(key, asked)| asked.then_some(*key)).collect();
        if asked.is_empty() {
            return Reply::ready(vec![None; keys.len()]);
        }
        let reply = self.ask(self.inner.multi_get(&asked, want));
        Reply::pending(async move {
            let mut found = reply.await?.into_iter();
            Ok(is_asked.into_iter().map(|asked| if asked { found.next().flatten() } else { None }).collect())
        })
    }

    fn set(&self, key: Key<'_>, value: Value, options: SetOptions) -> Reply<bool> {
        let lost = (options.when == When::Always).then(|| Lost::key(key));
        self.change(key, lost, |inner, key| inner.set(key, value, options))
    }

    fn multi_set(&self, entries: Vec<Entry<'_>>) -> Reply<()> {
        let keys = || entries.iter().map(|entry| entry.key);
        let lost = Some(Lost::keys(keys()));
        if !self.covers_any(keys()) {
            return self.keep(lost, self.inner.multi_set(entries));
        }
        let (keys, values): (Vec<OwnedKey>, Vec<(Value, Ttl)>) =
            entries.into_iter().map(|entry| (entry.key.into_owned(), (entry.value, entry.ttl))).unzip();
        self.after(keys, lost, |inner, keys| {
            let entries = keys.iter().zip(values).map(|(key, (value, ttl))| Entry::new(*key, value, ttl));
            inner.multi_set(entries.collect())
        })
    }

    fn increment(&self, key: Key<'_>, delta: i64, ttl: Ttl) -> Reply<i64> {
        self.change(key, None, move |inner, key| inner.increment(key, delta, ttl))
    }

    fn expire(&self, key: Key<'_>, ttl: Ttl) -> Reply<bool> {
        self.change(key, None, move |inner, key| inner.expire(key, ttl))
    }

    fn delete(&self, key: Key<'_>, when: When) -> Reply<bool> {
        let lost = (when == When::Always).then(|| Lost::key(key));
        self.change(key, lost, |inner, key| inner.delete(key, when))
    }

    fn multi_delete(&self, keys: &[Key<'_>]) -> Reply<u64> {
        let lost = Some(Lost::keys(keys.iter().copied()));
        if !self.covers_any(keys.iter().copied()) {
            return self.keep(lost, self.inner.multi_delete(keys));
        }
        let keys = keys.iter().map(|key| key.into_owned()).collect();
        self.after(keys, lost, |inner, keys| inner.multi_delete(keys))
    }

    fn clear(&self, prefix: &str) -> Reply<()> {
        self.keep(Some(Lost::prefix(prefix)), self.inner.clear(prefix))
    }

    fn scan(&self, prefix: &str, pattern: &Pattern, cursor: Option<Cursor>) -> Reply<Page> {
        let reply = self.ask(self.inner.scan(prefix, pattern, cursor));
        if self.backlog.is_empty() {
            return reply;
        }
        let backlog = Arc::clone(&self.backlog);
        Reply::pending(async move {
            let mut page = reply.await?;
            page.keys.retain(|key| !backlog.covers(key));
            Ok(page)
        })
    }

    fn raw(&self, command: &str, args: &[&[u8]]) -> Reply<Raw> {
        self.ask(self.inner.raw(command, args))
    }

    /// Pending keys have the builder's `close_timeout` to be deleted. The others are lost then, and the error names them.
    fn close(&self) -> Reply<()> {
        if self.backlog.is_empty() {
            return self.inner.close();
        }
        let this = self.clone();
        Reply::pending(async move {
            let is_done = this.backlog.drain(Instant::now() + this.close_timeout).await;
            let closed = this.inner.close().await;
            if is_done {
                return closed;
            }
            let Pending { keys, prefixes, .. } = this.backlog.forget();
            let keys: Vec<String> = keys.iter().filter_map(|key| told(key)).collect();
            if keys.is_empty() && prefixes.is_empty() {
                return closed; // Leases end by themselves.
            }
            let first: Vec<String> =
                prefixes.iter().map(|prefix| format!("{prefix}*")).chain(keys.iter().cloned()).take(5).collect();
            let text = format!(
                "the cache is closed, and lost writes could not be made up for (keys: {}, namespaces: {}), so stale values may stay \
                 until they expire: {}",
                keys.len(),
                prefixes.len(),
                first.join(", ")
            );
            Err(Error::new(ErrorKind::Unavailable, text))
        })
    }

    fn ending_leases(&self, holder: &Holder) -> Option<Arc<dyn Backend>> {
        let inner = self.inner.ending_leases(holder)?;
        *self.backlog.ending.lock() = Some(Arc::clone(&inner));
        Some(Arc::new(Self { inner, ..self.clone() }))
    }

    fn tracked(&self, tracker: Arc<dyn Tracker>) -> Result<Option<Arc<dyn Backend>>> {
        let Some(inner) = self.inner.tracked(tracker)? else { return Ok(None) };
        Ok(Some(Arc::new(Self { inner, ..self.clone() })))
    }
}

impl fmt::Debug for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Pending { keys, prefixes, lost } = self.pending();
        f.debug_struct("Recovery")
            .field("keys", &keys.len())
            .field("prefixes", &prefixes.len())
            .field("lost", &lost)
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
