//! A wrapper that calls a function before every operation of its backend.

use std::fmt;
use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::sync::Mutex;
use std::task::Poll;

use polycache::backend::{
    Backend, BackendInfo, Cursor, Entry, Found, Holder, Key, OwnedKey, Page, Pattern, SetOptions, Tracker, Want, When,
};
use polycache::events::Listener;
use polycache::{Error, ErrorKind, Raw, Reply, Result, Ttl, Value};

/// A wrapper around a backend. Before every operation it calls a function with the operation's name, and goes by the function's reply: if
/// that is ready, the operation runs at once; if pending, after the reply; an error is the operation's error.
///
/// ```
/// use polycache::backends::memory::Memory;
/// use polycache::{Cache, Reply};
/// use polycache_testkit::Intercept;
/// use std::sync::{Arc, Mutex};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// let calls = Arc::new(Mutex::new(Vec::new()));
/// let seen = Arc::clone(&calls);
/// let backend = Intercept::new(Arc::new(Memory::new()), move |operation| {
///     seen.lock().expect("no panic").push(operation);
///     Reply::ready(())
/// });
/// Cache::builder().backend(backend).build()?.multi_set([("a", 1), ("b", 2)]).await?;
/// assert_eq!(*calls.lock().expect("no panic"), ["multi_set"]); // one round trip
/// # Ok(()) }
/// ```
pub struct Intercept {
    inner: Arc<dyn Backend>,
    info: BackendInfo,
    before: Arc<dyn Fn(&'static str) -> Reply<()> + Send + Sync>,
    /// Knows nothing of permits, like a server.
    remote: bool,
}

impl Intercept {
    /// Calls `before` with the name of each operation, `"get"` or `"multi_set"`.
    #[must_use]
    pub fn new(inner: Arc<dyn Backend>, before: impl Fn(&'static str) -> Reply<()> + Send + Sync + 'static) -> Self {
        Self { info: inner.info().clone(), inner, before: Arc::new(before), remote: false }
    }

    /// Every reply is pending at first, and wakes its task: like a backend over a network, to a caller.
    #[must_use]
    pub fn delayed(inner: Arc<dyn Backend>) -> Self {
        Self::new(inner, |_| Reply::pending(yield_once())).remote()
    }

    /// The same wrapper, which ignores [permits](polycache::backend::Permit), like a server.
    #[must_use]
    pub fn remote(mut self) -> Self {
        self.remote = true;
        self
    }

    /// Never replies.
    #[must_use]
    pub fn silent(inner: Arc<dyn Backend>) -> Self {
        Self::new(inner, |_| Reply::pending(pending()))
    }

    /// Fails while the returned switch is set.
    #[must_use]
    pub fn failing(inner: Arc<dyn Backend>) -> (Self, Faults) {
        let faults = Faults::default();
        let shared = faults.clone();
        let backend = Self::new(inner, move |_| match shared.get() {
            Some(kind) => Reply::error(Error::new(kind, "a fault was injected")),
            None => Reply::ready(()),
        });
        (backend, faults)
    }

    /// The same wrapper with other declarations: fewer capabilities, another name.
    #[must_use]
    pub fn declaring(mut self, change: impl FnOnce(&mut BackendInfo)) -> Self {
        change(&mut self.info);
        self
    }

    fn run<T: Send + 'static>(
        &self,
        name: &'static str,
        operation: impl FnOnce(&dyn Backend) -> Reply<T> + Send + 'static,
    ) -> Reply<T> {
        match (self.before)(name).now() {
            Ok(Ok(())) => operation(&*self.inner),
            Ok(Err(error)) => Reply::error(error),
            Err(waiting) => {
                let inner = Arc::clone(&self.inner);
                Reply::pending(async move {
                    waiting.await?;
                    operation(&*inner).await
                })
            }
        }
    }
}

/// The switch of [`Intercept::failing`]. A clone is the same switch.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Option<ErrorKind>>>);

impl Faults {
    /// Sets the kind of the error with which every operation fails from now on; `None`: none fails.
    pub fn set(&self, kind: Option<ErrorKind>) {
        *self.0.lock().unwrap() = kind;
    }

    fn get(&self) -> Option<ErrorKind> {
        *self.0.lock().unwrap()
    }
}

/// Lets other tasks go first, on any executor.
async fn yield_once() -> Result<()> {
    let mut yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(Ok(()));
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}

/// Keys that outlive the call.
fn owned(keys: &[Key<'_>]) -> Vec<OwnedKey> {
    keys.iter().map(|key| key.into_owned()).collect()
}

fn borrowed(keys: &[OwnedKey]) -> Vec<Key<'_>> {
    keys.iter().map(OwnedKey::key).collect()
}

impl Backend for Intercept {
    fn info(&self) -> &BackendInfo {
        &self.info
    }

    fn get(&self, key: Key<'_>) -> Reply<Option<Value>> {
        let key = key.into_owned();
        self.run("get", move |inner| inner.get(key.key()))
    }

    fn look(&self, key: Key<'_>, want: Want) -> Reply<Option<Found>> {
        let key = key.into_owned();
        self.run("look", move |inner| inner.look(key.key(), want))
    }

    fn multi_get(&self, keys: &[Key<'_>], want: Want) -> Reply<Vec<Option<Found>>> {
        let keys = owned(keys);
        self.run("multi_get", move |inner| inner.multi_get(&borrowed(&keys), want))
    }

    fn set(&self, key: Key<'_>, value: Value, mut options: SetOptions) -> Reply<bool> {
        let key = key.into_owned();
        if self.remote {
            options.permit = None;
        }
        self.run("set", move |inner| inner.set(key.key(), value, options))
    }

    fn multi_set(&self, entries: Vec<Entry<'_>>) -> Reply<()> {
        let entries: Vec<_> =
            entries.into_iter().map(|entry| (entry.key.into_owned(), entry.value, entry.ttl)).collect();
        self.run("multi_set", move |inner| {
            let borrowed = entries.iter().map(|(key, value, ttl)| Entry::new(key.key(), value.clone(), *ttl));
            inner.multi_set(borrowed.collect())
        })
    }

    fn increment(&self, key: Key<'_>, delta: i64, ttl: Ttl) -> Reply<i64> {
        let key = key.into_owned();
        self.run("increment", move |inner| inner.increment(key.key(), delta, ttl))
    }

    fn expire(&self, key: Key<'_>, ttl: Ttl) -> Reply<bool> {
        let key = key.into_owned();
        self.run("expire", move |inner| inner.expire(key.key(), ttl))
    }

    fn delete(&self, key: Key<'_>, when: When) -> Reply<bool> {
        let key = key.into_owned();
        self.run("delete", move |inner| inner.delete(key.key(), when))
    }

    fn multi_delete(&self, keys: &[Key<'_>]) -> Reply<u64> {
        let keys = owned(keys);
        self.run("multi_delete", move |inner| inner.multi_delete(&borrowed(&keys)))
    }

    fn clear(&self, prefix: &str) -> Reply<()> {
        let prefix = prefix.to_owned();
        self.run("clear", move |inner| inner.clear(&prefix))
    }

    fn scan(&self, prefix: &str, pattern: &Pattern, cursor: Option<Cursor>) -> Reply<Page> {
        let (prefix, pattern) = (prefix.to_owned(), pattern.clone());
        self.run("scan", move |inner| inner.scan(&prefix, &pattern, cursor))
    }

    fn raw(&self, command: &str, args: &[&[u8]]) -> Reply<Raw> {
        let command = command.to_owned();
        let args: Vec<Vec<u8>> = args.iter().map(|arg| arg.to_vec()).collect();
        self.run("raw", move |inner| inner.raw(&command, &args.iter().map(Vec::as_slice).collect::<Vec<_>>()))
    }

    fn close(&self) -> Reply<()> {
        self.run("close", Backend::close)
    }

    fn listen(&self, listener: Listener) {
        self.inner.listen(listener);
    }

    fn ending_leases(&self, holder: &Holder) -> Option<Arc<dyn Backend>> {
        let inner = self.inner.ending_leases(holder)?;
        Some(Arc::new(Self { inner, info: self.info.clone(), before: Arc::clone(&self.before), remote: self.remote }))
    }

    fn tracked(&self, tracker: Arc<dyn Tracker>) -> Result<Option<Arc<dyn Backend>>> {
        let Some(inner) = self.inner.tracked(tracker)? else { return Ok(None) };
        let handle = Self { inner, info: self.info.clone(), before: Arc::clone(&self.before), remote: self.remote };
        Ok(Some(Arc::new(handle)))
    }
}

impl fmt::Debug for Intercept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intercept").field("inner", &self.inner).finish_non_exhaustive()
    }
}
