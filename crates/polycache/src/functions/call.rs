//! A call about one key.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use compact_str::CompactString;

use super::cached::{Cached, Mode, Work};
use super::failure::{Attempt, Failure, Own};
use super::key_text::key_text;
use super::shape::Shape;
use super::source::CacheSource;
use super::tags::CallTags;
use crate::cache::{Form, Keep};
use crate::flight::{AgedRead, Asked, Call, CallOptions, Detached, Slow};
use crate::repeated::tell_repeated;
use crate::{Cache, Reply, Result};

/// A call with its cache and its key, which lacks the computation.
#[derive(Debug)]
#[must_use = "a call does nothing before `compute`"]
pub struct CallBuilder<C = Cache> {
    cache: C,
    key: Result<CompactString>,
}

/// A call of a cached function: a future of the function's result, from the cache or computed. Of all the calls that miss a key at the
/// same time, one computes, and the others share its result.
pub type CachedCall<S, Fut, C = Cache, O = ()> = Cached<One<S, Fut, O>, C>;

/// A call about one key: the key, and the way to compute its value. `O` has options, as of [`GetOrSet`](crate::GetOrSet).
pub struct One<S: Shape, Fut, O = ()> {
    key: Result<CompactString>,
    /// `None` once it computes.
    body: Option<Fut>,
    /// The state that a hit without tags doesn't need, in a box, so that a hit doesn't move it.
    pub(super) way: Option<Box<Way<S, Fut>>>,
    options: PhantomData<O>,
}

type Error<S> = Failure<<S as Shape>::Error>;
type Flight<S, Fut> = Slow<<S as Shape>::Value, Error<S>, Attempt<S, Fut>>;

/// The way of a call that has tags, or no hit.
pub(super) struct Way<S: Shape, Fut> {
    pub(super) tags: Option<CallTags>,
    course: Course<S, Fut>,
}

impl<S: Shape, Fut> Default for Way<S, Fut> {
    fn default() -> Self {
        Self { tags: None, course: Course::Begins }
    }
}

/// How far it has come.
enum Course<S: Shape, Fut> {
    Begins,
    /// It has read how old the value is.
    Ages(AgedRead<S::Value>, Cache),
    /// It shares the computation with others.
    Shared(Flight<S, Fut>, Own<S::Error>, Cache),
    /// It reads, and won't store.
    Reads(Reply<Option<S::Value>>),
    /// It computes for itself.
    Alone(Pin<Box<Fut>>),
}

impl<C: CacheSource> CallBuilder<C> {
    /// A call that uses this cache and this key.
    #[inline]
    pub fn new(cache: C, key: impl fmt::Display) -> Self {
        Self { cache, key: key_text(key) }
    }

    /// Makes it compute once across processes, with a lease of this life; see [`CacheBuilder::lease`](crate::CacheBuilder::lease).
    pub fn lease(self, lease: Duration) -> CallBuilder<Result<Cache>> {
        CallBuilder { cache: self.cache.with(Cache::clone).and_then(|cache| cache.with_lease(lease)), key: self.key }
    }

    /// Sets the computation for a miss: `body` is polled only then.
    pub fn compute<S, Fut>(self, body: Fut) -> CachedCall<S, Fut, C>
    where
        S: Shape<Form: Form<S::Value>, Value: Clone>,
        Fut: Future<Output = S::Return>,
    {
        Cached::new(self.cache, One { key: self.key, body: Some(body), way: None, options: PhantomData })
    }

    /// As [`compute`](Self::compute); once begun, the computation goes on in a task of the tokio runtime even if its caller leaves, as by
    /// [`GetOrSet::detached`](crate::GetOrSet::detached).
    pub fn compute_detached<S, Fut>(self, body: Fut) -> CachedCall<S, Fut, C, Detached>
    where
        S: Shape<Form: Form<S::Value>, Value: Clone>,
        Fut: Future<Output = S::Return> + Send + 'static,
    {
        Cached::new(self.cache, One { key: self.key, body: Some(body), way: None, options: PhantomData })
    }
}

impl<S: Shape, Fut, O> Work for One<S, Fut, O> {
    type Value = S::Value;
    type Error = S::Error;
}

impl<S: Shape, Fut, C: CacheSource, O> CachedCall<S, Fut, C, O> {
    /// Deletes the value stored for these arguments. Returns whether there was one. A value that is being computed isn't stored.
    ///
    /// # Errors
    /// Those of [`Cache::delete`], and the reason why there is no cache.
    pub fn invalidate(self) -> Reply<bool> {
        self.cache().and_then(|cache| Ok(cache.delete(self.key()?))).unwrap_or_else(Reply::error)
    }

    /// The key of these arguments, within the cache's namespace.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if serde can't encode an argument.
    pub fn key(&self) -> Result<&str> {
        self.work.key.as_deref().map_err(Clone::clone)
    }
}

impl<S, Fut, C, O> Future for CachedCall<S, Fut, C, O>
where
    S: Shape<Form: Form<S::Value>, Value: Clone>,
    Fut: Future<Output = S::Return>,
    C: CacheSource,
    O: CallOptions<S::Value, Error<S>, Attempt<S, Fut>, S::Form>,
{
    type Output = S::Return;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<S::Return> {
        if self.work.way.is_none()
            && let Some(value) = self.start(None)
        {
            return Poll::Ready(S::join(Ok(value)));
        }
        self.poll_course(context)
    }
}

impl<S, Fut, C, O> CachedCall<S, Fut, C, O>
where
    S: Shape<Form: Form<S::Value>, Value: Clone>,
    Fut: Future<Output = S::Return>,
    C: CacheSource,
    O: CallOptions<S::Value, Error<S>, Attempt<S, Fut>, S::Form>,
{
    /// The function as it was written: the cache isn't touched. If the call computes already, it goes on.
    pub async fn uncached(self) -> S::Return {
        match self.work.body {
            Some(body) => body.await,
            None => self.await,
        }
    }

    /// The value of a hit. Otherwise the rest of the way is put into the call.
    // Inlined: otherwise a hit passes its value through memory.
    #[inline(always)]
    fn start(&mut self, tags: Option<CallTags>) -> Option<S::Value> {
        let begun = self.key().and_then(|key| {
            self.cache.with(|cache| {
                // On a server, who names the tags reads entry and generations together.
                let told = tags.as_ref().filter(|_| !cache.keeps_clears()).map(|tags| tags.on(cache));
                let cache = told.as_ref().unwrap_or(cache);
                match self.mode {
                    Mode::Refresh => Err(self.refreshes(cache, key, tags.as_ref())),
                    Mode::ReadAndStore if O::SPAWN.is_some() && cache.asks_age() => {
                        match S::Form::aged(cache, key).now() {
                            Ok(Ok(Some((value, age)))) if age.is_calm() => Ok(value),
                            read => Err(Course::Ages(read, self.tagged(cache, tags.as_ref()))),
                        }
                    }
                    Mode::ReadAndStore | Mode::ReadOnly => match S::Form::get(cache, key).now() {
                        Ok(Ok(Some(value))) => Ok(value),
                        asked => Err(self.missed(cache, asked, tags.as_ref())),
                    },
                }
            })
        });
        match begun {
            Ok(Ok(value)) => Some(value),
            Ok(Err(course)) => {
                self.work.way = Some(Box::new(Way { tags, course }));
                None
            }
            Err(error) => {
                let cause = (std::any::type_name::<Self>(), error.kind());
                tell_repeated!(WARN, cause, %error, "a cached function runs without its cache");
                self.work.goes_alone();
                None
            }
        }
    }

    /// The cache with the TTL and the tags of this call.
    fn tagged(&self, cache: &Cache, tags: Option<&CallTags>) -> Cache {
        let cache = self.told(cache);
        match tags {
            Some(tags) => tags.on(&cache),
            None => cache,
        }
    }

    #[cold]
    fn refreshes(&self, cache: &Cache, key: &str, tags: Option<&CallTags>) -> Course<S, Fut> {
        let cache = self.tagged(cache, tags);
        Course::Shared(Slow::anew::<S::Form>(&cache, key), Own::default(), cache)
    }

    #[cold]
    fn missed(&self, cache: &Cache, asked: Asked<S::Value>, tags: Option<&CallTags>) -> Course<S, Fut> {
        match self.mode {
            Mode::ReadOnly => Course::Reads(asked.map_or_else(|reply| reply, Reply::from)),
            _ => Course::Shared(Slow::start(cache, asked), Own::default(), self.tagged(cache, tags)),
        }
    }

    #[inline(never)]
    fn poll_course(&mut self, context: &mut Context<'_>) -> Poll<S::Return> {
        let (mut policy, share) = (self.policy(), self.share);
        policy.behind |= O::BEHIND;
        let times_out = &|error| Failure::of_cache(error, share);
        loop {
            let One { key, body, way, .. } = &mut self.work;
            let tags = match (way.as_deref_mut(), key) {
                (Some(Way { course: Course::Begins, tags }), _) => tags.take(),
                (Some(Way { course: course @ Course::Ages(..), tags }), Ok(key)) => {
                    let Course::Ages(read, cache) = std::mem::replace(course, Course::Begins) else { continue };
                    let own = Own::default();
                    let mut compute = || Some(Attempt::new(body.take()?, share, Arc::clone(&own)));
                    let call = Call { cache: &cache, key, policy, spawn: O::SPAWN, times_out };
                    let mut slow = None;
                    let begun = Slow::begin_aged::<S::Form>(&mut slow, read, &call, &mut compute, context);
                    if let Some(slow) = slow {
                        *course = Course::Shared(slow, own, cache);
                        return Poll::Pending;
                    }
                    let failure = match ready!(begun) {
                        Ok(value) => return Poll::Ready(S::join(Ok(value))),
                        Err(failure) => failure,
                    };
                    if let Some(error) = failure.error(&own) {
                        return Poll::Ready(S::join(Err(error)));
                    }
                    tags.take()
                }
                (Some(Way { course: Course::Shared(slow, own, cache), tags }), Ok(key)) => {
                    let mut compute = || Some(Attempt::new(body.take()?, share, Arc::clone(own)));
                    let call = Call { cache, key, policy, spawn: O::SPAWN, times_out };
                    let failure = match ready!(slow.poll::<S::Form>(&call, &mut compute, context)) {
                        Ok(value) => return Poll::Ready(S::join(Ok(value))),
                        Err(failure) => failure,
                    };
                    if let Some(error) = failure.error(own) {
                        return Poll::Ready(S::join(Err(error)));
                    }
                    tags.take()
                }
                (Some(Way { course: Course::Reads(reply), .. }), _) => match ready!(Pin::new(reply).poll(context)) {
                    Ok(Some(value)) => return Poll::Ready(S::join(Ok(value))),
                    result => {
                        if let Err(error) = result {
                            let cause = (std::any::type_name::<Self>(), error.kind());
                            tell_repeated!(WARN, cause, %error, "a failed read counts as a miss: the value is computed");
                        }
                        self.work.goes_alone();
                        continue;
                    }
                },
                (Some(Way { course: Course::Alone(body), .. }), _) => return body.as_mut().poll(context),
                // It was polled after its end.
                _ => return Poll::Pending,
            };
            if let Some(value) = self.start(tags) {
                return Poll::Ready(S::join(Ok(value)));
            }
        }
    }
}

impl<S: Shape, Fut, O> One<S, Fut, O> {
    fn goes_alone(&mut self) {
        let alone = |body| Box::new(Way { tags: None, course: Course::Alone(Box::pin(body)) });
        self.way = self.body.take().map(alone);
    }
}

impl<S: Shape, Fut, O> fmt::Debug for One<S, Fut, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("One").field("key", &self.key).finish_non_exhaustive()
    }
}
