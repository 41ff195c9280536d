//! The one error type of the crate.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use compact_str::CompactString;

use crate::CommandName;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a command, or the building of a cache, failed.
///
/// One machine word, cheap to clone. Its text names the command, the key and the cause; it never holds a password.
///
/// ```
/// use polycache::{Cache, ErrorKind};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// let cache = Cache::memory();
/// cache.set("name", "Ada").await?;
///
/// let error = cache.increment("name", 1).await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::NotANumber);
/// assert!(!error.is_retryable());
/// assert!(error.to_string().starts_with("increment \"name\": "), "{error}");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    command: Option<&'static str>,
    key: Option<CompactString>,
    message: CompactString,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// The sort of failure of an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument is wrong: a zero TTL, a malformed pattern, an unknown raw command. Nothing was done.
    InvalidInput,
    /// The settings of a cache don't fit together. Given when it is built.
    Config,
    /// `increment` found a value that isn't an integer, or the serializer can't read a counter back. Nothing was changed.
    NotANumber,
    /// `increment` would pass the bounds of `i64`. Nothing was changed.
    Overflow,
    /// The value can't fit into the backend, even alone. Nothing was changed.
    TooLarge,
    /// The serializer can't encode the value. Nothing was changed.
    Encode,
    /// The stored value can't be read as the wanted type.
    Decode,
    /// The call took longer than its timeout. A write may have been executed or not; repeating it does no harm.
    Timeout,
    /// A computation has taken longer than the cache's [hard timeout](crate::CacheBuilder::hard_timeout), and there was no stale value.
    HardTimeout,
    /// The backend can't be reached, or was lost during a call that can be repeated.
    Unavailable,
    /// The backend was lost, or took longer than the timeout, during a call that isn't safe to repeat (`add`, `cas`, `increment`, `raw`).
    /// Nobody knows whether it was executed: look before you repeat it.
    UnknownOutcome,
    /// The backend answered with a failure of its own.
    Backend,
    /// The backend doesn't have this capability.
    Unsupported,
    /// The command is refused for safety; the text tells what would allow it.
    Refused,
    /// Somebody else has written since an optimistic lock was acquired. Nothing was changed.
    Conflict,
    /// A plugin's hook failed. After a failure in `before`, the command was not run.
    Plugin,
    /// The cache was closed.
    Closed,
    /// A reply that needs a tokio runtime was polled outside of one.
    NoRuntime,
}

impl ErrorKind {
    /// Whether the same call may succeed later, without a change by the caller.
    const fn is_retryable(self) -> bool {
        matches!(self, Self::Timeout | Self::HardTimeout | Self::Unavailable)
    }

    /// Whether the backend couldn't be reached, so that nobody knows whether it has done anything.
    pub(crate) const fn is_out_of_reach(self) -> bool {
        matches!(self, Self::Timeout | Self::Unavailable | Self::UnknownOutcome)
    }

    /// Whether the backend or the way to it is at fault, so that a read may count as a miss (see [`OnError`](crate::OnError)).
    pub(crate) const fn is_backend_trouble(self) -> bool {
        matches!(self, Self::Timeout | Self::Unavailable | Self::UnknownOutcome | Self::Backend)
    }
}

impl Error {
    /// An error of `kind`; `message` says what was wrong and what to do about it. For authors of backends, serializers and plugins; the
    /// cache adds the command and the key.
    ///
    /// ```
    /// use polycache::{Error, ErrorKind};
    ///
    /// let error = Error::new(ErrorKind::Unavailable, "the disk is gone");
    /// assert!(error.is_retryable());
    /// ```
    #[cold]
    pub fn new(kind: ErrorKind, message: impl AsRef<str>) -> Self {
        Self(Arc::new(Inner { kind, command: None, key: None, message: CompactString::new(message), source: None }))
    }

    /// The same error, caused by `source`. Its text is part of this error's text.
    ///
    /// ```
    /// use polycache::{Error, ErrorKind};
    ///
    /// let cause = "x".parse::<i64>().unwrap_err();
    /// let error = Error::new(ErrorKind::Backend, "the stored count is broken").with_source(cause);
    /// assert_eq!(error.to_string(), "the stored count is broken: invalid digit found in string");
    /// ```
    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.0).source = Some(Arc::new(source));
        self
    }

    /// The same error with its command and key. A timeout becomes an unknown outcome if the command isn't safe to repeat.
    #[cold]
    pub(crate) fn of(mut self, command: CommandName, key: Option<&str>) -> Self {
        if self.0.kind == ErrorKind::Timeout && self.0.command.is_none() && !command.is_repeatable() {
            let inner = Arc::make_mut(&mut self.0);
            inner.kind = ErrorKind::UnknownOutcome;
            inner.message.push_str("; whether it was done is unknown, so look before you repeat it");
        }
        self.during(command.as_str(), key)
    }

    /// The same error with its command and key, unless it has these already.
    #[cold]
    pub(crate) fn during(mut self, command: &'static str, key: Option<&str>) -> Self {
        if self.0.command.is_none() {
            let inner = Arc::make_mut(&mut self.0);
            inner.command = Some(command);
            if inner.key.is_none() {
                inner.key = key.map(CompactString::new);
            }
        }
        self
    }

    /// The same error about `key`: for a fault in one key of a command with many.
    #[cold]
    pub(crate) fn about(mut self, key: &str) -> Self {
        Arc::make_mut(&mut self.0).key = Some(CompactString::new(key));
        self
    }

    /// The same error with a note for the cache itself.
    pub(crate) fn noted(self, note: Note) -> Self {
        self.with_source(note)
    }

    /// The cache's note to itself.
    pub(crate) fn note(&self) -> Option<Note> {
        self.0.source.as_deref()?.downcast_ref().copied()
    }

    /// The sort of failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the same call may succeed later, without a change by the caller: the backend was away or slow.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.kind.is_retryable()
    }

    /// The command that failed, such as `"get"`; `None` when a cache was being built.
    #[must_use]
    pub fn command(&self) -> Option<&'static str> {
        self.0.command
    }

    /// The key on which it failed, if there is one.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }
}

/// Why the cache doesn't read a value that it has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Note {
    /// One of its tags was cleared.
    Cleared,
    /// Its tags have to be looked at first.
    Unchecked,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cleared => "one of its tags was cleared",
            Self::Unchecked => "its tags have not been looked at",
        })
    }
}

impl StdError for Note {}

/// An error's text shows at most this much of a key, since keys may be kilobytes.
const SHOWN_KEY_CHARS: usize = 80;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        if let Some(command) = inner.command {
            f.write_str(command)?;
            if let Some(key) = &inner.key {
                match key.char_indices().nth(SHOWN_KEY_CHARS) {
                    None => write!(f, " {:?}", key.as_str())?,
                    Some((end, _)) => write!(f, " {:?}… ({} bytes)", &key[..end], key.len())?,
                }
            }
            f.write_str(": ")?;
        }
        f.write_str(&inner.message)?;
        if let Some(source) = &inner.source {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}: {self})", self.0.kind)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// The result of a failed read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnError {
    /// The caller gets the error.
    #[default]
    Fail,
    /// The caller gets a miss, and the failure becomes a `tracing` event.
    Miss,
}
