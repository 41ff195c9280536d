//! A call of a cached function about many keys.

use std::collections::{HashMap, HashSet};
use std::fmt::{self, Write as _};
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::call::{Mode, unwritable};
use super::failure::{Attempt, Failure, Own, Share};
use super::probe::Sharing;
use super::shape::{Cacheable, Shape};
use crate::flight::{Policy, run_multi};
use crate::{Cache, Error, ErrorKind, Reply, Result, Ttl};

/// Pairs of keys and values, as a function about many keys returns them: a map, or a list of pairs.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no collection of pairs of a key and a value",
    note = "a function about many keys returns a `HashMap<K, V>`, a `BTreeMap<K, V>` or a `Vec<(K, V)>`, or one of them in a `Result`"
)]
pub trait Pairs:
    IntoIterator<Item = (Self::Key, Self::Value)> + FromIterator<(Self::Key, Self::Value)> + 'static
{
    /// What is asked for.
    type Key: Clone + Eq + Hash + Send + Sync + 'static;
    /// What is cached.
    type Value: Cacheable;
}

impl<C, K, V> Pairs for C
where
    C: IntoIterator<Item = (K, V)> + FromIterator<(K, V)> + 'static,
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Cacheable,
{
    type Key = K;
    type Value = V;
}

/// The function's body, for the keys that are to be computed.
type Body<'call, K, R> = Box<dyn FnMut(Vec<K>) -> Computation<'call, R> + Send + 'call>;
type Computation<'call, R> = Pin<Box<dyn Future<Output = R> + Send + 'call>>;

/// A call about many keys that lacks the computation.
#[derive(Debug)]
#[must_use = "a call does nothing before `compute`"]
pub struct Keyed<K> {
    cache: Result<Cache>,
    keys: Vec<K>,
    names: Result<Names<K>>,
}

/// The keys, each once, and what each is called in the cache.
#[derive(Debug)]
struct Names<K> {
    keys: Vec<K>,
    names: Vec<String>,
    places: HashMap<K, usize>,
}

/// A call of a cached function about many keys: a future of what the function returns, of which the cache has some, and the function
/// computes the rest in one go.
///
/// Each key is computed once for all who ask for it, alone or among others. The function may be called again, for keys that other
/// callers have given up. Otherwise all is as with [`CachedCall`](super::CachedCall).
#[must_use = "nothing is read or computed until it is awaited"]
pub struct MultiCall<'call, S: Shape>
where
    S::Value: Pairs,
{
    cache: Result<Cache>,
    keys: Vec<Key<S>>,
    names: Result<Names<Key<S>>>,
    body: Option<Body<'call, Key<S>, S::Return>>,
    policy: Policy<Value<S>>,
    share: Option<Share<S::Error>>,
    mode: Mode,
    running: Option<Computation<'call, S::Return>>,
}

type Key<S> = <<S as Shape>::Value as Pairs>::Key;
type Value<S> = <<S as Shape>::Value as Pairs>::Value;

impl<K: Clone + Eq + Hash> Keyed<K> {
    /// A call about these keys. `name` writes what a key is called in the cache. Where it calls two of them the same, the function runs
    /// without the cache, and that is a `tracing` event.
    pub fn new(cache: Result<Cache>, keys: Vec<K>, name: impl Fn(&K, &mut fmt::Formatter<'_>) -> fmt::Result) -> Self {
        let names = Names::new(&keys, name);
        Self { cache, keys, names }
    }

    /// What the call computes of the keys that aren't in the cache.
    pub fn compute<'call, S>(
        self,
        body: impl FnMut(Vec<K>) -> Computation<'call, S::Return> + Send + 'call,
    ) -> MultiCall<'call, S>
    where
        S: Shape,
        S::Value: Pairs<Key = K>,
    {
        MultiCall {
            cache: self.cache,
            keys: self.keys,
            names: self.names,
            body: Some(Box::new(body)),
            policy: Policy::default(),
            share: None,
            mode: Mode::ReadAndStore,
            running: None,
        }
    }
}

impl<K: Clone + Eq + Hash> Names<K> {
    fn new(keys: &[K], name: impl Fn(&K, &mut fmt::Formatter<'_>) -> fmt::Result) -> Result<Self> {
        let mut all = Self::default();
        for key in keys {
            if all.places.contains_key(key) {
                continue;
            }
            let mut text = String::new();
            write!(text, "{}", Named(key, &name)).map_err(|_| unwritable())?;
            all.places.insert(key.clone(), all.keys.len());
            all.keys.push(key.clone());
            all.names.push(text);
        }
        // A value would be given for another key.
        if all.names.iter().collect::<HashSet<_>>().len() < all.names.len() {
            return Err(Error::new(ErrorKind::InvalidInput, "two of the keys are called the same in the cache"));
        }
        Ok(all)
    }

    /// The keys of these names.
    fn keys_of(&self, names: &[String]) -> Vec<K> {
        let places: HashMap<&str, usize> = self.names.iter().map(String::as_str).zip(0..).collect();
        names.iter().filter_map(|name| Some(self.keys[*places.get(&**name)?].clone())).collect()
    }

    /// Those values whose keys were asked for, by name.
    fn named<V>(&self, pairs: impl IntoIterator<Item = (K, V)>) -> Vec<(String, V)> {
        pairs
            .into_iter()
            .filter_map(|(key, value)| Some((self.names[*self.places.get(&key)?].clone(), value)))
            .collect()
    }

    /// The keys that have a value, with it.
    fn pairs<V, C: FromIterator<(K, V)>>(self, values: Vec<Option<V>>) -> C {
        self.keys.into_iter().zip(values).filter_map(|(key, value)| Some((key, value?))).collect()
    }
}

impl<K> Default for Names<K> {
    fn default() -> Self {
        Self { keys: Vec::new(), names: Vec::new(), places: HashMap::new() }
    }
}

/// A key, written as its name.
struct Named<'a, K, F>(&'a K, &'a F);

impl<K, F: Fn(&K, &mut fmt::Formatter<'_>) -> fmt::Result> fmt::Display for Named<'_, K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.1(self.0, f)
    }
}

impl<'call, S> MultiCall<'call, S>
where
    S: Shape,
    S::Value: Pairs,
{
    /// Gives what is stored this TTL rather than that of the cache.
    pub fn ttl(mut self, ttl: impl Into<Ttl>) -> Self {
        self.cache = self.cache.map(|cache| cache.with_ttl(ttl));
        self
    }

    /// Gives each value a TTL that depends on it.
    pub fn ttl_from(mut self, ttl: fn(&Value<S>) -> Ttl) -> Self {
        self.policy.ttl = Some(ttl);
        self
    }

    /// Doesn't store a value of which this is true.
    pub fn skip_if(mut self, skip: fn(&Value<S>) -> bool) -> Self {
        self.policy.skip = Some(skip);
        self
    }

    #[doc(hidden)]
    pub fn share_errors_by(mut self, sharing: Sharing<S::Error>) -> Self {
        self.share = sharing.0;
        self
    }

    /// Computes all without a look at what is there, and stores it: what is computed at the same time by others isn't stored.
    pub fn refresh(mut self) -> Self {
        self.mode = Mode::Refresh;
        self
    }

    /// Takes what is there. Computes the rest for itself, and doesn't store it.
    pub fn read_only(mut self) -> Self {
        self.mode = Mode::ReadOnly;
        self
    }

    /// Returns as soon as the values are computed. They are stored in tasks of the tokio runtime.
    pub fn write_behind(mut self) -> Self {
        self.policy.behind = true;
        self
    }

    /// The function as it was written: the cache isn't touched. Where the call is on its way already, it goes on.
    pub fn uncached(self) -> impl Future<Output = S::Return> + Send + 'call {
        match (self.body, self.running) {
            (Some(mut body), _) => body(self.keys),
            (None, Some(running)) => running,
            (None, None) => Box::pin(std::future::pending()),
        }
    }

    /// Deletes what is stored for these keys; how many were. What is being computed isn't stored.
    ///
    /// # Errors
    /// Those of [`Cache::multi_delete`], and the reason why there is no cache.
    pub fn invalidate(self) -> Reply<u64> {
        match (self.cache, self.names) {
            (Ok(cache), Ok(names)) => cache.multi_delete(&names.names),
            (Err(error), _) | (_, Err(error)) => Reply::error(error),
        }
    }

    /// What the keys are called within the cache's namespace; each once.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) where serde can't encode an argument, or two keys are called the same.
    pub fn keys(&self) -> Result<&[String]> {
        self.names.as_ref().map(|names| &*names.names).map_err(Clone::clone)
    }

    /// The function's cache, with the TTL of this call.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) where its alias or its settings are wrong.
    pub fn cache(&self) -> Result<&Cache> {
        self.cache.as_ref().map_err(Clone::clone)
    }
}

/// Nothing in it is pinned outside of a box.
impl<S: Shape> Unpin for MultiCall<'_, S> where S::Value: Pairs {}

impl<S> Future for MultiCall<'_, S>
where
    S: Shape,
    S::Value: Pairs,
    S::Return: Send,
{
    type Output = S::Return;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<S::Return> {
        if let Some(mut body) = self.body.take() {
            let keys = std::mem::take(&mut self.keys);
            let names = std::mem::replace(&mut self.names, Ok(Names::default()));
            self.running = Some(match (self.cache.clone(), names) {
                (Ok(cache), Ok(names)) => {
                    let work = Work::<S> { cache, names, body, policy: self.policy, share: self.share };
                    match self.mode {
                        Mode::ReadAndStore => Box::pin(work.run(false)),
                        Mode::Refresh => Box::pin(work.run(true)),
                        Mode::ReadOnly => Box::pin(work.read_only()),
                    }
                }
                (Err(error), _) | (_, Err(error)) => {
                    tracing::warn!(%error, "a cached function runs without its cache");
                    body(keys)
                }
            });
        }
        match &mut self.running {
            Some(running) => running.as_mut().poll(context),
            None => Poll::Pending,
        }
    }
}

/// A call on its way.
struct Work<'call, S: Shape>
where
    S::Value: Pairs,
{
    cache: Cache,
    names: Names<Key<S>>,
    body: Body<'call, Key<S>, S::Return>,
    policy: Policy<Value<S>>,
    share: Option<Share<S::Error>>,
}

impl<S> Work<'_, S>
where
    S: Shape,
    S::Value: Pairs,
{
    async fn run(self, mut anew: bool) -> S::Return {
        let Self { cache, names, mut body, policy, share } = self;
        let texts: Vec<&str> = names.names.iter().map(String::as_str).collect();
        let own = Own::default();
        loop {
            let compute = |missing: Vec<String>| {
                let attempt = Attempt::<S, _>::new(body(names.keys_of(&missing)), share, Arc::clone(&own));
                let names = &names;
                async move { Ok(names.named(attempt.await?)) }
            };
            let results = run_multi(&cache, &texts, policy, anew, compute).await;
            let failure = match results.into_iter().collect::<Result<Vec<_>, Failure<_>>>() {
                Ok(values) => return S::join(Ok(names.pairs(values))),
                Err(failure) => failure,
            };
            let own = own.lock().take();
            if let Some(error) = own.or_else(|| failure.copy()) {
                return S::join(Err(error));
            }
            // Another call failed, and has the only copy of its error.
            anew = false;
        }
    }

    async fn read_only(self) -> S::Return {
        let Self { cache, names, mut body, .. } = self;
        let mut values = cache.multi_get::<Value<S>>(&names.names).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "a failed read counts as a miss: the values are computed");
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
        S::join(Ok(names.pairs(values)))
    }
}

impl<S: Shape> fmt::Debug for MultiCall<'_, S>
where
    S::Value: Pairs,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.names.as_ref().map(|names| &names.names);
        f.debug_struct("MultiCall").field("keys", &names).field("mode", &self.mode).finish_non_exhaustive()
    }
}
