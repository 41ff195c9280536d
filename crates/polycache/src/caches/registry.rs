//! Parts by name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::settings::Settings;
use crate::backend::Backend;
use crate::nearest::nearest;
use crate::plugins::{HitMissRatio, Timing};
use crate::serializer::Serializer;
use crate::{Error, ErrorKind, Plugin, Result, serializers};

pub(super) type Make<T> = Arc<dyn Fn(&mut Settings) -> Result<Arc<T>> + Send + Sync>;

/// What makes the parts that a configuration names. Those of the crate are there from the start, under their own names and under
/// those of aiocache's classes.
#[derive(Clone)]
pub(super) struct Registry {
    pub(super) backends: Named<dyn Backend>,
    pub(super) serializers: Named<dyn Serializer>,
    pub(super) plugins: Named<dyn Plugin>,
}

/// What makes the parts of one sort.
pub(super) struct Named<T: ?Sized> {
    sort: &'static str,
    makes: BTreeMap<String, Make<T>>,
}

impl<T: ?Sized> Clone for Named<T> {
    fn clone(&self) -> Self {
        Self { sort: self.sort, makes: self.makes.clone() }
    }
}

impl<T: ?Sized> Named<T> {
    fn new(sort: &'static str) -> Self {
        Self { sort, makes: BTreeMap::new() }
    }

    /// What was known by the name before is the caller's to drop: outside of a lock, since it may run code of the user's.
    #[must_use]
    pub(super) fn insert(&mut self, name: &str, make: Make<T>) -> Option<Make<T>> {
        self.makes.insert(name.to_owned(), make)
    }

    fn all(&mut self, names: &[&str], make: impl Fn(&mut Settings) -> Result<Arc<T>> + Send + Sync + 'static) {
        let make: Make<T> = Arc::new(make);
        for name in names {
            self.makes.insert((*name).to_owned(), Arc::clone(&make));
        }
    }

    pub(super) fn find(&self, name: &str) -> Result<Make<T>, String> {
        self.makes.get(name).cloned().ok_or_else(|| {
            let known: Vec<&str> = self.makes.keys().map(String::as_str).collect();
            let meant = nearest(name, &known).map(|near| format!("; did you mean `{near}`")).unwrap_or_default();
            format!("names the {} {name:?}, which is unknown{meant}; known are {}", self.sort, known.join(", "))
        })
    }
}

impl Registry {
    pub(super) fn new() -> Self {
        let mut backends = Named::<dyn Backend>::new("backend");
        backends.all(&["memory", "aiocache.SimpleMemoryCache"], memory);
        backends.all(&["redis", "aiocache.RedisCache"], redis);
        backends.all(&["memcached", "aiocache.MemcachedCache"], memcached);

        let mut serializers = Named::<dyn Serializer>::new("serializer");
        serializers.all(&["null", "aiocache.serializers.NullSerializer"], |_| Ok(Arc::new(serializers::Null)));
        serializers.all(&["text", "aiocache.serializers.StringSerializer"], |_| Ok(Arc::new(serializers::Text)));
        serializers.all(&["json", "aiocache.serializers.JsonSerializer"], |_| Ok(Arc::new(serializers::Json)));
        serializers.all(&["msgpack", "aiocache.serializers.MsgPackSerializer"], msgpack);
        serializers.all(&["pickle", "aiocache.serializers.PickleSerializer"], pickle);

        let mut plugins = Named::<dyn Plugin>::new("plugin");
        plugins.all(&["hit_miss_ratio", "aiocache.plugins.HitMissRatioPlugin"], |_| Ok(Arc::new(HitMissRatio::new())));
        plugins.all(&["timing", "aiocache.plugins.TimingPlugin"], |_| Ok(Arc::new(Timing::new())));
        Self { backends, serializers, plugins }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("backends", &self.backends.makes.keys())
            .field("serializers", &self.serializers.makes.keys())
            .field("plugins", &self.plugins.makes.keys())
            .finish()
    }
}

#[cfg(feature = "memory")]
fn memory(settings: &mut Settings) -> Result<Arc<dyn Backend>> {
    let (entries, bytes) = (settings.take("max_entries")?, settings.take("max_bytes")?);
    let unbounded = settings.take("unbounded")?.unwrap_or(false);
    let builder = crate::backends::memory::Memory::builder();
    let builder = match (entries, bytes, unbounded) {
        (None, None, false) => builder,
        (Some(entries), None, false) => builder.max_entries(entries),
        (None, Some(bytes), false) => builder.max_bytes(bytes),
        (None, None, true) => builder.unbounded(),
        _ => {
            let text =
                "a memory backend has one bound; of `max_entries`, `max_bytes` and `unbounded` leave all but one out";
            return Err(Error::new(ErrorKind::Config, text));
        }
    };
    Ok(Arc::new(builder.build()?))
}

#[cfg(not(feature = "memory"))]
fn memory(_: &mut Settings) -> Result<Arc<dyn Backend>> {
    Err(missing("the memory backend", "memory"))
}

#[cfg(feature = "redis")]
fn redis(settings: &mut Settings) -> Result<Arc<dyn Backend>> {
    let config = crate::backends::redis::RedisConfig::from_settings(settings)?;
    Ok(Arc::new(crate::backends::redis::Redis::new(config)?))
}

#[cfg(not(feature = "redis"))]
fn redis(_: &mut Settings) -> Result<Arc<dyn Backend>> {
    Err(missing("the Redis backend", "redis"))
}

#[cfg(feature = "memcached")]
fn memcached(settings: &mut Settings) -> Result<Arc<dyn Backend>> {
    let config = crate::backends::memcached::MemcachedConfig::from_settings(settings)?;
    Ok(Arc::new(crate::backends::memcached::Memcached::new(&config)?))
}

#[cfg(not(feature = "memcached"))]
fn memcached(_: &mut Settings) -> Result<Arc<dyn Backend>> {
    Err(missing("the memcached backend", "memcached"))
}

#[cfg(feature = "msgpack")]
fn msgpack(_: &mut Settings) -> Result<Arc<dyn Serializer>> {
    Ok(Arc::new(serializers::MsgPack))
}

#[cfg(not(feature = "msgpack"))]
fn msgpack(_: &mut Settings) -> Result<Arc<dyn Serializer>> {
    Err(missing("the MessagePack serializer", "msgpack"))
}

#[cfg(feature = "pickle")]
fn pickle(_: &mut Settings) -> Result<Arc<dyn Serializer>> {
    Ok(Arc::new(serializers::Pickle))
}

#[cfg(not(feature = "pickle"))]
fn pickle(_: &mut Settings) -> Result<Arc<dyn Serializer>> {
    Err(missing("the pickle serializer", "pickle"))
}

#[allow(dead_code, reason = "with every feature, nothing is missing")]
fn missing(what: &str, feature: &str) -> Error {
    Error::new(ErrorKind::Config, format!("{what} needs the feature `{feature}` of polycache"))
}
