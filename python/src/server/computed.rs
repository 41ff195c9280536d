//! `get_or_set` on servers: the computed values are bytes.

use polycache::Value;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::convert;
use crate::bridge::Terms;

pub(super) struct Bytes;

impl Terms for Bytes {
    fn value(&self, _: &str, computed: &Bound<'_, PyAny>) -> PyResult<Value> {
        Ok(Value::bytes(computed.cast::<PyBytes>()?.as_bytes()))
    }

    fn object(&self, py: Python<'_>, value: &Value) -> PyResult<Py<PyAny>> {
        Ok(convert::bytes_or(py, Some(value), py.None()))
    }
}
