//! Caches by name, from configuration.

mod alias;
mod config;
mod open;
mod outside;
mod sharing;
mod strict;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};

use parking_lot::RwLock;
use serde_core::Serialize;
use serde_json::{Map, Value};

pub use self::config::Config;
use self::sharing::Servers;
use crate::settings::{Settings, Source, nearest};
use crate::{Cache, CacheBuilder, Error, ErrorKind, Result};

/// The alias that is always there.
const DEFAULT: &str = "default";
/// The environment's variable with the file that configures the process-wide caches.
const FILE: &str = "POLYCACHE_CONFIG";

/// Caches by alias: each is made once, at first use, from its configuration. Caches on one server, with the same credentials and settings
/// of the backend, share its connections, which are closed when the last of these caches is closed or gone.
///
/// The settings of an alias are `cache` (the name of a backend) or `url`, the backend's own settings, and `namespace`, `separator`, `ttl`,
/// `ttl_jitter`, `grace`, `throttle`, `soft_timeout`, `hard_timeout`, `stale_on_clear`, `refresh_early`, `timeout`, `lease`, `serializer`,
/// `plugins`, `on_error`, `on_decode_error`, `allow_flush`, `write_behind` and `enabled`, as in [`CacheBuilder`]; and `breaker`, `near`,
/// `recovery` and `fallback`, which are [around the backend](crate::backends). The settings of aiocache load unchanged.
///
/// ```
/// use polycache::{Caches, Config};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// let caches = Caches::new();
/// caches.set_config(Config::json(
///     r#"{
///         "default": { "cache": "memory" },
///         "users": { "cache": "memory", "max_entries": 1000, "namespace": "users", "ttl": "5m", "plugins": ["timing"] }
///     }"#,
/// )?)?;
///
/// caches.get("users")?.set("7", "Ada").await?;
/// assert_eq!(caches.get("users")?.get::<String>("7").await?.as_deref(), Some("Ada")); // the same cache
/// assert_eq!(caches.create("users")?.get::<String>("7").await?, None); // a new one
/// # Ok(()) }
/// ```
pub struct Caches {
    aliases: RwLock<BTreeMap<String, Arc<Alias>>>,
    /// Counts the changes to what `get` returns.
    generation: AtomicU64,
    servers: Servers,
    /// The error of reading the file that the environment names.
    unread: OnceLock<Error>,
}

struct Alias {
    definition: Definition,
    /// Shared with the same alias of a later configuration that has the same settings.
    instance: Arc<OnceLock<Cache>>,
}

#[derive(Clone)]
enum Definition {
    Settings { source: Arc<Source>, fields: Map<String, Value> },
    Code(Arc<dyn Fn() -> Result<CacheBuilder> + Send + Sync>),
}

/// The caches of this process. The first use reads the file that the environment's `POLYCACHE_CONFIG` names; without one there is
/// `default`, in memory. Variables `POLYCACHE__ALIAS__FIELD` [replace fields](Config::with_environment) of that configuration, and of
/// one given to [`set_config`](Caches::set_config) where it asks for it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// polycache::caches().get("default")?.set("k", 1).await?;
/// # Ok(()) }
/// ```
#[must_use]
pub fn caches() -> &'static Caches {
    static CACHES: LazyLock<Caches> = LazyLock::new(|| {
        let caches = Caches::new();
        let file = std::env::var_os(FILE);
        let configured = match &file {
            Some(path) => Config::file(path),
            None => Config::json(r#"{ "default": { "cache": "memory" } }"#),
        };
        let configured = configured.and_then(Config::with_environment).and_then(|config| caches.set_config(config));
        if let Err(error) = configured {
            let told = file.map_or_else(|| error.to_string(), |_| format!("{FILE}: {error}"));
            // Every look-up gets the error, also that of an alias that only the file knows.
            let error = caches.unread.get_or_init(|| Error::new(error.kind(), told)).clone();
            caches.define(DEFAULT, move || Err(error.clone()));
        }
        caches
    });
    &CACHES
}

impl Caches {
    /// Only `default`, in memory.
    #[must_use]
    pub fn new() -> Self {
        let caches = Self {
            aliases: RwLock::default(),
            generation: AtomicU64::new(0),
            servers: Servers::default(),
            unread: OnceLock::new(),
        };
        caches.define(DEFAULT, || Ok(Cache::builder()));
        caches
    }

    /// The cache of that alias: always the same one, made at first use.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) if there is no such alias, or its settings are wrong: says where and what.
    pub fn get(&self, alias: &str) -> Result<Cache> {
        let found = self.find(alias)?;
        if let Some(cache) = found.instance.get() {
            return Ok(cache.clone());
        }
        // If two callers make it at the same time, one cache stays.
        let made = self.make(alias, &found, Map::new())?;
        Ok(found.instance.get_or_init(|| made).clone())
    }

    /// A new cache with the settings of that alias.
    ///
    /// # Errors
    /// Those of [`get`](Self::get).
    pub fn create(&self, alias: &str) -> Result<Cache> {
        self.make(alias, &*self.find(alias)?, Map::new())
    }

    /// A new cache with the settings of that alias, some of them replaced.
    ///
    /// # Errors
    /// Those of [`get`](Self::get), and [`Config`](ErrorKind::Config) if the overrides are no map.
    ///
    /// ```
    /// use polycache::{Caches, Config};
    ///
    /// # fn main() -> polycache::Result<()> {
    /// let caches = Caches::new();
    /// let other = caches.create_with("default", serde_json::json!({ "namespace": "other", "ttl": 60 }))?;
    /// assert_eq!(other.namespace_name(), "other");
    /// # Ok(()) }
    /// ```
    pub fn create_with(&self, alias: &str, overrides: impl Serialize) -> Result<Cache> {
        match serde_json::to_value(overrides) {
            Ok(Value::Object(overrides)) => self.make(alias, &*self.find(alias)?, overrides),
            _ => Err(Error::new(ErrorKind::Config, "the overrides are no map of settings")),
        }
    }

    /// Replaces the configuration. Caches with unchanged settings stay the same; the others are made anew when they are asked for.
    /// Aliases that code has defined stay.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) if there is no `default`; nothing is changed.
    pub fn set_config(&self, config: Config) -> Result<()> {
        if config.aliases().all(|alias| alias != DEFAULT) {
            let place = config.source.origin();
            return Err(Error::new(
                ErrorKind::Config,
                format!("{place}the configuration has no alias `{DEFAULT}`; add one"),
            ));
        }
        let (source, settings) = (config.source, config.aliases);
        let mut aliases = self.aliases.write();
        let mut new: BTreeMap<String, Arc<Alias>> = BTreeMap::new();
        for (alias, fields) in settings {
            let known = aliases.get(&alias).filter(|known| known.is(&fields));
            let instance = known.map(|known| Arc::clone(&known.instance)).unwrap_or_default();
            let definition = Definition::Settings { source: Arc::clone(&source), fields };
            new.insert(alias, Arc::new(Alias { definition, instance }));
        }
        for (alias, known) in aliases.iter().filter(|(_, known)| matches!(known.definition, Definition::Code(_))) {
            new.entry(alias.clone()).or_insert_with(|| Arc::clone(known));
        }
        let old = std::mem::replace(&mut *aliases, new);
        drop(aliases);
        self.generation.fetch_add(1, Ordering::Release);
        // After the lock, since dropping a cache may run its user's code.
        drop(old);
        Ok(())
    }

    /// Defines an alias by code: for parts that are values rather than names.
    ///
    /// ```
    /// use polycache::backends::memory::Memory;
    /// use polycache::{Cache, Caches};
    ///
    /// # fn main() -> polycache::Result<()> {
    /// let caches = Caches::new();
    /// caches.define("small", || Ok(Cache::builder().backend(Memory::builder().max_entries(10).build()?)));
    /// caches.get("small")?;
    /// # Ok(()) }
    /// ```
    pub fn define(&self, alias: &str, make: impl Fn() -> Result<CacheBuilder> + Send + Sync + 'static) {
        let made = Arc::new(Alias { definition: Definition::Code(Arc::new(make)), instance: Arc::default() });
        let replaced = self.aliases.write().insert(alias.to_owned(), made);
        self.generation.fetch_add(1, Ordering::Release);
        // After the lock, since dropping a cache may run its user's code.
        drop(replaced);
    }

    /// Makes `cache` the one that [`get`](Self::get) returns for that alias, in place of the present one: for a view, such as one with a
    /// further plugin, that functions with that alias are to use. [`create`](Self::create) uses the alias's settings as before. The cache
    /// stays until the alias gets other settings.
    ///
    /// ```
    /// use polycache::plugins::HitMissRatio;
    /// use polycache::caches;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// #[polycache::cached(alias = "default")]
    /// async fn square(number: u64) -> u64 {
    ///     number * number
    /// }
    ///
    /// let ratio = HitMissRatio::new();
    /// caches().set("default", caches().get("default")?.with_plugin(ratio.clone()));
    /// assert_eq!((square(7).await, square(7).await), (49, 49));
    /// assert_eq!((ratio.hits(), ratio.total()), (1, 2));
    /// # Ok(()) }
    /// ```
    pub fn set(&self, alias: &str, cache: Cache) {
        let mut aliases = self.aliases.write();
        let definition = aliases.get(alias).map_or_else(|| only_set(alias), |known| known.definition.clone());
        let instance = Arc::new(OnceLock::from(cache));
        let replaced = aliases.insert(alias.to_owned(), Arc::new(Alias { definition, instance }));
        drop(aliases);
        self.generation.fetch_add(1, Ordering::Release);
        // After the lock, as in `define`.
        drop(replaced);
    }

    /// The names of all aliases.
    #[must_use]
    pub fn aliases(&self) -> Vec<String> {
        self.aliases.read().keys().cloned().collect()
    }

    /// A number that changes with what [`get`](Self::get) returns.
    #[cfg(feature = "macros")]
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    fn find(&self, alias: &str) -> Result<Arc<Alias>> {
        let aliases = self.aliases.read();
        aliases.get(alias).cloned().ok_or_else(|| {
            let known: Vec<&str> = aliases.keys().map(String::as_str).collect();
            let meant = nearest(alias, &known).map(|near| format!("; did you mean `{near}`")).unwrap_or_default();
            let unread = self.unread.get().map(|error| format!("; {error}")).unwrap_or_default();
            let text = format!("there is no alias `{alias}`{meant}; known are {}{unread}", known.join(", "));
            Error::new(ErrorKind::Config, text)
        })
    }

    fn make(&self, alias: &str, found: &Alias, overrides: Map<String, Value>) -> Result<Cache> {
        match &found.definition {
            Definition::Settings { source, fields } => {
                let mut fields = fields.clone();
                fields.extend(overrides);
                alias::build(Settings::new(Arc::clone(source), alias, fields), &self.servers)
            }
            Definition::Code(make) => {
                let mut settings = Settings::new(Arc::default(), alias, overrides);
                let builder = alias::apply(make()?, &mut settings)?;
                settings.finish()?;
                builder.build()
            }
        }
    }
}

impl Cache {
    /// The cache at `url`: `memory://`, `redis://` and its like, or the name of a backend that was [registered](crate::register_backend).
    /// Its query holds the settings of the cache (`namespace`, `separator`, `ttl`, `ttl_jitter`, `grace`, `throttle`, `soft_timeout`,
    /// `hard_timeout`, `stale_on_clear`, `refresh_early`, `timeout`, `lease`, `serializer`, `plugins`, `on_error`, `on_decode_error`,
    /// `allow_flush`, `write_behind`, `enabled`, `breaker`, `near`, `recovery`, `fallback`) beside those of the backend. No server is
    /// contacted.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) if the URL is wrong.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// use polycache::{Cache, Ttl};
    ///
    /// let cache = Cache::open("memory://?max_entries=100&namespace=main&ttl=60s&serializer=json")?;
    /// cache.set("k", 1).await?;
    /// assert!(matches!(cache.ttl("k").await?, Some(Ttl::After(_))));
    /// # Ok(()) }
    /// ```
    pub fn open(url: &str) -> Result<Self> {
        open::open(url)
    }
}

/// The definition of an alias that was set to a cache, and never defined.
fn only_set(alias: &str) -> Definition {
    let text = format!("the alias `{alias}` was set to a cache, and has no settings to make another of; define it");
    Definition::Code(Arc::new(move || Err(Error::new(ErrorKind::Config, &text))))
}

impl Alias {
    fn is(&self, settings: &Map<String, Value>) -> bool {
        matches!(&self.definition, Definition::Settings { fields, .. } if fields == settings)
    }
}

impl Default for Caches {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Caches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caches").field("aliases", &self.aliases()).finish_non_exhaustive()
    }
}
