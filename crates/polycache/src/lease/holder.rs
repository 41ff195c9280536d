//! The caches that hold leases.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use compact_str::{CompactString, format_compact};
use parking_lot::Mutex;

/// Tells the leases of one cache, with all its clones and views, from those of others. For [`Backend::ending_leases`].
///
/// [`Backend::ending_leases`]: crate::backend::Backend::ending_leases
#[derive(Clone)]
pub struct Holder(Arc<Inner>);

struct Inner {
    name: CompactString,
    /// Until when a value may still arrive under a lease of this cache.
    unsure: Mutex<Option<Instant>>,
}

impl Holder {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner { name: format_compact!("{:016x}", fastrand::u64(..)), unsure: Mutex::new(None) }))
    }

    /// The beginning of this cache's tokens, and of nobody else's.
    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether nothing more is stored under the lease of this entry when a write of the cache begins, even if it is sealed: the cache
    /// holds the lease itself, and has stopped the storing.
    #[must_use]
    pub fn has_stopped(&self, entry: &[u8]) -> bool {
        entry.starts_with(self.0.name.as_bytes()) && self.0.unsure.lock().is_none_or(|until| until < Instant::now())
    }

    /// A value may have been sent under a lease whose entry lives this long at most, and nobody knows whether it arrives.
    pub(crate) fn is_unsure(&self, life: Duration) {
        let mut unsure = self.0.unsure.lock();
        *unsure = (*unsure).max(Instant::now().checked_add(life));
    }
}

impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Holder").field(&self.0.name).finish()
    }
}
