//! The client's errors as errors of this crate.

use polycache_memcached::{Error as ClientError, ErrorKind as ClientKind};

pub(super) use crate::backends::class::Class;
use crate::{Error, ErrorKind};

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
