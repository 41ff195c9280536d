//! Arguments of commands, from Python.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::errors::invalid;
use crate::shutdown::Within;

/// How long a command may take; `None` for no limit.
pub(super) fn limit(py: Python<'_>, seconds: Option<f64>) -> PyResult<Option<Duration>> {
    match seconds {
        None => Ok(None),
        Some(seconds) if seconds > 0.0 => Ok(Duration::try_from_secs_f64(seconds).ok()),
        Some(seconds) => Err(invalid(py, &format!("a timeout of {seconds} seconds; it is above 0, or None"))),
    }
}

/// An argument of one of the server's own commands.
#[derive(FromPyObject)]
pub(super) enum Argument {
    Bytes(Vec<u8>),
    Text(String),
    Int(i64),
    Float(f64),
}

impl Argument {
    pub(super) fn bytes(self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Text(text) => text.into_bytes(),
            Self::Int(number) => number.to_string().into_bytes(),
            Self::Float(number) => number.to_string().into_bytes(),
        }
    }
}

pub(super) fn strings<'py>(keys: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyString>>> {
    let _within = Within::enter(keys.py());
    keys.try_iter()?.map(|key| Ok(key?.cast_into::<PyString>()?)).collect()
}

pub(super) fn texts<'a>(keys: &'a [Bound<'_, PyString>]) -> PyResult<Vec<&'a str>> {
    keys.iter().map(|key| key.to_str()).collect()
}
