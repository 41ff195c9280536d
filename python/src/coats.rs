//! Serializers of the core that hold another one: for Python, whose own serializer is the inner one, they turn bytes into bytes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use polycache::serializer::{Context, Serializer, Visit};
use polycache::serializers::{Compressed, Sealed, SecretKeys, Signed};
use polycache::{Result, Secret};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::{invalid, raised};

/// A change of a serializer's bytes: packed, sealed or signed.
#[pyclass(frozen, module = "polycache._native")]
#[derive(Debug)]
pub(crate) struct Coat(Kind);

#[derive(Debug)]
enum Kind {
    Zstd { level: u32, bounds: Bounds },
    Lz4 { bounds: Bounds },
    Sealed(SecretKeys),
    Signed(SecretKeys),
}

#[derive(Debug, Clone, Copy)]
struct Bounds {
    threshold: Option<usize>,
    max_unpacked: Option<usize>,
}

impl Bounds {
    fn apply(self, mut made: Compressed) -> Compressed {
        if let Some(bytes) = self.threshold {
            made = made.threshold(bytes);
        }
        if let Some(bytes) = self.max_unpacked {
            made = made.max_unpacked(bytes);
        }
        made
    }
}

#[pymethods]
impl Coat {
    #[staticmethod]
    #[pyo3(signature = (level = 3, threshold = None, max_unpacked = None))]
    fn zstd(py: Python<'_>, level: u32, threshold: Option<usize>, max_unpacked: Option<usize>) -> PyResult<Self> {
        Self(Kind::Zstd { level, bounds: Bounds { threshold, max_unpacked } }).checked(py)
    }

    #[staticmethod]
    #[pyo3(signature = (threshold = None, max_unpacked = None))]
    fn lz4(threshold: Option<usize>, max_unpacked: Option<usize>) -> Self {
        Self(Kind::Lz4 { bounds: Bounds { threshold, max_unpacked } })
    }

    #[staticmethod]
    #[pyo3(signature = (keys, key = None))]
    fn sealed(py: Python<'_>, keys: BTreeMap<String, String>, key: Option<String>) -> PyResult<Self> {
        Ok(Self(Kind::Sealed(secret_keys(py, keys, key)?)))
    }

    #[staticmethod]
    #[pyo3(signature = (keys, key = None))]
    fn signed(py: Python<'_>, keys: BTreeMap<String, String>, key: Option<String>) -> PyResult<Self> {
        Ok(Self(Kind::Signed(secret_keys(py, keys, key)?)))
    }

    /// What is stored under this full key for these bytes.
    fn put_on<'py>(&self, py: Python<'py>, data: &[u8], key: &str) -> PyResult<Bound<'py, PyBytes>> {
        let mut out = Vec::with_capacity(data.len() + 128);
        let made = self.around(Handed::over(data));
        match made.and_then(|made| made.serialize(&(), &Context::new(key), &mut out)) {
            Ok(()) => Ok(PyBytes::new(py, &out)),
            Err(error) => Err(raised(py, &error)),
        }
    }

    /// The bytes of what is stored under this full key.
    fn take_off<'py>(&self, py: Python<'py>, stored: &[u8], key: &str) -> PyResult<Bound<'py, PyBytes>> {
        let handed = Handed::default();
        let made = self.around(handed.clone());
        match made.and_then(|made| made.deserialize(stored, &Context::new(key), &mut |_| Ok(()))) {
            Ok(()) => Ok(PyBytes::new(py, &handed.0.lock())),
            Err(error) => Err(raised(py, &error)),
        }
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.0)
    }
}

impl Coat {
    fn checked(self, py: Python<'_>) -> PyResult<Self> {
        match self.around(Handed::default()) {
            Ok(_) => Ok(self),
            Err(error) => Err(raised(py, &error)),
        }
    }

    fn around(&self, inner: Handed) -> Result<Box<dyn Serializer>> {
        Ok(match &self.0 {
            Kind::Zstd { level, bounds } => Box::new(bounds.apply(Compressed::zstd(inner).level(*level)?)),
            Kind::Lz4 { bounds } => Box::new(bounds.apply(Compressed::lz4(inner))),
            Kind::Sealed(keys) => Box::new(Sealed::new(keys.clone(), inner)),
            Kind::Signed(keys) => Box::new(Signed::new(keys.clone(), inner)),
        })
    }
}

/// The keys by id; `writer` is the id of the one that writes.
fn secret_keys(py: Python<'_>, mut keys: BTreeMap<String, String>, writer: Option<String>) -> PyResult<SecretKeys> {
    let writer = match (writer, keys.keys().next()) {
        (Some(id), _) => id,
        (None, Some(id)) if keys.len() == 1 => id.clone(),
        (None, _) => return Err(invalid(py, "`key` is missing; it is the id of the one of `keys` that writes")),
    };
    let Some(secret) = keys.remove(&writer) else {
        return Err(invalid(py, &format!("`key` is {writer:?}, which is none of `keys`")));
    };
    let made = SecretKeys::new(&writer, &Secret::from(secret));
    let made = keys.into_iter().fold(made, |made, (id, secret)| made?.reads(&id, &Secret::from(secret)));
    made.map_err(|error| raised(py, &error))
}

/// Python's serializer, as the core's wrappers see it: its bytes are there already, or are taken as they are.
#[derive(Default, Clone)]
struct Handed(Arc<Mutex<Vec<u8>>>);

impl Handed {
    fn over(data: &[u8]) -> Self {
        Self(Arc::new(Mutex::new(data.to_vec())))
    }
}

impl Serializer for Handed {
    fn name(&self) -> &str {
        "python"
    }

    fn serialize(&self, _: &dyn erased_serde::Serialize, _: &Context<'_>, out: &mut Vec<u8>) -> Result<()> {
        out.extend_from_slice(&self.0.lock());
        Ok(())
    }

    fn deserialize(&self, bytes: &[u8], _: &Context<'_>, _: &mut Visit<'_>) -> Result<()> {
        bytes.clone_into(&mut self.0.lock());
        Ok(())
    }

    fn reads_decimal_text(&self) -> bool {
        false
    }
}

/// Doesn't show values.
impl fmt::Debug for Handed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handed")
    }
}
