//! Making a cache from the settings of an alias.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::open;
use super::sharing::Servers;
use crate::backend::Backend;
use crate::backends::around;
use crate::builder::{LEASE, TIMEOUT, TTL_JITTER};
use crate::cache::{GRACE, HARD_TIMEOUT, REFRESH_EARLY, SOFT_TIMEOUT, THROTTLE};
use crate::range::Range;
use crate::registry::{BACKENDS, PLUGINS, SERIALIZERS};
use crate::settings::url::{guarded, split};
use crate::settings::{Choice, Settings};
use crate::ttl::TTL;
use crate::{Cache, CacheBuilder, OnError, Result, Ttl};

const ERRORS: &[(&str, OnError)] = &[("fail", OnError::Fail), ("miss", OnError::Miss)];
const ON_ERROR: Choice<OnError> = Choice::new("on_error", ERRORS);
const ON_DECODE_ERROR: Choice<OnError> = Choice::new("on_decode_error", ERRORS);

/// The cache that these settings describe.
pub(super) fn build(mut settings: Settings, servers: &Servers) -> Result<Cache> {
    let (cache, url) = (settings.take::<String>("cache")?, settings.take::<String>("url")?);
    let shown = url.clone().unwrap_or_default();
    let builder = guarded(&shown, || builder(&mut settings, servers, cache, url));
    let builder = builder.map_err(|error| settings.located(&error))?;
    let built = guarded(&shown, || builder.build()).map_err(|error| settings.located(&error));
    settings.finish()?;
    built
}

/// The builder, with the backend that `cache` or `url` names.
fn builder(
    settings: &mut Settings,
    servers: &Servers,
    cache: Option<String>,
    mut url: Option<String>,
) -> Result<CacheBuilder> {
    if let Some(url) = &mut url {
        let (backend, fields) = split(url)?;
        settings.complete(fields);
        *url = backend;
    }
    let builder = apply(Cache::builder(), settings)?;
    let backend = match (cache, url) {
        (Some(_), Some(_)) => return Err(settings.error("url", "is given beside `cache`; leave one of them out")),
        (None, None) => return Err(settings.missing("cache", "is missing; give it, or a `url`")),
        (Some(name), None) => {
            let make = BACKENDS.find(&name).map_err(|text| settings.error("cache", &text))?;
            let made_of = settings.made_of(&name);
            shared(servers, &name, made_of, make(settings)?)
        }
        (None, Some(url)) => {
            let made = open::backend(&url)?;
            let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme).to_owned();
            shared(servers, &scheme, url, made)
        }
    };
    Ok(builder.shared_backend(around(settings, backend)?))
}

/// The backend, or an earlier one with the same settings. A backend in this process isn't shared, since each alias has its own entries
/// there. Nor is a registered one: its name may stand for another backend by now.
fn shared(servers: &Servers, name: &str, made_of: String, made: Arc<dyn Backend>) -> Arc<dyn Backend> {
    if made.info().capabilities.exclusive || BACKENDS.is_registered(name) {
        return made;
    }
    servers.share(made_of, made)
}

/// The builder, with those settings that are the cache's rather than its backend's.
pub(super) fn apply(mut builder: CacheBuilder, settings: &mut Settings) -> Result<CacheBuilder> {
    if let Some(namespace) = settings.take::<String>("namespace")? {
        builder = builder.namespace(namespace);
    }
    if let Some(separator) = settings.take::<String>("separator")? {
        builder = builder.separator(separator);
    }
    if settings.is_null("ttl") {
        builder = builder.ttl(Ttl::Never);
    }
    if let Some(ttl) = settings.ranged(&TTL)? {
        builder = builder.ttl(ttl);
    }
    if let Some(fraction) = settings.ranged(&TTL_JITTER)? {
        builder = builder.ttl_jitter(fraction);
    }
    if let Some(timeout) = time(settings, &TIMEOUT)? {
        builder = builder.timeout(timeout);
    }
    if let Some(lease) = time(settings, &LEASE)? {
        builder = builder.lease(lease);
    }
    if let Some(grace) = time(settings, &GRACE)? {
        builder = builder.grace(grace);
    }
    if let Some(part) = settings.ranged(&REFRESH_EARLY)? {
        builder = builder.refresh_early(part);
    }
    if let Some(throttle) = settings.ranged(&THROTTLE)? {
        builder = builder.throttle(throttle);
    }
    if settings.is_null("soft_timeout") {
        builder = builder.soft_timeout(None);
    }
    if let Some(timeout) = settings.ranged(&SOFT_TIMEOUT)? {
        builder = builder.soft_timeout(timeout);
    }
    if let Some(timeout) = time(settings, &HARD_TIMEOUT)? {
        builder = builder.hard_timeout(timeout);
    }
    if let Some(stale) = settings.take("stale_on_clear")? {
        builder = builder.stale_on_clear(stale);
    }
    if let Some(on_error) = settings.chosen(&ON_ERROR)? {
        builder = builder.on_error(on_error);
    }
    if let Some(on_error) = settings.chosen(&ON_DECODE_ERROR)? {
        builder = builder.on_decode_error(on_error);
    }
    if let Some(allow) = settings.take("allow_flush")? {
        builder = builder.allow_flush(allow);
    }
    if let Some(behind) = settings.take("write_behind")? {
        builder = builder.write_behind(behind);
    }
    if let Some(enabled) = settings.take("enabled")? {
        builder = builder.enabled(enabled);
    }
    if let Some(spec) = settings.take::<Value>("serializer")? {
        builder = builder.shared_serializer(SERIALIZERS.part(settings, "serializer", spec)?);
    }
    let plugins = match settings.take::<Value>("plugins")? {
        None => Vec::new(),
        Some(Value::Array(specs)) => specs,
        // The names in a URL.
        Some(Value::String(names)) => names.split(',').map(|name| Value::String(name.to_owned())).collect(),
        Some(_) => return Err(settings.error("plugins", "is no list of plugins")),
    };
    for spec in plugins {
        builder = builder.shared_plugin(PLUGINS.part(settings, "plugins", spec)?);
    }
    Ok(builder)
}

/// A time of which null says that there is none, as zero does.
fn time(settings: &mut Settings, range: &Range<Duration>) -> Result<Option<Duration>> {
    let none = settings.is_null(range.name).then_some(Duration::ZERO);
    Ok(settings.ranged(range)?.or(none))
}
