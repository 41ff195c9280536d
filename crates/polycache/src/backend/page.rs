//! A batch of a scan.

/// A batch of keys, from [`Backend::scan`](super::Backend::scan).
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Page {
    /// Full keys, as they are stored.
    pub keys: Vec<String>,
    /// The cursor of the next batch; `None` at the end.
    pub next: Option<Cursor>,
}

impl Page {
    /// These keys, and the cursor of the next batch.
    #[must_use]
    pub const fn new(keys: Vec<String>, next: Option<Cursor>) -> Self {
        Self { keys, next }
    }
}

/// The place where a scan goes on. Its meaning is the backend's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The part: a shard, a server.
    pub part: u64,
    /// The place in that part.
    pub place: u64,
}
