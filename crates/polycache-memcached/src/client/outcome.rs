//! Replies as results.

use crate::codec::{Item, Meta, Refusal, RefusalKind, Reply, Status};
use crate::{Error, ErrorKind, Result};

/// The reply to a meta command. `is_read` says whether the command only reads.
pub(super) fn meta(reply: Reply, is_read: bool) -> Result<Meta> {
    match reply {
        Reply::Meta(meta) => Ok(meta),
        Reply::Refused(refusal) => Err(refused(&refusal, is_read)),
        _ => Err(unexpected()),
    }
}

/// The value that was read, and its CAS number. `None` where the server is out.
pub(super) fn value(reply: Option<Reply>) -> Result<Option<(Item, u64)>> {
    let Some(reply) = reply else { return Ok(None) };
    let Meta { value, flags, cas, .. } = meta(reply, true)?;
    Ok(value.map(|value| (Item { value, flags }, cas)))
}

/// The outcome of a write. A write to a server that is out has failed before.
pub(super) fn status(reply: Option<Reply>) -> Result<Status> {
    meta(reply.ok_or_else(unexpected)?, false).map(|meta| meta.status)
}

/// The error for a refused command. `is_read` says whether the command only reads.
#[cold]
pub(super) fn refused(refusal: &Refusal, is_read: bool) -> Error {
    let message = refusal.message.as_str();
    let (kind, text) = match refusal.kind {
        // From memcached's own proxy: the connection to the proxy is in order.
        _ if refusal.is_of_a_backend() => (
            if is_read { ErrorKind::Unavailable } else { ErrorKind::UnknownOutcome },
            format!("the proxy couldn't reach the server of this key ({message}); see to that server"),
        ),
        RefusalKind::Server if message.contains("too large") => (
            ErrorKind::TooLarge,
            "the value is larger than the server takes (1 MiB, if it wasn't started with another -I)".to_owned(),
        ),
        RefusalKind::Server if message.to_ascii_lowercase().starts_with("out of memory") => (
            ErrorKind::OutOfMemory,
            format!("memcached has no memory for it ({message}); give it more by -m, or let it evict"),
        ),
        _ if refusal.is_not_a_number() => {
            (ErrorKind::NotANumber, "the stored value isn't a decimal integer; it is unchanged".to_owned())
        }
        RefusalKind::Client => (ErrorKind::Server, format!("memcached finds fault with the request: {message}")),
        RefusalKind::Server => (ErrorKind::Server, format!("memcached reports an error of its own: {message}")),
        RefusalKind::Unknown => (ErrorKind::Server, "memcached doesn't know this command, or its form".to_owned()),
    };
    Error::new(kind, text)
}

/// Replies have the form that their requests expect: this case is for completeness.
#[cold]
pub(super) fn unexpected() -> Error {
    Error::new(ErrorKind::Protocol, "memcached answered with something that doesn't fit the command")
}
