//! The tags of what a command stores.

use polycache::Cache;
use pyo3::prelude::*;

use crate::errors::invalid;

/// Tags in one namespace.
#[pyclass(frozen, module = "polycache._native")]
#[derive(Debug)]
pub(crate) struct Tags {
    /// What stands before the names of the namespace's keys and tags.
    pub(crate) prefix: String,
    names: Vec<String>,
    /// Whether a computed value has more, which its computation tells.
    pub(crate) by_result: bool,
}

#[pymethods]
impl Tags {
    #[new]
    #[pyo3(signature = (prefix, names, by_result = false))]
    const fn new(prefix: String, names: Vec<String>, by_result: bool) -> Self {
        Self { prefix, names, by_result }
    }
}

impl Tags {
    /// The view of this cache that gives these tags, and the name of a key in it.
    pub(crate) fn on<'k>(&self, py: Python<'_>, cache: &Cache, key: &'k str) -> PyResult<(Cache, &'k str)> {
        Ok((self.view(cache), self.name(py, key)?))
    }

    pub(crate) fn view(&self, cache: &Cache) -> Cache {
        cache.namespace(&self.prefix).tagged(&self.names)
    }

    /// The name of a full key in the namespace.
    pub(crate) fn name<'k>(&self, py: Python<'_>, key: &'k str) -> PyResult<&'k str> {
        name(py, &self.prefix, key)
    }
}

/// The name of a full key in the namespace with this prefix.
pub(crate) fn name<'k>(py: Python<'_>, prefix: &str, key: &'k str) -> PyResult<&'k str> {
    key.strip_prefix(prefix).ok_or_else(|| {
        let text = format!("{key:?} doesn't begin with the namespace {prefix:?}, to which its tags belong");
        invalid(py, &text)
    })
}
