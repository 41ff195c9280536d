//! The backend by configuration.

use std::sync::Arc;

use super::Memory;
use super::builder::{MAX_BYTES, MAX_ENTRIES};
use crate::backend::Backend;
use crate::{Error, ErrorKind, Result, Settings};

/// The backend of a configuration or a URL.
pub(in crate::backends) fn from_settings(settings: &mut Settings) -> Result<Arc<dyn Backend>> {
    let (entries, bytes) = (settings.ranged(&MAX_ENTRIES)?, settings.ranged(&MAX_BYTES)?);
    let unbounded = settings.take("unbounded")?.unwrap_or(false);
    let builder = Memory::builder();
    let builder = match (entries, bytes, unbounded) {
        (None, None, false) => builder,
        (Some(entries), None, false) => builder.max_entries(entries),
        (None, Some(bytes), false) => builder.max_bytes(bytes),
        (None, None, true) => builder.unbounded(),
        _ => {
            let text =
                "a memory backend has one bound; of `max_entries`, `max_bytes` and `unbounded` leave all but one out";
            return Err(Error::new(ErrorKind::Config, text));
        }
    };
    Ok(Arc::new(builder.build()?))
}
