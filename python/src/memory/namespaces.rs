//! A memory backend whose `clear` knows where a namespace ends, though keys have no separator.

use polycache::Reply;
use polycache::backend::{self, Backend};
use polycache::backends::memory;

use super::held::Held;

/// The store with a `clear` that only deletes entries of the namespace, or of one nested in it.
#[derive(Debug, Clone)]
pub(super) struct Namespaces(pub(super) memory::Memory);

/// Stands between a namespace and one nested in it.
const NESTS: u8 = b':';

impl Backend for Namespaces {
    backend::forward!(self.0, all but [clear]);

    fn clear(&self, prefix: &str) -> Reply<()> {
        if prefix.is_empty() {
            return self.0.clear(prefix);
        }
        self.0.delete_where(|key, value| {
            let Some(held) = value.downcast_ref::<Held>() else { return false };
            let length = held.namespace_length as usize;
            let is_within = length == prefix.len() || (length > prefix.len() && key.as_bytes()[prefix.len()] == NESTS);
            is_within && key.starts_with(prefix)
        });
        Reply::ready(())
    }
}
