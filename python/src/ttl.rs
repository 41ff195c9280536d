//! TTLs: seconds as a float in Python.

use std::time::Duration;

use polycache::Ttl;
use pyo3::prelude::*;

use crate::errors::invalid;

/// The TTL of this many seconds; `None` for no TTL. One that is longer than the clock reaches counts as none, too.
#[inline]
pub(crate) fn ttl(py: Python<'_>, seconds: Option<f64>) -> PyResult<Ttl> {
    match seconds {
        None => Ok(Ttl::Never),
        Some(seconds) => finite(py, seconds),
    }
}

fn finite(py: Python<'_>, seconds: f64) -> PyResult<Ttl> {
    if seconds.is_nan() || seconds <= 0.0 {
        return Err(invalid(py, &format!("a TTL of {seconds} seconds; it is above 0, or None for no TTL")));
    }
    // A TTL shorter than a nanosecond isn't zero.
    Ok(Duration::try_from_secs_f64(seconds).map_or(Ttl::Never, |life| Ttl::After(life.max(Duration::from_nanos(1)))))
}

/// Seconds; `None` for no TTL.
pub(crate) fn seconds(ttl: Ttl) -> Option<f64> {
    match ttl {
        Ttl::Never => None,
        Ttl::After(life) => Some(life.as_secs_f64()),
    }
}
