//! The client's errors, as ours.

use polycache_memcached::{Error as ClientError, ErrorKind as ClientKind};

use crate::{Error, ErrorKind};

/// Whether a command may be repeated blindly when its outcome is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Doing it twice is the same as doing it once.
    Repeatable,
    Once,
}

#[cold]
pub(super) fn trouble(error: &ClientError, class: Class) -> Error {
    let kind = match error.kind() {
        ClientKind::InvalidInput => ErrorKind::InvalidInput,
        ClientKind::TooLarge => ErrorKind::TooLarge,
        ClientKind::NotANumber => ErrorKind::NotANumber,
        ClientKind::Overflow => ErrorKind::Overflow,
        ClientKind::Unavailable => ErrorKind::Unavailable,
        ClientKind::UnknownOutcome if class == Class::Repeatable => ErrorKind::Unavailable,
        ClientKind::UnknownOutcome => ErrorKind::UnknownOutcome,
        ClientKind::Closed => ErrorKind::Closed,
        ClientKind::NoRuntime => ErrorKind::NoRuntime,
        _ => ErrorKind::Backend,
    };
    Error::new(kind, error.to_string())
}
