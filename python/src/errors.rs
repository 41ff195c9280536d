//! The core's errors as exceptions.

use polycache::{Error, ErrorKind};
use pyo3::exceptions::{PyRuntimeError, PyTimeoutError, PyTypeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

/// What the core says of a server for which another call has waited in vain. It has no kind of its own for that.
const UNANSWERED: &str = "has waited for it in vain";

/// The exceptions of `polycache.exceptions` that the native module raises.
struct Exceptions {
    cache_error: Py<PyType>,
    unavailable: Py<PyType>,
    unanswered: Py<PyType>,
    unknown_outcome: Py<PyType>,
    invalid_input: Py<PyType>,
    backend: Py<PyType>,
    decode: Py<PyType>,
}

/// Imported with the first error: that module imports this one's package.
fn exceptions(py: Python<'_>) -> PyResult<&'static Exceptions> {
    static EXCEPTIONS: PyOnceLock<Exceptions> = PyOnceLock::new();
    EXCEPTIONS.get_or_try_init(py, || {
        let module = py.import("polycache.exceptions")?;
        let class = |name: &str| -> PyResult<Py<PyType>> { Ok(module.getattr(name)?.cast_into::<PyType>()?.unbind()) };
        Ok(Exceptions {
            cache_error: class("CacheError")?,
            unavailable: class("Unavailable")?,
            unanswered: class("Unanswered")?,
            unknown_outcome: class("UnknownOutcome")?,
            invalid_input: class("InvalidInput")?,
            backend: class("BackendError")?,
            decode: class("DecodeError")?,
        })
    })
}

/// The exception for an error of the core.
#[cold]
pub(crate) fn raised(py: Python<'_>, error: &Error) -> PyErr {
    match error.kind() {
        ErrorKind::Timeout => return PyTimeoutError::new_err(error.to_string()),
        ErrorKind::HardTimeout => {
            // The rest tells where Rust sets it.
            let text = error.to_string();
            let told = text.split(';').next().unwrap_or_default();
            return PyTimeoutError::new_err(format!("{told}, its `hard_timeout`"));
        }
        ErrorKind::NotANumber => return PyTypeError::new_err("Value is not an integer"),
        _ => {}
    }
    let exceptions = match exceptions(py) {
        Ok(exceptions) => exceptions,
        Err(missing) => {
            let raised = PyRuntimeError::new_err(error.to_string());
            raised.set_cause(py, Some(missing));
            return raised;
        }
    };
    let class = match error.kind() {
        ErrorKind::Unavailable if error.to_string().contains(UNANSWERED) => &exceptions.unanswered,
        ErrorKind::Unavailable => &exceptions.unavailable,
        ErrorKind::UnknownOutcome => &exceptions.unknown_outcome,
        ErrorKind::InvalidInput | ErrorKind::Config | ErrorKind::TooLarge | ErrorKind::Encode | ErrorKind::Refused => {
            &exceptions.invalid_input
        }
        ErrorKind::Backend | ErrorKind::Overflow | ErrorKind::Unsupported => &exceptions.backend,
        ErrorKind::Decode => &exceptions.decode,
        _ => &exceptions.cache_error,
    };
    PyErr::from_type(class.bind(py).clone(), error.to_string())
}

/// The exception for an argument that no backend would take.
#[cold]
pub(crate) fn invalid(py: Python<'_>, text: &str) -> PyErr {
    raised(py, &Error::new(ErrorKind::InvalidInput, text))
}
