//! The short way of a memory cache's commands. A plugin that it doesn't know, the off switch in the environment or a key that isn't text
//! can block it unannounced, so the one native call of a command looks for them.

use polycache::{Cache, Ttl};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyInt, PyList, PyString, PyTuple};

use super::commands::Memory;
use super::inner::{asked, calm, now};
use super::store::Store;
use super::tally::{Command, Counting, Tally};
use crate::errors::raised;
use crate::switches::Switches;

/// The answers of a command that finds nothing, or may not look.
#[derive(Debug)]
struct Marks {
    /// Take the long way.
    long: Py<PyAny>,
    /// There is no such key.
    missing: Py<PyAny>,
}

/// The commands of one cache, with its present settings: its namespace, its TTL, its list of plugins.
#[pyclass(frozen, module = "polycache._native")]
#[derive(Debug)]
pub(crate) struct Door {
    cache: Cache,
    /// The store itself. What has only an object is read and written here, past the cache.
    store: Store,
    is_direct: bool,
    prefix: Box<str>,
    ttl: Ttl,
    memory: Py<Memory>,
    space_length: u32,
    plugins: Py<PyList>,
    counting: Counting,
    /// Whether a hit may have to be computed anew.
    is_early: bool,
    switches: Switches,
    marks: Marks,
}

#[pymethods]
impl Door {
    #[new]
    #[pyo3(signature = (
        memory, *, prefix, ttl, plugins, environment, switches, long, missing, counted = Vec::new(), times = None, hits = None,
        early = false
    ))]
    #[allow(clippy::too_many_arguments, reason = "keywords of Python's")]
    fn new(
        py: Python<'_>,
        memory: Py<Memory>,
        prefix: &str,
        ttl: Option<f64>,
        plugins: Py<PyList>,
        environment: Py<PyDict>,
        switches: (Py<PyAny>, Py<PyAny>),
        long: Py<PyAny>,
        missing: Py<PyAny>,
        counted: Vec<Py<PyAny>>,
        times: Option<Py<Tally>>,
        hits: Option<Py<Tally>>,
        early: bool,
    ) -> PyResult<Self> {
        let ttl = crate::ttl::ttl(py, ttl)?;
        let cache = memory.get().cache.namespace(prefix).with_ttl(ttl);
        let store = memory.get().store.clone();
        let space_length = u32::try_from(prefix.len())?;
        let counting = Counting { plugins: counted, times, hits };
        let marks = Marks { long, missing };
        let (prefix, is_direct) = (prefix.into(), memory.get().is_direct);
        Ok(Self {
            cache,
            store,
            is_direct,
            prefix,
            ttl,
            memory,
            space_length,
            plugins,
            counting,
            is_early: early,
            switches: Switches::new(environment, switches),
            marks,
        })
    }

    /// The object under a key, if there is one and the way is open. Only a hit on another object than `None` is counted: else somebody asks
    /// again. As an operator, since that has no arguments to be taken apart.
    fn __getitem__(&self, key: &Bound<'_, PyAny>) -> Option<Py<PyAny>> {
        let py = key.py();
        let begun = self.counting.begin();
        let found = self.find(py, self.key(key)?).filter(|found| !found.is_none(py))?;
        self.counting.end(Command::Get, begun);
        self.counting.count_hits(1, 1);
        Some(found)
    }

    #[pyo3(signature = (key, default, /))]
    fn get(&self, key: &Bound<'_, PyAny>, default: &Bound<'_, PyAny>) -> Py<PyAny> {
        let py = key.py();
        match self.key(key) {
            Some(key) => match self.get_one(py, key) {
                Some(found) => found,
                // It says why it doesn't take the key.
                None if self.cache.check_key(key).is_err() => self.marks.long.clone_ref(py),
                None => default.clone().unbind(),
            },
            None => self.marks.long.clone_ref(py),
        }
    }

    #[pyo3(signature = (key, /))]
    fn peek(&self, key: &Bound<'_, PyAny>) -> Py<PyAny> {
        let py = key.py();
        match self.key(key) {
            // What is to be computed anew isn't missing.
            Some(key) if self.is_early => self.calm_hit(py, key).unwrap_or_else(|| self.marks.long.clone_ref(py)),
            Some(key) => self.get_one(py, key).unwrap_or_else(|| self.marks.missing.clone_ref(py)),
            None => self.marks.long.clone_ref(py),
        }
    }

    #[pyo3(signature = (keys, /))]
    fn multi_get<'py>(&self, keys: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        let py = keys.py();
        let long = || Ok(self.marks.long.bind(py).clone());
        if !self.is_open(py) {
            return long();
        }
        let begun = self.counting.begin();
        // Before the store is locked, since Python may have to make the text.
        let keys: Vec<Borrowed<'_, '_, PyAny>> = keys.iter_borrowed().collect();
        // Not collected: the length isn't known where one may be missing.
        let mut names = Vec::with_capacity(keys.len());
        for key in &keys {
            let Some(name) = text(key) else { return long() };
            names.push(name);
        }
        let (mut hits, mut rest) = (0, Vec::new());
        let values = self.store.find_many(py, &self.prefix, &names).enumerate().map(|(place, found)| {
            hits += usize::from(found.is_some());
            if matches!(found, Some(None)) {
                rest.push(place);
            }
            found.flatten().unwrap_or_else(|| py.None())
        });
        // The list is made before its first object is looked up and the store is locked, since Python may collect its garbage then.
        let values = PyList::new(py, values)?;
        if hits < names.len() && names.iter().any(|name| self.cache.check_key(name).is_err()) {
            return long();
        }
        for place in rest {
            match asked(py, &self.cache, names[place]) {
                Some(value) => values.set_item(place, value)?,
                None => hits -= 1,
            }
        }
        self.counting.end(Command::MultiGet, begun);
        self.counting.count_hits(names.len(), hits);
        Ok(values.into_any())
    }

    /// Returns whether the value was stored: if not, the long way has to be taken.
    #[pyo3(signature = (key, value, ttl = None, /))]
    fn set(&self, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>, ttl: Option<f64>) -> PyResult<bool> {
        let py = key.py();
        let Some(key) = self.key(key) else { return Ok(false) };
        self.cache.check_key(key).map_err(|error| raised(py, &error))?;
        let begun = self.counting.begin();
        let ttl = match ttl {
            None => self.ttl,
            Some(seconds) => crate::ttl::ttl(py, Some(seconds))?,
        };
        if !self.is_direct {
            let length = u64::from(self.space_length) + key.len() as u64;
            let held = self.memory.get().value(length, value, self.space_length)?;
            now(py, self.cache.with_ttl(ttl).set(key, held))?;
        } else {
            self.put(key, value.clone(), ttl)?;
        }
        self.counting.end(Command::Set, begun);
        Ok(true)
    }

    fn delete<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = key.py();
        let Some(key) = self.key(key) else { return Ok(self.marks.long.bind(py).clone()) };
        let begun = self.counting.begin();
        let deleted = now(py, self.cache.delete(key))?;
        self.counting.end(Command::Delete, begun);
        Ok(PyInt::new(py, u8::from(deleted)).into_any())
    }

    fn exists<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = key.py();
        let Some(key) = self.key(key) else { return Ok(self.marks.long.bind(py).clone()) };
        let begun = self.counting.begin();
        let exists = now(py, self.cache.exists(key))?;
        self.counting.end(Command::Exists, begun);
        Ok(PyBool::new(py, exists).to_owned().into_any())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.memory)?;
        visit.call(&self.plugins)?;
        self.counting.plugins.iter().try_for_each(|plugin| visit.call(plugin))
    }
}

impl Door {
    /// Whether all plugins are counted for, and nothing switches the cache off.
    #[inline]
    fn is_open(&self, py: Python<'_>) -> bool {
        self.counting.covers(self.plugins.bind(py)) && self.switches.are_absent(py)
    }

    /// The key's text, if the way is open and the key is text.
    #[inline]
    fn key<'a>(&self, key: &'a Bound<'_, PyAny>) -> Option<&'a str> {
        if self.is_open(key.py()) { text(key) } else { None }
    }

    /// The object under a key for a function that would compute it, if there is one and the way is open.
    #[inline]
    pub(super) fn hit(&self, py: Python<'_>, key: &str) -> Option<Py<PyAny>> {
        if self.is_open(py) { self.calm_hit(py, key) } else { None }
    }

    /// The object under a key, unless it is to be computed anew. Only a hit is counted: after a miss the long way counts.
    #[inline]
    fn calm_hit(&self, py: Python<'_>, key: &str) -> Option<Py<PyAny>> {
        let begun = self.counting.begin();
        let ask = if self.is_early { calm } else { asked };
        let found = self.store.find(py, &self.prefix, key)?.or_else(|| ask(py, &self.cache, key))?;
        self.counting.end(Command::Get, begun);
        self.counting.count_hits(1, 1);
        Some(found)
    }

    #[inline]
    fn get_one(&self, py: Python<'_>, key: &str) -> Option<Py<PyAny>> {
        let begun = self.counting.begin();
        let found = self.find(py, key);
        self.counting.end(Command::Get, begun);
        self.counting.count_hits(1, usize::from(found.is_some()));
        found
    }

    #[inline]
    fn find(&self, py: Python<'_>, key: &str) -> Option<Py<PyAny>> {
        self.store.find(py, &self.prefix, key)?.or_else(|| asked(py, &self.cache, key))
    }

    #[inline]
    fn put(&self, key: &str, object: Bound<'_, PyAny>, ttl: Ttl) -> PyResult<()> {
        self.cache.overtake(key);
        let deadline = self.store.deadline(ttl);
        if self.prefix.is_empty() {
            self.store.put(object, key, self.space_length, deadline)
        } else {
            self.store.put(object, &[&*self.prefix, key].concat(), self.space_length, deadline)
        }
    }
}

/// The text of a key that is exactly a `str`.
#[inline]
fn text<'a>(key: &'a Bound<'_, PyAny>) -> Option<&'a str> {
    key.cast_exact::<PyString>().ok()?.to_str().ok()
}
