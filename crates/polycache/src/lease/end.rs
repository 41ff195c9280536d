//! Ending the leases on keys that somebody is about to write.

use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::time::Instant;

use super::note::Note;
use super::{Purpose, Watch};
use crate::backend::Key;
use crate::key::{FullKey, lease_key};
use crate::{Cache, Result};

/// The pause between two looks at a lease under which a value is being stored.
const PAUSE: Duration = Duration::from_millis(5);

/// Ends the leases to compute `keys`: from then on nothing is stored that was computed under them.
pub(crate) async fn end(cache: Cache, keys: Vec<FullKey>) -> Result<()> {
    let leases: Vec<FullKey> = keys.iter().map(|key| lease_key(key.key(), Purpose::Compute)).collect();
    let borrowed: Vec<Key<'_>> = leases.iter().map(FullKey::key).collect();
    if cache.info().capabilities.checks_leases {
        return cache.backend().multi_delete(&borrowed).await.map(drop);
    }
    // Who takes one after this look computes from what the writer has written to the source before.
    let found = cache.backend().multi_get(&borrowed).await?;
    let held = leases.iter().zip(found).filter_map(|(lease, found)| found.map(|_| lease));
    try_join_all(held.map(|lease| end_one(&cache, lease))).await.map(drop)
}

/// Where the storing looks at the lease beforehand, it has to be waited for.
async fn end_one(cache: &Cache, lease: &FullKey) -> Result<()> {
    let mut watch = Watch::new(cache.lease_life().unwrap_or_default());
    loop {
        let asked = Instant::now();
        let (found, version) = cache.backend().get_versioned(lease.key()).await?;
        let Some(entry) = found else { return Ok(()) };
        let overdue = watch.is_overdue(asked, &entry);
        if Note::is_sealed(&entry) && !overdue {
            cache.sleep(PAUSE).await?;
        } else if cache.backend().delete_if(lease.key(), &version).await? {
            return Ok(());
        }
    }
}
