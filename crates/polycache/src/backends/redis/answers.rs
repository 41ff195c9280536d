//! The server's answers as values of this crate.

use std::time::Duration;

use redis::Value as Answer;

use super::server_error::server_error;
use super::trouble::unexpected;
use crate::{Error, Raw, Result, Ttl, Value};

/// The longest life that Redis takes, in milliseconds: it adds the present time in 64 bits.
const LONGEST: u64 = i64::MAX as u64 / 2;

/// Milliseconds, rounded up; `None` for ever.
pub(super) fn milliseconds(ttl: Ttl) -> Option<u64> {
    match ttl {
        Ttl::Never => None,
        Ttl::After(life) => {
            let whole = life.as_nanos().div_ceil(1_000_000);
            Some(u64::try_from(whole).unwrap_or(LONGEST).clamp(1, LONGEST))
        }
    }
}

/// The answer, unless it is an error.
fn good(answer: Answer) -> Result<Answer> {
    match answer {
        Answer::ServerError(error) => Err(server_error(&error)),
        answer => Ok(answer),
    }
}

/// A value. A status line isn't one: it belongs to another command.
pub(super) fn bytes(answer: Answer) -> Result<Option<Vec<u8>>> {
    match good(answer)? {
        Answer::Nil => Ok(None),
        Answer::BulkString(bytes) => Ok(Some(bytes)),
        other => Err(unexpected(&other)),
    }
}

pub(super) fn value(answer: Answer) -> Result<Option<Value>> {
    Ok(bytes(answer)?.map(Value::from_stored))
}

/// The answer about one of many keys. A key that holds no string counts as absent, as in `MGET`.
pub(super) fn of_many(answer: Answer) -> Answer {
    match answer {
        Answer::ServerError(error) if error.code() == "WRONGTYPE" => Answer::Nil,
        answer => answer,
    }
}

pub(super) fn integer(answer: Answer) -> Result<i64> {
    match good(answer)? {
        Answer::Int(number) => Ok(number),
        other => Err(unexpected(&other)),
    }
}

/// An integer written as text.
pub(super) fn text_integer(answer: Answer) -> Result<i64> {
    match bytes(answer)? {
        Some(text) => std::str::from_utf8(&text)
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| unexpected(&Answer::BulkString(text))),
        None => Err(unexpected(&Answer::Nil)),
    }
}

pub(super) fn flag(answer: Answer) -> Result<bool> {
    Ok(integer(answer)? != 0)
}

/// Whether `SET` has stored: `OK`, or nothing where its condition didn't hold.
pub(super) fn stored(answer: Answer) -> Result<bool> {
    match good(answer)? {
        Answer::Okay => Ok(true),
        Answer::Nil => Ok(false),
        other => Err(unexpected(&other)),
    }
}

/// The answer to `PTTL`.
pub(super) fn ttl(answer: Answer) -> Result<Option<Ttl>> {
    match integer(answer)? {
        -2 => Ok(None),
        -1 => Ok(Some(Ttl::Never)),
        // A live entry has at least part of a millisecond left.
        left => Ok(Some(Ttl::After(Duration::from_millis(left.max(1).unsigned_abs())))),
    }
}

pub(super) fn list(answer: Answer) -> Result<Vec<Answer>> {
    match good(answer)? {
        Answer::Array(answers) => Ok(answers),
        other => Err(unexpected(&other)),
    }
}

/// The first error among the answers.
pub(super) fn all_good(answers: impl IntoIterator<Item = Answer>) -> Result<()> {
    answers.into_iter().try_for_each(|answer| good(answer).map(drop))
}

/// The answer to `SCAN`: the next cursor, zero at the end, and keys. The cache's keys are UTF-8.
pub(super) fn page(answer: Answer) -> Result<(u64, Vec<Vec<u8>>)> {
    let mut parts = list(answer)?.into_iter();
    let (Some(cursor), Some(Answer::Array(keys))) = (parts.next(), parts.next()) else {
        return Err(unexpected(&Answer::Nil));
    };
    let cursor = bytes(cursor)?.and_then(|text| std::str::from_utf8(&text).ok()?.parse().ok());
    let keys = keys.into_iter().filter_map(|key| bytes(key).ok()?);
    Ok((cursor.ok_or_else(|| unexpected(&Answer::Nil))?, keys.collect()))
}

pub(super) fn raw(answer: Answer) -> Result<Raw> {
    let pair = |(key, value)| Ok((raw(key)?, raw(value)?));
    let list = |answers: Vec<Answer>| answers.into_iter().map(raw).collect::<Result<_>>().map(Raw::List);
    match good(answer)? {
        Answer::Nil => Ok(Raw::Nil),
        Answer::Int(number) => Ok(Raw::Int(number)),
        Answer::Double(number) => Ok(Raw::Double(number)),
        Answer::Boolean(truth) => Ok(Raw::Bool(truth)),
        Answer::BulkString(bytes) => Ok(Raw::Bytes(bytes)),
        Answer::SimpleString(text) | Answer::VerbatimString { text, .. } => Ok(Raw::Text(text)),
        Answer::Okay => Ok(Raw::Text("OK".to_owned())),
        Answer::Array(answers) | Answer::Set(answers) => list(answers),
        Answer::Map(entries) => entries.into_iter().map(pair).collect::<Result<_>>().map(Raw::Map),
        Answer::Attribute { data, .. } => raw(*data),
        other => Err::<Raw, Error>(unexpected(&other)),
    }
}
