//! What may be done with a server's command whose answer didn't come.

/// A sort of command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::backends) enum Class {
    /// It changes nothing, so it may be sent again.
    Read,
    /// The caller may repeat it, since repeating it changes nothing more; or it reads for such a command.
    Write,
    /// It must not be repeated blindly.
    Once,
}
