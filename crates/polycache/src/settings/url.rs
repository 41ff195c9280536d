//! URLs that name a backend, and hold settings of the cache beside the backend's.

use std::collections::HashSet;

use percent_encoding::percent_decode;
use serde_json::{Map, Value};

use crate::{Error, ErrorKind, Result};

/// The settings of the cache. All others in a query are the backend's.
pub(crate) const CACHE: [&str; 23] = [
    "allow_flush",
    "breaker",
    "enabled",
    "fallback",
    "grace",
    "hard_timeout",
    "lease",
    "namespace",
    "near",
    "on_decode_error",
    "on_error",
    "plugins",
    "recovery",
    "refresh_early",
    "separator",
    "serializer",
    "soft_timeout",
    "stale_on_clear",
    "throttle",
    "timeout",
    "ttl",
    "ttl_jitter",
    "write_behind",
];

/// The result of `read` for `url`. If the query may be the rest of a password with an unencoded `?`, an error quotes nothing.
pub(crate) fn guarded<T>(url: &str, read: impl FnOnce() -> Result<T>) -> Result<T> {
    read().map_err(|error| match url.split_once('?') {
        Some((_, query)) if query.contains('@') => Error::new(
            ErrorKind::Config,
            "the URL can't be read; a `?`, `/`, `@` or `%` in a user name, a password or a setting is written percent-encoded",
        ),
        _ => error,
    })
}

/// The URL of the backend, and the settings of the cache.
pub(crate) fn split(url: &str) -> Result<(String, Map<String, Value>)> {
    let (place, query) = url.split_once('?').unwrap_or((url, ""));
    let (mut fields, mut names, mut rest) = (Map::new(), HashSet::new(), Vec::new());
    for setting in query.split('&') {
        let Some((name, value)) = pairs(setting).next() else { continue };
        if !names.insert(name.clone()) {
            return Err(Error::new(
                ErrorKind::Config,
                format!("the URL: `{name}` is set twice; leave one of the two out"),
            ));
        }
        if CACHE.contains(&&*name) {
            fields.insert(name, Value::String(value));
        } else {
            rest.push(setting);
        }
    }
    let rest = rest.join("&");
    Ok((if rest.is_empty() { place.to_owned() } else { format!("{place}?{rest}") }, fields))
}

/// A backend's URL as fields: `address` is the text between the scheme and the query.
pub(crate) fn fields(url: &str) -> Map<String, Value> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut fields = Map::new();
    if !address.is_empty() {
        fields.insert("address".to_owned(), Value::String(address.to_owned()));
    }
    fields.extend(pairs(query).map(|(name, value)| (name, Value::String(value))));
    fields
}

/// The settings of a query, decoded as those of a form: a `+` is a space.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    let decoded = |text: &str| percent_decode(text.replace('+', " ").as_bytes()).decode_utf8_lossy().into_owned();
    query.split('&').filter(|setting| !setting.is_empty()).map(move |setting| {
        let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
        (decoded(name), decoded(value))
    })
}
