//! Computed objects that all who wait get, and nobody stores.

use std::sync::Arc;

use polycache::Value;
use pyo3::prelude::*;

use crate::graveyard;

/// A result that isn't to be stored.
#[pyclass(frozen, module = "polycache._native")]
pub(crate) struct Unkept {
    #[pyo3(get)]
    result: Py<PyAny>,
}

#[pymethods]
impl Unkept {
    #[new]
    const fn new(result: Py<PyAny>) -> Self {
        Self { result }
    }
}

impl Unkept {
    /// A value that the core shares, and that [`is_unkept`] keeps from being stored.
    pub(super) fn value(unkept: &Bound<'_, Self>) -> Value {
        Value::object(Arc::new(Shown(Some(unkept.clone().into_any().unbind()))))
    }

    /// The object in such a value.
    pub(super) fn of(py: Python<'_>, value: &Value) -> Option<Py<PyAny>> {
        value.downcast_ref::<Shown>()?.0.as_ref().map(|object| object.clone_ref(py))
    }
}

/// Whether a value isn't to be stored.
pub(super) fn is_unkept(value: &Value) -> bool {
    value.downcast_ref::<Shown>().is_some()
}

/// The object, for all who wait. Only empty during the drop.
struct Shown(Option<Py<PyAny>>);

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            graveyard::give_back(object);
        }
    }
}
