//! The commands of `Memory`. Each takes effect when it is called. No Python code runs under a lock of the store: values that leave are
//! dropped after it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use polycache::backend::{Backend, Key, Want, When};
use polycache::{Cache, Result, Value};
use pyo3::exceptions::PyKeyError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyList, PyString};

use super::count::increment;
use super::held::Carried;
use super::inner::{computing, now, strings};
use super::lock_space::LockSpace;
use super::store::{Capacity, Store};
use crate::errors::{invalid, raised};
use crate::locks::Lock;
use crate::settings::Settings;
use crate::shutdown::Within;
use crate::tags::Tags;
use crate::ttl::seconds;
use crate::version::Version;

/// A store of Python objects in this process.
#[pyclass(frozen, weakref, module = "polycache._native")]
#[derive(Debug)]
pub(crate) struct Memory {
    pub(super) cache: Cache,
    pub(super) store: Store,
    /// Whether a plain write may go past the cache: entries have no weight, and nothing is kept beside the objects.
    pub(super) is_direct: bool,
    pub(super) settings: Settings,
    pub(super) locks: Arc<LockSpace>,
    /// Whose store it is, if not its own: the collector sees the objects there.
    pub(super) owner: Option<Py<Self>>,
}

/// A live entry: key, object, seconds that are left, and the length of the namespace.
type Entry = (String, Py<PyAny>, Option<f64>, u32);

/// The most that `max_memory` can be: sums of a few weights stay far within 64 bits.
const MOST_BYTES: u64 = 1 << 60;

#[pymethods]
impl Memory {
    #[new]
    #[pyo3(signature = (*, max_size = None, max_memory = None, settings = None, separated = false))]
    fn new(
        py: Python<'_>,
        max_size: Option<u64>,
        max_memory: Option<u64>,
        settings: Option<&Bound<'_, PyDict>>,
        separated: bool,
    ) -> PyResult<Self> {
        let settings = Settings::new(py, settings)?;
        let capacity = match (max_size, max_memory) {
            (None, None) => Capacity::None,
            (Some(entries @ 1..), None) => Capacity::Entries(entries),
            (None, Some(bytes @ 1..=MOST_BYTES)) => Capacity::Bytes(bytes),
            (Some(_), Some(_)) => return Err(invalid(py, "a memory cache has one bound: max_size or max_memory")),
            _ => return Err(invalid(py, "a bound of 0 or more than 2^60; leave it out for a cache without one")),
        };
        let store = Store::new(capacity, separated);
        let cache = settings.builder().backend(store.clone()).build().map_err(|error| raised(py, &error))?;
        Ok(Self::over(cache, store, settings, Arc::default(), None))
    }

    /// The same store with other settings.
    #[pyo3(signature = (settings))]
    fn view(slf: &Bound<'_, Self>, settings: &Bound<'_, PyDict>) -> PyResult<Self> {
        let settings = Settings::new(settings.py(), Some(settings))?;
        let Self { cache, store, locks, owner, .. } = slf.get();
        let owner = owner.as_ref().map_or_else(|| slf.clone().unbind(), |owner| owner.clone_ref(slf.py()));
        Ok(Self::over(settings.view_of(cache), store.clone(), settings, Arc::clone(locks), Some(owner)))
    }

    #[pyo3(signature = (key, default = None))]
    fn get(&self, py: Python<'_>, key: &str, default: Option<Py<PyAny>>) -> PyResult<Py<PyAny>> {
        Ok(self.find(py, key)?.or(default).unwrap_or_else(|| py.None()))
    }

    #[pyo3(signature = (keys, default = None))]
    fn multi_get<'py>(
        &self,
        py: Python<'py>,
        keys: &Bound<'py, PyAny>,
        default: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let _within = Within::enter(py);
        let default = default.unwrap_or_else(|| py.None());
        let found = PyList::empty(py);
        for key in keys.try_iter()? {
            let key = key?;
            let key = key.cast::<PyString>()?.to_str()?;
            found.append(self.find(py, key)?.unwrap_or_else(|| default.clone_ref(py)))?;
        }
        Ok(found)
    }

    #[pyo3(signature = (key, value, ttl = None, namespace_length = 0, tags = None))]
    fn set(
        &self,
        key: &str,
        value: &Bound<'_, PyAny>,
        ttl: Option<f64>,
        namespace_length: u32,
        tags: Option<&Bound<'_, Tags>>,
    ) -> PyResult<()> {
        let py = value.py();
        let held = self.hold(key, value, namespace_length)?;
        let (cache, name) = self.on(py, key, ttl, tags)?;
        now(py, cache.set(name, held))
    }

    #[pyo3(signature = (pairs, ttl = None, namespace_length = 0, tags = None))]
    fn multi_set(
        &self,
        pairs: &Bound<'_, PyAny>,
        ttl: Option<f64>,
        namespace_length: u32,
        tags: Option<&Bound<'_, Tags>>,
    ) -> PyResult<()> {
        let py = pairs.py();
        let _within = Within::enter(py);
        let pairs: Vec<(Bound<'_, PyString>, Bound<'_, PyAny>)> =
            pairs.try_iter()?.map(|pair| pair?.extract()).collect::<PyResult<_>>()?;
        let cache = self.with_ttl(py, ttl)?;
        let cache = tags.map_or_else(|| cache.clone(), |tags| tags.get().view(&cache));
        let mut held = Vec::with_capacity(pairs.len());
        for (key, value) in &pairs {
            let key = key.to_str()?;
            let name = tags.map_or(Ok(key), |tags| tags.get().name(py, key))?;
            held.push((name, self.hold(key, value, namespace_length)?));
        }
        now(py, cache.multi_set(held))
    }

    #[pyo3(signature = (key, value, ttl = None, namespace_length = 0, tags = None))]
    fn add(
        &self,
        key: &str,
        value: &Bound<'_, PyAny>,
        ttl: Option<f64>,
        namespace_length: u32,
        tags: Option<&Bound<'_, Tags>>,
    ) -> PyResult<bool> {
        let py = value.py();
        let held = self.hold(key, value, namespace_length)?;
        let (cache, name) = self.on(py, key, ttl, tags)?;
        now(py, cache.add(name, held))
    }

    fn exists(&self, py: Python<'_>, key: &str) -> PyResult<bool> {
        now(py, self.cache.exists(key))
    }

    #[pyo3(signature = (key, delta, namespace_length = 0))]
    fn increment<'py>(
        &self,
        key: &str,
        delta: &Bound<'py, PyInt>,
        namespace_length: u32,
    ) -> PyResult<Bound<'py, PyAny>> {
        increment(self, key, delta, namespace_length)
    }

    #[pyo3(signature = (key, ttl))]
    fn expire(&self, py: Python<'_>, key: &str, ttl: Option<f64>) -> PyResult<bool> {
        now(py, self.cache.expire(key, crate::ttl::ttl(py, ttl)?))
    }

    fn ttl(&self, py: Python<'_>, key: &str) -> PyResult<Option<f64>> {
        match now(py, self.cache.ttl(key))? {
            Some(ttl) => Ok(seconds(ttl)),
            None => Err(PyKeyError::new_err(key.to_owned())),
        }
    }

    fn delete(&self, py: Python<'_>, key: &str) -> PyResult<bool> {
        now(py, self.cache.delete(key))
    }

    fn multi_delete(&self, keys: &Bound<'_, PyAny>) -> PyResult<u64> {
        let py = keys.py();
        let keys = strings(keys)?;
        let keys = keys.iter().map(|key| key.to_str()).collect::<PyResult<Vec<&str>>>()?;
        now(py, self.cache.multi_delete(&keys))
    }

    #[pyo3(signature = (namespace))]
    fn clear(&self, py: Python<'_>, namespace: Option<&str>) -> PyResult<()> {
        now(py, self.cache.namespace(namespace.unwrap_or_default()).clear())
    }

    #[pyo3(signature = (key, default = None))]
    fn get_versioned(&self, py: Python<'_>, key: &str, default: Option<Py<PyAny>>) -> PyResult<(Py<PyAny>, Version)> {
        let (value, version) = now(py, self.cache.get_versioned::<Value>(key))?;
        let object = value.as_ref().and_then(|value| Carried::object(py, value));
        Ok((object.or(default).unwrap_or_else(|| py.None()), Version(version)))
    }

    #[pyo3(signature = (key, value, version, ttl = None, namespace_length = 0, tags = None))]
    fn cas(
        &self,
        key: &str,
        value: &Bound<'_, PyAny>,
        version: &Bound<'_, Version>,
        ttl: Option<f64>,
        namespace_length: u32,
        tags: Option<&Bound<'_, Tags>>,
    ) -> PyResult<bool> {
        let py = value.py();
        let held = self.hold(key, value, namespace_length)?;
        let (cache, name) = self.on(py, key, ttl, tags)?;
        now(py, cache.cas(name, held, version.get().0.clone()))
    }

    fn delete_if(&self, py: Python<'_>, key: &str, version: &Bound<'_, Version>) -> PyResult<bool> {
        now(py, self.store.delete(Key::plain(key), When::unchanged(version.get().0.clone())))
    }

    #[pyo3(signature = (key, compute, ttl = None, namespace_length = 0, tags = None, anew = false))]
    fn get_or_set<'py>(
        slf: &Bound<'py, Self>,
        key: &str,
        compute: Bound<'py, PyAny>,
        ttl: Option<f64>,
        namespace_length: u32,
        tags: Option<&Bound<'py, Tags>>,
        anew: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (mut computing, kept) = computing(slf, compute, ttl, namespace_length, tags)?;
        computing.is_anew = anew;
        let name = computing.name(key)?;
        slf.get().begin(&computing.event_loop.clone(), computing.one(name, kept)?)
    }

    #[pyo3(signature = (keys, compute, ttl = None, namespace_length = 0, tags = None, anew = false))]
    fn multi_get_or_set<'py>(
        slf: &Bound<'py, Self>,
        keys: Vec<String>,
        compute: Bound<'py, PyAny>,
        ttl: Option<f64>,
        namespace_length: u32,
        tags: Option<&Bound<'py, Tags>>,
        anew: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (mut computing, kept) = computing(slf, compute, ttl, namespace_length, tags)?;
        computing.is_anew = anew;
        let names = keys.into_iter().map(|key| computing.name(&key).map(str::to_owned)).collect::<PyResult<_>>()?;
        slf.get().begin(&computing.event_loop.clone(), computing.many(names, kept)?)
    }

    #[pyo3(signature = (key, compute, ttl = None, namespace_length = 0, tags = None))]
    fn get_or_renew<'py>(
        slf: &Bound<'py, Self>,
        key: &str,
        compute: Bound<'py, PyAny>,
        ttl: Option<f64>,
        namespace_length: u32,
        tags: Option<&Bound<'py, Tags>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (computing, kept) = computing(slf, compute, ttl, namespace_length, tags)?;
        let name = computing.name(key)?;
        slf.get().begin(&computing.event_loop.clone(), computing.item(name, kept)?)
    }

    /// Clears a tag of the namespace with this prefix.
    #[pyo3(signature = (prefix, tag))]
    fn clear_tag(&self, py: Python<'_>, prefix: &str, tag: &str) -> PyResult<()> {
        now(py, self.cache.namespace(prefix).clear_tag(tag))
    }

    #[pyo3(signature = (key, lease = 2.0))]
    fn lock(&self, py: Python<'_>, key: &str, lease: f64) -> PyResult<Lock> {
        let (cache, runtime) = self.locks.get().map_err(|error| raised(py, &error))?;
        Lock::new(py, &cache, key, lease, runtime)
    }

    /// The keys behind the prefix that match a pattern of Redis's.
    #[pyo3(signature = (prefix, pattern))]
    fn scan(&self, py: Python<'_>, prefix: &str, pattern: &str) -> PyResult<Vec<String>> {
        let mut scan = self.cache.namespace(prefix).scan(pattern);
        let mut keys = Vec::new();
        let mut context = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(key)) = Pin::new(&mut scan).poll_next(&mut context) {
            keys.push(key.map_err(|error| raised(py, &error))?);
        }
        Ok(keys)
    }

    fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        self.store.each(|key, _| keys.push(key.to_owned()));
        keys
    }

    fn entries(&self, py: Python<'_>) -> PyResult<Vec<Entry>> {
        let mut spaces = Vec::new();
        self.store.each(|key, held| {
            spaces.extend(self.store.namespace_length(py, held).map(|length| (key.to_owned(), length)));
        });
        let mut entries = Vec::with_capacity(spaces.len());
        for (key, space) in spaces {
            if let Some(found) = now(py, self.cache.look::<Value>(&key, Want::VALUE.and(Want::TTL)))?
                && let Some(object) = found.value.as_ref().and_then(|value| Carried::object(py, value))
            {
                entries.push((key, object, seconds(found.ttl.unwrap_or_default()), space));
            }
        }
        Ok(entries)
    }

    fn __len__(&self) -> usize {
        self.store.len()
    }

    fn __bool__(&self) -> bool {
        true
    }

    /// Shows the stored objects to the collector, so that an object which refers to its cache is collected with it. Only visits: a lock
    /// of the store is held, and the collector runs no Python code meanwhile.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Some(owner) = &self.owner {
            return visit.call(owner);
        }
        let mut result = Ok(());
        self.store.each(|_, held| {
            if result.is_ok() {
                result = held.visit(&visit);
            }
        });
        result
    }

    fn __clear__(&self) {
        if self.owner.is_none() {
            // Ready, and can't fail.
            drop(self.store.clear(""));
        }
    }
}
