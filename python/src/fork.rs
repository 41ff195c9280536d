//! Forks: the child has only the forking thread, with a copy of the locks that the others held.

use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::{bridge, graveyard, shutdown};

/// The number of forks between the first process and this one.
static GENERATION: AtomicU64 = AtomicU64::new(0);

/// Tells this process's own things from inherited ones.
#[inline]
pub(crate) fn generation() -> u64 {
    GENERATION.load(Ordering::Relaxed)
}

/// Makes Python tell of forks.
pub(crate) fn install(py: Python<'_>) -> PyResult<()> {
    let Ok(register) = py.import("os")?.getattr("register_at_fork") else {
        return Ok(()); // a system without fork
    };
    let hooks = PyDict::new(py);
    hooks.set_item("before", pyo3::wrap_pyfunction!(before, py)?)?;
    hooks.set_item("after_in_parent", pyo3::wrap_pyfunction!(after_in_parent, py)?)?;
    hooks.set_item("after_in_child", pyo3::wrap_pyfunction!(after_in_child, py)?)?;
    register.call((), Some(&hooks))?;
    Ok(())
}

/// Threads that Python doesn't know stand still from here on, each at a place where it holds nothing that the child needs.
#[pyfunction]
fn before() {
    polycache_engine::fork::before();
    bridge::before_fork();
}

#[pyfunction]
fn after_in_parent() {
    bridge::after_fork_in_parent();
    polycache_engine::fork::after_in_parent();
}

#[pyfunction]
fn after_in_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    shutdown::after_fork_in_child();
    graveyard::after_fork_in_child();
    polycache_engine::fork::after_in_child();
    bridge::after_fork_in_child();
}
