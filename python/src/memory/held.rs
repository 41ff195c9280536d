//! A stored object, with what the store knows of it without asking Python.

use std::sync::Arc;

use polycache::Value;
use pyo3::prelude::*;

use crate::graveyard;

/// A Python object in the store.
#[derive(Debug)]
pub(super) struct Held {
    /// Only empty during the drop.
    object: Option<Py<PyAny>>,
    /// The length of the namespace at the beginning of its key.
    pub(super) namespace_length: u32,
    /// Its weight against `max_memory`.
    pub(super) weight: u64,
}

impl Held {
    pub(super) fn value(object: Py<PyAny>, namespace_length: u32, weight: u64) -> Value {
        Value::object(Arc::new(Self { object: Some(object), namespace_length, weight }))
    }

    /// The object in a value of this cache.
    #[inline]
    pub(super) fn object(py: Python<'_>, value: &Value) -> Option<Py<PyAny>> {
        value.downcast_ref::<Self>()?.object.as_ref().map(|object| object.clone_ref(py))
    }

    pub(super) fn borrowed(&self) -> Option<&Py<PyAny>> {
        self.object.as_ref()
    }
}

impl Drop for Held {
    #[inline]
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            graveyard::give_back(object);
        }
    }
}
