//! Entries that have left the store.

use compact_str::CompactString;
use smallvec::SmallVec;

/// Why an entry left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// Its deadline passed.
    Expired,
    /// It made room for others.
    Evicted,
    /// A newer value took its key.
    Replaced,
    /// It was deleted or cleared.
    Deleted,
}

/// An entry that has left, and why.
#[derive(Debug)]
#[non_exhaustive]
pub struct Removed<V> {
    /// Its full key.
    pub key: CompactString,
    /// Its value.
    pub value: V,
    /// Why it left.
    pub cause: Cause,
}

/// The entries that one critical section removed, carried out of it. Almost always none or one.
pub(crate) type Batch<V> = SmallVec<[Removed<V>; 2]>;
