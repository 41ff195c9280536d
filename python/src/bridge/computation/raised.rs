//! Why there is no result, the same for all who wait.

use std::sync::Arc;

use polycache::Error;
use pyo3::exceptions::asyncio::CancelledError;
use pyo3::prelude::*;

use crate::errors::raised;
use crate::graveyard;

/// Why a computation has no result.
#[derive(Debug, Clone)]
pub(super) enum Raised {
    Exception(Arc<Exception>),
    Cancelled,
    /// It takes too long.
    Cache(Error),
}

#[derive(Debug)]
pub(super) struct Exception(Option<Py<PyAny>>);

impl Raised {
    pub(super) fn new(py: Python<'_>, error: PyErr) -> Self {
        Self::Exception(Arc::new(Exception(Some(error.into_value(py).into_any()))))
    }

    pub(super) const fn cancelled() -> Self {
        Self::Cancelled
    }

    pub(super) fn error(&self, py: Python<'_>) -> PyErr {
        match self {
            Self::Exception(exception) => match &exception.0 {
                Some(exception) => PyErr::from_value(exception.bind(py).clone()),
                None => CancelledError::new_err(()),
            },
            Self::Cancelled => CancelledError::new_err(()),
            Self::Cache(error) => raised(py, error),
        }
    }
}

impl From<Error> for Raised {
    fn from(error: Error) -> Self {
        Self::Cache(error)
    }
}

impl Drop for Exception {
    fn drop(&mut self) {
        if let Some(exception) = self.0.take() {
            graveyard::give_back(exception);
        }
    }
}
