//! What a connection is told at its making.

use std::time::Duration;

/// How a connection behaves.
///
/// ```
/// use polycache_wire::{Reconnect, Settings};
///
/// let settings = Settings { reconnect: Reconnect::Always, ..Settings::default() };
/// assert_eq!(settings.max_queue, 16 << 20);
/// ```
#[derive(Debug, Clone)]
pub struct Settings {
    /// How often a server is asked for a sign of life. One that owes an answer and is silent for longer than this, or at most half as long
    /// again, counts as gone. `None`: it is never asked, and never counts as gone. 2 seconds at first.
    pub heartbeat: Option<Duration>,
    /// How many bytes of requests may be under way; 16 MiB at first. Each counts with 256 bytes more than its own.
    pub max_queue: usize,
    /// How many bytes are written at once, unless one request alone has more; each write then ends where a request ends. `None` at first:
    /// as many as there are.
    pub max_write: Option<usize>,
    /// When a lost connection is made again.
    pub reconnect: Reconnect,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            heartbeat: Some(Duration::from_secs(2)),
            max_queue: 16 << 20,
            max_write: None,
            reconnect: Reconnect::default(),
        }
    }
}

/// When a lost connection is made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reconnect {
    /// With the next call. After a failed attempt calls fail at once, until a pause is over; then the next one tries and waits.
    #[default]
    OnDemand,
    /// At once and again and again, with pauses between. From a failed attempt until a successful one calls fail at once.
    Always,
}
