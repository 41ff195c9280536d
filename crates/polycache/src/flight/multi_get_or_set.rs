//! `multi_get_or_set`: the stored values, and those that are missing, computed once for all who ask.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::lead::Policy;
use super::multi::Results;
use super::multi_patient::{SpawnMany, run, spawn};
use super::shareable::Shareable;
use crate::cache::{Encoded, Form};
use crate::{Cache, Error};

impl Cache {
    /// The values under `keys`, in their order; the missing ones are computed, by one call, and stored.
    ///
    /// `compute` gets the keys that nobody else is computing, and returns pairs of a key and its value; a key that it leaves out is
    /// `Ok(None)`, and nothing is stored for it. Its error is the result of every key that it was asked for. Each key is treated as by
    /// [`get_or_set`](Self::get_or_set), towards single calls too: the call waits for keys that others compute, and calls `compute` again
    /// for keys that those have given up.
    ///
    /// ```
    /// # #[derive(Debug, Clone, PartialEq)] struct DbError;
    /// # async fn users(ids: &[String]) -> Result<Vec<(String, String)>, DbError> {
    /// #     Ok(ids.iter().filter(|id| *id != "9").map(|id| (id.clone(), format!("user {id}"))).collect())
    /// # }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// let cache = polycache::Cache::memory().namespace("user");
    /// cache.set("1", "Ada").await?;
    ///
    /// let found = cache.multi_get_or_set(&["1", "2", "9"], |missing| async move { users(&missing).await }).await;
    /// assert_eq!(found, [Ok(Some("Ada".into())), Ok(Some("user 2".into())), Ok(None)]);
    /// # Ok(()) }
    /// ```
    #[allow(clippy::type_complexity, reason = "a future's type has no name")]
    pub fn multi_get_or_set<'a, T, E, K, Values, F, Fut>(
        &'a self,
        keys: &'a [impl AsRef<str>],
        compute: F,
    ) -> MultiGetOrSet<impl Future<Output = Vec<Result<Option<T>, E>>>, Encoded, T, E, F>
    where
        Encoded: Form<T>,
        T: Clone + Send + Sync + 'static,
        E: Shareable,
        K: AsRef<str>,
        Values: IntoIterator<Item = (K, T)>,
        F: FnMut(Vec<String>) -> Fut,
        Fut: Future<Output = Result<Values, E>>,
    {
        begin(self, keys, compute)
    }
}

pin_project! {
    /// The future of [`Cache::multi_get_or_set`] and [`Cache::multi_get_or_set_object`], `Run`. `Kept` is the form in which computed values
    /// are kept.
    #[must_use = "nothing is read or computed until it is awaited"]
    pub struct MultiGetOrSet<Run, Kept, T, E, F>
    where
        T: Send, T: Sync, T: 'static,
        E: Send, E: Sync, E: 'static,
    {
        #[pin]
        run: Run,
        options: Arc<Options<Kept, T, E, F>>,
    }
}

/// The options of a call, which its future reads when it is first polled.
struct Options<Kept, T: Send + Sync + 'static, E: Send + Sync + 'static, F> {
    spawn: OnceLock<SpawnMany<T, E, F>>,
    times_out: OnceLock<fn(Error) -> E>,
    kept: PhantomData<fn() -> Kept>,
}

/// A call of [`Cache::multi_get_or_set`] or of its sibling.
pub(super) fn begin<'a, Kept, T, E, K, Values, F, Fut>(
    cache: &'a Cache,
    keys: &'a [impl AsRef<str>],
    compute: F,
) -> MultiGetOrSet<impl Future<Output = Results<T, E>>, Kept, T, E, F>
where
    Kept: Form<T>,
    T: Clone + Send + Sync + 'static,
    E: Shareable,
    K: AsRef<str>,
    Values: IntoIterator<Item = (K, T)>,
    F: FnMut(Vec<String>) -> Fut,
    Fut: Future<Output = Result<Values, E>>,
{
    let options = Arc::new(Options { spawn: OnceLock::new(), times_out: OnceLock::new(), kept: PhantomData });
    let told = Arc::clone(&options);
    let run = async move {
        let names: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
        let times_out = |error| told.times_out.get().map(|convert| convert(error));
        let spawn = told.spawn.get().copied();
        run::<Kept, _, _, _, _, _, _>(cache, &names, Policy::default(), false, spawn, times_out, compute).await
    };
    MultiGetOrSet { run, options }
}

impl<Run, Kept, T, E, F> MultiGetOrSet<Run, Kept, T, E, F>
where
    T: Clone + Send + Sync + 'static,
    E: Shareable,
{
    /// Has a task of the tokio runtime compute what is missing, which goes on even if this call is dropped, or leaves after a
    /// [soft](crate::CacheBuilder::soft_timeout) or [hard](crate::CacheBuilder::hard_timeout) timeout; as
    /// [`GetOrSet::detached`](crate::GetOrSet::detached). Without a runtime this changes nothing.
    ///
    /// After a soft timeout each key that has a stale value is given it, and the call waits for the others. Keys that are to be
    /// [refreshed early](crate::CacheBuilder::refresh_early) are computed by one call, in a task, as far as nobody else computes them.
    ///
    /// ```
    /// use polycache::backends::memory::{ManualClock, Memory};
    /// use polycache::{Cache, Ttl};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// let clock = ManualClock::new();
    /// let memory = Memory::builder().manual_clock(&clock).build()?;
    /// let cache = Cache::builder().backend(memory).ttl(Ttl::secs(60)).grace(Duration::from_secs(3_600));
    /// let cache = cache.soft_timeout(Duration::from_millis(5)).build()?;
    /// cache.multi_set([("1", 10), ("2", 20)]).await?;
    ///
    /// clock.advance(Duration::from_secs(61)); // they are stale
    /// let never = |_| std::future::pending::<Result<Vec<(String, i32)>, String>>();
    /// assert_eq!(cache.multi_get_or_set(&["1", "2"], never).detached().await, [Ok(Some(10)), Ok(Some(20))]);
    /// # Ok(()) }
    /// ```
    pub fn detached<K, Values, Fut>(self) -> Self
    where
        Kept: Form<T>,
        K: AsRef<str> + 'static,
        Values: IntoIterator<Item = (K, T)> + 'static,
        F: FnMut(Vec<String>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<Values, E>> + Send + 'static,
    {
        // It is the same each time.
        let _ = self.options.spawn.set(spawn::<Kept, T, E, K, Values, F, Fut>);
        self
    }

    /// Gives keys whose computation takes longer than the cache's [hard timeout](crate::CacheBuilder::hard_timeout) an error of the kind
    /// [`HardTimeout`](crate::ErrorKind::HardTimeout), as [`GetOrSet::times_out`](crate::GetOrSet::times_out).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use polycache::{Cache, Error, ErrorKind};
    /// use std::time::Duration;
    ///
    /// let cache = Cache::memory().with_hard_timeout(Duration::from_millis(5));
    /// let never = |_| std::future::pending::<Result<Vec<(String, i32)>, Error>>();
    /// let found = cache.multi_get_or_set(&["a"], never).times_out().await;
    /// assert_eq!(found[0].as_ref().unwrap_err().kind(), ErrorKind::HardTimeout);
    /// # }
    /// ```
    pub fn times_out(self) -> Self
    where
        E: From<Error>,
    {
        // It is the same each time.
        let _ = self.options.times_out.set(E::from);
        self
    }
}

impl<Run, Kept, T, E, F> Future for MultiGetOrSet<Run, Kept, T, E, F>
where
    Run: Future,
    T: Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    type Output = Run::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().run.poll(context)
    }
}

impl<Run, Kept, T: Send + Sync + 'static, E: Send + Sync + 'static, F> fmt::Debug
    for MultiGetOrSet<Run, Kept, T, E, F>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MultiGetOrSet").finish_non_exhaustive()
    }
}
