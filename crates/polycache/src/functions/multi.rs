//! A call of a cached function about many keys.

use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;

use super::cached::{Cached, Mode, Work};
use super::failure::{Attempt, Failure, Own, Share};
use super::names::Names;
use super::shape::Shape;
use super::source::CacheSource;
use super::tags::{CallTags, TagsOfOne};
use crate::cache::{Form, Keep};
use crate::flight::{Policy, SpawnMany, run_multi, spawn_multi};
use crate::repeated::tell_repeated;
use crate::{Cache, Reply, Result};

/// Pairs of keys and values, as a function about many keys returns them: a map, or a list of pairs.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no collection of pairs of a key and a value",
    note = "a function about many keys returns a `HashMap<K, V>`, a `BTreeMap<K, V>` or a `Vec<(K, V)>`, or one of them in a `Result`"
)]
pub trait Pairs:
    IntoIterator<Item = (Self::Key, Self::Value)> + FromIterator<(Self::Key, Self::Value)> + 'static
{
    /// The key that the function gets.
    type Key: Clone + Eq + Hash + Send + Sync + 'static;
    /// The cached value.
    type Value: Clone + Send + Sync + 'static;
}

#[diagnostic::do_not_recommend]
impl<C, K, V> Pairs for C
where
    C: IntoIterator<Item = (K, V)> + FromIterator<(K, V)> + 'static,
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    type Key = K;
    type Value = V;
}

/// The function's body, for the keys to compute.
type Body<'call, K, R> = Box<dyn FnMut(Vec<K>) -> Computation<'call, R> + Send + 'call>;
type Computation<'call, R> = Pin<Box<dyn Future<Output = R> + Send + 'call>>;

/// A call about many keys that lacks the computation.
#[derive(Debug)]
#[must_use = "a call does nothing before `compute`"]
pub struct Keyed<K, C = Cache> {
    cache: C,
    keys: Vec<K>,
    names: Result<Names<K>>,
}

/// A call of a cached function about many keys: a future of the function's result. The cache has some of the values, and the function
/// computes the rest in one call.
///
/// Each key is computed once for all who ask for it, alone or among others. The function may be called again, for keys that other callers
/// have given up.
pub type MultiCall<'call, S, C = Cache> = Cached<Many<'call, S>, C>;

/// A call about many keys: the keys, and the way to compute their values.
pub struct Many<'call, S: Shape>
where
    S::Value: Pairs,
{
    keys: Vec<Key<S>>,
    pub(super) names: Result<Names<Key<S>>>,
    /// `None` once it is on its way.
    body: Option<Body<'call, Key<S>, S::Return>>,
    running: Option<Computation<'call, S::Return>>,
    run: Run<'call, S>,
    pub(super) tags: CallTags,
    pub(super) tags_of: Option<TagsOfOne<Key<S>, Value<S>>>,
}

/// The way of a call, with `true` if it computes whatever is stored.
type Run<'call, S> = fn(Running<'call, S>, bool) -> Computation<'call, <S as Shape>::Return>;

type Key<S> = <<S as Shape>::Value as Pairs>::Key;
type Value<S> = <<S as Shape>::Value as Pairs>::Value;

impl<K: Clone + Eq + Hash + Send + Sync + 'static, C: CacheSource> Keyed<K, C> {
    /// A call about these keys. `name` writes a key's name in the cache. If two keys get the same name, the function runs without the
    /// cache, and a `tracing` event tells it.
    pub fn new(cache: C, keys: Vec<K>, name: impl Fn(&K, &mut fmt::Formatter<'_>) -> fmt::Result) -> Self {
        let names = Names::new(&keys, name);
        Self { cache, keys, names }
    }

    /// The computation for the keys that aren't in the cache.
    pub fn compute<'call, S>(
        self,
        body: impl FnMut(Vec<K>) -> Computation<'call, S::Return> + Send + 'call,
    ) -> MultiCall<'call, S, C>
    where
        S: Shape<Form: Form<Value<S>>, Return: Send>,
        S::Value: Pairs<Key = K>,
    {
        self.call(Box::new(body), |call, anew| Box::pin(call.run(anew, None)))
    }

    /// As [`compute`](Self::compute); once begun, the computation goes on in a task of the tokio runtime even if its caller leaves, as by
    /// [`MultiGetOrSet::detached`](crate::MultiGetOrSet::detached).
    pub fn compute_detached<S>(
        self,
        body: impl FnMut(Vec<K>) -> Computation<'static, S::Return> + Send + 'static,
    ) -> MultiCall<'static, S, C>
    where
        S: Shape<Form: Form<Value<S>>, Return: Send>,
        S::Value: Pairs<Key = K>,
    {
        self.call(Box::new(body), |call, anew| Box::pin(call.run(anew, Some(spawn_multi::<S::Form, _, _, _, _, _, _>))))
    }

    fn call<'call, S>(self, body: Body<'call, K, S::Return>, run: Run<'call, S>) -> MultiCall<'call, S, C>
    where
        S: Shape,
        S::Value: Pairs<Key = K>,
    {
        let Self { cache, keys, names } = self;
        let (tags, tags_of) = (CallTags::default(), None);
        Cached::new(cache, Many { keys, names, body: Some(body), running: None, run, tags, tags_of })
    }
}

impl<S: Shape> Work for Many<'_, S>
where
    S::Value: Pairs,
{
    type Value = Value<S>;
    type Error = S::Error;
}

impl<'call, S, C> MultiCall<'call, S, C>
where
    S: Shape,
    S::Value: Pairs,
    C: CacheSource,
{
    /// The function as it was written: the cache isn't touched. If the call is on its way already, it goes on.
    pub fn uncached(self) -> impl Future<Output = S::Return> + Send + 'call {
        match (self.work.body, self.work.running) {
            (Some(mut body), _) => body(self.work.keys),
            (None, Some(running)) => running,
            (None, None) => Box::pin(std::future::pending()),
        }
    }

    /// Deletes the values stored for these keys. Returns how many there were. Values that are being computed aren't stored.
    ///
    /// # Errors
    /// Those of [`Cache::multi_delete`], and the reason why there is no cache.
    pub fn invalidate(self) -> Reply<u64> {
        self.cache().and_then(|cache| Ok(cache.multi_delete(self.keys()?))).unwrap_or_else(Reply::error)
    }

    /// The names of the keys within the cache's namespace; each once.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if serde can't encode an argument, or two keys have the same name.
    pub fn keys(&self) -> Result<&[String]> {
        self.work.names.as_ref().map(|names| &*names.names).map_err(Clone::clone)
    }
}

impl<S, C> Future for MultiCall<'_, S, C>
where
    S: Shape<Form: Form<Value<S>>>,
    S::Value: Pairs,
    C: CacheSource,
    S::Return: Send,
{
    type Output = S::Return;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<S::Return> {
        if let Some(mut body) = self.work.body.take() {
            let cache = self.cache().map(|cache| self.work.tagged(&cache));
            let keys = std::mem::take(&mut self.work.keys);
            let names = std::mem::replace(&mut self.work.names, Ok(Names::default()));
            let begun = cache.and_then(|cache| Ok((cache, names?)));
            self.work.running = Some(match begun {
                Ok((cache, names)) => {
                    let names = Arc::new(names);
                    let work = Running::<S> { cache, names, body, policy: self.policy(), share: self.share };
                    match self.mode {
                        Mode::ReadAndStore => (self.work.run)(work, false),
                        Mode::Refresh => (self.work.run)(work, true),
                        Mode::ReadOnly => Box::pin(work.read_only()),
                    }
                }
                Err(error) => {
                    let cause = (std::any::type_name::<Self>(), error.kind());
                    tell_repeated!(WARN, cause, %error, "a cached function runs without its cache");
                    body(keys)
                }
            });
        }
        match &mut self.work.running {
            Some(running) => running.as_mut().poll(context),
            None => Poll::Pending,
        }
    }
}

/// The computation for the core, by names.
type Compute<'call, S> = Box<dyn FnMut(Vec<String>) -> Computed<'call, S> + Send + 'call>;
type Computed<'call, S> = Computation<'call, Result<Vec<(String, Value<S>)>, Failure<<S as Shape>::Error>>>;

/// The way to give the rest of a call to a task.
type Spawn<'call, S> = SpawnMany<Value<S>, Failure<<S as Shape>::Error>, Compute<'call, S>>;

/// A call on its way.
struct Running<'call, S: Shape>
where
    S::Value: Pairs,
{
    cache: Cache,
    names: Arc<Names<Key<S>>>,
    body: Body<'call, Key<S>, S::Return>,
    policy: Policy<Value<S>>,
    share: Option<Share<S::Error>>,
}

impl<'call, S> Running<'call, S>
where
    S: Shape<Form: Form<Value<S>>>,
    S::Value: Pairs,
{
    async fn run(self, mut anew: bool, spawn: Option<Spawn<'call, S>>) -> S::Return {
        let Self { cache, names, body, policy, share } = self;
        let texts: Vec<&str> = names.names.iter().map(String::as_str).collect();
        let (own, body) = (Own::default(), Arc::new(Mutex::new(body)));
        let times_out = |error| Failure::of_cache(error, share);
        loop {
            let (asked, body, failed) = (Arc::clone(&names), Arc::clone(&body), Arc::clone(&own));
            let compute: Compute<'call, S> = Box::new(move |missing: Vec<String>| {
                // Nobody else calls it now.
                let computing = (body.lock())(asked.keys_of(&missing));
                let attempt = Attempt::<S, _>::new(computing, share, Arc::clone(&failed));
                let asked = Arc::clone(&asked);
                Box::pin(async move { Ok(asked.named(attempt.await?)) })
            });
            let run = run_multi::<S::Form, _, _, _, _, _, _>(&cache, &texts, policy, anew, spawn, times_out, compute);
            let failure = match run.await.into_iter().collect::<Result<Vec<_>, Failure<_>>>() {
                Ok(values) => return S::join(Ok(Arc::unwrap_or_clone(names).pairs(values))),
                Err(failure) => failure,
            };
            if let Some(error) = failure.error(&own) {
                return S::join(Err(error));
            }
            anew = false;
        }
    }

    async fn read_only(self) -> S::Return {
        let Self { cache, names, mut body, .. } = self;
        let mut values = <S::Form as Keep<Value<S>>>::multi_get(&cache, &names.names).await.unwrap_or_else(|error| {
            let cause = (std::any::type_name::<Self>(), error.kind());
            tell_repeated!(WARN, cause, %error, "a failed read counts as a miss: the values are computed");
            names.names.iter().map(|_| None).collect()
        });
        let missing = names.keys.iter().zip(&values).filter(|(_, value)| value.is_none());
        let missing: Vec<Key<S>> = missing.map(|(key, _)| key.clone()).collect();
        if !missing.is_empty() {
            match S::split(body(missing).await) {
                Ok(computed) => {
                    for (key, value) in computed {
                        if let Some(place) = names.places.get(&key) {
                            values[*place] = Some(value);
                        }
                    }
                }
                Err(error) => return S::join(Err(error)),
            }
        }
        S::join(Ok(Arc::unwrap_or_clone(names).pairs(values)))
    }
}

impl<S: Shape> fmt::Debug for Many<'_, S>
where
    S::Value: Pairs,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.names.as_ref().map(|names| &names.names);
        f.debug_struct("Many").field("keys", &names).finish_non_exhaustive()
    }
}
