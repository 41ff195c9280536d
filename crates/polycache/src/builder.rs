//! The settings of a cache.

mod computing;
mod tags;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;

use crate::backend::Backend;
use crate::cache::{Cache, CacheOptions, Layers, Made, NEVER_EARLY, Patience, REFRESH_EARLY, View, checked_serializer};
use crate::flight::Flights;
use crate::key::{KeyBuilder, Prefix};
use crate::lease;
use crate::locks::Queues;
use crate::range::Range;
use crate::serializer::Serializer;
use crate::serializers::Null;
use crate::switch::Switch;
use crate::ttl::TTL;
use crate::{Decoder, Error, ErrorKind, OnError, Plugin, Result, Ttl};

/// How long a command may take by default.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// The life of a lease by default: longer than a busy process is held up, and no longer than anybody wants to wait for a dead one.
const DEFAULT_LEASE: Duration = Duration::from_secs(2);

/// How long a stale value is given before its source is asked again, unless told otherwise.
const DEFAULT_THROTTLE: Duration = Duration::from_secs(30);

pub(crate) const LEASE: Range<Duration> = lease::LEASE.or_zero("none");
#[cfg(feature = "config")]
pub(crate) const TIMEOUT: Range<Duration> = Range::from("timeout", Duration::ZERO);
pub(crate) const TTL_JITTER: Range<f64> = Range::new("ttl_jitter", 0.0, 1.0);

/// In bytes.
const LONGEST_SEPARATOR: usize = 8;

/// Settings for a new [`Cache`].
///
/// ```
/// use polycache::backends::memory::Memory;
/// use polycache::plugins::HitMissRatio;
/// use polycache::serializers::Json;
/// use polycache::{Cache, OnError, Ttl};
/// use std::time::Duration;
///
/// # fn main() -> polycache::Result<()> {
/// let cache = Cache::builder()
///     .backend(Memory::builder().max_bytes(64 << 20).build()?)
///     .serializer(Json)
///     .plugin(HitMissRatio::new())
///     .namespace("shop")
///     .ttl(Ttl::secs(300))
///     .ttl_jitter(0.1)
///     .timeout(Duration::from_secs(1))
///     .on_error(OnError::Miss)
///     .build()?;
/// # let _ = cache; Ok(()) }
/// ```
#[must_use = "a builder does nothing until `build`"]
pub struct CacheBuilder {
    backend: Option<Arc<dyn Backend>>,
    serializer: Option<Arc<dyn Serializer>>,
    plugins: Vec<Arc<dyn Plugin>>,
    namespace: CompactString,
    ttl: Ttl,
    timeout: Duration,
    enabled: bool,
    /// Zero: none. `None`: the backend's default.
    lease: Option<Duration>,
    /// Zero: none.
    grace: Duration,
    /// The part of a TTL after which an entry is refreshed early; 1 for never.
    early: f64,
    stale_on_clear: bool,
    options: CacheOptions,
}

impl Cache {
    /// A cache in the memory of this process, with all defaults: it holds [up to 100,000](crate::backends::memory) live objects, without
    /// a TTL.
    #[cfg(feature = "memory")]
    #[must_use]
    pub fn memory() -> Self {
        let memory = Layers::new(Arc::new(crate::backends::memory::Memory::new()), Duration::ZERO, NEVER_EARLY, false);
        Self::builder().assemble(memory, Arc::new(Null), Flights::new())
    }

    /// Settings for a new cache.
    pub fn builder() -> CacheBuilder {
        CacheBuilder::new()
    }
}

impl CacheBuilder {
    pub(crate) fn new() -> Self {
        Self {
            backend: None,
            serializer: None,
            plugins: Vec::new(),
            namespace: CompactString::const_new(""),
            ttl: Ttl::Never,
            timeout: DEFAULT_TIMEOUT,
            enabled: true,
            lease: None,
            grace: Duration::ZERO,
            early: NEVER_EARLY,
            stale_on_clear: false,
            options: CacheOptions {
                key_builder: None,
                separator: CompactString::const_new(":"),
                ttl_jitter: 0.0,
                on_error: OnError::Fail,
                on_decode_error: OnError::Fail,
                allow_flush: false,
                write_behind: false,
                lease: None,
                throttle: DEFAULT_THROTTLE,
                patience: Patience::default(),
            },
        }
    }

    /// The backend, which holds the values. By default a new memory backend with its own defaults.
    pub fn backend(self, backend: impl Backend) -> Self {
        self.shared_backend(Arc::new(backend))
    }

    /// As [`backend`](Self::backend), for a backend that other caches or your own code share.
    pub fn shared_backend(mut self, backend: Arc<dyn Backend>) -> Self {
        self.backend = Some(backend);
        self
    }

    /// The serializer, which turns values into bytes. By default [`Null`] if the backend holds live objects, else `Json`.
    pub fn serializer(self, serializer: impl Serializer) -> Self {
        self.shared_serializer(Arc::new(serializer))
    }

    pub(crate) fn shared_serializer(mut self, serializer: Arc<dyn Serializer>) -> Self {
        self.serializer = Some(serializer);
        self
    }

    /// Adds a plugin. Plugins run in the order in which they are given.
    pub fn plugin(self, plugin: impl Plugin) -> Self {
        self.shared_plugin(Arc::new(plugin))
    }

    pub(crate) fn shared_plugin(mut self, plugin: Arc<dyn Plugin>) -> Self {
        self.plugins.push(plugin);
        self
    }

    /// The namespace: `key` is kept under `namespace:key`. None by default.
    pub fn namespace(mut self, namespace: impl AsRef<str>) -> Self {
        self.namespace = CompactString::new(namespace);
        self
    }

    /// The separator between a namespace and the keys in it: `:` by default. For keys as another program makes them. Empty is for none,
    /// which is how aiocache keeps keys in memory and on memcached: then [`clear`](Cache::clear) and [`scan`](Cache::scan) on `foo` are
    /// about all keys that begin with `foo`, so about those in `foobar` too. All views of the cache have the same separator.
    ///
    /// Memcached's generations need a `:` in the prefix that they clear.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// let cache = polycache::Cache::builder().namespace("shop").separator("/").build()?;
    /// cache.set("cart", 1).await?;
    /// assert!(cache.namespace("").exists("shop/cart").await?);
    /// # Ok(()) }
    /// ```
    pub fn separator(mut self, separator: impl AsRef<str>) -> Self {
        self.options.separator = CompactString::new(separator);
        self
    }

    /// The TTL of writes without another one. [`Ttl::Never`] by default.
    pub fn ttl(mut self, ttl: impl Into<Ttl>) -> Self {
        self.ttl = ttl.into();
        self
    }

    /// Takes a random part of up to this fraction (0 to 1) off the TTL of every write, so that entries stored together don't expire
    /// together. 0 by default.
    pub fn ttl_jitter(mut self, fraction: f64) -> Self {
        self.options.ttl_jitter = fraction;
        self
    }

    /// How long a command may take, hooks included; zero: no limit. 5 seconds by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Makes the stored name within the namespace from the caller's key: to shorten, normalize or version keys. Different keys must get
    /// different names.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// let cache = polycache::Cache::builder().namespace("shop").key_builder(|key| format!("v2/{key}")).build()?;
    /// cache.set("cart", 1).await?;
    /// assert!(cache.namespace("").exists("v2/shop:cart").await.is_ok_and(|found| !found));
    /// assert_eq!(cache.scan("*").collect().await?, ["v2/cart"]); // kept as shop:v2/cart
    /// # Ok(()) }
    /// ```
    pub fn key_builder(mut self, build: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        self.options.key_builder = Some(Arc::new(build) as Arc<KeyBuilder>);
        self
    }

    /// The result of `get`, `multi_get`, `exists` and `ttl` when the backend fails, is away, or is too slow. An error by default. Plugins
    /// see the error, even if the caller gets a miss. A failed write is always an error.
    pub fn on_error(mut self, on_error: OnError) -> Self {
        self.options.on_error = on_error;
        self
    }

    /// The result of `get` and `multi_get` for a stored value that can't be read as the wanted type. An error by default.
    pub fn on_decode_error(mut self, on_error: OnError) -> Self {
        self.options.on_decode_error = on_error;
        self
    }

    /// Whether the cache starts turned on, as it does by default; see [`Cache::set_enabled`].
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// Whether [`clear`](Cache::clear) without a namespace may delete everything on a server, including other programs' keys. Not by
    /// default.
    pub fn allow_flush(mut self, allow: bool) -> Self {
        self.options.allow_flush = allow;
        self
    }

    /// Makes the cache. No server is contacted.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) if the settings don't fit together: a serializer that keeps live objects with a backend that can't
    /// hold them, a jitter or an early refresh outside of 0 to 1, a TTL of zero, a lease of less than a millisecond or more than a day that
    /// isn't zero, a separator of more than 8 bytes or with a control character.
    pub fn build(mut self) -> Result<Cache> {
        let refuse = |text: String| Err(Error::new(ErrorKind::Config, text));
        TTL_JITTER.check(self.options.ttl_jitter)?;
        REFRESH_EARLY.check(self.early)?;
        let separator = &self.options.separator;
        if separator.len() > LONGEST_SEPARATOR || separator.chars().any(char::is_control) {
            return refuse(format!(
                "`separator` has {} bytes; it has at most {LONGEST_SEPARATOR} bytes and no control characters",
                separator.len()
            ));
        }
        if let Some(lease) = self.lease {
            LEASE.check(lease)?;
        }
        if let Ttl::After(life) = self.ttl {
            TTL.check(life)?;
        }
        let backend = match self.backend.take() {
            Some(backend) => backend,
            None => default_backend()?,
        };
        let flights = Flights::new();
        self.options.lease = match self.lease {
            _ if backend.info().capabilities.exclusive => None,
            None => backend.ending_leases(flights.holder()).map(|_| DEFAULT_LEASE),
            given => given.filter(|lease| !lease.is_zero()),
        };
        let live = backend.info().capabilities.live_objects;
        let serializer = match self.serializer.take() {
            Some(serializer) => checked_serializer(serializer, backend.info())?,
            None if live => Arc::new(Null),
            None => default_serializer(backend.info().name.as_ref())?,
        };
        let layers = Layers::new(backend, self.grace, self.early, self.stale_on_clear);
        Ok(self.assemble(layers, serializer, flights))
    }

    pub(crate) fn assemble(self, layers: Layers, serializer: Arc<dyn Serializer>, flights: Arc<Flights>) -> Cache {
        let prefix = Prefix::new(&self.namespace, &self.options.separator);
        let Made { direct, backend, tagged, grace } = layers.make(prefix.as_str());
        let writes = self.options.lease.and_then(|_| backend.ending_leases(flights.holder()));
        let view = View {
            writer_ends_leases: writes.is_some(),
            writer: writes.unwrap_or_else(|| Arc::clone(&backend)),
            direct,
            backend,
            tagged,
            layers,
            serializer,
            decoder: Decoder::new(),
            plugins: Arc::new([]),
            audience: None,
            bare: None,
            prefix,
            options: self.options,
            switch: Switch::new(self.enabled),
            flights,
            grace,
            queues: Queues::new(),
        };
        Cache { view: Arc::new(view.with_plugins(self.plugins)), ttl: self.ttl, timeout: self.timeout }
    }
}

#[cfg(feature = "json")]
fn default_serializer(_backend: &str) -> Result<Arc<dyn Serializer>> {
    Ok(Arc::new(crate::serializers::Json))
}

#[cfg(not(feature = "json"))]
fn default_serializer(backend: &str) -> Result<Arc<dyn Serializer>> {
    let text = format!(
        "no serializer was given, and the backend {backend} can't hold live objects here; give one, or enable the feature `json`"
    );
    Err(Error::new(ErrorKind::Config, text))
}

#[cfg(feature = "memory")]
fn default_backend() -> Result<Arc<dyn Backend>> {
    Ok(Arc::new(crate::backends::memory::Memory::new()))
}

#[cfg(not(feature = "memory"))]
fn default_backend() -> Result<Arc<dyn Backend>> {
    Err(Error::new(ErrorKind::Config, "no backend was given; give one, or enable the feature `memory`"))
}

impl fmt::Debug for CacheBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheBuilder")
            .field("backend", &self.backend)
            .field("serializer", &self.serializer)
            .field("plugins", &self.plugins)
            .field("namespace", &self.namespace)
            .field("ttl", &self.ttl)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
