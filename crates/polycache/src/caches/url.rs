//! A cache, or its backend, by URL.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::alias;
use super::registry::Registry;
use super::settings::Settings;
use crate::backend::Backend;
use crate::{Cache, Error, ErrorKind, Result};

/// Settings of the cache. Whatever else stands in the query is the backend's.
pub(crate) const CACHE: [&str; 11] = [
    "allow_flush",
    "enabled",
    "lease",
    "namespace",
    "on_decode_error",
    "on_error",
    "plugins",
    "serializer",
    "timeout",
    "ttl",
    "ttl_jitter",
];

/// The cache at `url`, with what its query says.
pub(super) fn open(registry: &Registry, url: &str) -> Result<Cache> {
    guarded(url, || {
        let (place, fields) = split(url)?;
        let mut settings = Settings::of_url(fields);
        let builder = alias::apply(registry, Cache::builder(), &mut settings)?;
        builder.shared_backend(backend(registry, &place)?).build()
    })
}

/// What `read` makes of `url`. Where the query may be the rest of a password in which a `?` isn't encoded, an error quotes nothing.
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
pub(super) fn split(url: &str) -> Result<(String, Map<String, Value>)> {
    let (place, query) = url.split_once('?').unwrap_or((url, ""));
    let (mut fields, mut names, mut rest) = (Map::new(), HashSet::new(), Vec::new());
    for setting in query.split('&') {
        let Some((name, value)) = form_urlencoded::parse(setting.as_bytes()).next() else { continue };
        if !names.insert(name.clone()) {
            return Err(Error::new(
                ErrorKind::Config,
                format!("the URL: `{name}` is set twice; leave one of the two out"),
            ));
        }
        if CACHE.contains(&&*name) {
            fields.insert(name.into_owned(), Value::String(value.into_owned()));
        } else {
            rest.push(setting);
        }
    }
    let rest = rest.join("&");
    Ok((if rest.is_empty() { place.to_owned() } else { format!("{place}?{rest}") }, fields))
}

/// The backend at `url`.
pub(super) fn backend(registry: &Registry, url: &str) -> Result<Arc<dyn Backend>> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err(Error::new(ErrorKind::Config, "this is no URL; it has the form backend://address?setting=value"));
    };
    match scheme {
        #[cfg(feature = "redis")]
        _ if scheme.starts_with("redis") || scheme.starts_with("valkey") => {
            Ok(Arc::new(crate::backends::redis::Redis::open(url)?))
        }
        #[cfg(feature = "memcached")]
        _ if scheme.starts_with("memcache") => Ok(Arc::new(crate::backends::memcached::Memcached::open(url)?)),
        _ => {
            let wrong = |text: String| Error::new(ErrorKind::Config, format!("the URL's scheme {text}"));
            let make = registry.backends.find(scheme).map_err(wrong)?;
            let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
            let mut fields = Map::new();
            if !address.is_empty() {
                fields.insert("address".to_owned(), Value::String(address.to_owned()));
            }
            fields.extend(
                form_urlencoded::parse(query.as_bytes())
                    .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned()))),
            );
            let mut settings = Settings::of_url(fields);
            let backend = make(&mut settings)?;
            settings.know(&CACHE);
            settings.finish()?;
            Ok(backend)
        }
    }
}
