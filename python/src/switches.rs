//! The off switch in the environment, which anybody may set at any time: `polycache.core.switch` tells where it is.

use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The mapping behind `os.environ`, with the names of the switches in its own form.
#[derive(Debug)]
pub(crate) struct Switches {
    environment: Py<PyDict>,
    names: (Py<PyAny>, Py<PyAny>),
}

impl Switches {
    pub(crate) const fn new(environment: Py<PyDict>, names: (Py<PyAny>, Py<PyAny>)) -> Self {
        Self { environment, names }
    }

    /// Whether neither is there; what a switch that is there says is for the long way to find out.
    #[inline]
    pub(crate) fn are_absent(&self, py: Python<'_>) -> bool {
        let environment = self.environment.bind(py);
        let is_absent = |name: &Py<PyAny>| environment.contains(name).is_ok_and(|is_there| !is_there);
        is_absent(&self.names.0) && is_absent(&self.names.1)
    }
}
