//! What a scan brings.

/// A batch of keys, from [`Backend::scan`](super::Backend::scan).
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Page {
    /// Full keys, as they are stored.
    pub keys: Vec<String>,
    /// Where to go on; `None` at the end.
    pub next: Option<Cursor>,
}

impl Page {
    /// These keys, and where to go on.
    #[must_use]
    pub const fn new(keys: Vec<String>, next: Option<Cursor>) -> Self {
        Self { keys, next }
    }
}

/// Where a scan goes on. Its meaning is the backend's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Which part: a shard, a server.
    pub part: u64,
    /// Where in it.
    pub place: u64,
}
