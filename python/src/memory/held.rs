//! A stored object, with what the store knows of it without asking Python.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use polycache::{Error, ErrorKind, Result, Value};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use crate::graveyard;
use crate::shutdown::Within;

/// An entry of the store: an object, or [`Aside`] in its place. A word has no room for a mark that it was moved out, so there is no
/// destructor that could bring the object to the [graveyard]: who takes an entry out of the store has to [give it back](Self::give_back).
#[derive(Debug)]
pub(super) struct Held(Py<PyAny>);

/// The length of the namespace of most entries: the first one's. It isn't kept with each.
#[derive(Debug, Clone, Default)]
pub(super) struct UsualLength(Arc<OnceLock<u32>>);

/// An object with something beside it. Python code sees it only by asking the collector for all objects.
#[pyclass(frozen, module = "polycache._native")]
#[derive(Debug)]
pub(super) struct Aside(Beside);

/// Where the type [`Aside`] is; zero before there is one of it.
static ASIDE: AtomicUsize = AtomicUsize::new(0);

#[derive(Debug)]
enum Beside {
    /// Its namespace is longer or shorter than most.
    Length { object: Object, namespace_length: u32 },
    /// The core also holds it, or it has a head or a weight.
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
struct Object(Option<Py<PyAny>>);

impl Held {
    /// An object without a weight.
    #[inline]
    pub(super) fn plain(object: Bound<'_, PyAny>, namespace_length: u32, usual: &UsualLength) -> PyResult<Self> {
        if usual.is(namespace_length) {
            return Ok(Self(object.unbind()));
        }
        let py = object.py();
        Self::aside(py, Beside::Length { object: Object(Some(object.unbind())), namespace_length })
    }

    /// The entry for a value of the core's. It has a reference of its own only if the core keeps none.
    pub(super) fn of(py: Python<'_>, value: Value, weighs: bool, usual: &UsualLength) -> Result<Self> {
        let held = if weighs || value.head().is_some() || value.downcast_ref::<Carried>().is_none() {
            Self::aside(py, Beside::Value(Box::new(value)))
        } else {
            match value.downcast::<Carried>().map(Arc::try_unwrap) {
                Some(Ok(Carried { mut object, namespace_length, .. })) => {
                    let object = object.0.take().unwrap_or_else(|| py.None());
                    Self::plain(object.into_bound(py), namespace_length, usual)
                }
                Some(Err(shared)) => Self::aside(py, Beside::Value(Box::new(Value::object(shared)))),
                None => Self::aside(py, Beside::Value(Box::new(Value::object(Arc::new(()))))),
            }
        };
        held.map_err(|error| Error::new(ErrorKind::Backend, "an entry can't be made").with_source(error))
    }

    #[cold]
    fn aside(py: Python<'_>, beside: Beside) -> PyResult<Self> {
        // The first of them makes the type.
        let aside = Py::new(py, Aside(beside))?.into_any();
        ASIDE.store(aside.bind(py).get_type_ptr().addr(), Ordering::Relaxed);
        Ok(Self(aside))
    }

    /// What is in the object's place.
    #[inline]
    fn beside<'a>(&'a self, py: Python<'a>) -> Option<&'a Beside> {
        let object = self.0.bind(py);
        // A comparison of addresses: what pyo3 does before it would be felt in a hit.
        if object.get_type_ptr().addr() != ASIDE.load(Ordering::Relaxed) {
            return None;
        }
        object.cast_exact::<Aside>().ok().map(|aside| &aside.get().0)
    }

    /// The object, unless the cache has to look at what stands beside it.
    #[inline]
    pub(super) fn object(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        match self.beside(py) {
            None => Some(self.0.clone_ref(py)),
            Some(Beside::Length { object, .. }) => object.get(py),
            Some(Beside::Value(value)) if value.head().is_some() => None,
            Some(Beside::Value(value)) => Carried::object(py, value),
        }
    }

    /// The entry as the core sees it.
    pub(super) fn value(&self, py: Python<'_>, usual: &UsualLength) -> Value {
        match self.beside(py) {
            None => Carried::value(self.0.clone_ref(py), usual.length(), 1),
            Some(Beside::Length { object, namespace_length }) => {
                let object = Object(object.get(py));
                Value::object(Arc::new(Carried { object, namespace_length: *namespace_length, weight: 1 }))
            }
            Some(Beside::Value(value)) => Value::clone(value),
        }
    }

    pub(super) fn namespace_length(&self, py: Python<'_>, usual: &UsualLength) -> Option<u32> {
        match self.beside(py) {
            None => Some(usual.length()),
            Some(Beside::Length { namespace_length, .. }) => Some(*namespace_length),
            Some(Beside::Value(value)) => value.downcast_ref::<Carried>().map(|carried| carried.namespace_length),
        }
    }

    /// Drops the entry on any thread. No lock may be held: a finalizer may call the cache.
    pub(super) fn give_back(self) {
        graveyard::give_back(self.0);
    }

    /// As [`give_back`](Self::give_back), on a thread of Python's.
    #[inline]
    pub(super) fn drop(self, py: Python<'_>) {
        let _within = Within::enter(py);
        self.0.drop_ref(py);
    }

    /// For the collector, which finds what is beside the object by itself.
    pub(super) fn visit(&self, visit: &PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        visit.call(&self.0)
    }
}

impl UsualLength {
    /// Whether a namespace's length is the usual one. The first that is asked about is.
    #[inline]
    fn is(&self, namespace_length: u32) -> bool {
        *self.0.get_or_init(|| namespace_length) == namespace_length
    }

    fn length(&self) -> u32 {
        self.0.get().copied().unwrap_or_default()
    }
}

#[pymethods]
impl Aside {
    fn __traverse__(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        let object = match &self.0 {
            Beside::Length { object, .. } => object.0.as_ref(),
            Beside::Value(value) => value.downcast_ref::<Carried>().and_then(|carried| carried.object.0.as_ref()),
        };
        object.map_or(Ok(()), |object| visit.call(object))
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
