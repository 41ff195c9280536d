//! Replies.

use std::fmt;

use bytes::Bytes;

use crate::Ttl;

/// A whole reply to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// The reply to a meta command.
    Meta(Meta),
    /// The replies to a look that found something, or failed, and to the write behind it. Where the look finds nothing, there is only the
    /// write's.
    LookAndWrite(Box<[Self; 2]>),
    /// The reply to a classic `get`: a value for each key that has one, in the order of the keys.
    Values(Vec<Option<Item>>),
    /// One line, without its end.
    Line(Bytes),
    /// The reply to a raw command: all lines and data blocks as they came, without the last line end.
    Raw(Bytes),
    /// An error line. The connection is still in step.
    Refused(Refusal),
}

/// A value and its flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The value. Values of one multi-get share memory: copy a value that you keep for long.
    pub value: Bytes,
    /// The 32 bits that were stored with the value; clients agree upon their meaning.
    pub flags: u32,
}

/// A reply to a meta command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// The outcome.
    pub status: Status,
    /// The value, if one came.
    pub value: Option<Bytes>,
    /// The client flags; 0 if none came.
    pub flags: u32,
    /// The CAS number; 0 if none came. A [`Client`](crate::Client) tells another one than the server, see [`gets`](crate::Client::gets).
    pub cas: u64,
    /// The rest of the entry's life in seconds, -1 for ever; `None` if none came.
    pub ttl: Option<i64>,
}

impl Meta {
    /// The rest of the entry's life, if it was asked for.
    #[must_use]
    pub fn life(&self) -> Option<Ttl> {
        self.ttl.map(|seconds| u64::try_from(seconds).map_or(Ttl::Never, Ttl::secs))
    }
}

/// The outcome of a meta command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Done, or found (`HD`, `VA`).
    Done,
    /// There is no such entry (`EN`, `NF`).
    Missing,
    /// Not stored: the condition of an add or a replace wasn't met (`NS`).
    NotStored,
    /// The entry has another CAS number (`EX`).
    Changed,
}

/// An error line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its sort.
    pub kind: RefusalKind,
    /// Its text.
    pub message: String,
}

impl Refusal {
    /// Whether memcached's proxy says that it has lost a server behind it: the connection to the proxy is in order.
    #[must_use]
    pub fn is_of_a_backend(&self) -> bool {
        self.kind == RefusalKind::Server && self.message.starts_with("backend")
    }

    /// Whether the value to count isn't an unsigned decimal number.
    #[must_use]
    pub fn is_not_a_number(&self) -> bool {
        self.kind == RefusalKind::Client && self.message.starts_with("cannot increment or decrement non-numeric value")
    }
}

/// The sorts of error lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// `ERROR`: the server doesn't know the command.
    Unknown,
    /// `CLIENT_ERROR`: the server finds fault with the request.
    Client,
    /// `SERVER_ERROR`: the server can't execute the command.
    Server,
}

/// The protocol doesn't allow these bytes here. No later bytes can be trusted: close the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtocolError(String);

impl ProtocolError {
    #[cold]
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// `what` is wrong with this line, whose beginning is shown.
    #[cold]
    pub(super) fn in_line(what: &str, line: &[u8]) -> Self {
        const SHOWN: usize = 60;
        let cut = if line.len() > SHOWN { "…" } else { "" };
        Self(format!("{what}: \"{}{cut}\"", line[..line.len().min(SHOWN)].escape_ascii()))
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ProtocolError {}
