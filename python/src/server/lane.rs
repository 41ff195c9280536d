//! The short way of the most frequent commands on a server: one native call, which looks whether the way is open and begins the command.

use std::future::Future;

use polycache::{Cache, Ttl, Value};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyList, PyString, PyType};

use super::commands::{Future_, Server};
use super::convert;
use crate::switches::Switches;

/// In seconds. The long way knows what longer ones mean to a server.
const LONGEST_TTL: u32 = 1 << 30;

/// One cache with its present settings: its namespace, its timeout, its TTL, its list of plugins.
#[pyclass(frozen, module = "polycache._native")]
#[derive(Debug)]
pub(crate) struct Lane {
    server: Py<Server>,
    prefix: Box<str>,
    /// The bytes that a key may have.
    longest: usize,
    limit: Option<f64>,
    ttl: Ttl,
    /// Stands for the cache's own TTL.
    unset: Py<PyAny>,
    plugins: Py<PyList>,
    switches: Switches,
    text: Option<Text>,
}

/// A serializer of text, whose bytes are made and read here as long as nobody replaces its methods.
#[derive(Debug)]
struct Text {
    class: Py<PyType>,
    dumps: Py<PyAny>,
    loads: Py<PyAny>,
    /// The attributes of the serializer itself.
    own: Py<PyDict>,
}

#[pymethods]
impl Lane {
    #[new]
    #[pyo3(signature = (server, *, prefix, longest, limit, ttl, unset, plugins, environment, switches, text = None))]
    #[allow(clippy::too_many_arguments, clippy::type_complexity, reason = "keywords of Python's")]
    fn new(
        py: Python<'_>,
        server: Py<Server>,
        prefix: &str,
        longest: usize,
        limit: Option<f64>,
        ttl: Option<f64>,
        unset: Py<PyAny>,
        plugins: Py<PyList>,
        environment: Py<PyDict>,
        switches: (Py<PyAny>, Py<PyAny>),
        text: Option<(Py<PyType>, Py<PyAny>, Py<PyAny>, Py<PyDict>)>,
    ) -> PyResult<Self> {
        let ttl = crate::ttl::ttl(py, ttl)?;
        let text = text.map(|(class, dumps, loads, own)| Text { class, dumps, loads, own });
        let switches = Switches::new(environment, switches);
        Ok(Self { server, prefix: prefix.into(), longest, limit, ttl, unset, plugins, switches, text })
    }

    /// Begins a `get`, if the way is open. As an operator, since that has no arguments to be taken apart.
    fn __getitem__<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = key.py();
        let Some(key) = self.key(key) else { return Ok(None) };
        let is_text = self.text.as_ref().is_some_and(|text| text.loads_as_ever(py));
        let convert = move |py: Python<'_>, value: Option<Value>| {
            if is_text { text_of(py, value.as_ref()) } else { Ok(convert::bytes_or(py, value.as_ref(), py.None())) }
        };
        self.ask(py, key, |cache, key| cache.get::<Value>(key), convert).map(Some)
    }

    /// Begins a `set` of text, if the way is open.
    #[pyo3(signature = (key, value, ttl, /))]
    fn set<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        ttl: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = key.py();
        if !self.text.as_ref().is_some_and(|text| text.dumps_as_ever(py)) {
            return Ok(None);
        }
        // Of other values Python makes the text.
        match value.cast_exact::<PyString>().ok().and_then(|value| value.to_str().ok()) {
            Some(text) => self.put(key, text.as_bytes(), ttl),
            None => Ok(None),
        }
    }

    /// Whether the way is open for a `put` with these.
    #[pyo3(signature = (key, ttl, /))]
    fn takes(&self, key: &Bound<'_, PyAny>, ttl: &Bound<'_, PyAny>) -> bool {
        self.key(key).is_some() && self.ttl(ttl).is_some()
    }

    /// Begins a `set` of bytes, if the way is open.
    #[pyo3(signature = (key, value, ttl, /))]
    fn put<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        value: &[u8],
        ttl: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = key.py();
        let (Some(key), Some(ttl)) = (self.key(key), self.ttl(ttl)) else { return Ok(None) };
        let ask = |cache: &Cache, key: &str| cache.with_ttl(ttl).set(key, Value::from(value.to_vec()));
        self.ask(py, key, ask, |py, ()| Ok(py.None())).map(Some)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.server)?;
        visit.call(&self.plugins)?;
        self.text.as_ref().map_or(Ok(()), |text| visit.call(&text.own))
    }
}

impl Lane {
    /// The key's text, if the way is open and the key is text that isn't too long.
    #[inline]
    fn key<'a>(&self, key: &'a Bound<'_, PyAny>) -> Option<&'a str> {
        let py = key.py();
        if !self.plugins.bind(py).is_empty() || !self.switches.are_absent(py) {
            return None;
        }
        let key = key.cast_exact::<PyString>().ok()?.to_str().ok()?;
        (self.prefix.len() + key.len() <= self.longest).then_some(key)
    }

    /// The TTL of a write: the cache's own, or whole seconds.
    #[inline]
    fn ttl(&self, ttl: &Bound<'_, PyAny>) -> Option<Ttl> {
        if self.unset.is(ttl) {
            return Some(self.ttl);
        }
        let seconds = ttl.cast_exact::<PyInt>().ok()?.extract::<u32>().ok()?;
        (1..=LONGEST_TTL).contains(&seconds).then(|| Ttl::secs(u64::from(seconds)))
    }

    #[inline]
    fn ask<'py, T, F, C>(
        &self,
        py: Python<'py>,
        key: &str,
        ask: impl FnOnce(&Cache, &str) -> F,
        convert: C,
    ) -> Future_<'py>
    where
        T: 'static,
        F: Future<Output = polycache::Result<T>> + Send + Unpin + 'static,
        C: FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
    {
        let server = self.server.get();
        if self.prefix.is_empty() {
            return server.ask(py, self.limit, |cache| ask(cache, key), convert);
        }
        let full = [&*self.prefix, key].concat();
        server.ask(py, self.limit, |cache| ask(cache, &full), convert)
    }
}

impl Text {
    #[inline]
    fn loads_as_ever(&self, py: Python<'_>) -> bool {
        self.is_as_ever(py, intern!(py, "loads"), &self.loads)
    }

    #[inline]
    fn dumps_as_ever(&self, py: Python<'_>) -> bool {
        self.is_as_ever(py, intern!(py, "dumps"), &self.dumps)
    }

    fn is_as_ever(&self, py: Python<'_>, name: &Bound<'_, PyString>, original: &Py<PyAny>) -> bool {
        self.own.bind(py).is_empty() && self.class.bind(py).getattr(name).is_ok_and(|method| method.is(original))
    }
}

/// The text of a value's bytes.
fn text_of(py: Python<'_>, value: Option<&Value>) -> PyResult<Py<PyAny>> {
    match value.and_then(Value::as_bytes) {
        Some(bytes) => Ok(PyString::from_bytes(py, bytes)?.into_any().unbind()),
        None => Ok(py.None()),
    }
}
