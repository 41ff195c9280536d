//! A circuit breaker around another backend.
//!
//! While a server is away, each call may cost its whole timeout. After some failures [`Breaker`] has calls fail at once, except for one at
//! a time, which finds out whether the server is back.

mod circuit;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use self::circuit::{Circuit, Pass};
#[cfg(feature = "config")]
use crate::Settings;
use crate::backend::{
    self, Backend, Cursor, Entry, Found, Holder, Key, Page, Pattern, SetOptions, Tracker, Want, When,
};
use crate::range::Range;
use crate::{Raw, Reply, Result, Ttl, Value};

const FAILURES: Range<u32> = Range::new("failures", 1, u32::MAX);
const FAILURE_RATE: Range<f64> = Range::new("failure_rate", 0.01, 1.0);
const PAUSE: Range<Duration> = Range::from("pause", Duration::from_millis(1));

/// A backend whose calls fail at once while the inner backend can't be reached.
///
/// It is *closed* at first, and passes everything on. After so many failures [in a row](BreakerBuilder::failures), or by the
/// [rate](BreakerBuilder::failure_rate) of failures, it *opens*: calls fail with [`Unavailable`](crate::ErrorKind::Unavailable), which is
/// retryable, and reach nobody. After a [pause](BreakerBuilder::pause) the next call is a *probe* and goes through. If it succeeds the
/// breaker is closed again, and if it fails the next pause begins. There is one probe at a time. If a probe hasn't ended after a pause,
/// another one follows.
///
/// A failure is trouble with reaching the backend: `Unavailable`, `Timeout`, `UnknownOutcome`, and a call that has waited for the cache's
/// timeout. An error from the backend itself isn't one, since it may concern one key alone; nor is a cancelled call.
/// `close` always goes through.
///
/// A clone is a handle on the same breaker.
///
/// ```
/// use polycache::backends::breaker::Breaker;
/// use polycache::backends::memory::Memory;
/// use polycache::Cache;
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// let server = Arc::new(Memory::new()); // or Redis
/// let breaker = Breaker::builder().failures(3).pause(Duration::from_secs(1)).build(server)?;
/// let cache = Cache::builder().backend(breaker.clone()).build()?;
/// cache.set("k", 1).await?;
/// assert!(!breaker.is_open());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Breaker {
    inner: Arc<dyn Backend>,
    circuit: Arc<Circuit>,
}

/// Settings for a new [`Breaker`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct BreakerBuilder {
    failures: u32,
    failure_rate: Option<f64>,
    pause: Duration,
}

impl Breaker {
    /// With all defaults: open after 5 failures in a row, for 5 seconds.
    #[must_use]
    pub fn new(inner: Arc<dyn Backend>) -> Self {
        BreakerBuilder::new().assemble(inner)
    }

    /// Settings for a new breaker.
    pub fn builder() -> BreakerBuilder {
        BreakerBuilder::new()
    }

    /// Whether calls other than probes fail at once.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.circuit.is_open()
    }

    fn guard<T: Send + 'static>(&self, call: impl FnOnce(&dyn Backend) -> Reply<T>) -> Reply<T> {
        let pass = match Pass::ask(&self.circuit) {
            Ok(pass) => pass,
            Err(error) => return Reply::error(error),
        };
        match call(&*self.inner).now() {
            Ok(result) => {
                pass.end(result.as_ref().err());
                Reply::from(result)
            }
            Err(pending) => Reply::pending(async move {
                let result = pending.await;
                pass.end(result.as_ref().err());
                result
            }),
        }
    }
}

impl BreakerBuilder {
    fn new() -> Self {
        Self { failures: 5, failure_rate: None, pause: Duration::from_secs(5) }
    }

    /// Opens after so many failures in a row: 5 by default.
    pub fn failures(mut self, failures: u32) -> Self {
        self.failures = failures;
        self
    }

    /// Opens also when this part (0.01 to 1) of the last 64 calls has failed: for a backend of which a part is away. Not by default. Before
    /// the first 64 calls, missing calls count as successes.
    pub fn failure_rate(mut self, rate: f64) -> Self {
        self.failure_rate = Some(rate);
        self
    }

    /// How long calls fail before the next one is a probe: 5 seconds by default.
    pub fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// The breaker around `inner`.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) for no failures at all, a rate that isn't between 0.01 and 1, or a pause of less than a
    /// millisecond.
    pub fn build(self, inner: Arc<dyn Backend>) -> Result<Breaker> {
        FAILURES.check(self.failures)?;
        self.failure_rate.map(|rate| FAILURE_RATE.check(rate)).transpose()?;
        PAUSE.check(self.pause)?;
        Ok(self.assemble(inner))
    }

    fn assemble(self, inner: Arc<dyn Backend>) -> Breaker {
        let circuit = Arc::new(Circuit::new(inner.info().name.clone(), self.failures, self.failure_rate, self.pause));
        Breaker { inner, circuit }
    }

    #[cfg(feature = "config")]
    pub(super) fn from_settings(settings: &mut Settings) -> Result<Self> {
        let mut builder = Self::new();
        if let Some(failures) = settings.ranged(&FAILURES)? {
            builder.failures = failures;
        }
        builder.failure_rate = settings.ranged(&FAILURE_RATE)?;
        if let Some(pause) = settings.ranged(&PAUSE)? {
            builder.pause = pause;
        }
        Ok(builder)
    }
}

impl Backend for Breaker {
    backend::forward!(self.inner, all but [
        get look multi_get set multi_set increment expire delete multi_delete clear scan raw
    ]);

    fn get(&self, key: Key<'_>) -> Reply<Option<Value>> {
        self.guard(|inner| inner.get(key))
    }

    fn look(&self, key: Key<'_>, want: Want) -> Reply<Option<Found>> {
        self.guard(|inner| inner.look(key, want))
    }

    fn multi_get(&self, keys: &[Key<'_>], want: Want) -> Reply<Vec<Option<Found>>> {
        self.guard(|inner| inner.multi_get(keys, want))
    }

    fn set(&self, key: Key<'_>, value: Value, options: SetOptions) -> Reply<bool> {
        self.guard(|inner| inner.set(key, value, options))
    }

    fn multi_set(&self, entries: Vec<Entry<'_>>) -> Reply<()> {
        self.guard(|inner| inner.multi_set(entries))
    }

    fn increment(&self, key: Key<'_>, delta: i64, ttl: Ttl) -> Reply<i64> {
        self.guard(|inner| inner.increment(key, delta, ttl))
    }

    fn expire(&self, key: Key<'_>, ttl: Ttl) -> Reply<bool> {
        self.guard(|inner| inner.expire(key, ttl))
    }

    fn delete(&self, key: Key<'_>, when: When) -> Reply<bool> {
        self.guard(|inner| inner.delete(key, when))
    }

    fn multi_delete(&self, keys: &[Key<'_>]) -> Reply<u64> {
        self.guard(|inner| inner.multi_delete(keys))
    }

    fn clear(&self, prefix: &str) -> Reply<()> {
        self.guard(|inner| inner.clear(prefix))
    }

    fn scan(&self, prefix: &str, pattern: &Pattern, cursor: Option<Cursor>) -> Reply<Page> {
        self.guard(|inner| inner.scan(prefix, pattern, cursor))
    }

    fn raw(&self, command: &str, args: &[&[u8]]) -> Reply<Raw> {
        self.guard(|inner| inner.raw(command, args))
    }

    fn ending_leases(&self, holder: &Holder) -> Option<Arc<dyn Backend>> {
        Some(Arc::new(Self { inner: self.inner.ending_leases(holder)?, circuit: Arc::clone(&self.circuit) }))
    }

    fn tracked(&self, tracker: Arc<dyn Tracker>) -> Result<Option<Arc<dyn Backend>>> {
        let Some(inner) = self.inner.tracked(tracker)? else { return Ok(None) };
        Ok(Some(Arc::new(Self { inner, circuit: Arc::clone(&self.circuit) })))
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker").field("is_open", &self.is_open()).field("inner", &self.inner).finish_non_exhaustive()
    }
}
