//! What the commands of `Memory` are made of.

use std::sync::Arc;

use polycache::{Cache, Reply, Value};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;

use super::commands::Memory;
use super::computed::Kept;
use super::held::Carried;
use super::lock_space::LockSpace;
use super::store::Store;
use crate::bridge::{Computing, Work, has_company, running_loop, runtime, start};
use crate::errors::{invalid, raised};
use crate::settings::Settings;
use crate::shutdown::Within;
use crate::tags::Tags;
use crate::ttl::ttl;

/// The weight of an entry beside its key and value: its place in the table.
const ENTRY_OVERHEAD: u64 = 128;

impl Memory {
    pub(super) fn over(
        cache: Cache,
        store: Store,
        settings: Settings,
        locks: Arc<LockSpace>,
        owner: Option<Py<Self>>,
    ) -> Self {
        let is_direct = !store.weighs() && !settings.shapes_writes();
        Self { cache, store, is_direct, settings, locks, owner }
    }

    /// Begins a computation.
    pub(super) fn begin<'py>(
        &self,
        event_loop: &Bound<'py, PyAny>,
        work: impl Work + 'static,
    ) -> PyResult<Bound<'py, PyAny>> {
        // Only waiting for a while takes a runtime. Another loop that computes may stand still: nobody waits for that for ever.
        let may_wait = self.settings.wait() || has_company(event_loop)?;
        let runtime = if may_wait { Some(runtime()?) } else { None };
        let _entered = runtime.as_ref().map(|runtime| runtime.handle.enter());
        start(event_loop, work, None)
    }

    /// The cache for a write with this TTL and these tags, and the name of the key in it.
    pub(super) fn on<'k>(
        &self,
        py: Python<'_>,
        key: &'k str,
        ttl: Option<f64>,
        tags: Option<&Bound<'_, Tags>>,
    ) -> PyResult<(Cache, &'k str)> {
        let cache = self.with_ttl(py, ttl)?;
        tags.map_or(Ok((cache.clone(), key)), |tags| tags.get().on(py, &cache, key))
    }

    #[inline]
    pub(super) fn find(&self, py: Python<'_>, key: &str) -> PyResult<Option<Py<PyAny>>> {
        match self.store.find(py, "", key) {
            Some(found) => Ok(found.or_else(|| asked(py, &self.cache, key))),
            None => self.cache.check_key(key).map(|()| None).map_err(|error| raised(py, &error)),
        }
    }

    pub(super) fn with_ttl(&self, py: Python<'_>, seconds: Option<f64>) -> PyResult<Cache> {
        Ok(self.cache.with_ttl(ttl(py, seconds)?))
    }

    pub(super) fn hold(&self, key: &str, value: &Bound<'_, PyAny>, namespace_length: u32) -> PyResult<Value> {
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

/// A computation for a memory cache, and how its results are stored.
pub(super) fn computing<'py>(
    memory: &Bound<'py, Memory>,
    compute: Bound<'py, PyAny>,
    ttl: Option<f64>,
    namespace_length: u32,
    tags: Option<&Bound<'py, Tags>>,
) -> PyResult<(Computing<'py>, Kept)> {
    let (py, this) = (memory.py(), memory.get());
    let computing = Computing {
        event_loop: running_loop(py)?,
        compute,
        cache: this.with_ttl(py, ttl)?,
        prefix: String::new(),
        is_detached: this.settings.are_detached(),
        tells_tags: false,
        is_anew: false,
    };
    Ok((computing.tagged_with(tags), Kept { memory: memory.clone().unbind(), namespace_length }))
}

/// The object under a key, of which the store says only that it is there.
#[cold]
pub(super) fn asked(py: Python<'_>, cache: &Cache, key: &str) -> Option<Py<PyAny>> {
    object(py, cache.get(key))
}

/// As [`asked`], unless the object is to be computed anew.
#[cold]
pub(super) fn calm(py: Python<'_>, cache: &Cache, key: &str) -> Option<Py<PyAny>> {
    object(py, cache.get_calm(key))
}

fn object(py: Python<'_>, found: Reply<Option<Value>>) -> Option<Py<PyAny>> {
    match found.now() {
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

pub(super) fn strings<'py>(keys: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyString>>> {
    let _within = Within::enter(keys.py());
    keys.try_iter()?.map(|key| Ok(key?.cast_into::<PyString>()?)).collect()
}
