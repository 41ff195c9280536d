//! The call of a cached function: a hit in memory is answered at once, by a coroutine that has its value. All else goes to Python.

use std::cell::RefCell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDict, PyInt, PyString, PyTuple};

use super::door::Door;
use crate::shutdown::Within;

/// Part of an object's text if that is made of its address.
const ADDRESS: &str = " at 0x";

/// Where a cache's present door is; none while the short way is closed.
#[pyclass(frozen, weakref, module = "polycache._native")]
#[derive(Debug, Default)]
pub(crate) struct Doorway(Mutex<Option<Py<Door>>>);

#[pymethods]
impl Doorway {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    #[pyo3(signature = (door))]
    fn hang(&self, door: Option<Py<Door>>) {
        // The old door is dropped after the lock.
        let old = std::mem::replace(&mut *self.0.lock(), door);
        drop(old);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // Nobody holds the lock while the collector runs.
        self.0.try_lock().map_or(Ok(()), |door| visit.call(&*door))
    }

    fn __clear__(&self) {
        self.hang(None);
    }
}

impl Doorway {
    #[inline]
    fn door(&self, py: Python<'_>) -> Option<Py<Door>> {
        self.0.lock().as_ref().map(|door| door.clone_ref(py))
    }
}

/// A cached function whose key is the text of its arguments, as a base class. `_call` of the subclass is the long way.
#[pyclass(frozen, subclass, dict, weakref, module = "polycache._native")]
#[derive(Debug)]
pub(crate) struct ShortFunction {
    /// The beginning of its keys.
    prefix: String,
    /// Where its cache has its door; set once, when the decorator knows its cache.
    doorway: OnceLock<Py<Doorway>>,
    is_short: AtomicBool,
}

#[pymethods]
impl ShortFunction {
    #[new]
    #[pyo3(signature = (decorator, function))]
    fn new(decorator: &Bound<'_, PyAny>, function: &Bound<'_, PyAny>) -> PyResult<Self> {
        let _ = decorator;
        let text = |name: &Bound<'_, PyString>| -> PyResult<String> {
            let found = function.getattr_opt(name)?.filter(|found| !found.is_none());
            found.map_or_else(|| Ok(String::new()), |found| found.extract())
        };
        let py = function.py();
        let prefix = text(intern!(py, "__module__"))? + &text(intern!(py, "__name__"))?;
        Ok(Self { prefix, doorway: OnceLock::new(), is_short: AtomicBool::new(false) })
    }

    /// Takes the short way through this doorway from now on; `None`, and any other than the first one, closes it.
    #[pyo3(signature = (doorway))]
    fn _aim(&self, py: Python<'_>, doorway: Option<Py<Doorway>>) {
        let is_first = |doorway: Py<Doorway>| self.doorway.get_or_init(|| doorway.clone_ref(py)).is(&doorway);
        let is_short = doorway.is_some_and(is_first);
        self.is_short.store(is_short, Ordering::Relaxed);
    }

    #[pyo3(signature = (*args, **kwargs))]
    fn __call__<'py>(
        slf: &Bound<'py, Self>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        if kwargs.is_none()
            && let Some(found) = slf.get().hit(py, args)
        {
            static GIVEN: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
            return GIVEN.import(py, "polycache._compute", "given")?.call1((found,));
        }
        slf.call_method(intern!(py, "_call"), args, kwargs)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.doorway.get().map_or(Ok(()), |doorway| visit.call(doorway))
    }
}

impl ShortFunction {
    #[inline]
    fn hit(&self, py: Python<'_>, args: &Bound<'_, PyTuple>) -> Option<Py<PyAny>> {
        if !self.is_short.load(Ordering::Relaxed) {
            return None;
        }
        let door = self.doorway.get()?.get().door(py)?;
        // The text of an argument may be made by a call of this very function, which finds an empty buffer then.
        let mut key = BUFFER.try_with(RefCell::take).unwrap_or_default();
        key.clear();
        key.push_str(&self.prefix);
        let found = write_all(&mut key, args).and_then(|()| {
            key.push_str("[]");
            door.get().hit(py, &key)
        });
        if key.capacity() <= LARGEST {
            // A thread whose locals are gone is ending.
            drop(BUFFER.try_with(|buffer| buffer.replace(key)));
        }
        found
    }
}

thread_local! {
    static BUFFER: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The largest buffer that is kept.
const LARGEST: usize = 4_096;

/// `str(args)`. `None` where an argument has no text, or one that may be another object's later: the long way knows what to do.
fn write_all(text: &mut String, args: &Bound<'_, PyTuple>) -> Option<()> {
    text.push('(');
    for (place, argument) in args.iter_borrowed().enumerate() {
        if place > 0 {
            text.push_str(", ");
        }
        write_one(text, &argument)?;
    }
    text.push_str(if args.len() == 1 { ",)" } else { ")" });
    Some(())
}

/// `repr(argument)`; the most frequent kinds are written without Python.
fn write_one(text: &mut String, argument: &Bound<'_, PyAny>) -> Option<()> {
    if let Ok(number) = argument.cast_exact::<PyInt>() {
        if let Ok(number) = number.extract::<i64>() {
            write_number(text, number);
            return Some(());
        }
    } else if let Ok(string) = argument.cast_exact::<PyString>() {
        if let Some(plain) = string.to_str().ok().filter(|string| is_plain(string)) {
            text.push('\'');
            text.push_str(plain);
            text.push('\'');
            return Some(());
        }
    } else if argument.is_none() {
        text.push_str("None");
        return Some(());
    } else if let Ok(truth) = argument.cast_exact::<PyBool>() {
        text.push_str(if truth.is_true() { "True" } else { "False" });
        return Some(());
    }
    let _within = Within::enter(argument.py());
    let repr = argument.repr().ok()?;
    let repr = repr.to_str().ok()?;
    if repr.contains(ADDRESS) {
        return None;
    }
    text.push_str(repr);
    Some(())
}

/// As `write!`, whose machinery takes several times as long for a small number.
fn write_number(text: &mut String, number: i64) {
    let mut digits = [0; 20];
    let (mut at, mut rest) = (digits.len(), number.unsigned_abs());
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        text.push('-');
    }
    text.extend(digits[at..].iter().map(|&digit| char::from(digit)));
}

/// Whether a string's `repr` is the string between single quotes.
fn is_plain(string: &str) -> bool {
    string.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'\'' && byte != b'\\')
}
