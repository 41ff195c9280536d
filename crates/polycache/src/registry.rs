//! Backends, serializers and plugins by name, for configurations and URLs.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;
use serde_json::{Map, Value};

use crate::backend::Backend;
use crate::serializer::Serializer;
use crate::settings::{Settings, nearest};
use crate::{Error, ErrorKind, Plugin, Result, backends, plugins, serializers};

/// Makes a part from its settings.
pub(crate) type Make<T> = Arc<dyn Fn(&mut Settings) -> Result<Arc<T>> + Send + Sync>;

/// All backends.
pub(crate) static BACKENDS: Sort<dyn Backend> = Sort::new("backend", backends::TABLE);
/// All serializers.
pub(crate) static SERIALIZERS: Sort<dyn Serializer> = Sort::new("serializer", serializers::TABLE);
/// All plugins.
pub(crate) static PLUGINS: Sort<dyn Plugin> = Sort::new("plugin", plugins::TABLE);

/// Gives a backend a name in this process: for `cache` in a configuration, and as the scheme of a URL, for
/// [`Cache::open`](crate::Cache::open) too. The text after `name://` in a URL is the setting `address`; the URL's query holds the other
/// settings, as text. A backend that reads the URL itself takes it by [`Settings::url`].
///
/// A name that was known before, even of one of this crate's backends, stands for the new one from now on. Caches that were made before
/// stay.
///
/// ```
/// use polycache::Cache;
/// use polycache::backends::memory::Memory;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// polycache::register_backend("small", |settings| {
///     let entries = settings.take("entries")?.unwrap_or(10);
///     Ok(Box::new(Memory::builder().max_entries(entries).build()?))
/// });
///
/// let cache = Cache::open("small://?entries=3&namespace=shop")?;
/// cache.multi_set((0..9).map(|n| (n.to_string(), n))).await?;
/// assert_eq!(cache.scan("*").collect().await?.len(), 3);
/// # Ok(()) }
/// ```
pub fn register_backend(name: &str, make: impl Fn(&mut Settings) -> Result<Box<dyn Backend>> + Send + Sync + 'static) {
    BACKENDS.register(name, Arc::new(move |settings| make(settings).map(Arc::from)));
}

/// Gives a serializer a name in this process: for `serializer` in a configuration and in a URL. A name that was known before stands for
/// the new one from now on.
///
/// ```
/// use polycache::Cache;
/// use polycache::serializers::Json;
///
/// polycache::register_serializer("mine", |_| Ok(Box::new(Json)));
/// Cache::open("memory://?serializer=mine")?;
/// # Ok::<(), polycache::Error>(())
/// ```
pub fn register_serializer(
    name: &str,
    make: impl Fn(&mut Settings) -> Result<Box<dyn Serializer>> + Send + Sync + 'static,
) {
    SERIALIZERS.register(name, Arc::new(move |settings| make(settings).map(Arc::from)));
}

/// Gives a plugin a name in this process: for `plugins` in a configuration and in a URL. A name that was known before stands for the new
/// one from now on.
///
/// ```
/// use polycache::Cache;
/// use polycache::plugins::Timing;
///
/// polycache::register_plugin("mine", |_| Ok(Box::new(Timing::new())));
/// assert!(Cache::open("memory://?plugins=mine")?.plugin::<Timing>().is_some());
/// # Ok::<(), polycache::Error>(())
/// ```
pub fn register_plugin(name: &str, make: impl Fn(&mut Settings) -> Result<Box<dyn Plugin>> + Send + Sync + 'static) {
    PLUGINS.register(name, Arc::new(move |settings| make(settings).map(Arc::from)));
}

/// All parts of one sort: this crate's table, and the registered ones.
pub(crate) struct Sort<T: ?Sized + 'static> {
    what: &'static str,
    table: &'static [Row<T>],
    registered: RwLock<BTreeMap<String, Make<T>>>,
}

/// A part of this crate; see [`row!`].
pub(crate) struct Row<T: ?Sized> {
    pub(crate) names: &'static [&'static str],
    /// Schemes of URLs that the part reads itself.
    pub(crate) schemes: &'static [&'static str],
    pub(crate) part: Part<T>,
}

pub(crate) enum Part<T: ?Sized> {
    /// The part is compiled in, and this function makes it.
    Here(fn(&mut Settings) -> Result<Arc<T>>),
    /// The part needs this feature.
    #[allow(dead_code, reason = "with every feature, nothing is missing")]
    Off(&'static str),
}

/// A row of a table of parts: the trait, the feature that the part needs, if any, the function that makes it from its settings, its
/// names, and the schemes of URLs that it reads itself. The names after the first are those of aiocache's classes.
macro_rules! row {
    ($part:ident $(if $feature:literal)?, $make:expr, [$($name:literal),+] $(, [$($scheme:literal),*])?) => {{
        $(#[cfg(not(feature = $feature))]
        const PART: $crate::registry::Part<dyn $part> = $crate::registry::Part::Off($feature);)?
        $(#[cfg(feature = $feature)])?
        const PART: $crate::registry::Part<dyn $part> = $crate::registry::Part::Here($make);
        $crate::registry::Row { names: &[$($name),+], schemes: &[$($($scheme),*)?], part: PART }
    }};
}
pub(crate) use row;

impl<T: ?Sized + 'static> Row<T> {
    fn make(&self) -> Make<T> {
        let name = self.names[0];
        match self.part {
            Part::Here(make) => Arc::new(make),
            Part::Off(feature) => Arc::new(move |_: &mut Settings| {
                Err(Error::new(ErrorKind::Config, format!("{name} needs the feature `{feature}` of polycache")))
            }),
        }
    }
}

impl<T: ?Sized> Sort<T> {
    const fn new(what: &'static str, table: &'static [Row<T>]) -> Self {
        Self { what, table, registered: RwLock::new(BTreeMap::new()) }
    }

    fn register(&self, name: &str, make: Make<T>) {
        let replaced = self.registered.write().insert(name.to_owned(), make);
        // After the lock, since dropping it may run its user's code.
        drop(replaced);
    }

    /// Whether a user has registered this name.
    pub(crate) fn is_registered(&self, name: &str) -> bool {
        self.registered.read().contains_key(name)
    }

    /// The function that makes the part of that name; a text for an error if there is no such part.
    pub(crate) fn find(&self, name: &str) -> Result<Make<T>, String> {
        self.look_up(name, |row| row.names)
    }

    /// The function that makes the part of a URL's scheme, in upper or lower case.
    pub(crate) fn find_scheme(&self, scheme: &str) -> Result<Make<T>, String> {
        let lower = scheme.to_ascii_lowercase();
        let name = if self.registered.read().contains_key(scheme) { scheme } else { &lower };
        self.look_up(name, |row| row.schemes)
    }

    /// The part that `field` of `settings` names, by a name, or by a `class` with settings of its own.
    pub(crate) fn part(&self, settings: &Settings, field: &'static str, spec: Value) -> Result<Arc<T>> {
        let (name, fields) = match spec {
            Value::String(name) => (name, Map::new()),
            Value::Object(mut fields) => match fields.remove("class") {
                Some(Value::String(name)) => (name, fields),
                _ => return Err(settings.error(field, "needs a `class`: the name of the part")),
            },
            _ => return Err(settings.error(field, "is neither a name nor a table with a `class`")),
        };
        let make = self.find(&name).map_err(|text| settings.error(field, &text))?;
        let mut own = settings.part(field, fields);
        let made = make(&mut own).map_err(|error| own.located(&error))?;
        own.finish()?;
        Ok(made)
    }

    fn look_up(&self, name: &str, names: fn(&Row<T>) -> &'static [&'static str]) -> Result<Make<T>, String> {
        let registered = self.registered.read();
        if let Some(make) = registered.get(name) {
            return Ok(Arc::clone(make));
        }
        if let Some(row) = self.table.iter().find(|row| names(row).contains(&name)) {
            return Ok(row.make());
        }
        let mut known: Vec<&str> = self.table.iter().flat_map(names).copied().collect();
        known.extend(registered.keys().map(String::as_str));
        known.sort_unstable();
        let meant = nearest(name, &known).map(|near| format!("; did you mean `{near}`")).unwrap_or_default();
        Err(format!("names the {} {name:?}, which is unknown{meant}; known are {}", self.what, known.join(", ")))
    }
}

impl<T: ?Sized> fmt::Debug for Sort<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sort").field("what", &self.what).finish_non_exhaustive()
    }
}
