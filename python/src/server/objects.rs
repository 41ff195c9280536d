//! What is near, as objects that all who ask share.

use std::sync::Arc;

use polycache::{Decoder, Value};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyTuple};

use super::commands::{Future_, Server};
use crate::errors::raised;
use crate::graveyard;

/// Tells the objects of one serializer from those of others.
#[pyclass(frozen, module = "polycache._native")]
#[derive(Debug)]
pub(crate) struct Objects(Decoder);

/// Bytes that nobody has decoded yet.
#[pyclass(frozen, module = "polycache._native")]
#[derive(Debug)]
pub(crate) struct Undecoded {
    value: Value,
    by: Decoder,
}

/// An object beside its bytes. Only empty during the drop.
#[derive(Debug)]
struct Kept(Option<Py<PyAny>>);

#[pymethods]
impl Objects {
    #[new]
    fn new() -> Self {
        Self(Decoder::new())
    }

    #[pyo3(signature = (server, key, timeout = None))]
    fn get<'py>(&self, py: Python<'py>, server: &Bound<'py, Server>, key: &str, timeout: Option<f64>) -> Future_<'py> {
        let by = self.0;
        let answer = move |py: Python<'_>, value: Option<Value>| answer(py, by, value);
        server.get().ask_now(py, timeout, |cache| cache.get::<Value>(key), answer)
    }

    #[pyo3(signature = (server, key))]
    fn peek<'py>(&self, py: Python<'py>, server: &Bound<'py, Server>, key: &str) -> Future_<'py> {
        let server = server.get();
        let live = server.connections.live().map_err(|error| raised(py, &error))?;
        match server.cache(py, &live)?.get::<Value>(key).now() {
            Ok(Ok(value)) => answer(py, self.0, value).map(|answer| answer.into_bound(py)),
            Ok(Err(error)) => Err(raised(py, &error)),
            // Nothing is asked before a reply is polled.
            Err(_) => Ok(PyBool::new(py, false).to_owned().into_any()),
        }
    }
}

#[pymethods]
impl Undecoded {
    #[getter]
    fn data<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.value.as_bytes().unwrap_or_default())
    }

    /// Keeps the object that was decoded, for as long as the bytes are near.
    fn keep(&self, object: Py<PyAny>) {
        self.value.keep_decoded(self.by, &Arc::new(Kept(Some(object))));
    }
}

/// A value as a tuple with its object, or to be decoded.
fn answer(py: Python<'_>, by: Decoder, value: Option<Value>) -> PyResult<Py<PyAny>> {
    let Some(value) = value else { return Ok(py.None()) };
    match value.decoded::<Arc<Kept>>(by).and_then(|kept| kept.0.as_ref()) {
        Some(object) => Ok(PyTuple::new(py, [object])?.into_any().unbind()),
        None => Ok(Py::new(py, Undecoded { value, by })?.into_any()),
    }
}

/// The core drops it with its bytes, where locks may be held.
impl Drop for Kept {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(graveyard::bury);
    }
}
