//! What URLs of servers have in common: `scheme://user:password@place?setting=value`. No error shows what may be a password.

use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;

use super::url::CACHE;
use super::{Secret, duration, nearest};
use crate::{Error, ErrorKind, Result};

/// A URL, taken apart.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) scheme: &'a str,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<Secret>,
    /// Hosts, and what follows them up to the query.
    pub(crate) place: &'a str,
    query: &'a str,
}

impl<'a> Parts<'a> {
    pub(crate) fn of(url: &'a str, schemes: &str) -> Result<Self> {
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err(wrong(format!("this is no URL of a server; it begins with one of {schemes}")));
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut parts = Self { scheme, username: None, password: None, place: rest, query };
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

    /// Hands each setting to `set`, which says whether it knows the name.
    pub(crate) fn settings(&self, known: &[&str], mut set: impl FnMut(&str, &str) -> Result<bool>) -> Result<()> {
        for (name, value) in form_urlencoded::parse(self.query.as_bytes()) {
            if set(&name, &value)? {
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

pub(crate) fn time(value: &str, name: &str) -> Result<Duration> {
    duration::parse(value).map_err(|text| wrong(format!("`{name}`: {text}")))
}

pub(crate) fn number<T: FromStr>(text: &str, what: &str) -> Result<T> {
    text.parse().map_err(|_| wrong(format!("{what} is {text:?}, not a number that fits")))
}

/// The one of `choices` that `value` names.
pub(crate) fn choice<T: Copy>(value: &str, name: &str, choices: &[(&str, T)]) -> Result<T> {
    let found = choices.iter().find(|(choice, _)| *choice == value).map(|(_, meant)| *meant);
    found.ok_or_else(|| {
        let names: Vec<&str> = choices.iter().map(|(choice, _)| *choice).collect();
        wrong(format!("`{name}` is {value:?}; it is {}", names.join(" or ")))
    })
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
