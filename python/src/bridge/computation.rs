//! `get_or_set` and its like: the core decides which values are to be computed and who waits for them. A task of the caller's loop computes
//! them.
//!
//! While the core polls, it only notes its wish: the task is made after the poll, so no Python code runs within the core. A computation that
//! goes on without its caller is an errand of the core's, which is a call of the loop as any other.

mod ended;
mod fill;
mod job;
mod raised;
mod wish;

use std::sync::Arc;
use std::time::Duration;

use polycache::functions::probe::{Probe, SharedOrMade as _};
use polycache::functions::{CallBuilder, Fallible, Keyed};
use polycache::{Cache, Item, Value};
use pyo3::prelude::*;

use self::fill::{Fill, Subject};
use self::raised::Raised;
use self::wish::{Ask, Computed, Wish, wanted};
use super::outcome::{TagsByName, is_unkept};
use super::work::Work;
use crate::tags::{self, Tags};

/// Turns a computed object into a value, and a value into an object.
pub(crate) trait Terms: Send + 'static {
    fn value(&self, key: &str, computed: &Bound<'_, PyAny>) -> PyResult<Value>;
    fn object(&self, py: Python<'_>, value: &Value) -> PyResult<Py<PyAny>>;
}

/// A computation, its event loop, and the cache for what it computes.
pub(crate) struct Computing<'py> {
    pub(crate) event_loop: Bound<'py, PyAny>,
    pub(crate) compute: Bound<'py, PyAny>,
    pub(crate) cache: Cache,
    /// What stands before the names of this cache's keys, for Python, which sees full keys.
    pub(crate) prefix: String,
    /// Whether it goes on without its caller.
    pub(crate) is_detached: bool,
    /// Whether its result tells tags.
    pub(crate) tells_tags: bool,
    /// Whether it computes in any case.
    pub(crate) is_anew: bool,
}

impl Computing<'_> {
    /// The same with the tags of its results.
    pub(crate) fn tagged_with(mut self, tags: Option<&Bound<'_, Tags>>) -> Self {
        if let Some(tags) = tags.map(Bound::get) {
            self.cache = tags.view(&self.cache);
            self.prefix.clone_from(&tags.prefix);
            self.tells_tags = tags.by_result;
        }
        self
    }

    /// The name of a full key in the cache.
    pub(crate) fn name<'k>(&self, key: &'k str) -> PyResult<&'k str> {
        tags::name(self.event_loop.py(), &self.prefix, key)
    }

    /// The work of a `get_or_set`.
    pub(crate) fn one<T: Terms + Sync>(self, key: &str, terms: T) -> PyResult<impl Work + use<T>> {
        let (wish, tags) = (Wish::default(), TagsByName::default());
        let (builder, is_detached) = (CallBuilder::new(self.tagged(&tags), key), self.is_detached);
        let body = {
            let wish = Arc::clone(&wish);
            async move {
                let computed = wanted(wish, Ask::One).await?;
                computed.into_iter().next().map(|(_, item)| item.value).ok_or_else(Raised::cancelled)
            }
        };
        type Made = Fallible<Result<Value, Raised>>;
        let sharing = || (&&&&Probe::<Raised>::new()).share();
        let found = |value| vec![(String::new(), Item::new(value))];
        let answer: wish::Answer = if is_detached {
            let call = builder.compute_detached::<Made, _>(body).skip_if(is_unkept).share_errors_by(sharing());
            let call = if self.is_anew { call.refresh() } else { call };
            Box::pin(async move { call.await.map(found) })
        } else {
            let call = builder.compute::<Made, _>(body).skip_if(is_unkept).share_errors_by(sharing());
            let call = if self.is_anew { call.refresh() } else { call };
            Box::pin(async move { call.await.map(found) })
        };
        Fill::new(self, answer, Subject::One, key, wish, tags, terms)
    }

    /// The work of a `multi_get_or_set`, with each key once.
    pub(crate) fn many<T: Terms + Sync>(self, keys: Vec<String>, terms: T) -> PyResult<impl Work + use<T>> {
        let (wish, tags) = (Wish::default(), TagsByName::default());
        let body = {
            let wish = Arc::clone(&wish);
            move |keys| -> wish::ValuesAnswer {
                let computed = wanted(Arc::clone(&wish), Ask::Many(keys));
                Box::pin(async move { Ok(computed.await?.into_iter().map(|(key, item)| (key, item.value)).collect()) })
            }
        };
        // Its task isn't told that a caller has left, so callers wait.
        let cache = self.tagged(&tags).with_hard_timeout(Duration::ZERO);
        let keyed = Keyed::new(cache, keys, |key, out| out.write_str(key));
        let call = keyed.compute::<Fallible<Result<wish::Values, Raised>>>(body).skip_if(is_unkept).share_errors();
        let call = if self.is_anew { call.refresh() } else { call };
        let answer =
            Box::pin(async move { Ok(call.await?.into_iter().map(|(key, value)| (key, Item::new(value))).collect()) });
        Fill::new(self, answer, Subject::Many, "", wish, tags, terms)
    }

    /// The work of a `get_or_renew`.
    pub(crate) fn item<T: Terms + Sync>(self, key: &str, terms: T) -> PyResult<impl Work + use<T>> {
        let (wish, tags) = (Wish::default(), TagsByName::default());
        let (cache, is_detached) = (self.tagged(&tags), self.is_detached);
        let answer = {
            let (wish, key) = (Arc::clone(&wish), key.to_owned());
            Box::pin(async move {
                let compute = |present: Option<Item<Value>>| async move {
                    let computed = wanted(wish, Ask::Item(present.map(Box::new))).await?;
                    computed.into_iter().next().map(|(_, item)| item).ok_or_else(Raised::cancelled)
                };
                let call = cache.get_or_renew(&key, compute).times_out();
                let item = if is_detached { call.detached().await? } else { call.await? };
                Computed::Ok(vec![(String::new(), item)])
            })
        };
        Fill::new(self, answer, Subject::Item, key, wish, tags, terms)
    }

    /// The cache that gives computed values the tags of their results.
    fn tagged(&self, tags: &TagsByName) -> Cache {
        if !self.tells_tags {
            return self.cache.clone();
        }
        let tags = Arc::clone(tags);
        self.cache.tagged_by(move |name, _: &Value| tags.lock().get(name).cloned().unwrap_or_default())
    }
}
