//! The settings of caches and their parts: fields, URLs, durations, secrets. Nothing here knows what it configures.

mod choice;
pub(crate) mod duration;
mod nearest;
pub(crate) mod outside;
mod range;
mod secret;
#[cfg(feature = "_server")]
pub(crate) mod server_url;
#[cfg(feature = "_server")]
mod servers;
mod source;
pub(crate) mod url;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_core::de::DeserializeOwned;
use serde_json::{Map, Value};

pub(crate) use self::choice::Choice;
pub(crate) use self::nearest::nearest;
pub(crate) use self::range::Ranged;
pub use self::secret::Secret;
pub(crate) use self::source::Source;
pub(crate) use crate::range::Range;
use crate::{Error, ErrorKind, Result};

/// The fields of a backend, a serializer or a plugin. Whoever makes the part takes out the fields that it knows. A field that is left
/// over is an error that names it and lists the fields that were asked for.
///
/// ```
/// use polycache::backends::memory::Memory;
/// use polycache::{Caches, Config};
///
/// # fn main() -> polycache::Result<()> {
/// polycache::register_backend("small", |settings| {
///     let entries = settings.take("entries")?.unwrap_or(10);
///     Ok(Box::new(Memory::builder().max_entries(entries).build()?))
/// });
/// let caches = Caches::new();
/// caches.set_config(Config::json(r#"{ "default": { "cache": "small", "entries": 3 } }"#)?)?;
/// caches.get("default")?;
///
/// caches.set_config(Config::json(r#"{ "default": { "cache": "small", "entires": 3 } }"#)?)?;
/// let error = caches.get("default").unwrap_err();
/// assert!(error.to_string().contains("did you mean `entries`"), "{error}");
/// # Ok(()) }
/// ```
pub struct Settings {
    source: Arc<Source>,
    /// `None` if the settings belong to no alias.
    alias: Option<String>,
    /// The URL, if the fields are those of one.
    url: Option<String>,
    /// The alias's field that holds these fields.
    within: Option<&'static str>,
    fields: Map<String, Value>,
    /// The fields from the alias's `url`.
    in_url: Vec<String>,
    known: Vec<&'static str>,
}

/// What [`Settings::part_or`] finds.
#[cfg(feature = "memory")]
pub(crate) enum PartOr<T> {
    Neither,
    Part(Settings),
    Value(T),
}

impl Settings {
    pub(crate) fn new(source: Arc<Source>, alias: &str, fields: Map<String, Value>) -> Self {
        Self { source, alias: Some(alias.to_owned()), ..Self::of_fields(fields) }
    }

    pub(crate) fn of_fields(fields: Map<String, Value>) -> Self {
        Self {
            source: Arc::default(),
            alias: None,
            url: None,
            within: None,
            fields,
            in_url: Vec::new(),
            known: Vec::new(),
        }
    }

    /// The settings of a backend, from the URL that names it.
    pub(crate) fn of_url(url: &str) -> Self {
        Self { url: Some(url.to_owned()), ..Self::of_fields(url::fields(url)) }
    }

    /// The settings of a part within these settings.
    pub(crate) fn part(&self, within: &'static str, fields: Map<String, Value>) -> Self {
        Self {
            source: Arc::clone(&self.source),
            alias: self.alias.clone(),
            within: Some(within),
            in_url: self.in_url.clone(),
            ..Self::of_fields(fields)
        }
    }

    /// The settings of an optional part: a table, or `true` for its defaults.
    pub(crate) fn optional_part(&mut self, field: &'static str) -> Result<Option<Self>> {
        match self.take_value(field) {
            None | Some(Value::Null | Value::Bool(false)) => Ok(None),
            Some(Value::Bool(true)) => Ok(Some(self.part(field, Map::new()))),
            Some(Value::Object(fields)) => Ok(Some(self.part(field, fields))),
            // In a URL.
            Some(Value::String(text)) if text == "true" => Ok(Some(self.part(field, Map::new()))),
            Some(Value::String(text)) if text == "false" => Ok(None),
            Some(_) => Err(self.error(field, "is neither `true` nor a table of settings")),
        }
    }

    /// The settings of an optional part, or one value in their place.
    #[cfg(feature = "memory")]
    pub(crate) fn part_or<T: Ranged>(&mut self, range: &Range<T>) -> Result<PartOr<T>> {
        let is_value = self.fields.get(range.name).is_some_and(|value| match value {
            Value::String(text) => text != "true" && text != "false",
            value => value.is_number(),
        });
        Ok(match is_value {
            true => self.ranged(range)?.map_or(PartOr::Neither, PartOr::Value),
            false => self.optional_part(range.name)?.map_or(PartOr::Neither, PartOr::Part),
        })
    }

    /// Adds the fields from the alias's `url`, unless they stand beside it too.
    pub(crate) fn complete(&mut self, fields: Map<String, Value>) {
        for (field, value) in fields {
            if !self.fields.contains_key(&field) {
                self.in_url.push(field.clone());
                self.fields.insert(field, value);
            }
        }
    }

    /// The URL, if one names the backend. Whoever takes it reads all of it: the settings of its query aren't fields any more.
    pub fn url(&mut self) -> Option<String> {
        let url = self.url.take()?;
        self.fields.clear();
        Some(url)
    }

    /// The value of `field`, if it is given. A text is also read as the number or boolean that it spells, as in a URL; null counts as
    /// absent.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) if the value is of another type.
    pub fn take<T: DeserializeOwned>(&mut self, field: &'static str) -> Result<Option<T>> {
        let value = match self.take_value(field) {
            None | Some(Value::Null) => return Ok(None),
            Some(value) => value,
        };
        let spelled = value.as_str().and_then(|text| serde_json::from_str(text).ok());
        match serde_json::from_value(value) {
            Ok(value) => Ok(Some(value)),
            Err(error) => match spelled {
                Some(value) => Ok(Some(value)),
                // Serde's message quotes the value.
                None if is_secret(field) => Err(self.error(field, "is of the wrong type")),
                None => Err(self.error(field, &error.to_string())),
            },
        }
    }

    /// The value of a required `field`.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) if it is absent, or of another type.
    pub fn require<T: DeserializeOwned>(&mut self, field: &'static str) -> Result<T> {
        self.take(field)?.ok_or_else(|| self.missing(field, "is missing"))
    }

    /// A duration: a number of seconds, or a text such as `"500ms"`.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) if it is no duration.
    pub fn duration(&mut self, field: &'static str) -> Result<Option<Duration>> {
        match self.take_value(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                duration::deserialize(value).map(Some).map_err(|error| self.error(field, &error.to_string()))
            }
        }
    }

    /// The value of a setting that has a range, if it is given.
    pub(crate) fn ranged<T: Ranged>(&mut self, range: &Range<T>) -> Result<Option<T>> {
        match self.take_value(range.name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => range.read(&value).map(Some).map_err(|error| self.out_of(range, error)),
        }
    }

    /// The values of a setting that has a range for each: a list, or a text with commas between them, as in a URL.
    #[cfg(feature = "memcached")]
    pub(crate) fn ranged_list<T: Ranged>(&mut self, range: &Range<T>) -> Result<Vec<T>> {
        let given = match self.take_value(range.name) {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(values)) => values,
            Some(Value::String(text)) => text.split(',').map(|value| Value::String(value.to_owned())).collect(),
            Some(one) => vec![one],
        };
        let values = given.iter().map(|value| range.read(value)).collect::<Result<_>>();
        values.map_err(|error| self.out_of(range, error))
    }

    /// The error about a value that is out of this range, with its place.
    fn out_of<T: Ranged>(&self, range: &Range<T>, error: Error) -> Error {
        let elsewhere = self.elsewhere(range.name).map(|value| range.refused(&value));
        self.located_at(range.name, &elsewhere.unwrap_or(error))
    }

    /// The value of a setting that is one of a few words, if it is given.
    pub(crate) fn chosen<T: Copy>(&mut self, choice: &Choice<T>) -> Result<Option<T>> {
        match self.take::<String>(choice.name)? {
            None => Ok(None),
            Some(word) => choice.read(&word).map(Some).map_err(|error| {
                let elsewhere = self.elsewhere(choice.name).map(|word| choice.refused(&word));
                self.located_at(choice.name, &elsewhere.unwrap_or(error))
            }),
        }
    }

    /// An error about `field`, with its place.
    #[must_use]
    pub fn error(&self, field: &str, text: &str) -> Error {
        self.error_at(Some(self.within.unwrap_or(field)), field, text)
    }

    /// An error about a field that isn't there.
    pub(crate) fn missing(&self, field: &str, text: &str) -> Error {
        self.error_at(self.within, field, text)
    }

    fn error_at(&self, place: Option<&str>, field: &str, text: &str) -> Error {
        let path = self.within.map_or_else(|| field.to_owned(), |within| format!("{within}.{field}"));
        let text = self.without_values(place, text);
        Error::new(ErrorKind::Config, format!("{}{}`{path}` {text}", self.place(place), self.whose()))
    }

    fn place(&self, field: Option<&str>) -> String {
        let field = field.map(|field| self.given_as(field));
        self.alias.as_deref().map(|alias| self.source.place(alias, field)).unwrap_or_default()
    }

    fn whose(&self) -> String {
        self.alias.as_deref().map_or_else(|| "the URL: ".to_owned(), |alias| format!("alias `{alias}`: "))
    }

    pub(crate) fn take_value(&mut self, field: &'static str) -> Option<Value> {
        self.known.push(field);
        self.fields.remove(field)
    }

    pub(crate) fn is_null(&self, field: &str) -> bool {
        self.fields.get(field).is_some_and(Value::is_null)
    }

    /// `error` with its place, unless it has one.
    pub(crate) fn located(&self, error: &Error) -> Error {
        self.placed(self.within, error)
    }

    /// `error`, which is about `field`, with its place.
    pub(crate) fn located_at(&self, field: &str, error: &Error) -> Error {
        self.placed(Some(self.within.unwrap_or(field)), error)
    }

    fn placed(&self, place: Option<&str>, error: &Error) -> Error {
        let (whose, text) = (self.whose(), error.to_string());
        if text.contains(&whose) {
            return error.clone();
        }
        let text = self.without_values(place, &text);
        Error::new(error.kind(), format!("{}{whose}{text}", self.place(place)))
    }

    /// The alias's own field that holds `field`.
    fn given_as<'a>(&self, field: &'a str) -> &'a str {
        if self.in_url.iter().any(|given| given == field) { "url" } else { field }
    }

    /// The origin of a field's value, if it is from outside of the configuration.
    fn whence(&self, field: &str) -> Option<String> {
        let (alias, field) = (self.alias.as_deref()?, self.given_as(self.within.unwrap_or(field)));
        let whence: Vec<&str> = self.source.outside(alias, Some(field)).map(|(_, outside)| outside.whence()).collect();
        (!whence.is_empty()).then(|| whence.join(" and "))
    }

    /// The words for such a value in an error, since the value may be secret.
    fn elsewhere(&self, field: &str) -> Option<String> {
        self.whence(field).map(|whence| format!("what {whence} says"))
    }

    /// The text of an error about the field `place`, or any field. It shows no value from outside, but names the value's origin.
    fn without_values(&self, place: Option<&str>, text: &str) -> String {
        let Some(alias) = self.alias.as_deref() else { return text.to_owned() };
        let given = place.map(|field| self.given_as(field));
        let whence = self.whence(given.unwrap_or("url"));
        if whence.as_ref().is_some_and(|whence| text.contains(whence)) {
            // The origin stands in the value's place. A bound may have the value's digits.
            return text.to_owned();
        }
        let shown = self.source.outside(alias, given).find(|(_, outside)| outside.shows_in(text));
        match (shown, whence) {
            (Some((field, outside)), _) => {
                let field = if given.is_none() { format!("`{field}` ") } else { String::new() };
                format!("{field}can't be what {} says", outside.whence())
            }
            (None, Some(whence)) => {
                format!("{text}; {} is what {whence} says", if given.is_none() { "`url`" } else { "it" })
            }
            (None, None) => text.to_owned(),
        }
    }

    /// Marks fields as known that somebody else asks for.
    pub(crate) fn know(&mut self, fields: &[&'static str]) {
        self.known.extend(fields);
    }

    /// A text that is the same for two backends of this name if all fields left are the same, but for those of the cache.
    pub(crate) fn made_of(&self, name: &str) -> String {
        let fields: BTreeMap<&String, &Value> =
            self.fields.iter().filter(|(field, _)| !url::CACHE.contains(&field.as_str())).collect();
        format!("{name} {fields:?}")
    }

    /// Refuses fields that are left over.
    pub(crate) fn finish(mut self) -> Result<()> {
        let Some(field) = self.fields.keys().next() else { return Ok(()) };
        self.known.sort_unstable();
        self.known.dedup();
        let meant = nearest(field, &self.known).map(|near| format!("; did you mean `{near}`")).unwrap_or_default();
        let known =
            if self.known.is_empty() { "none is known" } else { &format!("known are {}", self.known.join(", ")) };
        Err(self.error(field, &format!("is unknown{meant}; {known}")))
    }
}

/// Names only: values may be secret.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields: Vec<&String> = self.fields.keys().collect();
        f.debug_struct("Settings").field("alias", &self.alias).field("fields", &fields).finish_non_exhaustive()
    }
}

fn is_secret(field: &str) -> bool {
    field.contains("password") || matches!(field, "channel" | "keys" | "url")
}
