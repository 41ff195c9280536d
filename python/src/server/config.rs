//! The servers to connect to, from a URL and options.

use std::sync::Arc;
use std::time::Duration;

use polycache::backend::Backend;
use polycache::backends::memcached::{Memcached, MemcachedConfig};
use polycache::backends::redis::{Redis, RedisConfig};
use polycache::{Cache, Error, ErrorKind, Result, Secret};

use crate::settings::Settings;
use crate::trouble::{Guards, Watch};

/// The servers to connect to, and what is around them.
#[derive(Debug, Clone)]
pub(super) struct Config {
    place: Place,
    settings: Settings,
    guards: Guards,
}

#[derive(Debug, Clone)]
enum Place {
    Redis(Box<RedisConfig>),
    Memcached(Box<MemcachedConfig>),
}

/// A cache on the servers.
#[derive(Debug)]
pub(crate) struct Open {
    pub(super) cache: Cache,
    /// The same with nothing beside the values.
    pub(super) bare: Cache,
    pub(super) backend: Arc<dyn Backend>,
    pub(super) watch: Watch,
}

/// Options beside the URL, which override it.
#[derive(Debug, Default)]
pub(super) struct Options {
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
    pub(super) db: Option<u32>,
    pub(super) connections: Option<usize>,
    pub(super) connect_timeout: Option<f64>,
    pub(super) heartbeat: Option<f64>,
}

impl Place {
    fn new(url: &str, options: Options) -> Result<Self> {
        let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
        let connect_timeout =
            options.connect_timeout.map(|seconds| duration("connect_timeout", seconds)).transpose()?;
        let heartbeat = options.heartbeat.map(|seconds| duration("heartbeat", seconds)).transpose()?;
        let password = options.password.map(Secret::from);
        if scheme.starts_with("memcache") {
            let mut config: MemcachedConfig = url.parse()?;
            if options.db.is_some() || options.connections.is_some() {
                return Err(Error::new(ErrorKind::Config, "memcached has neither `db` nor `connections`"));
            }
            config.username = options.username.or(config.username);
            config.password = password.or(config.password);
            config.connect_timeout = connect_timeout.unwrap_or(config.connect_timeout);
            config.heartbeat = heartbeat.unwrap_or(config.heartbeat);
            return Ok(Self::Memcached(Box::new(config)));
        }
        let mut config: RedisConfig = url.parse()?;
        config.username = options.username.or(config.username);
        config.password = password.or(config.password);
        config.db = options.db.unwrap_or(config.db);
        config.connections = options.connections.unwrap_or(config.connections);
        config.connect_timeout = connect_timeout.unwrap_or(config.connect_timeout);
        config.heartbeat = heartbeat.unwrap_or(config.heartbeat);
        Ok(Self::Redis(Box::new(config)))
    }
}

impl Config {
    pub(super) fn new(url: &str, options: Options, settings: Settings, guards: Guards) -> Result<Self> {
        Ok(Self { place: Place::new(url, options)?, settings, guards })
    }

    /// No server is contacted before the first command. Keys are full keys: no namespace, no separator.
    pub(super) fn open(&self) -> Result<Open> {
        let server: Arc<dyn Backend> = match &self.place {
            Place::Redis(config) => Arc::new(Redis::new((**config).clone())?),
            Place::Memcached(config) => Arc::new(Memcached::new(config)?),
        };
        let (backend, watch) = self.guards.around(server)?;
        let cache = self.settings.builder().shared_backend(Arc::clone(&backend)).build()?;
        let bare = if self.settings.keeps_more() { Settings::bare(&cache) } else { cache.clone() };
        Ok(Open { cache, bare, backend, watch })
    }

    pub(super) const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether the time of a call is for the core to measure.
    pub(super) const fn is_guarded(&self) -> bool {
        self.guards.watch_time()
    }

    pub(super) const fn name(&self) -> &'static str {
        match self.place {
            Place::Redis(_) => "redis",
            Place::Memcached(_) => "memcached",
        }
    }
}

/// This many seconds.
fn duration(what: &str, seconds: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| Error::new(ErrorKind::Config, format!("a {what} of {seconds} seconds")))
}
