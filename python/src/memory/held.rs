//! A stored object, with what the store knows of it without asking Python.

use std::sync::Arc;

use polycache::Value;
use pyo3::prelude::*;

use crate::graveyard;

/// An entry of the store.
#[derive(Debug)]
pub(super) enum Held {
    /// An object and nothing else: what most entries are.
    Plain { object: Object, namespace_length: u32 },
    /// An object that the core also holds, or one with a head or a weight.
    Value(Box<Value>),
}

/// A Python object on its way through the core.
#[derive(Debug)]
pub(super) struct Carried {
    object: Object,
    /// The length of the namespace at the beginning of its key.
    namespace_length: u32,
    /// Its weight against `max_memory`.
    pub(super) weight: u64,
}

/// A reference that may be dropped on any thread. Only empty during the drop.
#[derive(Debug)]
pub(super) struct Object(Option<Py<PyAny>>);

impl Held {
    /// An object without a weight.
    #[inline]
    pub(super) fn plain(object: Py<PyAny>, namespace_length: u32) -> Self {
        Self::Plain { object: Object(Some(object)), namespace_length }
    }

    /// The entry for a value of the core's. It has a reference of its own only if the core keeps none.
    pub(super) fn of(value: Value, weighs: bool) -> Self {
        if weighs || value.head().is_some() || value.downcast_ref::<Carried>().is_none() {
            return Self::Value(Box::new(value));
        }
        match value.downcast::<Carried>().map(Arc::try_unwrap) {
            Some(Ok(Carried { object, namespace_length, .. })) => Self::Plain { object, namespace_length },
            Some(Err(shared)) => Self::Value(Box::new(Value::object(shared))),
            None => Self::Value(Box::new(Value::object(Arc::new(())))),
        }
    }

    /// The object, unless the cache has to look at what stands beside it.
    #[inline]
    pub(super) fn object(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        match self {
            Self::Plain { object, .. } => object.get(py),
            Self::Value(value) if value.head().is_some() => None,
            Self::Value(value) => Carried::object(py, value),
        }
    }

    /// The entry as the core sees it.
    pub(super) fn value(&self, py: Python<'_>) -> Value {
        match self {
            Self::Plain { object, namespace_length } => {
                let object = Object(object.get(py));
                Value::object(Arc::new(Carried { object, namespace_length: *namespace_length, weight: 1 }))
            }
            Self::Value(value) => Value::clone(value),
        }
    }

    pub(super) fn namespace_length(&self) -> Option<u32> {
        match self {
            Self::Plain { namespace_length, .. } => Some(*namespace_length),
            Self::Value(value) => value.downcast_ref::<Carried>().map(|carried| carried.namespace_length),
        }
    }

    pub(super) fn borrowed(&self) -> Option<&Py<PyAny>> {
        match self {
            Self::Plain { object, .. } => object.0.as_ref(),
            Self::Value(value) => value.downcast_ref::<Carried>()?.object.0.as_ref(),
        }
    }

    /// The address of the object, where a reader goes on.
    pub(super) fn address(&self) -> usize {
        self.borrowed().map_or(0, |object| object.as_ptr().addr())
    }
}

impl Carried {
    pub(super) fn value(object: Py<PyAny>, namespace_length: u32, weight: u64) -> Value {
        Value::object(Arc::new(Self { object: Object(Some(object)), namespace_length, weight }))
    }

    /// The object in a value of this cache.
    pub(super) fn object(py: Python<'_>, value: &Value) -> Option<Py<PyAny>> {
        value.downcast_ref::<Self>()?.object.get(py)
    }
}

impl Object {
    #[inline]
    fn get(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.0.as_ref().map(|object| object.clone_ref(py))
    }
}

impl Drop for Object {
    #[inline]
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            graveyard::give_back(object);
        }
    }
}
