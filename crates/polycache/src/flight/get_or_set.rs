//! `get_or_set`: the stored value, or one computed once for all who ask.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::approach::Asked;
use super::lead::Policy;
use super::shareable::Shareable;
use super::slow::Slow;
use crate::Cache;
use crate::cache::{Encoded, Form};

impl Cache {
    /// The value under `key`; if there is none, the result of `compute`, which is stored.
    ///
    /// Of all the tasks that miss a key at the same time, through this cache, its clones and views, one computes, and the others share
    /// its value or its error. An error isn't stored. If the computing task is cancelled, or panics, another one takes over with its own
    /// `compute`; with [`detached`](GetOrSet::detached) the computation goes on instead.
    ///
    /// The `get` and the `set` inside are ordinary commands, each with the timeout of the cache; `compute` has no time limit. Trouble
    /// with the cache, and a stored value that is no `T`, count as a miss and become a `tracing` event: the caller gets the result of
    /// `compute`. So it does while the cache is turned off or closed.
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

/// The future of [`Cache::get_or_set`] and [`Cache::get_or_set_object`]. `K` is the form in which computed values are kept; `BEHIND` is
/// true after [`write_behind`](Self::write_behind).
#[must_use = "nothing is read or computed until it is awaited"]
pub struct GetOrSet<
    'a,
    T: Send + Sync + 'static,
    E: Send + Sync + 'static,
    F,
    Fut,
    K = Encoded,
    const BEHIND: bool = false,
> {
    pub(super) cache: &'a Cache,
    pub(super) key: &'a str,
    pub(super) compute: Option<F>,
    /// Everything that a hit doesn't need, apart: moving it would be felt in a hit.
    slow: Option<Slow<T, E, Fut>>,
    form: PhantomData<K>,
}

/// The closure isn't pinned, since it is called before anything borrows from it. Its future is pinned, in a box.
impl<T: Send + Sync + 'static, E: Send + Sync + 'static, F, Fut, K, const BEHIND: bool> Unpin
    for GetOrSet<'_, T, E, F, Fut, K, BEHIND>
{
}

impl<'a, T: Send + Sync + 'static, E: Send + Sync + 'static, F, Fut, K> GetOrSet<'a, T, E, F, Fut, K> {
    #[inline]
    pub(super) fn new(cache: &'a Cache, key: &'a str, compute: F) -> Self {
        Self { cache, key, compute: Some(compute), slow: None, form: PhantomData }
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
    pub fn write_behind(self) -> GetOrSet<'a, T, E, F, Fut, K, true> {
        let Self { cache, key, compute, slow, form } = self;
        GetOrSet { cache, key, compute, slow, form }
    }
}

impl<T, E, F, Fut, K, const BEHIND: bool> Future for GetOrSet<'_, T, E, F, Fut, K, BEHIND>
where
    K: Form<T>,
    T: Clone + Send + Sync + 'static,
    E: Shareable,
    F: FnOnce() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.slow.is_some() {
            return self.poll_slow(context);
        }
        match K::get(self.cache, self.key).now() {
            Ok(Ok(Some(value))) => Poll::Ready(Ok(value)),
            asked => self.begin(asked, context),
        }
    }
}

impl<T, E, F, Fut, K, const BEHIND: bool> GetOrSet<'_, T, E, F, Fut, K, BEHIND>
where
    K: Form<T>,
    T: Clone + Send + Sync + 'static,
    E: Shareable,
    F: FnOnce() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    #[inline(never)]
    fn begin(&mut self, asked: Asked<T>, context: &mut Context<'_>) -> Poll<Result<T, E>> {
        let Self { cache, key, compute, slow, .. } = self;
        let mut compute = || compute.take().map(|compute| compute());
        Slow::begin::<K>(
            slow,
            asked,
            (cache, key),
            Policy { behind: BEHIND, ..Policy::default() },
            &mut compute,
            context,
        )
    }

    #[inline(never)]
    fn poll_slow(&mut self, context: &mut Context<'_>) -> Poll<Result<T, E>> {
        let Self { cache, key, compute, slow: Some(slow), .. } = self else {
            return Poll::Pending;
        };
        let mut compute = || compute.take().map(|compute| compute());
        slow.poll::<K>((cache, key), Policy { behind: BEHIND, ..Policy::default() }, &mut compute, context)
    }
}

impl<T: Send + Sync + 'static, E: Send + Sync + 'static, F, Fut, K, const BEHIND: bool> fmt::Debug
    for GetOrSet<'_, T, E, F, Fut, K, BEHIND>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetOrSet").field("key", &self.key).finish_non_exhaustive()
    }
}
