//! The commands of `Server`. Each begins when it is called, and returns a future of the running loop.

use std::future::Future;
use std::sync::Arc;

use polycache::backend::{Key, When};
use polycache::backends::breaker::Breaker;
use polycache::backends::fallback::Fallback;
use polycache::backends::recovery::Recovery;
use polycache::{Cache, Result, Value};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};

use super::arguments::{Argument, limit, strings, texts};
use super::computed::Bytes;
use super::config::{Config, Options};
use super::convert;
use super::live::{Connections, Live};
use super::scan::Keys;
use crate::bridge::{Computing, running_loop, start, work};
use crate::errors::raised;
use crate::locks::Lock;
use crate::shutdown::Within;
use crate::trouble::{Grace, Guards, Watch};
use crate::ttl::seconds;
use crate::version::Version;

/// Bytes on Redis or memcached.
#[pyclass(frozen, weakref, module = "polycache._native")]
#[derive(Debug)]
pub(crate) struct Server {
    connections: Arc<Connections>,
    /// Whether it keeps entries for the grace.
    has_grace: bool,
    #[pyo3(get)]
    kind: &'static str,
}

type Future_<'py> = PyResult<Bound<'py, PyAny>>;

#[pymethods]
impl Server {
    #[new]
    #[pyo3(signature = (
        url, *, username = None, password = None, db = None, connections = None, connect_timeout = None, heartbeat = None,
        grace = None, throttle = None, breaker = None, recovery = None, fallback = None,
        near = None
    ))]
    #[allow(clippy::too_many_arguments, reason = "keywords of Python's")]
    fn new(
        py: Python<'_>,
        url: &str,
        username: Option<String>,
        password: Option<String>,
        db: Option<u32>,
        connections: Option<usize>,
        connect_timeout: Option<f64>,
        heartbeat: Option<f64>,
        grace: Option<f64>,
        throttle: Option<f64>,
        breaker: Option<&Bound<'_, PyDict>>,
        recovery: Option<&Bound<'_, PyDict>>,
        fallback: Option<&Bound<'_, PyDict>>,
        near: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let options = Options { username, password, db, connections, connect_timeout, heartbeat };
        let (grace, guards) = (Grace::new(py, grace, throttle)?, Guards::new(breaker, recovery, fallback, near)?);
        let made = Config::new(url, options, grace, guards).and_then(|config| {
            let kind = config.name();
            Ok(Self { connections: Arc::new(Connections::new(config)?), has_grace: true, kind })
        });
        made.map_err(|error| raised(py, &error))
    }

    /// The same server, whose entries have no grace: what other programs read as it is.
    fn ungraced(&self) -> Self {
        Self { connections: Arc::clone(&self.connections), has_grace: false, kind: self.kind }
    }

    /// Whether the breaker lets no calls through.
    #[getter]
    fn is_open(&self, py: Python<'_>) -> PyResult<bool> {
        self.watch(py, |watch| watch.breaker.as_ref().is_some_and(Breaker::is_open))
    }

    /// Whether calls are answered from memory.
    #[getter]
    fn is_away(&self, py: Python<'_>) -> PyResult<bool> {
        self.watch(py, |watch| watch.fallback.as_ref().is_some_and(Fallback::is_away))
    }

    /// The keys and the prefixes that are still to be deleted, and how many lost writes couldn't be remembered.
    fn pending(&self, py: Python<'_>) -> PyResult<(Vec<String>, Vec<String>, u64)> {
        self.watch(py, |watch| {
            let pending = watch.recovery.as_ref().map(Recovery::pending).unwrap_or_default();
            (pending.keys, pending.prefixes, pending.lost)
        })
    }

    #[pyo3(signature = (key, default = None, timeout = None))]
    fn get<'py>(&self, py: Python<'py>, key: &str, default: Option<Py<PyAny>>, timeout: Option<f64>) -> Future_<'py> {
        let default = default.unwrap_or_else(|| py.None());
        let ask = |cache: &Cache| cache.get::<Value>(key);
        self.ask(py, timeout, ask, |py, value| Ok(convert::bytes_or(py, value.as_ref(), default)))
    }

    #[pyo3(signature = (keys, default = None, timeout = None))]
    fn multi_get<'py>(
        &self,
        keys: &Bound<'py, PyAny>,
        default: Option<Py<PyAny>>,
        timeout: Option<f64>,
    ) -> Future_<'py> {
        let py = keys.py();
        let default = default.unwrap_or_else(|| py.None());
        let keys = strings(keys)?;
        let keys = texts(&keys)?;
        self.ask(
            py,
            timeout,
            |cache| cache.multi_get::<Value>(&keys),
            move |py, values| {
                let values =
                    values.into_iter().map(|value| convert::bytes_or(py, value.as_ref(), default.clone_ref(py)));
                Ok(PyList::new(py, values.collect::<Vec<_>>())?.into_any().unbind())
            },
        )
    }

    #[pyo3(signature = (key, value, ttl = None, timeout = None))]
    fn set<'py>(
        &self,
        py: Python<'py>,
        key: &str,
        value: &[u8],
        ttl: Option<f64>,
        timeout: Option<f64>,
    ) -> Future_<'py> {
        let ttl = crate::ttl::ttl(py, ttl)?;
        let ask = |cache: &Cache| cache.with_ttl(ttl).set(key, Value::from(value.to_vec()));
        self.ask(py, timeout, ask, |py, ()| Ok(py.None()))
    }

    #[pyo3(signature = (pairs, ttl = None, timeout = None))]
    fn multi_set<'py>(&self, pairs: &Bound<'py, PyAny>, ttl: Option<f64>, timeout: Option<f64>) -> Future_<'py> {
        let py = pairs.py();
        let _within = Within::enter(py);
        let ttl = crate::ttl::ttl(py, ttl)?;
        let pairs: Vec<(Bound<'_, PyString>, Bound<'_, PyBytes>)> =
            pairs.try_iter()?.map(|pair| pair?.extract()).collect::<PyResult<_>>()?;
        let mut stored = Vec::with_capacity(pairs.len());
        for (key, value) in &pairs {
            stored.push((key.to_str()?, Value::from(value.as_bytes().to_vec())));
        }
        self.ask(py, timeout, |cache| cache.with_ttl(ttl).multi_set(stored), |py, ()| Ok(py.None()))
    }

    #[pyo3(signature = (key, value, ttl = None, timeout = None))]
    fn add<'py>(
        &self,
        py: Python<'py>,
        key: &str,
        value: &[u8],
        ttl: Option<f64>,
        timeout: Option<f64>,
    ) -> Future_<'py> {
        let ttl = crate::ttl::ttl(py, ttl)?;
        let ask = |cache: &Cache| cache.with_ttl(ttl).add(key, Value::from(value.to_vec()));
        self.ask(py, timeout, ask, |py, added| added.into_py_any(py))
    }

    #[pyo3(signature = (key, timeout = None))]
    fn exists<'py>(&self, py: Python<'py>, key: &str, timeout: Option<f64>) -> Future_<'py> {
        self.ask(py, timeout, |cache| cache.exists(key), |py, exists| exists.into_py_any(py))
    }

    #[pyo3(signature = (key, delta, timeout = None))]
    fn increment<'py>(&self, py: Python<'py>, key: &str, delta: i64, timeout: Option<f64>) -> Future_<'py> {
        self.ask(py, timeout, |cache| cache.increment(key, delta), |py, sum| sum.into_py_any(py))
    }

    #[pyo3(signature = (key, ttl, timeout = None))]
    fn expire<'py>(&self, py: Python<'py>, key: &str, ttl: Option<f64>, timeout: Option<f64>) -> Future_<'py> {
        let ttl = crate::ttl::ttl(py, ttl)?;
        self.ask(py, timeout, |cache| cache.expire(key, ttl), |py, done| done.into_py_any(py))
    }

    #[pyo3(signature = (key, timeout = None))]
    fn ttl<'py>(&self, py: Python<'py>, key: &str, timeout: Option<f64>) -> Future_<'py> {
        let missing = key.to_owned();
        self.ask(
            py,
            timeout,
            |cache| cache.ttl(key),
            |py, ttl| match ttl {
                Some(ttl) => seconds(ttl).into_py_any(py),
                None => Err(pyo3::exceptions::PyKeyError::new_err(missing)),
            },
        )
    }

    #[pyo3(signature = (key, timeout = None))]
    fn delete<'py>(&self, py: Python<'py>, key: &str, timeout: Option<f64>) -> Future_<'py> {
        self.ask(py, timeout, |cache| cache.delete(key), |py, deleted| deleted.into_py_any(py))
    }

    #[pyo3(signature = (keys, timeout = None))]
    fn multi_delete<'py>(&self, keys: &Bound<'py, PyAny>, timeout: Option<f64>) -> Future_<'py> {
        let py = keys.py();
        let keys = strings(keys)?;
        let keys = texts(&keys)?;
        self.ask(py, timeout, |cache| cache.multi_delete(&keys), |py, count| count.into_py_any(py))
    }

    #[pyo3(signature = (prefix = "", timeout = None))]
    fn clear<'py>(&self, py: Python<'py>, prefix: &str, timeout: Option<f64>) -> Future_<'py> {
        self.ask(py, timeout, |cache| cache.namespace(prefix).clear(), |py, ()| Ok(py.None()))
    }

    #[pyo3(signature = (key, default = None, timeout = None))]
    fn get_versioned<'py>(
        &self,
        py: Python<'py>,
        key: &str,
        default: Option<Py<PyAny>>,
        timeout: Option<f64>,
    ) -> Future_<'py> {
        let default = default.unwrap_or_else(|| py.None());
        self.ask(
            py,
            timeout,
            |cache| cache.get_versioned::<Value>(key),
            |py, (value, version)| (convert::bytes_or(py, value.as_ref(), default), Version(version)).into_py_any(py),
        )
    }

    #[pyo3(signature = (key, value, version, ttl = None, timeout = None))]
    fn cas<'py>(
        &self,
        key: &str,
        value: &[u8],
        version: &Bound<'py, Version>,
        ttl: Option<f64>,
        timeout: Option<f64>,
    ) -> Future_<'py> {
        let py = version.py();
        let ttl = crate::ttl::ttl(py, ttl)?;
        let version = version.get().0.clone();
        let ask = |cache: &Cache| cache.with_ttl(ttl).cas(key, Value::from(value.to_vec()), version);
        self.ask(py, timeout, ask, |py, stored| stored.into_py_any(py))
    }

    #[pyo3(signature = (key, version, timeout = None))]
    fn delete_if<'py>(&self, key: &str, version: &Bound<'py, Version>, timeout: Option<f64>) -> Future_<'py> {
        let py = version.py();
        let live = self.connections.live().map_err(|error| raised(py, &error))?;
        let backend = &live.open_one().map_err(|error| raised(py, &error))?.backend;
        let reply = backend.delete(Key::plain(key), When::unchanged(version.get().0.clone()));
        // The core's caches have no such command.
        self.ask(py, timeout, |_| reply, |py, deleted| deleted.into_py_any(py))
    }

    #[pyo3(signature = (key, compute, ttl = None, lease = None, timeout = None))]
    fn get_or_set<'py>(
        &self,
        key: &str,
        compute: Bound<'py, PyAny>,
        ttl: Option<f64>,
        lease: Option<f64>,
        timeout: Option<f64>,
    ) -> Future_<'py> {
        let py = compute.py();
        let event_loop = running_loop(py)?;
        let live = self.connections.live().map_err(|error| raised(py, &error))?;
        let cache = self.leased(py, &live, ttl, lease, timeout)?;
        let computing = Computing { event_loop: event_loop.clone(), compute };
        let _entered = live.runtime().handle.enter();
        start(&event_loop, computing.one(cache, key, Bytes)?, None)
    }

    #[pyo3(signature = (keys, compute, ttl = None, lease = None, timeout = None))]
    fn multi_get_or_set<'py>(
        &self,
        keys: Vec<String>,
        compute: Bound<'py, PyAny>,
        ttl: Option<f64>,
        lease: Option<f64>,
        timeout: Option<f64>,
    ) -> Future_<'py> {
        let py = compute.py();
        let event_loop = running_loop(py)?;
        let live = self.connections.live().map_err(|error| raised(py, &error))?;
        let cache = self.leased(py, &live, ttl, lease, timeout)?;
        let computing = Computing { event_loop: event_loop.clone(), compute };
        let _entered = live.runtime().handle.enter();
        start(&event_loop, computing.many(cache, keys, Bytes)?, None)
    }

    #[pyo3(signature = (key, lease = 2.0))]
    fn lock(&self, py: Python<'_>, key: &str, lease: f64) -> PyResult<Lock> {
        let live = self.connections.live().map_err(|error| raised(py, &error))?;
        let cache = self.cache(py, &live)?;
        Lock::new(py, cache, key, lease, live.runtime().clone())
    }

    #[pyo3(signature = (prefix = "", pattern = "*", timeout = None))]
    fn scan(&self, py: Python<'_>, prefix: &str, pattern: &str, timeout: Option<f64>) -> PyResult<Keys> {
        let live = self.connections.live().map_err(|error| raised(py, &error))?;
        let cache = self.cache(py, &live)?;
        Ok(Keys::new(cache.namespace(prefix).scan(pattern), limit(py, timeout)?, live.runtime().clone()))
    }

    #[pyo3(signature = (command, args = Vec::new(), timeout = None))]
    fn raw<'py>(&self, py: Python<'py>, command: &str, args: Vec<Argument>, timeout: Option<f64>) -> Future_<'py> {
        let args: Vec<Vec<u8>> = args.into_iter().map(Argument::bytes).collect();
        self.ask(py, timeout, |cache| cache.raw(command, &args), convert::raw)
    }

    #[pyo3(signature = (timeout = None))]
    fn close<'py>(&self, py: Python<'py>, timeout: Option<f64>) -> Future_<'py> {
        self.ask(py, timeout, |cache| cache.close(), |py, ()| Ok(py.None()))
    }
}

impl Server {
    /// Begins a command: `ask` makes a reply of a cache, within this timeout, and `convert` makes an object of the reply's result.
    fn ask<'py, T, F, C>(
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
        start(&event_loop, work(ask(cache), convert), limit)
    }

    #[inline]
    fn cache<'a>(&self, py: Python<'_>, live: &'a Live) -> PyResult<&'a Cache> {
        match live.open_one() {
            Ok(open) => Ok(if self.has_grace { &open.cache } else { &open.ungraced }),
            Err(error) => Err(raised(py, &error)),
        }
    }

    /// The cache of a computation. Its limit is the core's own, which covers the read and the store, but not the computation.
    fn leased(
        &self,
        py: Python<'_>,
        live: &Live,
        ttl: Option<f64>,
        lease: Option<f64>,
        timeout: Option<f64>,
    ) -> PyResult<Cache> {
        let cache = self.cache(py, live)?;
        let cache = cache.with_ttl(crate::ttl::ttl(py, ttl)?).with_timeout(limit(py, timeout)?.unwrap_or_default());
        match limit(py, lease)? {
            Some(lease) => cache.with_lease(lease).map_err(|error| raised(py, &error)),
            None => Ok(cache),
        }
    }

    fn watch<T>(&self, py: Python<'_>, ask: impl FnOnce(&Watch) -> T) -> PyResult<T> {
        let live = self.connections.live().map_err(|error| raised(py, &error))?;
        Ok(ask(&live.open_one().map_err(|error| raised(py, &error))?.watch))
    }
}
