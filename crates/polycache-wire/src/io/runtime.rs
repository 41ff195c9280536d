//! The runtime that a connection's socket belongs to, which may stand still.

use tokio::runtime::{Handle, Id};

use super::{Io, Traffic};
use crate::protocol::Protocol;

/// The runtime of the caller, if there is one.
pub(super) fn here() -> Option<Id> {
    Handle::try_current().ok().map(|runtime| runtime.id())
}

impl<P: Protocol> Io<P> {
    /// Whether the caller is on another runtime than the socket.
    pub(super) fn is_elsewhere(&self) -> bool {
        here().is_some_and(|here| Some(here) != self.runtime)
    }

    /// Whether the caller is on no runtime.
    pub(super) fn is_homeless(&self) -> bool {
        here().is_none()
    }

    /// Whether all requests under way may be sent twice.
    pub(crate) fn is_repeatable(&self) -> bool {
        let Traffic { in_flight, written, .. } = &self.traffic;
        in_flight.iter().all(|pending| pending.is_read || pending.end > *written)
    }
}
