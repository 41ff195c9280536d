//! The version of a value.

use polycache::backend;
use pyo3::prelude::*;

/// The version of a value: it tells which write made the value, for `cas` and `delete_if` to compare.
#[pyclass(frozen, eq, module = "polycache._native")]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Version(pub(crate) backend::Version);

#[pymethods]
impl Version {
    /// Whether there was no value.
    #[getter]
    fn is_absent(&self) -> bool {
        self.0.is_absent()
    }

    fn __repr__(&self) -> &'static str {
        if self.0.is_absent() { "<Version of an absent key>" } else { "<Version>" }
    }
}
