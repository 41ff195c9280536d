//! Permission to store a computed value.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Key, Version};
use crate::Value;
use crate::key::OwnedKey;

/// Permission to store a computed value, until somebody else writes the key: [`get_or_set`](crate::Cache::get_or_set) must not store a
/// value that a `delete` has made stale meanwhile.
///
/// A backend whose `set` is done when it returns looks at [`SetOptions::permitted`](super::SetOptions::permitted) in the one atomic step
/// that stores, and stores nothing without permission. So the write that withdraws the permit either comes after that step, or is seen in
/// it. Over a network there is no such step: there a backend need not look, since the cache holds back the other write until the `set` is
/// through.
///
/// A permit may depend on a [`lease`](Self::lease). A backend that declares [`checks_leases`](super::Capabilities::checks_leases) looks
/// at the lease in the step that stores.
#[derive(Debug, Clone, Default)]
pub struct Permit {
    withdrawn: Arc<AtomicBool>,
    lease: Option<Arc<Depends>>,
}

/// The lease that a permit depends on.
#[derive(Debug)]
struct Depends {
    lease: OwnedKey,
    token: Value,
    version: Option<Version>,
}

impl Permit {
    /// A permit that holds.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same permit, while the bytes under `lease` begin with `token`; with the version of that entry, if it is known.
    pub(crate) fn under(&self, lease: &OwnedKey, token: &Value, version: Option<Version>) -> Self {
        let depends = Depends { lease: lease.clone(), token: token.clone(), version };
        Self { withdrawn: Arc::clone(&self.withdrawn), lease: Some(Arc::new(depends)) }
    }

    /// A new permit in the memory of this one; `None` if this one has clones.
    pub(crate) fn renewed(mut self) -> Option<Self> {
        *Arc::get_mut(&mut self.withdrawn)? = AtomicBool::new(false);
        Some(Self { lease: None, ..self })
    }

    /// Withdraws the permit, for good and for all clones.
    pub fn withdraw(&self) {
        self.withdrawn.store(true, Ordering::Release);
    }

    /// Whether the permit hasn't been withdrawn.
    #[must_use]
    pub fn holds(&self) -> bool {
        !self.withdrawn.load(Ordering::Acquire)
    }

    /// A lease's key, and the token that its entry must begin with for the permit to hold.
    #[must_use]
    pub fn lease(&self) -> Option<(Key<'_>, &[u8])> {
        let Depends { lease, token, .. } = self.lease.as_deref()?;
        Some((lease.key(), token.as_bytes().unwrap_or_default()))
    }

    /// The version of the lease's entry while the permit holds, if the cache knows it.
    #[must_use]
    pub fn lease_version(&self) -> Option<&Version> {
        self.lease.as_deref()?.version.as_ref()
    }
}
