//! What goes wrong, told in our errors.

use redis::ServerError;

use super::config::Server;
use crate::{Error, ErrorKind};

/// What a lost connection means for a call in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// It changes nothing: it is sent again.
    Read,
    /// Doing it twice is the same as doing it once: the caller may repeat it.
    Write,
    /// Doing it twice is something else: nobody may repeat it blindly.
    Once,
}

/// Why a call has no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// There was no connection: nothing was done.
    NotSent(Error),
    /// The connection broke before the answer came.
    Lost(Error),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotSent(error) | Failure::Lost(error) => error,
        }
    }
}

/// The error of a call whose connection broke before its answer came.
#[cold]
pub(super) fn lost(class: Class, source: Error) -> Error {
    let (kind, text) = match class {
        Class::Read => (ErrorKind::Unavailable, "the connection to Redis was lost, twice"),
        Class::Write => (
            ErrorKind::Unavailable,
            "the connection to Redis was lost before the answer; the write may have been done, and can be repeated",
        ),
        Class::Once => (
            ErrorKind::UnknownOutcome,
            "the connection to Redis was lost before the answer; whether it was done is unknown, so look before you repeat it",
        ),
    };
    Error::new(kind, text).with_source(source)
}

/// The error of a server that can't be connected to.
#[cold]
pub(super) fn unreachable(server: &Server) -> Error {
    Error::new(ErrorKind::Unavailable, format!("can't connect to Redis at {server}"))
}

/// The error of an answer that makes no sense for its command.
#[cold]
pub(super) fn unexpected(answer: &redis::Value) -> Error {
    Error::new(ErrorKind::Backend, format!("Redis gave an answer that doesn't fit the command: {}", shape(answer)))
}

/// What sort of answer it is. Never its content, which may be anybody's.
fn shape(answer: &redis::Value) -> &'static str {
    match answer {
        redis::Value::Nil => "nil",
        redis::Value::Int(_) => "an integer",
        redis::Value::BulkString(_) | redis::Value::SimpleString(_) | redis::Value::VerbatimString { .. } => "a string",
        redis::Value::Okay => "OK",
        redis::Value::Array(_) | redis::Value::Set(_) => "a list",
        redis::Value::Map(_) => "a map",
        redis::Value::ServerError(_) => "an error",
        _ => "something rare",
    }
}

/// An error that the server answered with.
#[cold]
pub(super) fn server_error(error: &ServerError) -> Error {
    let code = error.code();
    // What a script of ours was doing at which line helps nobody.
    let details = error.details().unwrap_or_default().split(" script: ").next().unwrap_or_default();
    let (kind, hint) = match code {
        "ERR" if details.contains("not an integer") => (ErrorKind::NotANumber, "what is stored isn't an integer"),
        "ERR" if details.contains("would overflow") => {
            (ErrorKind::Overflow, "the sum would pass the bounds of 64 bits")
        }
        "ERR" if details.contains("exceeds maximum allowed size") => {
            (ErrorKind::TooLarge, "the value is too large for Redis")
        }
        "ERR" if details.starts_with("unknown command") => (ErrorKind::Backend, "Redis doesn't know the command"),
        "WRONGTYPE" => (ErrorKind::Backend, "the key holds a Redis list, hash or the like, which other code stored"),
        "OOM" => (
            ErrorKind::Backend,
            "Redis has reached its `maxmemory` and may not evict; raise it, or set a `maxmemory-policy`",
        ),
        "NOPERM" => (ErrorKind::Backend, "the Redis user isn't allowed this; extend its ACL"),
        "NOAUTH" => (ErrorKind::Backend, "Redis wants a password; give user and password in the URL"),
        "CROSSSLOT" => (ErrorKind::InvalidInput, "the keys are in several slots of the cluster; use a {hash tag}"),
        "LOADING" | "BUSY" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "MOVED" | "ASK" | "READONLY"
        | "NOREPLICAS" => (ErrorKind::Unavailable, "Redis can't serve this now"),
        _ => (ErrorKind::Backend, "Redis answered with an error"),
    };
    match kind {
        ErrorKind::NotANumber | ErrorKind::Overflow => Error::new(kind, hint),
        _ => Error::new(kind, format!("{hint}: {code} {details}")),
    }
}
