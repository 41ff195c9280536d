//! The cache: one front for every backend.

mod close;
mod convert;
mod fence;
mod fill;
mod finish;
mod form;
mod gate;
mod grace;
mod hooks;
mod item;
mod keys;
mod late;
mod layers;
mod many_reads;
mod patience;
mod reads;
mod removals;
mod scan;
mod tags;
mod typed;
mod writes;

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use compact_str::CompactString;

pub(crate) use self::convert::checked_serializer;
pub(crate) use self::form::private::Keep;
#[cfg(feature = "macros")]
pub use self::form::{Encoded, Form, Live};
#[cfg(not(feature = "macros"))]
pub(crate) use self::form::{Encoded, Form, Live};
#[cfg(feature = "config")]
pub(crate) use self::grace::{GRACE, THROTTLE};
pub(crate) use self::grace::{Grace, NEVER_EARLY, REFRESH_EARLY};
pub(crate) use self::item::Items;
pub use self::item::{Freshness, Item};
pub(crate) use self::keys::checked;
pub(crate) use self::layers::{Layers, Made};
pub(crate) use self::patience::Patience;
#[cfg(feature = "config")]
pub(crate) use self::patience::{HARD_TIMEOUT, SOFT_TIMEOUT};
pub use self::scan::Scan;
pub(crate) use self::tags::Marks;
#[cfg(feature = "macros")]
pub(crate) use self::tags::TagsOf;
pub use self::typed::{Readable, Storable};
use crate::backend::{Backend, BackendInfo};
use crate::backends::tagged::Tagged;
use crate::events::{Audience, Ear, EventKinds};
use crate::flight::Flights;
use crate::key::{KeyBuilder, Prefix};
use crate::lease::checked_life;
use crate::locks::Queues;
use crate::serializer::Serializer;
use crate::switch::{State, Switch};
use crate::{Decoder, OnError, Plugin, Result, Ttl};

/// A cache: the same commands on every backend.
///
/// A `Cache` is a cheap handle: a clone, and a view with another namespace, TTL, timeout or one more plugin, works on the same store. It
/// is `Send` and `Sync` and has no type parameter.
///
/// Every command returns a [`Reply`](crate::Reply). On the memory backend a command takes effect when it is called, awaited or not; over
/// the network it starts at the reply's first poll.
///
/// # Namespaces
///
/// A cache with a namespace keeps `key` under `namespace:key`. A `:` in the namespace nests: [`clear`](Self::clear) on `foo` deletes
/// `foo:a:b` too, and leaves `foobar:c`. [Another separator](crate::CacheBuilder::separator), or none, can replace the `:`.
///
/// # Errors
///
/// Every command may fail with the kinds [`Timeout`](crate::ErrorKind::Timeout), [`Unavailable`](crate::ErrorKind::Unavailable) and
/// [`Backend`](crate::ErrorKind::Backend) for trouble with the backend (never the memory backend), with
/// [`Closed`](crate::ErrorKind::Closed) after [`close`](Self::close), and with a plugin's refusal. A key that ends like one of the cache's
/// own is [`InvalidInput`](crate::ErrorKind::InvalidInput): [`check_key`](Self::check_key). Each command lists its further errors.
///
/// ```
/// use polycache::{Cache, Ttl};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// let cache = Cache::memory();
/// cache.set("greeting", "hello").await?;
/// assert_eq!(cache.get::<String>("greeting").await?.as_deref(), Some("hello"));
///
/// let sessions = cache.namespace("sessions").with_ttl(Ttl::secs(60));
/// sessions.set("greeting", "hi").await?; // kept as sessions:greeting, for a minute
/// assert_eq!(cache.get::<String>("sessions:greeting").await?.as_deref(), Some("hi"));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Cache {
    pub(crate) view: Arc<View>,
    /// The TTL of writes.
    pub(crate) ttl: Ttl,
    /// How long a command may take; zero: no limit.
    pub(crate) timeout: Duration,
}

/// The parts that views of a cache may share.
#[derive(Clone)]
pub(crate) struct View {
    pub(crate) backend: Arc<dyn Backend>,
    /// The same for hits, which need not know of tags.
    pub(crate) direct: Arc<dyn Backend>,
    /// The target of writes: the backend, or its handle that also ends leases.
    pub(crate) writer: Arc<dyn Backend>,
    pub(crate) writer_ends_leases: bool,
    pub(crate) serializer: Arc<dyn Serializer>,
    /// Identifies the serializer to the objects that it has decoded.
    pub(crate) decoder: Decoder,
    pub(crate) plugins: Arc<[Arc<dyn Plugin>]>,
    /// The plugins that listen to events; `None` if none does.
    pub(crate) audience: Option<Audience>,
    /// The same view without plugins, for their hooks; `None` if it has none.
    pub(crate) bare: Option<Arc<View>>,
    pub(crate) prefix: Prefix,
    pub(crate) options: CacheOptions,
    pub(crate) switch: Switch,
    /// The computations of `get_or_set`.
    pub(crate) flights: Arc<Flights>,
    /// For how long entries stay after their TTL; `None` where they don't.
    pub(crate) grace: Option<Grace>,
    /// The part of the backend that knows of tags.
    pub(crate) tagged: Arc<Tagged>,
    pub(crate) layers: Layers,
    /// The queues for locks.
    pub(crate) queues: Arc<Queues>,
}

/// The options that all views share. Each view holds them, since a hit would feel another pointer to follow.
#[derive(Clone)]
pub(crate) struct CacheOptions {
    pub(crate) key_builder: Option<Arc<KeyBuilder>>,
    /// The separator between a namespace and the keys in it.
    pub(crate) separator: CompactString,
    /// The part of a TTL that may be taken off, from 0 to 1.
    pub(crate) ttl_jitter: f64,
    pub(crate) on_error: OnError,
    pub(crate) on_decode_error: OnError,
    pub(crate) allow_flush: bool,
    /// Whether callers get what they have computed before it is stored.
    pub(crate) write_behind: bool,
    /// The life of leases on computed keys, if other processes use the backend too.
    pub(crate) lease: Option<Duration>,
    /// How long a stale value is given before its source is asked again.
    pub(crate) throttle: Duration,
    /// How long callers wait for a computation.
    pub(crate) patience: Patience,
}

impl View {
    /// A view with these plugins after the present ones.
    pub(crate) fn with_plugins(&self, more: Vec<Arc<dyn Plugin>>) -> Self {
        if more.is_empty() {
            return self.clone();
        }
        // Plugins see the backend's trouble, and their own calls fail with it; only the caller's result depends on `on_error`.
        let options = CacheOptions { on_error: OnError::Fail, ..self.options.clone() };
        let bare = Self { plugins: Arc::new([]), audience: None, bare: None, options, ..self.clone() };
        let mut audience = self.audience.clone();
        for ear in more.iter().filter_map(Ear::of) {
            self.backend.listen(ear.listener());
            audience = Some(Audience::with(audience.as_ref(), ear));
        }
        let plugins = self.plugins.iter().cloned().chain(more).collect();
        Self { plugins, audience, bare: Some(Arc::new(bare)), ..self.clone() }
    }
}

impl Cache {
    /// A view with another namespace, which replaces the present one; empty for none. To nest, give both names:
    /// `cache.namespace("tenant:users")`.
    #[must_use]
    pub fn namespace(&self, namespace: impl AsRef<str>) -> Self {
        let prefix = Prefix::new(namespace.as_ref(), &self.view.options.separator);
        let bare = self.view.bare.as_deref().map(|bare| View { prefix: prefix.clone(), ..bare.clone() });
        let view = View { prefix, bare: bare.map(Arc::new), ..(*self.view).clone() };
        // Its tags are in its namespace.
        let view = if view.layers.is_tagged() { view.on_layers(&view.layers) } else { view };
        Self { view: Arc::new(view), ..self.clone() }
    }

    /// A view whose writes have this TTL: `cache.with_ttl(Ttl::secs(5)).set(..)`. Costs no allocation.
    #[must_use]
    pub fn with_ttl(&self, ttl: impl Into<Ttl>) -> Self {
        Self { ttl: ttl.into(), ..self.clone() }
    }

    /// A view whose commands may take this long; zero: no limit. Costs no allocation.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self { timeout, ..self.clone() }
    }

    /// A view that computes once across processes, with leases of this life; see [`CacheBuilder::lease`](crate::CacheBuilder::lease).
    /// Costs an allocation.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a lease of less than a millisecond or more than a day.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// use std::time::Duration;
    ///
    /// let cache = polycache::Cache::memory(); // of one process, where nobody needs a lease
    /// let patient = cache.with_lease(Duration::from_secs(10))?;
    /// let value: Result<i32, ()> = patient.get_or_set("k", || async { Ok(1) }).await;
    /// assert_eq!(value, Ok(1));
    /// # Ok(()) }
    /// ```
    pub fn with_lease(&self, lease: Duration) -> Result<Self> {
        let lease = Some(checked_life(lease)?);
        if self.info().capabilities.exclusive || self.view.options.lease == lease {
            return Ok(self.clone());
        }
        let ending = self.view.backend.ending_leases(self.view.flights.holder());
        let writer_ends_leases = ending.is_some();
        let writer = ending.unwrap_or_else(|| Arc::clone(&self.view.backend));
        let leased = |view: &View| {
            let options = CacheOptions { lease, ..view.options.clone() };
            Arc::new(View { options, writer: Arc::clone(&writer), writer_ends_leases, ..view.clone() })
        };
        let bare = self.view.bare.as_deref().map(leased);
        let view = View { bare, ..(*leased(&self.view)).clone() };
        Ok(Self { view: Arc::new(view), ..self.clone() })
    }

    /// A view with another serializer: counters as text beside records as `MessagePack`, say. One serializer can't read values of another,
    /// so give the view keys of its own, by a namespace. Costs an allocation.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) for a serializer that keeps live objects on a backend that can't hold them.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// use polycache::serializers::{Json, Text};
    /// use polycache::{Cache, Value};
    ///
    /// let cache = Cache::builder().serializer(Json).namespace("shop").build()?; // on a server, say
    /// let names = cache.namespace("shop:names").with_serializer(Text)?;
    /// names.set("7", "Ada").await?;
    /// assert_eq!(names.get::<Value>("7").await?.expect("set above").as_bytes(), Some(&b"Ada"[..])); // no quotes
    /// # Ok(()) }
    /// ```
    pub fn with_serializer(&self, serializer: impl Serializer) -> Result<Self> {
        let serializer = checked_serializer(Arc::new(serializer), self.info())?;
        // Its own decoder: two serializers may decode the same bytes differently.
        let decoder = Decoder::new();
        let other = |view: &View| View { serializer: Arc::clone(&serializer), decoder, ..view.clone() };
        let bare = self.view.bare.as_deref().map(|bare| Arc::new(other(bare)));
        Ok(Self { view: Arc::new(View { bare, ..other(&self.view) }), ..self.clone() })
    }

    /// A view with one more plugin, which runs after the present ones. Cached functions with an `alias` use the view once it is given to
    /// [`Caches::set`](crate::Caches::set).
    #[must_use]
    pub fn with_plugin(&self, plugin: impl Plugin) -> Self {
        Self { view: Arc::new(self.view.with_plugins(vec![Arc::new(plugin)])), ..self.clone() }
    }

    /// The first plugin of this type, to read its figures.
    #[must_use]
    pub fn plugin<P: Plugin>(&self) -> Option<&P> {
        self.view.plugins.iter().find_map(|plugin| (&**plugin as &dyn Any).downcast_ref())
    }

    /// The cache's namespace; empty if it has none.
    #[must_use]
    pub fn namespace_name(&self) -> &str {
        self.view.prefix.namespace()
    }

    /// The backend's name and abilities.
    #[must_use]
    pub fn info(&self) -> &BackendInfo {
        self.view.backend.info()
    }

    /// The time of day, for the [birth](crate::Head::with_born) of a value: the system's clock, or the manual one of the backend.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.info().clock.now()
    }

    /// Turns the cache on or off, for every view and clone: a switch for emergencies and tests.
    ///
    /// While it is off, reads miss, and writes delete what they would have replaced, so that nothing stale reappears when it is turned on
    /// again. `increment` answers its delta, `add` and `cas` answer `true`; `delete` and `clear` still run; `raw` is refused. No plugin
    /// runs for a command that isn't executed.
    ///
    /// The environment variable `POLYCACHE_DISABLE=1` at the time a cache is built gives the same answers, contacts no server at all, and
    /// can't be undone here.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// let cache = polycache::Cache::memory();
    /// cache.set("k", "old").await?;
    /// cache.set_enabled(false);
    /// assert_eq!(cache.get::<String>("k").await?, None);
    /// cache.set("k", "new").await?;
    /// cache.set_enabled(true);
    /// assert_eq!(cache.get::<String>("k").await?, None); // forgotten, not stale
    /// # Ok(()) }
    /// ```
    pub fn set_enabled(&self, enabled: bool) {
        self.view.switch.set_enabled(enabled);
    }

    /// Whether the cache is turned on.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.view.switch.state() == State::On
    }

    /// The plugins that listen to events, if one listens to these kinds.
    pub(crate) fn audience(&self, kinds: EventKinds) -> Option<&Audience> {
        self.view.audience.as_ref().filter(|audience| audience.wants(kinds))
    }

    pub(crate) fn has_plugins(&self) -> bool {
        self.view.bare.is_some()
    }

    /// The same cache without plugins.
    pub(crate) fn bare(&self) -> Self {
        let view = Arc::clone(self.view.bare.as_ref().unwrap_or(&self.view));
        Self { view, ttl: self.ttl, timeout: self.timeout }
    }

    pub(crate) fn backend(&self) -> &dyn Backend {
        &*self.view.backend
    }

    pub(crate) fn options(&self) -> &CacheOptions {
        &self.view.options
    }

    pub(crate) fn flights(&self) -> &Arc<Flights> {
        &self.view.flights
    }

    /// The life of a lease, if the cache has leases.
    pub(crate) fn lease_life(&self) -> Option<Duration> {
        self.view.options.lease
    }
}

/// The name of the backend, the namespace, and how the cache is set. `{:#?}` shows the state of the backend and of the plugins, too.
impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let View { serializer, plugins, options, layers, switch, .. } = &*self.view;
        let is_full = f.alternate();
        let mut shown = f.debug_struct("Cache");
        shown.field("backend", &self.info().name);
        shown.field("namespace", &self.namespace_name()).field("ttl", &self.ttl).field("timeout", &self.timeout);
        shown.field("lease", &options.lease.unwrap_or_default());
        layers.show(&mut shown);
        shown.field("serializer", serializer);
        if is_full {
            shown.field("plugins", plugins).field("store", layers.given());
        } else {
            shown.field("plugins", &plugins.len());
        }
        shown.field("state", &switch.state()).finish_non_exhaustive()
    }
}
