//! The end of a task that has computed.

use std::sync::Arc;

use parking_lot::Mutex;
use polycache::{Item, Value};
use pyo3::intern;
use pyo3::prelude::*;
use tokio::sync::oneshot;

use super::job::Job;
use super::raised::Raised;
use super::wish::Computed;
use crate::bridge::outcome::{Outcome, Unkept};
use crate::shutdown::Within;

/// The callback of a task that has ended.
#[pyclass(frozen, module = "polycache._native")]
pub(super) struct Ended {
    sender: Mutex<Option<oneshot::Sender<Computed>>>,
    /// The name of the one key. `None` for many.
    name: Option<String>,
    job: Arc<Job>,
}

impl Ended {
    pub(super) fn new(sender: oneshot::Sender<Computed>, name: Option<String>, job: Arc<Job>) -> Self {
        Self { sender: Mutex::new(Some(sender)), name, job }
    }

    /// The values of the result: of the one key, or of pairs of full keys and objects.
    fn values(&self, computed: &Bound<'_, PyAny>) -> PyResult<Vec<(String, Item<Value>)>> {
        let Some(name) = &self.name else {
            let pair = |pair: PyResult<Bound<'_, PyAny>>| {
                let (key, object) = pair?.extract::<(String, Bound<'_, PyAny>)>()?;
                let name = key.strip_prefix(&self.job.prefix).unwrap_or(&key).to_owned();
                let value = self.value(&name, &key, &object)?;
                Ok((name, value))
            };
            return computed.try_iter()?.map(pair).collect();
        };
        let value = self.value(name, &[&*self.job.prefix, name].concat(), computed)?;
        Ok(vec![(name.clone(), value)])
    }

    fn value(&self, name: &str, key: &str, computed: &Bound<'_, PyAny>) -> PyResult<Item<Value>> {
        let Job { terms, tags, .. } = &*self.job;
        if let Ok(unkept) = computed.cast::<Unkept>() {
            return Ok(Item::new(Unkept::value(unkept)));
        }
        match computed.cast::<Outcome>() {
            Ok(outcome) => {
                outcome.get().note_tags(name, tags);
                outcome.get().item(key, &**terms, computed.py())
            }
            Err(_) => Ok(Item::new(terms.value(key, computed)?)),
        }
    }
}

#[pymethods]
impl Ended {
    fn __call__(&self, task: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = task.py();
        let _within = Within::enter(py);
        let Some(sender) = self.sender.lock().take() else { return Ok(()) };
        if task.call_method0(intern!(py, "cancelled"))?.is_truthy()? {
            self.job.cancel();
            drop(sender); // wakes the call
            return Ok(());
        }
        let computed = task.call_method0(intern!(py, "result")).and_then(|computed| self.values(&computed));
        // If the caller has left, nobody listens.
        drop(sender.send(computed.map_err(|error| Raised::new(py, error))));
        Ok(())
    }
}
