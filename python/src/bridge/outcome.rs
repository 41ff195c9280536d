//! What a computation returns beside a bare object: one that isn't stored, or one with what belongs to it.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use polycache::{Freshness, Item, Value};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;

use super::computation::Terms;
use crate::graveyard;

/// The tags of computed values, by the names of their keys.
pub(super) type TagsByName = Arc<Mutex<HashMap<String, Vec<String>>>>;

/// A result that isn't to be stored.
#[pyclass(frozen, module = "polycache._native")]
pub(crate) struct Unkept {
    #[pyo3(get)]
    result: Py<PyAny>,
}

/// A result to be stored with tags, an `ETag`, and a TTL of its own.
#[pyclass(frozen, module = "polycache._native")]
pub(crate) struct Outcome {
    stored: Py<PyAny>,
    tags: Vec<String>,
    etag: Option<String>,
    /// The cache's unless it is given: then `None` is no TTL.
    ttl: Option<Option<f64>>,
}

#[pymethods]
impl Unkept {
    #[new]
    const fn new(result: Py<PyAny>) -> Self {
        Self { result }
    }
}

#[pymethods]
impl Outcome {
    #[new]
    #[pyo3(signature = (stored, tags = Vec::new(), etag = None, has_ttl = false, ttl = None))]
    fn new(stored: Py<PyAny>, tags: Vec<String>, etag: Option<String>, has_ttl: bool, ttl: Option<f64>) -> Self {
        Self { stored, tags, etag, ttl: has_ttl.then_some(ttl) }
    }
}

impl Outcome {
    pub(super) fn note_tags(&self, name: &str, tags: &TagsByName) {
        if !self.tags.is_empty() {
            tags.lock().insert(name.to_owned(), self.tags.clone());
        }
    }

    /// The value to store under this full key.
    pub(super) fn item(&self, key: &str, terms: &dyn Terms, py: Python<'_>) -> PyResult<Item<Value>> {
        let mut item = Item::new(terms.value(key, self.stored.bind(py))?);
        if let Some(etag) = &self.etag {
            item = item.with_etag(etag);
        }
        if let Some(seconds) = self.ttl {
            item = item.with_ttl(crate::ttl::ttl(py, seconds)?);
        }
        Ok(item)
    }
}

/// A value and what belongs to it: the object, the `ETag`, how fresh it is, and its age in seconds.
pub(super) fn item(py: Python<'_>, terms: &dyn Terms, item: &Item<Value>) -> PyResult<Py<PyAny>> {
    let freshness = match item.freshness() {
        Freshness::Early => "early",
        Freshness::Stale => "stale",
        _ => "fresh",
    };
    (terms.object(py, &item.value)?, item.etag(), freshness, item.age().as_secs_f64()).into_py_any(py)
}

impl Unkept {
    /// A value that the core shares, and that [`is_unkept`] keeps from being stored.
    pub(super) fn value(unkept: &Bound<'_, Self>) -> Value {
        Value::object(Arc::new(Shown(Some(unkept.clone().into_any().unbind()))))
    }

    /// The object in such a value.
    pub(super) fn of(py: Python<'_>, value: &Value) -> Option<Py<PyAny>> {
        value.downcast_ref::<Shown>()?.0.as_ref().map(|object| object.clone_ref(py))
    }
}

/// Whether a value isn't to be stored.
pub(super) fn is_unkept(value: &Value) -> bool {
    value.downcast_ref::<Shown>().is_some()
}

/// The object, for all who wait. Only empty during the drop.
struct Shown(Option<Py<PyAny>>);

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            graveyard::give_back(object);
        }
    }
}
