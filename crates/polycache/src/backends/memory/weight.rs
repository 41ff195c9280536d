//! The weight of an entry against the bound.

use std::fmt;
use std::sync::Arc;

use crate::{Error, ErrorKind, Result, Value};

/// The bytes that an entry takes in the table, beside its key and value: slot, links, hash table and allocations.
const ENTRY_OVERHEAD: u64 = 128;

/// The user's function that weighs an entry.
pub(super) type Weigh = dyn Fn(&str, &Value) -> u64 + Send + Sync;

#[derive(Clone)]
pub(super) enum Weigher {
    /// Every entry weighs one.
    Entries,
    /// Keys and encoded values weigh their bytes; live objects can't be weighed.
    Bytes { max: u64 },
    /// The user's function weighs.
    Custom { max: u64, weigh: Arc<Weigh> },
}

impl Weigher {
    /// # Errors
    /// `TooLarge` if the entry is above the bound by itself, `Unsupported` for a live object that can't be weighed.
    #[inline]
    pub(super) fn weigh(&self, key: &str, value: &Value) -> Result<u64> {
        match self {
            Self::Entries => Ok(1),
            _ => self.weigh_bytes(key, value),
        }
    }

    fn weigh_bytes(&self, key: &str, value: &Value) -> Result<u64> {
        let (weight, max) = match self {
            Self::Entries => return Ok(1),
            Self::Bytes { max } => {
                let Some(bytes) = value.to_stored() else {
                    let text = "the size of a live object isn't known; give the memory backend a weigher, or bound it by entries";
                    return Err(Error::new(ErrorKind::Unsupported, text));
                };
                (key.len() as u64 + bytes.len() as u64 + ENTRY_OVERHEAD, *max)
            }
            Self::Custom { max, weigh } => (weigh(key, value), *max),
        };
        if weight > max {
            let text = format!(
                "the entry weighs {weight}, and the memory backend holds {max} in all; raise `max_bytes`, or store less"
            );
            return Err(Error::new(ErrorKind::TooLarge, text));
        }
        Ok(weight)
    }
}

impl fmt::Debug for Weigher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entries => f.write_str("Entries"),
            Self::Bytes { max } => write!(f, "Bytes({max})"),
            Self::Custom { max, .. } => write!(f, "Custom({max})"),
        }
    }
}
