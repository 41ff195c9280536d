//! The caches that hold leases.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use compact_str::{CompactString, format_compact};
use parking_lot::Mutex;

use crate::unique::unheard_of;

/// Tells the leases of one cache, with all its clones and views, from those of others. For [`Backend::ending_leases`].
///
/// [`Backend::ending_leases`]: crate::backend::Backend::ending_leases
#[derive(Clone)]
pub struct Holder(Arc<Inner>);

struct Inner {
    name: CompactString,
    /// Until when a value may still arrive under a lease of this cache.
    unsure: Mutex<Option<Instant>>,
    /// By their tokens, as long as somebody has the leases.
    fills: Mutex<HashMap<Box<[u8]>, Fill>>,
}

/// What is known of the value that is stored under a lease of this cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fill {
    /// Nobody has sent it.
    Open,
    Sent,
    /// A write has ended the lease before.
    Stopped,
}

impl Holder {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner {
            name: format_compact!("{:016x}", unheard_of()),
            unsure: Mutex::new(None),
            fills: Mutex::default(),
        }))
    }

    /// The beginning of this cache's tokens, and of nobody else's.
    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether nothing more is stored under the lease of this entry, even if it is sealed, since the cache holds the lease itself: no value
    /// is on its way, and from now on none will be. A write that has waited may find a lease that is younger than itself, whose
    /// computation it hasn't stopped.
    #[must_use]
    pub fn has_stopped(&self, entry: &[u8]) -> bool {
        if !entry.starts_with(self.0.name.as_bytes())
            || self.0.unsure.lock().is_some_and(|until| until >= Instant::now())
        {
            return false;
        }
        let token = entry.split(|&byte| byte == b':').next().unwrap_or_default();
        match self.0.fills.lock().get_mut(token) {
            Some(Fill::Sent) => false,
            Some(fill) => {
                *fill = Fill::Stopped;
                true
            }
            // An entry of a lease that nobody has any more.
            None => true,
        }
    }

    /// Somebody has the lease with this token from now on, until it is [forgotten](Self::forgets).
    pub(super) fn holds(&self, token: &[u8]) {
        self.0.fills.lock().insert(token.into(), Fill::Open);
    }

    /// Whether a value may be sent under the lease with this token; then it counts as on its way until it [has arrived](Self::forgets).
    pub(super) fn sends(&self, token: &[u8]) -> bool {
        match self.0.fills.lock().get_mut(token) {
            Some(Fill::Stopped) | None => false,
            Some(fill) => {
                *fill = Fill::Sent;
                true
            }
        }
    }

    /// The value under the lease with this token has arrived, or nobody has the lease any more.
    pub(super) fn forgets(&self, token: &[u8]) {
        self.0.fills.lock().remove(token);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_on_its_way_is_waited_for_and_one_that_is_stopped_is_not_sent() {
        let holder = Holder::new();
        let [sent, stopped] = ["sent", "stopped"].map(|token| format!("{}{token}", holder.name()));
        let [sent_entry, stopped_entry] = [&sent, &stopped].map(|token| format!("{token}:3:2000:sealed"));

        for token in [&sent, &stopped] {
            holder.holds(token.as_bytes());
        }
        assert!(holder.sends(sent.as_bytes()));
        assert!(!holder.has_stopped(sent_entry.as_bytes()));
        assert!(holder.has_stopped(stopped_entry.as_bytes()));
        assert!(!holder.sends(stopped.as_bytes()) && holder.sends(sent.as_bytes()));

        holder.forgets(sent.as_bytes());
        assert!(holder.has_stopped(sent_entry.as_bytes()));
        assert!(!holder.has_stopped(b"another's:3:2000:sealed"));
    }

    /// However many there are.
    #[test]
    fn a_stopped_value_stays_stopped_as_long_as_somebody_has_the_lease() {
        let holder = Holder::new();
        let tokens: Vec<String> = (0..10_000).map(|number| format!("{}{number}", holder.name())).collect();
        for token in &tokens {
            holder.holds(token.as_bytes());
            assert!(holder.has_stopped(format!("{token}:1:2000:sealed").as_bytes()));
        }
        assert!(!tokens.iter().any(|token| holder.sends(token.as_bytes())));

        tokens.iter().for_each(|token| holder.forgets(token.as_bytes()));
        assert!(holder.has_stopped(format!("{}:1:2000:sealed", tokens[0]).as_bytes()));
        assert!(holder.0.fills.lock().is_empty());
    }
}
