//! The commands of `Server`. Each begins when it is called, and returns a future of the running loop.

use std::sync::Arc;

use polycache::backend::{Key, When};
use polycache::backends::breaker::Breaker;
use polycache::backends::fallback::Fallback;
use polycache::backends::recovery::Recovery;
use polycache::{Cache, Value};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};

use super::arguments::{Argument, limit, strings, texts};
use super::computed::Bytes;
use super::config::{Config, Options};
use super::convert;
use super::inner::begin;
use super::live::Connections;
use super::scan::Keys;
use super::tagging::Tagging;
use super::view::View;
use crate::errors::raised;
use crate::locks::Lock;
use crate::settings::Settings;
use crate::shutdown::Within;
use crate::tags::Tags;
use crate::trouble::Guards;
use crate::ttl::seconds;
use crate::version::Version;

/// Bytes on Redis or memcached.
#[pyclass(frozen, weakref, module = "polycache._native")]
#[derive(Debug)]
pub(crate) struct Server {
    pub(super) connections: Arc<Connections>,
    pub(super) view: View,
    #[pyo3(get)]
    kind: &'static str,
}

pub(super) type Future_<'py> = PyResult<Bound<'py, PyAny>>;

#[pymethods]
impl Server {
    #[new]
    #[pyo3(signature = (
        url, *, username = None, password = None, db = None, connections = None, connect_timeout = None, heartbeat = None,
        settings = None, breaker = None, recovery = None, fallback = None, near = None
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
        settings: Option<&Bound<'_, PyDict>>,
        breaker: Option<&Bound<'_, PyDict>>,
        recovery: Option<&Bound<'_, PyDict>>,
        fallback: Option<&Bound<'_, PyDict>>,
        near: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let options = Options { username, password, db, connections, connect_timeout, heartbeat };
        let (settings, guards) = (Settings::new(py, settings)?, Guards::new(breaker, recovery, fallback, near)?);
        let made = Config::new(url, options, settings, guards).and_then(|config| {
            let kind = config.name();
            Ok(Self { connections: Arc::new(Connections::new(config)?), view: View::Own, kind })
        });
        made.map_err(|error| raised(py, &error))
    }

    /// The same server with nothing beside the values: what other programs read as it is.
    fn bare(&self) -> Self {
        Self { connections: Arc::clone(&self.connections), view: View::Bare, kind: self.kind }
    }

    /// The same server with other settings.
    #[pyo3(signature = (settings))]
    fn view(&self, settings: &Bound<'_, PyDict>) -> PyResult<Self> {
        let view = View::other(Settings::new(settings.py(), Some(settings))?);
        Ok(Self { connections: Arc::clone(&self.connections), view, kind: self.kind })
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

    #[pyo3(signature = (key, default = None, timeout = None, tags = None))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        key: &str,
        default: Option<Py<PyAny>>,
        timeout: Option<f64>,
        tags: Option<&Bound<'py, Tags>>,
    ) -> Future_<'py> {
        let default = default.unwrap_or_else(|| py.None());
        let tags = Tagging::of(py, tags, [key])?;
        let ask = |cache: &Cache| tags.on(cache).get::<Value>(tags.name(key));
        self.ask(py, timeout, ask, |py, value| Ok(convert::bytes_or(py, value.as_ref(), default)))
    }

    /// What is near is answered without a future, and without the loop.
    #[pyo3(signature = (key, default = None, timeout = None))]
    fn get_now<'py>(
        &self,
        py: Python<'py>,
        key: &str,
        default: Option<Py<PyAny>>,
        timeout: Option<f64>,
    ) -> Future_<'py> {
        let default = default.unwrap_or_else(|| py.None());
        let convert = |py: Python<'_>, value: Option<Value>| Ok(convert::bytes_or(py, value.as_ref(), default));
        self.ask_now(py, timeout, |cache| cache.get::<Value>(key), convert)
    }

    #[pyo3(signature = (keys, default = None, timeout = None, tags = None))]
    fn multi_get<'py>(
        &self,
        keys: &Bound<'py, PyAny>,
        default: Option<Py<PyAny>>,
        timeout: Option<f64>,
        tags: Option<&Bound<'py, Tags>>,
    ) -> Future_<'py> {
        let py = keys.py();
        let default = default.unwrap_or_else(|| py.None());
        let keys = strings(keys)?;
        let mut keys = texts(&keys)?;
        let tags = Tagging::of(py, tags, keys.iter().copied())?;
        keys.iter_mut().for_each(|key| *key = tags.name(key));
        self.ask(
            py,
            timeout,
            |cache| tags.on(cache).multi_get::<Value>(&keys),
            move |py, values| {
                let values =
                    values.into_iter().map(|value| convert::bytes_or(py, value.as_ref(), default.clone_ref(py)));
                Ok(PyList::new(py, values.collect::<Vec<_>>())?.into_any().unbind())
            },
        )
    }

    #[pyo3(signature = (key, value, ttl = None, timeout = None, tags = None))]
    fn set<'py>(
        &self,
        py: Python<'py>,
        key: &str,
        value: &[u8],
        ttl: Option<f64>,
        timeout: Option<f64>,
        tags: Option<&Bound<'py, Tags>>,
    ) -> Future_<'py> {
        let ttl = crate::ttl::ttl(py, ttl)?;
        let tags = Tagging::of(py, tags, [key])?;
        let ask = |cache: &Cache| tags.on(cache).with_ttl(ttl).set(tags.name(key), Value::from(value.to_vec()));
        self.ask(py, timeout, ask, |py, ()| Ok(py.None()))
    }

    #[pyo3(signature = (pairs, ttl = None, timeout = None, tags = None))]
    fn multi_set<'py>(
        &self,
        pairs: &Bound<'py, PyAny>,
        ttl: Option<f64>,
        timeout: Option<f64>,
        tags: Option<&Bound<'py, Tags>>,
    ) -> Future_<'py> {
        let py = pairs.py();
        let _within = Within::enter(py);
        let ttl = crate::ttl::ttl(py, ttl)?;
        let pairs: Vec<(Bound<'_, PyString>, Bound<'_, PyBytes>)> =
            pairs.try_iter()?.map(|pair| pair?.extract()).collect::<PyResult<_>>()?;
        let mut stored = Vec::with_capacity(pairs.len());
        for (key, value) in &pairs {
            stored.push((key.to_str()?, Value::from(value.as_bytes().to_vec())));
        }
        let tags = Tagging::of(py, tags, stored.iter().map(|(key, _)| *key))?;
        stored.iter_mut().for_each(|(key, _)| *key = tags.name(key));
        self.ask(py, timeout, |cache| tags.on(cache).with_ttl(ttl).multi_set(stored), |py, ()| Ok(py.None()))
    }

    #[pyo3(signature = (key, value, ttl = None, timeout = None, tags = None))]
    fn add<'py>(
        &self,
        py: Python<'py>,
        key: &str,
        value: &[u8],
        ttl: Option<f64>,
        timeout: Option<f64>,
        tags: Option<&Bound<'py, Tags>>,
    ) -> Future_<'py> {
        let ttl = crate::ttl::ttl(py, ttl)?;
        let tags = Tagging::of(py, tags, [key])?;
        let ask = |cache: &Cache| tags.on(cache).with_ttl(ttl).add(tags.name(key), Value::from(value.to_vec()));
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

    #[pyo3(signature = (key, value, version, ttl = None, timeout = None, tags = None))]
    fn cas<'py>(
        &self,
        key: &str,
        value: &[u8],
        version: &Bound<'py, Version>,
        ttl: Option<f64>,
        timeout: Option<f64>,
        tags: Option<&Bound<'py, Tags>>,
    ) -> Future_<'py> {
        let py = version.py();
        let ttl = crate::ttl::ttl(py, ttl)?;
        let version = version.get().0.clone();
        let tags = Tagging::of(py, tags, [key])?;
        let ask =
            |cache: &Cache| tags.on(cache).with_ttl(ttl).cas(tags.name(key), Value::from(value.to_vec()), version);
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

    #[pyo3(signature = (key, compute, ttl = None, lease = None, timeout = None, tags = None, anew = false))]
    #[allow(clippy::too_many_arguments, reason = "keywords of Python's")]
    fn get_or_set<'py>(
        &self,
        key: &str,
        compute: Bound<'py, PyAny>,
        ttl: Option<f64>,
        lease: Option<f64>,
        timeout: Option<f64>,
        tags: Option<&Bound<'py, Tags>>,
        anew: bool,
    ) -> Future_<'py> {
        let live = self.connections.live().map_err(|error| raised(compute.py(), &error))?;
        let mut computing = self.computing(&live, compute, (ttl, lease, timeout))?.tagged_with(tags);
        computing.is_anew = anew;
        let name = computing.name(key)?;
        begin(&live, &computing.event_loop.clone(), computing.one(name, Bytes)?)
    }

    #[pyo3(signature = (keys, compute, ttl = None, lease = None, timeout = None, tags = None, anew = false))]
    #[allow(clippy::too_many_arguments, reason = "keywords of Python's")]
    fn multi_get_or_set<'py>(
        &self,
        keys: Vec<String>,
        compute: Bound<'py, PyAny>,
        ttl: Option<f64>,
        lease: Option<f64>,
        timeout: Option<f64>,
        tags: Option<&Bound<'py, Tags>>,
        anew: bool,
    ) -> Future_<'py> {
        let live = self.connections.live().map_err(|error| raised(compute.py(), &error))?;
        let mut computing = self.computing(&live, compute, (ttl, lease, timeout))?.tagged_with(tags);
        computing.is_anew = anew;
        let names = keys.into_iter().map(|key| computing.name(&key).map(str::to_owned)).collect::<PyResult<_>>()?;
        begin(&live, &computing.event_loop.clone(), computing.many(names, Bytes)?)
    }

    #[pyo3(signature = (key, compute, ttl = None, lease = None, timeout = None, tags = None))]
    fn get_or_renew<'py>(
        &self,
        key: &str,
        compute: Bound<'py, PyAny>,
        ttl: Option<f64>,
        lease: Option<f64>,
        timeout: Option<f64>,
        tags: Option<&Bound<'py, Tags>>,
    ) -> Future_<'py> {
        let live = self.connections.live().map_err(|error| raised(compute.py(), &error))?;
        let computing = self.computing(&live, compute, (ttl, lease, timeout))?.tagged_with(tags);
        let name = computing.name(key)?;
        begin(&live, &computing.event_loop.clone(), computing.item(name, Bytes)?)
    }

    /// Clears a tag of the namespace with this prefix.
    #[pyo3(signature = (prefix, tag, timeout = None))]
    fn clear_tag<'py>(&self, py: Python<'py>, prefix: &str, tag: &str, timeout: Option<f64>) -> Future_<'py> {
        self.ask(py, timeout, |cache| cache.namespace(prefix).clear_tag(tag), |py, ()| Ok(py.None()))
    }

    #[pyo3(signature = (key, lease = 2.0))]
    fn lock(&self, py: Python<'_>, key: &str, lease: f64) -> PyResult<Lock> {
        let live = self.connections.live().map_err(|error| raised(py, &error))?;
        let cache = self.cache(py, &live)?;
        Lock::new(py, &cache, key, lease, live.runtime().clone())
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
