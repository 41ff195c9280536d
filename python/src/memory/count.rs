//! Counting in memory: Python's numbers have no bound, so Python adds them.

use polycache::backend::{Found, Version, Want};
use polycache::{Ttl, Value};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyInt;

use super::commands::Memory;
use super::held::Carried;
use super::inner::now;
use crate::settings::Settings;
use crate::shutdown::Within;

/// Adds to the number under a key, and returns the sum.
pub(super) fn increment<'py>(
    memory: &Memory,
    key: &str,
    delta: &Bound<'py, PyInt>,
    namespace_length: u32,
) -> PyResult<Bound<'py, PyAny>> {
    let py = delta.py();
    let _within = Within::enter(py);
    loop {
        let want = Want::VALUE.and(Want::VERSION).and(Want::TTL);
        let (sum, stored) = match now(py, memory.cache.look::<Value>(key, want))? {
            None => {
                let held = memory.hold(key, delta, namespace_length)?;
                (delta.clone().into_any(), now(py, memory.cache.add(key, held))?)
            }
            Some(Found { value, .. }) if value.as_ref().and_then(Value::head).is_some() => {
                // Nor can a value be counted that was stored with a grace.
                return Err(PyTypeError::new_err("Value is not an integer"));
            }
            Some(Found { value, version, ttl, .. }) => {
                let present = value.as_ref().and_then(|value| Carried::object(py, value));
                let present = whole(present.unwrap_or_else(|| py.None()).bind(py))?;
                let sum = present.add(delta)?;
                let held = memory.hold(key, &sum, namespace_length)?;
                let version = version.unwrap_or(Version::ABSENT);
                let ttl = ttl.unwrap_or_default();
                // Nothing is kept beside a count, as on servers.
                let cache = if ttl == Ttl::Never { memory.cache.clone() } else { Settings::bare(&memory.cache) };
                (sum, now(py, cache.with_ttl(ttl).cas(key, held, version))?)
            }
        };
        if stored {
            return Ok(sum);
        }
    }
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
