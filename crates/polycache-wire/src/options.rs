//! Options of a connection.

use std::time::Duration;

/// Options of a connection.
///
/// ```
/// use polycache_wire::{ConnectionOptions, Reconnect};
/// use std::time::Duration;
///
/// let options = ConnectionOptions::new().heartbeat(Some(Duration::from_secs(5))).reconnect(Reconnect::Always);
/// # let _ = options;
/// ```
#[derive(Debug, Clone)]
pub struct ConnectionOptions {
    pub(crate) heartbeat: Option<Duration>,
    pub(crate) max_queue: usize,
    pub(crate) max_write: Option<usize>,
    pub(crate) reconnect: Reconnect,
    pub(crate) listens: bool,
}

impl ConnectionOptions {
    /// All defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            heartbeat: Some(Duration::from_secs(2)),
            max_queue: 16 << 20,
            max_write: None,
            reconnect: Reconnect::OnDemand,
            listens: false,
        }
    }

    /// How often a server is asked for a sign of life. A server that owes an answer counts as gone when it has been silent for this long,
    /// or up to half as long again: its silence is looked at twice in that time. `None`: it is never asked, and never counts as gone. 2
    /// seconds by default.
    #[must_use]
    pub const fn heartbeat(self, heartbeat: Option<Duration>) -> Self {
        Self { heartbeat, ..self }
    }

    /// How many bytes of requests may be under way; 16 MiB by default. Each request counts 256 bytes beside its own.
    #[must_use]
    pub const fn max_queue(self, bytes: usize) -> Self {
        Self { max_queue: bytes, ..self }
    }

    /// How many bytes are written at once, unless a single request has more; each write then ends where a request ends. `None`, the
    /// default: no bound.
    #[must_use]
    pub const fn max_write(self, bytes: Option<usize>) -> Self {
        Self { max_write: bytes, ..self }
    }

    /// When a lost connection is made again; with the next call by default.
    #[must_use]
    pub const fn reconnect(self, reconnect: Reconnect) -> Self {
        Self { reconnect, ..self }
    }

    /// Whether the server says things that nobody asked for, to be read as soon as they come. Then the connection's task reads everything,
    /// and no caller reads its own reply: a caller may be slow to look. `false` by default.
    #[must_use]
    pub const fn listens(self, listens: bool) -> Self {
        Self { listens, ..self }
    }
}

impl Default for ConnectionOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// When a lost connection is made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Reconnect {
    /// With the next call. After a failed attempt calls fail at once until a pause is over; the next call then tries again and waits.
    #[default]
    OnDemand,
    /// At once and again and again, with pauses between. From a failed attempt to a successful one calls fail at once.
    Always,
}
