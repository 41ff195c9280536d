//! Ending the leases on keys before they are written.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::note::Note;
use super::{Holder, Purpose, Watch, lease_key};
use crate::backend::{Backend, Found, Key, Want, When};
use crate::join::join_all;
use crate::key::OwnedKey;
use crate::limit::pause;
use crate::{Result, Value};

/// The pause between two looks at a lease under which a value is being stored.
const PAUSE: Duration = Duration::from_millis(5);

/// How long the holder of an entry without a life may leave it as it is.
const LIFE: Duration = Duration::from_secs(2);

/// Ends the leases to compute `keys`: from then on no value that was computed under them is stored.
pub(crate) async fn end(backend: Arc<dyn Backend>, holder: Holder, keys: Vec<OwnedKey>) -> Result<()> {
    let leases: Vec<OwnedKey> = keys.iter().map(|key| lease_key(key.key(), Purpose::Compute)).collect();
    let borrowed: Vec<Key<'_>> = leases.iter().map(OwnedKey::key).collect();
    if backend.info().capabilities.checks_leases {
        return backend.multi_delete(&borrowed).await.map(drop);
    }
    // A later holder computes from what the writer has written to the source before.
    let found = backend.multi_get(&borrowed, Want::NOTHING).await?;
    let held = leases.iter().zip(found).filter_map(|(lease, found)| found.map(|_| lease));
    join_all(held.map(|lease| Box::pin(end_one(&*backend, &holder, lease.key())))).await.into_iter().collect()
}

/// Ends one lease of a backend that looks at it before it stores, not in the same step: a sealed lease has to be waited for.
pub(crate) async fn end_one(backend: &dyn Backend, holder: &Holder, lease: Key<'_>) -> Result<()> {
    let mut watch = Watch::new(LIFE);
    loop {
        let asked = Instant::now();
        let (found, version) = Found::versioned(backend.look(lease, Want::VERSIONED).await?);
        let Some(entry) = found else { return Ok(()) };
        let overdue = watch.is_overdue(asked, &entry);
        if is_sealed(&entry, holder) && !overdue {
            pause(PAUSE).await?;
        } else if backend.delete(lease, When::unchanged(version)).await? {
            return Ok(());
        }
    }
}

/// Whether the entry of a lease says that a value is being stored.
pub(crate) fn is_sealed(entry: &Value, holder: &Holder) -> bool {
    Note::says_sealed(entry) && !entry.as_bytes().is_some_and(|entry| holder.has_stopped(entry))
}
