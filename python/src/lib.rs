//! The native half of the Python package: `polycache._native`.

// Python calls these functions; rustc can't see that.
#![allow(missing_docs, reason = "the stub, polycache/_native/__init__.pyi, documents what Python sees")]

mod bridge;
mod coats;
mod errors;
mod fields;
mod fork;
mod graveyard;
mod locks;
mod memory;
mod server;
mod settings;
mod shutdown;
mod switches;
mod tags;
mod trouble;
mod ttl;
mod version;

use pyo3::prelude::*;

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    fork::install(module.py())?;
    shutdown::install(module.py())?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<memory::Memory>()?;
    module.add_class::<memory::Door>()?;
    module.add_class::<memory::Doorway>()?;
    module.add_class::<memory::ShortFunction>()?;
    module.add_class::<memory::Tally>()?;
    module.add_class::<server::Server>()?;
    module.add_class::<server::Keys>()?;
    module.add_class::<server::Lane>()?;
    module.add_class::<server::Objects>()?;
    module.add_class::<server::Undecoded>()?;
    module.add_class::<locks::Lock>()?;
    module.add_class::<coats::Coat>()?;
    module.add_class::<bridge::Unkept>()?;
    module.add_class::<bridge::Outcome>()?;
    module.add_class::<tags::Tags>()?;
    module.add_function(wrap_pyfunction!(bridge::abandon, module)?)?;
    module.add_function(wrap_pyfunction!(fields::seconds, module)?)?;
    module.add_function(wrap_pyfunction!(trouble::check_guards, module)?)?;
    module.add_class::<version::Version>()
}
