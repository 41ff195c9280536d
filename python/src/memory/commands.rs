//! The commands of `Memory`. Each takes effect when it is called. No Python code runs under a lock of the store: values that leave are
//! dropped after it.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_core::Stream;
use polycache::backend::{Backend, Found, Key, Want, When};
use polycache::{Cache, Reply, Result, Ttl, Value};
use pyo3::exceptions::{PyKeyError, PyTypeError, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyInt, PyList, PyString};

use super::computed::Kept;
use super::held::Carried;
use super::lock_space::LockSpace;
use super::store::{Capacity, Store};
use crate::bridge::{Computing, running_loop, start};
use crate::errors::{invalid, raised};
use crate::locks::Lock;
use crate::shutdown::Within;
use crate::trouble::Grace;
use crate::ttl::{seconds, ttl};
use crate::version::Version;

/// A store of Python objects in this process.
#[pyclass(frozen, weakref, module = "polycache._native")]
#[derive(Debug)]
pub(crate) struct Memory {
    pub(super) cache: Cache,
    pub(super) store: Store,
    /// Whether a plain write may go past the cache: entries have no weight, and nothing is kept beside the objects.
    pub(super) is_direct: bool,
    locks: LockSpace,
}

/// A live entry: key, object, seconds that are left, and the length of the namespace.
type Entry = (String, Py<PyAny>, Option<f64>, u32);

/// The most that `max_memory` can be: sums of a few weights stay far within 64 bits.
const MOST_BYTES: u64 = 1 << 60;

/// The weight of an entry beside its key and value: its place in the table.
const ENTRY_OVERHEAD: u64 = 128;

#[pymethods]
impl Memory {
    #[new]
    #[pyo3(signature = (*, max_size = None, max_memory = None, grace = None, throttle = None))]
    fn new(
        py: Python<'_>,
        max_size: Option<u64>,
        max_memory: Option<u64>,
        grace: Option<f64>,
        throttle: Option<f64>,
    ) -> PyResult<Self> {
        let grace_settings = Grace::new(py, grace, throttle)?;
        let capacity = match (max_size, max_memory) {
            (None, None) => Capacity::None,
            (Some(entries @ 1..), None) => Capacity::Entries(entries),
            (None, Some(bytes @ 1..=MOST_BYTES)) => Capacity::Bytes(bytes),
            (Some(_), Some(_)) => return Err(invalid(py, "a memory cache has one bound: max_size or max_memory")),
            _ => return Err(invalid(py, "a bound of 0 or more than 2^60; leave it out for a cache without one")),
        };
        let store = Store::new(capacity);
        let builder = grace_settings.apply(Cache::builder()).backend(store.clone()).separator("").allow_flush(true);
        let cache = builder.timeout(Duration::ZERO).build().map_err(|error| raised(py, &error))?;
        // A grace is kept beside the object.
        let is_direct = !store.weighs() && grace.is_none_or(|grace| grace <= 0.0);
        Ok(Self { cache, store, is_direct, locks: LockSpace::default() })
    }

    #[pyo3(signature = (key, default = None))]
    fn get(&self, py: Python<'_>, key: &str, default: Option<Py<PyAny>>) -> Py<PyAny> {
        self.find(py, key).or(default).unwrap_or_else(|| py.None())
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
            found.append(self.find(py, key).unwrap_or_else(|| default.clone_ref(py)))?;
        }
        Ok(found)
    }

    #[pyo3(signature = (key, value, ttl = None, namespace_length = 0))]
    fn set(&self, key: &str, value: &Bound<'_, PyAny>, ttl: Option<f64>, namespace_length: u32) -> PyResult<()> {
        let py = value.py();
        let held = self.hold(key, value, namespace_length)?;
        now(py, self.with_ttl(py, ttl)?.set(key, held))
    }

    #[pyo3(signature = (pairs, ttl = None, namespace_length = 0))]
    fn multi_set(&self, pairs: &Bound<'_, PyAny>, ttl: Option<f64>, namespace_length: u32) -> PyResult<()> {
        let py = pairs.py();
        let _within = Within::enter(py);
        let pairs: Vec<(Bound<'_, PyString>, Bound<'_, PyAny>)> =
            pairs.try_iter()?.map(|pair| pair?.extract()).collect::<PyResult<_>>()?;
        let mut held = Vec::with_capacity(pairs.len());
        for (key, value) in &pairs {
            let key = key.to_str()?;
            held.push((key, self.hold(key, value, namespace_length)?));
        }
        now(py, self.with_ttl(py, ttl)?.multi_set(held))
    }

    #[pyo3(signature = (key, value, ttl = None, namespace_length = 0))]
    fn add(&self, key: &str, value: &Bound<'_, PyAny>, ttl: Option<f64>, namespace_length: u32) -> PyResult<bool> {
        let py = value.py();
        let held = self.hold(key, value, namespace_length)?;
        now(py, self.with_ttl(py, ttl)?.add(key, held))
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
        let py = delta.py();
        let _within = Within::enter(py);
        loop {
            let want = Want::VALUE.and(Want::VERSION).and(Want::TTL);
            let (sum, stored) = match now(py, self.cache.look::<Value>(key, want))? {
                None => {
                    let held = self.hold(key, delta, namespace_length)?;
                    (delta.clone().into_any(), now(py, self.cache.add(key, held))?)
                }
                Some(Found { value, .. }) if value.as_ref().and_then(Value::head).is_some() => {
                    // Nor can a value be counted that was stored with a grace.
                    return Err(PyTypeError::new_err("Value is not an integer"));
                }
                Some(Found { value, version, ttl, .. }) => {
                    let present = value.as_ref().and_then(|value| Carried::object(py, value));
                    let present = whole(present.unwrap_or_else(|| py.None()).bind(py))?;
                    let sum = present.add(delta)?;
                    let held = self.hold(key, &sum, namespace_length)?;
                    let version = version.unwrap_or(polycache::backend::Version::ABSENT);
                    let ttl = ttl.unwrap_or_default();
                    // A count has no grace, as on servers.
                    let cache =
                        if ttl == Ttl::Never { self.cache.clone() } else { self.cache.with_grace(Duration::ZERO) };
                    (sum, now(py, cache.with_ttl(ttl).cas(key, held, version))?)
                }
            };
            if stored {
                return Ok(sum);
            }
        }
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

    #[pyo3(signature = (key, value, version, ttl = None, namespace_length = 0))]
    fn cas(
        &self,
        key: &str,
        value: &Bound<'_, PyAny>,
        version: &Bound<'_, Version>,
        ttl: Option<f64>,
        namespace_length: u32,
    ) -> PyResult<bool> {
        let py = value.py();
        let held = self.hold(key, value, namespace_length)?;
        now(py, self.with_ttl(py, ttl)?.cas(key, held, version.get().0.clone()))
    }

    fn delete_if(&self, py: Python<'_>, key: &str, version: &Bound<'_, Version>) -> PyResult<bool> {
        now(py, self.store.delete(Key::plain(key), When::unchanged(version.get().0.clone())))
    }

    #[pyo3(signature = (key, compute, ttl = None, timeout = None, namespace_length = 0))]
    fn get_or_set<'py>(
        slf: &Bound<'py, Self>,
        key: &str,
        compute: Bound<'py, PyAny>,
        ttl: Option<f64>,
        timeout: Option<f64>,
        namespace_length: u32,
    ) -> PyResult<Bound<'py, PyAny>> {
        // Only the computation takes time here, and it has no timeout.
        let _ = timeout;
        let py = slf.py();
        let event_loop = running_loop(py)?;
        let cache = slf.get().with_ttl(py, ttl)?;
        let kept = Kept { memory: slf.clone().unbind(), namespace_length };
        let computing = Computing { event_loop: event_loop.clone(), compute };
        start(&event_loop, computing.one(cache, key, kept)?, None)
    }

    #[pyo3(signature = (keys, compute, ttl = None, namespace_length = 0))]
    fn multi_get_or_set<'py>(
        slf: &Bound<'py, Self>,
        keys: Vec<String>,
        compute: Bound<'py, PyAny>,
        ttl: Option<f64>,
        namespace_length: u32,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let event_loop = running_loop(py)?;
        let cache = slf.get().with_ttl(py, ttl)?;
        let kept = Kept { memory: slf.clone().unbind(), namespace_length };
        let computing = Computing { event_loop: event_loop.clone(), compute };
        start(&event_loop, computing.many(cache, keys, kept)?, None)
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
        let mut result = Ok(());
        self.store.each(|_, held| {
            if result.is_ok() {
                result = held.visit(&visit);
            }
        });
        result
    }

    fn __clear__(&self) {
        // Ready, and can't fail.
        drop(self.store.clear(""));
    }
}

impl Memory {
    #[inline]
    fn find(&self, py: Python<'_>, key: &str) -> Option<Py<PyAny>> {
        self.store.find(py, "", key)?.or_else(|| asked(py, &self.cache, key))
    }

    fn with_ttl(&self, py: Python<'_>, seconds: Option<f64>) -> PyResult<Cache> {
        Ok(self.cache.with_ttl(ttl(py, seconds)?))
    }

    fn hold(&self, key: &str, value: &Bound<'_, PyAny>, namespace_length: u32) -> PyResult<Value> {
        self.value(key.len() as u64, value, namespace_length)
    }

    /// The value to store for an object under a key of this length.
    #[inline]
    pub(super) fn value(&self, key_length: u64, value: &Bound<'_, PyAny>, namespace_length: u32) -> PyResult<Value> {
        if u64::from(namespace_length) > key_length {
            return Err(PyValueError::new_err("a namespace that is longer than the key"));
        }
        let weight = if self.store.weighs() { key_length + size(value)? + ENTRY_OVERHEAD } else { 1 };
        Ok(Carried::value(value.clone().unbind(), namespace_length, weight))
    }
}

/// The object under a key, of which the store says only that it is there.
#[cold]
pub(super) fn asked(py: Python<'_>, cache: &Cache, key: &str) -> Option<Py<PyAny>> {
    match cache.get::<Value>(key).now() {
        Ok(Ok(Some(value))) => Carried::object(py, &value),
        _ => None,
    }
}

/// The result of a command on the memory backend, whose replies are ready.
#[inline]
pub(super) fn now<T>(py: Python<'_>, reply: Reply<T>) -> PyResult<T> {
    match reply.now() {
        Ok(result) => result.map_err(|error| raised(py, &error)),
        Err(_) => Err(invalid(py, "a command on memory has to wait")),
    }
}

/// The result of `sys.getsizeof`.
fn size(value: &Bound<'_, PyAny>) -> PyResult<u64> {
    static GETSIZEOF: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    GETSIZEOF.import(value.py(), "sys", "getsizeof")?.call1((value,))?.extract()
}

/// The present value as a whole number, as aiocache takes it.
fn whole<'py>(present: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = present.py();
    if present.is_exact_instance_of::<PyInt>() {
        return Ok(present.clone());
    }
    py.get_type::<PyInt>().call1((present,)).map_err(|error| {
        if error.is_instance_of::<PyValueError>(py) { PyTypeError::new_err("Value is not an integer") } else { error }
    })
}

fn strings<'py>(keys: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyString>>> {
    let _within = Within::enter(keys.py());
    keys.try_iter()?.map(|key| Ok(key?.cast_into::<PyString>()?)).collect()
}
