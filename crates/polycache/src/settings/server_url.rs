//! The common part of servers' URLs: `scheme://user:password@place?setting=value`. No error shows text that may be a password.

use std::time::Duration;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::url::{CACHE, pairs};
use super::{Range, Ranged, Secret, nearest};
use crate::{Error, ErrorKind, Result};

/// The port of a server.
pub(crate) const PORT: Range<u16> = Range::new("port", 1, 65_535);
/// The time to connect to a server.
pub(crate) const CONNECT_TIMEOUT: Range<Duration> =
    Range::new("connect_timeout", Duration::from_millis(1), Duration::from_secs(86_400));
/// The time between two signs of life. The connection's clock ticks twice in it, in milliseconds.
pub(crate) const HEARTBEAT: Range<Duration> =
    Range::new("heartbeat", Duration::from_millis(2), Duration::from_secs(86_400));

/// A URL, taken apart.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    /// In lower case, since any case means the same.
    pub(crate) scheme: String,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<Secret>,
    /// The hosts, and the text behind them up to the query.
    pub(crate) place: &'a str,
    query: &'a str,
}

impl<'a> Parts<'a> {
    pub(crate) fn of(url: &'a str, schemes: &str) -> Result<Self> {
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err(wrong(format!("this is no URL of a server; it begins with one of {schemes}")));
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut parts =
            Self { scheme: scheme.to_ascii_lowercase(), username: None, password: None, place: rest, query };
        if let Some((user, place)) = rest.rsplit_once('@') {
            let (username, password) = match user.split_once(':') {
                Some((username, password)) => (username, Some(password)),
                None => (user, None),
            };
            parts.username = Some(decoded(username, "the user name")?).filter(|name| !name.is_empty());
            parts.password = password.map(|password| decoded(password, "the password")).transpose()?.map(Secret::from);
            parts.place = place;
        }
        Ok(parts)
    }

    /// The servers in `hosts`, separated by commas.
    pub(crate) fn servers<T>(&self, hosts: &str, parse: impl Fn(&str) -> Result<T>) -> Result<Vec<T>> {
        let servers = hosts.split(',').map(|host| parse(&decoded(host, "the host")?));
        servers.collect()
    }

    /// Hands each setting to `set`, which tells whether it knows the name.
    pub(crate) fn settings(&self, known: &[&str], mut set: impl FnMut(&str, &str) -> Result<bool>) -> Result<()> {
        let mut seen: Vec<String> = Vec::new();
        for (name, value) in pairs(self.query) {
            if seen.contains(&name) {
                return Err(wrong(format!("`{name}` is set twice; leave one of the two out")));
            }
            if set(&name, &value)? {
                seen.push(name);
                continue;
            }
            if CACHE.contains(&&*name) {
                let text = format!(
                    "the setting {name:?} is the cache's, not the server's; give it to `Cache::open` or the builder"
                );
                return Err(wrong(text));
            }
            let meant = nearest(&name, known).or_else(|| nearest(&name, &CACHE));
            let meant = meant.map(|near| format!("; did you mean `{near}`")).unwrap_or_default();
            return Err(wrong(format!("the setting {name:?} is unknown{meant}; known are {}", known.join(", "))));
        }
        Ok(())
    }
}

/// A setting that has a range.
pub(crate) fn ranged<T: Ranged>(value: &str, range: &Range<T>) -> Result<T> {
    range.read(&Value::String(value.to_owned()))
}

/// The port behind a host, as written; `None` if it is no number.
pub(crate) fn port(text: &str) -> Option<Result<u16>> {
    text.parse::<i128>().ok().map(|_| ranged(text, &PORT))
}

pub(crate) fn decoded(text: &str, what: &str) -> Result<String> {
    match percent_decode_str(text).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err(wrong(format!("{what} isn't UTF-8 after percent-decoding"))),
    }
}

pub(crate) fn wrong(text: String) -> Error {
    Error::new(ErrorKind::Config, text)
}
