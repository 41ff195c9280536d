//! A call of a cached function.

use std::fmt::{self, Write as _};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use compact_str::CompactString;

use super::failure::{Attempt, Failure, Own, Share};
use super::probe::Sharing;
use super::shape::{Cacheable, Shape};
use crate::flight::{Policy, Slow};
use crate::{Cache, Error, ErrorKind, Reply, Result, Ttl};

/// A call that has its cache and its key, and lacks the computation.
#[derive(Debug)]
#[must_use = "a call does nothing before `compute`"]
pub struct Call {
    cache: Result<Cache>,
    key: Result<CompactString>,
}

/// A call of a cached function: a future of what the function returns, from the cache or computed.
///
/// Of all the calls that miss a key at the same time, one computes, and the others share its result. Trouble with the cache is a
/// `tracing` event, and the caller gets what the function computes. As with [`Cache::get_or_set`], which this is in another dress,
/// a write to the key that starts or ends meanwhile wins over what is computed.
///
/// An error isn't stored. The callers that wait for it share it where it is `Clone`; where it isn't, the next of them computes. If the
/// caller that computes is cancelled, another takes over.
#[must_use = "nothing is read or computed until it is awaited"]
pub struct CachedCall<S: Shape, Fut> {
    cache: Result<Cache>,
    key: Result<CompactString>,
    policy: Policy<S::Value>,
    share: Option<Share<S::Error>>,
    mode: Mode,
    /// None once it computes.
    body: Option<Fut>,
    course: Course<S, Fut>,
}

/// What a call does beside computing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    ReadAndStore,
    Refresh,
    ReadOnly,
}

type Flight<S, Fut> = Slow<<S as Shape>::Value, Failure<<S as Shape>::Error>, Attempt<S, Fut>>;

/// Where a call is.
enum Course<S: Shape, Fut> {
    Fresh,
    /// It shares the computation with others.
    Shared(Pin<Box<Flight<S, Fut>>>, Own<S::Error>),
    /// It reads, and won't store.
    Reads(Reply<Option<S::Value>>),
    /// It computes for itself.
    Alone(Pin<Box<Fut>>),
}

impl Call {
    /// A call that uses this cache and this key. Where there is no cache, the function is called, and the error is a `tracing`
    /// event.
    pub fn new(cache: Result<Cache>, key: impl fmt::Display) -> Self {
        let mut text = CompactString::const_new("");
        let written = write!(text, "{key}");
        Self { cache, key: written.map(|()| text).map_err(|_| unwritable()) }
    }

    /// Makes it compute once across processes, with a lease of this life; see [`CacheBuilder::lease`](crate::CacheBuilder::lease).
    pub fn lease(mut self, lease: Duration) -> Self {
        self.cache = self.cache.and_then(|cache| cache.leased(lease));
        self
    }

    /// What the call computes where there is nothing in the cache: `body` is polled only then.
    pub fn compute<S, Fut>(self, body: Fut) -> CachedCall<S, Fut>
    where
        S: Shape,
        S::Value: Cacheable,
        Fut: Future<Output = S::Return>,
    {
        CachedCall {
            cache: self.cache,
            key: self.key,
            policy: Policy::default(),
            share: None,
            mode: Mode::ReadAndStore,
            body: Some(body),
            course: Course::Fresh,
        }
    }
}

#[cold]
pub(super) fn unwritable() -> Error {
    Error::new(ErrorKind::InvalidInput, "an argument can't be written into the key: its `Display` or `Serialize` fails")
}

impl<S: Shape, Fut> CachedCall<S, Fut> {
    /// Gives what is stored this TTL rather than that of the cache.
    pub fn ttl(mut self, ttl: impl Into<Ttl>) -> Self {
        if let Ok(cache) = &mut self.cache {
            cache.ttl = ttl.into();
        }
        self
    }

    /// Gives what is stored a TTL that depends on it.
    pub fn ttl_from(mut self, ttl: fn(&S::Value) -> Ttl) -> Self {
        self.policy.ttl = Some(ttl);
        self
    }

    /// Doesn't store a value of which this is true.
    pub fn skip_if(mut self, skip: fn(&S::Value) -> bool) -> Self {
        self.policy.skip = Some(skip);
        self
    }

    /// Lets those who wait for the computation have copies of its error.
    pub fn share_errors(self) -> Self
    where
        S::Error: Clone + Sync,
    {
        use super::probe::{Probe, Shared as _};
        self.share_errors_by(Probe::new().share())
    }

    #[doc(hidden)]
    pub fn share_errors_by(mut self, sharing: Sharing<S::Error>) -> Self {
        self.share = sharing.0;
        self
    }

    /// Computes without a look at what is there, and stores it: what is computed at the same time by others isn't stored.
    pub fn refresh(mut self) -> Self {
        self.mode = Mode::Refresh;
        self
    }

    /// Takes what is there. Otherwise computes, for itself, and doesn't store it.
    pub fn read_only(mut self) -> Self {
        self.mode = Mode::ReadOnly;
        self
    }

    /// Returns as soon as the value is computed. It is stored in a task of the tokio runtime.
    pub fn write_behind(mut self) -> Self {
        self.policy.behind = true;
        self
    }

    /// Deletes what is stored for these arguments; whether anything was. What is being computed isn't stored.
    ///
    /// # Errors
    /// Those of [`Cache::delete`], and the reason why there is no cache.
    pub fn invalidate(self) -> Reply<bool> {
        match (self.cache, self.key) {
            (Ok(cache), Ok(key)) => cache.delete(&key),
            (Err(error), _) | (_, Err(error)) => Reply::error(error),
        }
    }

    /// The key of these arguments, within the cache's namespace.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) where serde can't encode an argument.
    pub fn key(&self) -> Result<&str> {
        self.key.as_deref().map_err(Clone::clone)
    }

    /// The function's cache, with the TTL of this call.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) where its alias or its settings are wrong.
    pub fn cache(&self) -> Result<&Cache> {
        self.cache.as_ref().map_err(Clone::clone)
    }
}

/// The body isn't polled before it is in a box.
impl<S: Shape, Fut> Unpin for CachedCall<S, Fut> {}

impl<S, Fut> Future for CachedCall<S, Fut>
where
    S: Shape,
    S::Value: Cacheable,
    Fut: Future<Output = S::Return>,
{
    type Output = S::Return;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<S::Return> {
        if matches!(self.course, Course::Fresh) {
            match self.start() {
                Ok(value) => return Poll::Ready(S::join(Ok(value))),
                Err(course) => self.course = course,
            }
        }
        self.poll_course(context)
    }
}

impl<S, Fut> CachedCall<S, Fut>
where
    S: Shape,
    S::Value: Cacheable,
    Fut: Future<Output = S::Return>,
{
    /// The function as it was written: the cache isn't touched. Where the call computes already, it goes on.
    pub async fn uncached(self) -> S::Return {
        match self.body {
            Some(body) => body.await,
            None => self.await,
        }
    }

    /// The value that is there at once, or how to go on.
    #[inline]
    fn start(&mut self) -> Result<S::Value, Course<S, Fut>> {
        let (cache, key) = match (&self.cache, &self.key) {
            (Ok(cache), Ok(key)) => (cache, key),
            (Err(error), _) | (_, Err(error)) => {
                tracing::warn!(%error, "a cached function runs without its cache");
                return Err(Course::alone(&mut self.body));
            }
        };
        match self.mode {
            Mode::Refresh => Err(Course::Shared(Slow::anew(cache, key, self.policy), Own::default())),
            Mode::ReadAndStore => match cache.get(key).now() {
                Ok(Ok(Some(value))) => Ok(value),
                asked => Err(Course::Shared(Slow::start(asked, self.policy), Own::default())),
            },
            Mode::ReadOnly => match cache.get(key).now() {
                Ok(Ok(Some(value))) => Ok(value),
                asked => Err(Course::Reads(asked.map_or_else(|reply| reply, Reply::from))),
            },
        }
    }

    #[inline(never)]
    fn poll_course(&mut self, context: &mut Context<'_>) -> Poll<S::Return> {
        loop {
            match (&mut self.course, &self.cache, &self.key) {
                (Course::Shared(slow, own), Ok(cache), Ok(key)) => {
                    let (body, share) = (&mut self.body, self.share);
                    let compute = || Some(Attempt::new(body.take()?, share, Arc::clone(own)));
                    let failure = match ready!(slow.as_mut().poll(cache, key, compute, context)) {
                        Ok(value) => return Poll::Ready(S::join(Ok(value))),
                        Err(failure) => failure,
                    };
                    let own = own.lock().take();
                    if let Some(error) = own.or_else(|| failure.copy()) {
                        return Poll::Ready(S::join(Err(error)));
                    }
                    // Another call failed, and has the only copy of its error.
                    match self.start() {
                        Ok(value) => return Poll::Ready(S::join(Ok(value))),
                        Err(course) => self.course = course,
                    }
                }
                (Course::Reads(reply), ..) => match ready!(Pin::new(reply).poll(context)) {
                    Ok(Some(value)) => return Poll::Ready(S::join(Ok(value))),
                    result => {
                        if let Err(error) = result {
                            tracing::warn!(%error, "a failed read counts as a miss: the value is computed");
                        }
                        self.course = Course::alone(&mut self.body);
                    }
                },
                (Course::Alone(body), ..) => return body.as_mut().poll(context),
                // Only where it is polled after its end.
                _ => return Poll::Pending,
            }
        }
    }
}

impl<S: Shape, Fut> Course<S, Fut> {
    fn alone(body: &mut Option<Fut>) -> Self {
        body.take().map_or(Self::Fresh, |body| Self::Alone(Box::pin(body)))
    }
}

impl<S: Shape, Fut> fmt::Debug for CachedCall<S, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedCall").field("key", &self.key).field("mode", &self.mode).finish_non_exhaustive()
    }
}
