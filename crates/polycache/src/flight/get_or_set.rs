//! `get_or_set`: the stored value, or one computed once for all who ask.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::approach::Asked;
use super::options::{Behind, CallOptions, Detached, TimesOut};
use super::shareable::Shareable;
use super::slow::{Call, Slow};
use super::stale::AgedRead;
use crate::cache::{Encoded, Form};
use crate::{Cache, Error};

impl Cache {
    /// The value under `key`; if there is none, the result of `compute`, which is stored.
    ///
    /// Of all the tasks that miss a key at the same time, through this cache, its clones and views, one computes, and the others share
    /// its value or its error. An error isn't stored. If the computing task is cancelled, or panics, another one takes over with its own
    /// `compute`; with [`detached`](GetOrSet::detached) the computation goes on instead.
    ///
    /// The `get` and the `set` inside are ordinary commands, each with the timeout of the cache; how long callers wait for `compute` is
    /// told by the cache's [soft](crate::CacheBuilder::soft_timeout) and [hard](crate::CacheBuilder::hard_timeout) timeouts. Trouble with
    /// the cache, and a stored value that is no `T`, count as a miss and become a `tracing` event: the caller gets the result of `compute`.
    /// So it does while the cache is turned off or closed.
    ///
    /// A write to the key through this cache, its clones and views that starts or ends during the computation wins: the computed value
    /// goes to the waiting callers, and isn't stored. A call after such a write doesn't get a value from before it.
    ///
    /// If `compute` asks for the same key itself, or two computations ask for each other's keys, one would wait for its own end. That call
    /// computes for itself instead, and doesn't store; a `tracing` event names the key. Callers with another `T` or `E` on the same key
    /// don't share: they wait, then read again. An error that isn't `Clone` can be put into an `Arc`.
    ///
    /// ```
    /// # #[derive(Debug, Clone)] struct DbError;
    /// # struct Db; impl Db { async fn user(&self, id: u64) -> Result<String, DbError> { Ok(format!("user {id}")) } }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), DbError> {
    /// use polycache::{Cache, Ttl};
    ///
    /// let (cache, db) = (Cache::memory(), Db);
    /// let name: String = cache.with_ttl(Ttl::secs(60)).get_or_set("user:7", || db.user(7)).await?;
    /// assert_eq!(name, "user 7");
    /// # Ok(()) }
    /// ```
    #[inline]
    pub fn get_or_set<'a, T, E, F, Fut>(&'a self, key: &'a str, compute: F) -> GetOrSet<'a, T, E, F, Fut>
    where
        Encoded: Form<T>,
        T: Clone + Send + Sync + 'static,
        E: Shareable,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        GetOrSet::new(self, key, compute)
    }
}

/// The future of [`Cache::get_or_set`] and [`Cache::get_or_set_object`]. `K` is the form in which computed values are kept, and `O` has the
/// call's options.
#[must_use = "nothing is read or computed until it is awaited"]
pub struct GetOrSet<'a, T: Send + Sync + 'static, E: Send + Sync + 'static, F, Fut, K = Encoded, O = ()> {
    pub(super) cache: &'a Cache,
    pub(super) key: &'a str,
    pub(super) compute: Option<F>,
    /// Everything that a hit doesn't need, apart: moving it would be felt in a hit.
    slow: Option<Slow<T, E, Fut>>,
    kind: PhantomData<(K, O)>,
}

/// The closure isn't pinned, since it is called before anything borrows from it. Its future is pinned, in a box.
impl<T: Send + Sync + 'static, E: Send + Sync + 'static, F, Fut, K, O> Unpin for GetOrSet<'_, T, E, F, Fut, K, O> {}

impl<'a, T: Send + Sync + 'static, E: Send + Sync + 'static, F, Fut, K> GetOrSet<'a, T, E, F, Fut, K> {
    #[inline]
    pub(super) fn new(cache: &'a Cache, key: &'a str, compute: F) -> Self {
        Self { cache, key, compute: Some(compute), slow: None, kind: PhantomData }
    }
}

impl<'a, T: Send + Sync + 'static, E: Send + Sync + 'static, F, Fut, K, O> GetOrSet<'a, T, E, F, Fut, K, O> {
    fn with<P>(self) -> GetOrSet<'a, T, E, F, Fut, K, P> {
        let Self { cache, key, compute, slow, .. } = self;
        GetOrSet { cache, key, compute, slow, kind: PhantomData }
    }

    /// Returns as soon as the value is computed. A task of the tokio runtime stores it. Others who wait for the value get it once it is
    /// stored, and [`close`](Cache::close) waits for the task. Without a runtime, and in memory, nothing changes.
    /// [`CacheBuilder::write_behind`](crate::CacheBuilder::write_behind) does so for all of a cache's computations.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// let cache = polycache::Cache::memory(); // or on a server, where storing takes a round trip
    /// let compute = || async { Ok::<i32, polycache::Error>(1) };
    /// assert_eq!(cache.get_or_set("k", compute).write_behind().await?, 1);
    /// cache.close().await?; // it's stored by now
    /// # Ok(()) }
    /// ```
    pub fn write_behind(self) -> GetOrSet<'a, T, E, F, Fut, K, Behind<O>> {
        self.with()
    }

    /// Lets the computation, once begun, go on in a task of the tokio runtime even if this call is dropped, or leaves after a
    /// [soft](crate::CacheBuilder::soft_timeout) or [hard](crate::CacheBuilder::hard_timeout) timeout; the others share it. Without a
    /// runtime this changes nothing.
    ///
    /// With one of these timeouts `compute` is called before it is known whether another process computes; what it returns is polled after
    /// that.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use polycache::Cache;
    /// use std::time::Duration;
    ///
    /// let cache = Cache::memory();
    /// let slow = || async {
    ///     tokio::time::sleep(Duration::from_millis(50)).await;
    ///     Ok::<_, std::convert::Infallible>(42)
    /// };
    /// let call = cache.get_or_set("answer", slow).detached();
    /// assert!(tokio::time::timeout(Duration::from_millis(5), call).await.is_err());
    ///
    /// // The computation goes on: this waits for it.
    /// let answer = cache.get_or_set("answer", || async { Ok::<i32, std::convert::Infallible>(0) }).await;
    /// assert_eq!(answer, Ok(42));
    /// # }
    /// ```
    pub fn detached(self) -> GetOrSet<'a, T, E, F, Fut, K, Detached<O>>
    where
        Fut: Send + 'static,
    {
        self.with()
    }

    /// Fails after the cache's [hard timeout](crate::CacheBuilder::hard_timeout), with an error of the kind
    /// [`HardTimeout`](crate::ErrorKind::HardTimeout), which the computation's error type has to take up. Without this call, or a hard
    /// timeout, it waits for the computation as long as that takes.
    ///
    /// The computation is dropped with its caller, and another that waits takes over; with [`detached`](Self::detached) it goes on.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use polycache::{Cache, Error, ErrorKind};
    /// use std::time::Duration;
    ///
    /// let cache = Cache::memory().with_hard_timeout(Duration::from_millis(5));
    /// let never = cache.get_or_set("k", || std::future::pending::<Result<i32, Error>>()).times_out();
    /// assert_eq!(never.await.unwrap_err().kind(), ErrorKind::HardTimeout);
    /// # }
    /// ```
    pub fn times_out(self) -> GetOrSet<'a, T, E, F, Fut, K, TimesOut<O>>
    where
        E: From<Error>,
    {
        self.with()
    }
}

impl<T, E, F, Fut, K, O> Future for GetOrSet<'_, T, E, F, Fut, K, O>
where
    K: Form<T>,
    T: Clone + Send + Sync + 'static,
    E: Shareable,
    F: FnOnce() -> Fut,
    Fut: Future<Output = Result<T, E>>,
    O: CallOptions<T, E, Fut, K>,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.slow.is_some() {
            return self.poll_slow(context);
        }
        if O::SPAWN.is_some() && self.cache.asks_age() {
            return match K::aged(self.cache, self.key).now() {
                Ok(Ok(Some((value, age)))) if age.is_calm() => Poll::Ready(Ok(value)),
                read => self.begin_aged(read, context),
            };
        }
        match K::get(self.cache, self.key).now() {
            Ok(Ok(Some(value))) => Poll::Ready(Ok(value)),
            asked => self.begin(asked, context),
        }
    }
}

impl<'a, T, E, F, Fut, K, O> GetOrSet<'a, T, E, F, Fut, K, O>
where
    K: Form<T>,
    T: Clone + Send + Sync + 'static,
    E: Shareable,
    F: FnOnce() -> Fut,
    Fut: Future<Output = Result<T, E>>,
    O: CallOptions<T, E, Fut, K>,
{
    fn call(cache: &'a Cache, key: &'a str) -> Call<'a, T, E, Fut> {
        let times_out = &|error| O::TIMES_OUT.map(|convert| convert(error));
        Call { cache, key, policy: O::policy(), spawn: O::SPAWN, times_out }
    }

    #[inline(never)]
    fn begin(&mut self, asked: Asked<T>, context: &mut Context<'_>) -> Poll<Result<T, E>> {
        let Self { cache, key, compute, slow, .. } = self;
        let mut compute = || compute.take().map(|compute| compute());
        Slow::begin::<K>(slow, asked, &Self::call(cache, key), &mut compute, context)
    }

    #[inline(never)]
    fn begin_aged(&mut self, read: AgedRead<T>, context: &mut Context<'_>) -> Poll<Result<T, E>> {
        let Self { cache, key, compute, slow, .. } = self;
        let mut compute = || compute.take().map(|compute| compute());
        Slow::begin_aged::<K>(slow, read, &Self::call(cache, key), &mut compute, context)
    }

    #[inline(never)]
    fn poll_slow(&mut self, context: &mut Context<'_>) -> Poll<Result<T, E>> {
        let Self { cache, key, compute, slow: Some(slow), .. } = self else {
            return Poll::Pending;
        };
        let mut compute = || compute.take().map(|compute| compute());
        slow.poll::<K>(&Self::call(cache, key), &mut compute, context)
    }
}

impl<T: Send + Sync + 'static, E: Send + Sync + 'static, F, Fut, K, O> fmt::Debug for GetOrSet<'_, T, E, F, Fut, K, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetOrSet").field("key", &self.key).finish_non_exhaustive()
    }
}
