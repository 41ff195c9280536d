//! What the commands of `Server` are made of.

use std::future::Future;

use polycache::{Cache, Reply, Result};
use pyo3::prelude::*;

use super::arguments::limit;
use super::commands::{Future_, Server};
use super::live::Live;
use super::view::Chosen;
use crate::bridge::{Computing, Work, running_loop, start, work};
use crate::errors::raised;
use crate::trouble::Watch;

impl Server {
    /// Begins a command: `ask` makes a reply of a cache, within this timeout, and `convert` makes an object of the reply's result.
    pub(super) fn ask<'py, T, F, C>(
        &self,
        py: Python<'py>,
        timeout: Option<f64>,
        ask: impl FnOnce(&Cache) -> F,
        convert: C,
    ) -> Future_<'py>
    where
        T: 'static,
        F: Future<Output = Result<T>> + Send + Unpin + 'static,
        C: FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
    {
        let live = self.connections.live().map_err(|error| raised(py, &error))?;
        let cache = self.cache(py, &live)?;
        let limit = limit(py, timeout)?;
        let event_loop = running_loop(py)?;
        let _entered = live.runtime().handle.enter();
        if self.connections.config().is_guarded() {
            let cache = cache.with_timeout(limit.unwrap_or_default());
            return start(&event_loop, work(ask(&cache), convert), None);
        }
        start(&event_loop, work(ask(&cache), convert), limit)
    }

    /// Begins a command whose reply may be here already: then this is its result in place of a future.
    pub(super) fn ask_now<'py, T: Send + 'static>(
        &self,
        py: Python<'py>,
        timeout: Option<f64>,
        ask: impl FnOnce(&Cache) -> Reply<T>,
        convert: impl FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
    ) -> Future_<'py> {
        let live = self.connections.live().map_err(|error| raised(py, &error))?;
        let cache = self.cache(py, &live)?;
        let limit = limit(py, timeout)?;
        let is_guarded = self.connections.config().is_guarded();
        let reply = if is_guarded { ask(&cache.with_timeout(limit.unwrap_or_default())) } else { ask(&cache) };
        match reply.now() {
            Ok(Ok(value)) => convert(py, value).map(|object| object.into_bound(py)),
            Ok(Err(error)) => Err(raised(py, &error)),
            Err(reply) => {
                let event_loop = running_loop(py)?;
                let _entered = live.runtime().handle.enter();
                start(&event_loop, work(reply, convert), limit.filter(|_| !is_guarded))
            }
        }
    }

    #[inline]
    pub(super) fn cache<'a>(&self, py: Python<'_>, live: &'a Live) -> PyResult<Chosen<'a>> {
        live.open_one().and_then(|open| self.view.of(open)).map_err(|error| raised(py, &error))
    }

    /// A computation. Its limit is the core's own, which covers the read and the store, but not the computation.
    pub(super) fn computing<'py>(
        &self,
        live: &Live,
        compute: Bound<'py, PyAny>,
        (ttl, lease, timeout): (Option<f64>, Option<f64>, Option<f64>),
    ) -> PyResult<Computing<'py>> {
        let py = compute.py();
        let event_loop = running_loop(py)?;
        let cache = self.cache(py, live)?;
        let cache = cache.with_ttl(crate::ttl::ttl(py, ttl)?).with_timeout(limit(py, timeout)?.unwrap_or_default());
        let cache = match limit(py, lease)? {
            Some(lease) => cache.with_lease(lease).map_err(|error| raised(py, &error))?,
            None => cache,
        };
        let settings = self.view.settings().unwrap_or_else(|| self.connections.config().settings());
        let is_detached = settings.are_detached();
        Ok(Computing {
            event_loop,
            compute,
            cache,
            prefix: String::new(),
            is_detached,
            tells_tags: false,
            is_anew: false,
        })
    }

    pub(super) fn watch<T>(&self, py: Python<'_>, ask: impl FnOnce(&Watch) -> T) -> PyResult<T> {
        let live = self.connections.live().map_err(|error| raised(py, &error))?;
        Ok(ask(&live.open_one().map_err(|error| raised(py, &error))?.watch))
    }
}

/// Begins a computation.
pub(super) fn begin<'py>(live: &Live, event_loop: &Bound<'py, PyAny>, work: impl Work + 'static) -> Future_<'py> {
    let _entered = live.runtime().handle.enter();
    start(event_loop, work, None)
}
