//! `get_or_set` on memory: computed objects are kept as they are.

use polycache::Value;
use pyo3::prelude::*;

use super::commands::Memory;
use super::held::Carried;
use crate::bridge::Terms;

/// How a computed object is stored. Holds the cache: only through it does the collector see the objects in it.
pub(super) struct Kept {
    pub(super) memory: Py<Memory>,
    pub(super) namespace_length: u32,
}

impl Terms for Kept {
    fn value(&self, key: &str, computed: &Bound<'_, PyAny>) -> PyResult<Value> {
        self.memory.get().value(key.len() as u64, computed, self.namespace_length)
    }

    fn object(&self, py: Python<'_>, value: &Value) -> PyResult<Py<PyAny>> {
        Ok(Carried::object(py, value).unwrap_or_else(|| py.None()))
    }
}
