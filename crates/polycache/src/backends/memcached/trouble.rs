//! The client's errors, as ours.

use polycache_memcached::{Error as ClientError, ErrorKind as ClientKind};

use crate::{Error, ErrorKind};

/// What sort of command it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// It changes nothing.
    Read,
    /// Doing it twice is the same as doing it once, so it may be repeated blindly; or a read for such a one.
    Write,
    /// Doing it twice is something else.
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
        ClientKind::UnknownOutcome if class != Class::Once => ErrorKind::Unavailable,
        ClientKind::UnknownOutcome => ErrorKind::UnknownOutcome,
        ClientKind::Closed => ErrorKind::Closed,
        ClientKind::NoRuntime => ErrorKind::NoRuntime,
        _ => ErrorKind::Backend,
    };
    Error::new(kind, error.to_string())
}
