//! Commands that `raw` can't run.

use crate::{Error, ErrorKind, Result};

/// They change the connection, which all callers share, or the way it answers.
const CONNECTION: [&str; 23] = [
    "ASKING",
    "AUTH",
    "DISCARD",
    "EXEC",
    "HELLO",
    "MONITOR",
    "MULTI",
    "PSUBSCRIBE",
    "PSYNC",
    "PUNSUBSCRIBE",
    "QUIT",
    "READONLY",
    "READWRITE",
    "REPLCONF",
    "RESET",
    "SELECT",
    "SSUBSCRIBE",
    "SUBSCRIBE",
    "SUNSUBSCRIBE",
    "SYNC",
    "UNSUBSCRIBE",
    "UNWATCH",
    "WATCH",
];
const CLIENT: [&str; 4] = ["CACHING", "REPLY", "SETNAME", "TRACKING"];
/// They wait, and all callers behind them.
const BLOCKING: [&str; 10] =
    ["BLMOVE", "BLMPOP", "BLPOP", "BRPOP", "BRPOPLPUSH", "BZMPOP", "BZPOPMAX", "BZPOPMIN", "WAIT", "WAITAOF"];

pub(super) fn check(command: &str, args: &[&[u8]]) -> Result<()> {
    let mut words = command.split_ascii_whitespace().map(str::as_bytes).chain(args.iter().copied());
    let Some(name) = words.next() else {
        return Err(Error::new(ErrorKind::InvalidInput, "no command is given"));
    };
    let is = |word: &[u8], listed: &[&str]| listed.iter().any(|name| word.eq_ignore_ascii_case(name.as_bytes()));
    let changes =
        is(name, &CONNECTION) || (is(name, &["CLIENT"]) && words.clone().next().is_some_and(|word| is(word, &CLIENT)));
    let reason = if changes {
        "changes the connection, which all callers share"
    } else if is(name, &BLOCKING) || (is(name, &["XREAD", "XREADGROUP"]) && words.any(|word| is(word, &["BLOCK"]))) {
        "waits, and every other caller would wait behind it"
    } else {
        return Ok(());
    };
    let text = format!("{} {reason}; use a connection of your own", String::from_utf8_lossy(name));
    Err(Error::new(ErrorKind::Refused, text))
}
