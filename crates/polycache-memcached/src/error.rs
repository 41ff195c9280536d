//! The one error type of the crate.

use std::fmt;
use std::sync::Arc;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call, or the building of a client, failed.
///
/// One machine word, cheap to clone. Its text says what to do next; it never holds a password.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
}

/// The sort of failure of an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument or a setting is wrong. Nothing was sent.
    InvalidInput,
    /// The value is larger than the server or this client takes. An older value may be gone: memcached drops it rather than keep it.
    TooLarge,
    /// The server has no memory left for the value. An older value may be gone.
    OutOfMemory,
    /// The value to count isn't a decimal integer. Nothing was changed.
    NotANumber,
    /// A counter passed the bounds of `i64`. If memcached itself did the sum, the stored value has changed.
    Overflow,
    /// The server wants a user and a password, or refused the given ones.
    Auth,
    /// The server can't be reached, by the client or by a proxy. The call was not executed, or was a read: it can be repeated.
    Unavailable,
    /// The connection was lost after the call was sent, or a proxy lost its own: the call may have been executed or not.
    UnknownOutcome,
    /// The server sent bytes that the protocol doesn't allow. The connection was closed.
    Protocol,
    /// The server answered with an error of its own.
    Server,
    /// The client was closed.
    Closed,
    /// The call was made outside of a tokio runtime, or that runtime has ended.
    NoRuntime,
}

impl Error {
    #[cold]
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner { kind, message: message.into() }))
    }

    /// The sort of failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the same call may succeed later, and is safe to repeat.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.kind == ErrorKind::Unavailable
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}: {})", self.0.kind, self.0.message)
    }
}

impl std::error::Error for Error {}

impl From<std::convert::Infallible> for Error {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}
