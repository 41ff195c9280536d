//! Hearing which entries of a backend may have changed.

use std::fmt::{self, Debug};

/// Hears which entries may have changed since they were read by a [tracked handle](super::Backend::tracked).
///
/// Called synchronously, on any thread, by whatever reads from a server: a change is told before the answer to any read that saw it, and
/// each loss before any later answer. Whoever keeps what was read notes, as a read begins, what it has been told about the key, and keeps
/// the answer only if nothing was told since. The calls must not block, wait or panic.
pub trait Tracker: Debug + Send + Sync + 'static {
    /// The entry under this key, in full and as the server has it, was written, was deleted, has expired or was evicted; by whomever,
    /// this program too. It isn't tracked any more before it is read again.
    fn changed(&self, key: &[u8]);

    /// Any entry may have changed, and none is tracked any more before it is read again.
    fn lost(&self, gap: Gap<'_>);
}

/// Why any entry may have changed unseen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Gap<'a> {
    /// The connection to this server was lost, or given up for a better one. The next one is tracked from its beginning.
    Disconnected {
        /// The server, `host:port` or a path.
        server: &'a str,
    },
    /// This server was flushed, or one of its databases.
    Flushed {
        /// The server, `host:port` or a path.
        server: &'a str,
    },
    /// Slots of a cluster belong to other servers by now.
    Moved,
}

impl fmt::Display for Gap<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disconnected { server } => write!(f, "the connection to {server} was lost"),
            Self::Flushed { server } => write!(f, "{server} was flushed"),
            Self::Moved => f.write_str("slots of the cluster have moved"),
        }
    }
}
