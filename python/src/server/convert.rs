//! A server's answers as Python objects.

use polycache::{Raw, Value};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

/// The bytes of a value, or the default.
pub(super) fn bytes_or(py: Python<'_>, value: Option<&Value>, default: Py<PyAny>) -> Py<PyAny> {
    match value.and_then(Value::as_bytes) {
        Some(bytes) => PyBytes::new(py, bytes).into_any().unbind(),
        None => default,
    }
}

/// The answer to one of the server's own commands.
pub(super) fn raw(py: Python<'_>, raw: Raw) -> PyResult<Py<PyAny>> {
    match raw {
        Raw::Bool(value) => value.into_py_any(py),
        Raw::Int(number) => number.into_py_any(py),
        Raw::Double(number) => number.into_py_any(py),
        Raw::Text(text) => text.into_py_any(py),
        Raw::Bytes(bytes) => Ok(PyBytes::new(py, &bytes).into_any().unbind()),
        Raw::List(items) => {
            let items = items.into_iter().map(|item| self::raw(py, item)).collect::<PyResult<Vec<_>>>()?;
            Ok(PyList::new(py, items)?.into_any().unbind())
        }
        Raw::Map(pairs) => {
            let map = PyDict::new(py);
            for (key, value) in pairs {
                map.set_item(self::raw(py, key)?, self::raw(py, value)?)?;
            }
            Ok(map.into_any().unbind())
        }
        _ => Ok(py.None()),
    }
}
