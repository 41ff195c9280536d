//! Trouble on connections as errors of this crate.

use super::config::Server;
pub(super) use crate::backends::class::Class;
use crate::{Error, ErrorKind};

/// Why a call has no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// There was no connection: the call was not executed.
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

/// The sort of an answer. Its content, which may be somebody's data, isn't shown.
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
