//! Making a recovery.

use std::sync::Arc;
use std::time::Duration;

use super::Recovery;
use super::backlog::Backlog;
use crate::Result;
#[cfg(feature = "config")]
use crate::Settings;
use crate::backend::Backend;
use crate::range::Range;

const MAX_PENDING: Range<usize> = Range::new("max_pending", 1, usize::MAX);
const CLOSE_TIMEOUT: Range<Duration> = Range::from("close_timeout", Duration::ZERO);

/// Settings for a new [`Recovery`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct RecoveryBuilder {
    max_pending: usize,
    close_timeout: Duration,
}

impl RecoveryBuilder {
    pub(super) fn new() -> Self {
        Self { max_pending: 10_000, close_timeout: Duration::from_secs(2) }
    }

    /// How many keys and namespaces are remembered at most: 10,000 by default.
    pub fn max_pending(mut self, keys: usize) -> Self {
        self.max_pending = keys;
        self
    }

    /// How long `close` tries to delete pending keys: 2 seconds by default. The cache's timeout holds for all of `close`.
    pub fn close_timeout(mut self, timeout: Duration) -> Self {
        self.close_timeout = timeout;
        self
    }

    /// The recovery around `inner`.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) for no keys at all.
    pub fn build(self, inner: Arc<dyn Backend>) -> Result<Recovery> {
        MAX_PENDING.check(self.max_pending)?;
        CLOSE_TIMEOUT.check(self.close_timeout)?;
        Ok(self.assemble(inner))
    }

    pub(super) fn assemble(self, inner: Arc<dyn Backend>) -> Recovery {
        let backlog = Arc::new(Backlog::new(Arc::clone(&inner), self.max_pending));
        Recovery { inner, backlog, close_timeout: self.close_timeout }
    }

    #[cfg(feature = "config")]
    pub(in crate::backends) fn from_settings(settings: &mut Settings) -> Result<Self> {
        let mut builder = Self::new();
        if let Some(keys) = settings.ranged(&MAX_PENDING)? {
            builder.max_pending = keys;
        }
        if let Some(timeout) = settings.ranged(&CLOSE_TIMEOUT)? {
            builder.close_timeout = timeout;
        }
        Ok(builder)
    }
}
