//! Configurations: aliases and their settings, from text, files and values.

use std::path::Path;
use std::sync::Arc;

use serde_core::Serialize;
use serde_json::{Map, Value};

use super::outside::fill_in;
use super::strict::Strict;
use crate::settings::Source;
use crate::{Error, ErrorKind, Result};

/// Caches by alias, from text, a file or a value. The settings of a cache are checked when it is made.
///
/// ```
/// use polycache::Config;
///
/// let config = Config::json(r#"{ "default": { "cache": "memory", "ttl": "5m" } }"#)?;
/// assert_eq!(config.aliases().collect::<Vec<_>>(), ["default"]);
/// # Ok::<(), polycache::Error>(())
/// ```
#[derive(Clone)]
pub struct Config {
    pub(super) source: Arc<Source>,
    pub(super) aliases: Vec<(String, Map<String, Value>)>,
}

impl Config {
    /// From JSON.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) if it isn't JSON, or no object of objects, or sets something twice.
    pub fn json(text: &str) -> Result<Self> {
        Self::parse(Source::text(text), read_json(text))
    }

    /// From TOML: a table for each alias.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) if it isn't TOML, has more than tables, or sets something to NaN or infinity.
    #[cfg(feature = "toml")]
    pub fn toml(text: &str) -> Result<Self> {
        Self::parse(Source::text(text), read_toml(text))
    }

    /// From YAML.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) if it isn't YAML, or no mapping of mappings, or sets something to NaN or infinity.
    #[cfg(feature = "yaml")]
    pub fn yaml(text: &str) -> Result<Self> {
        Self::parse(Source::text(text), read_yaml(text))
    }

    /// From a file, whose name ends in `.json`, `.toml`, `.yaml` or `.yml`.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) if it can't be read.
    pub fn file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Error::new(ErrorKind::Config, format!("{name} can't be read")).with_source(error))?;
        let source = Source::file(&name, &text);
        match path.extension().and_then(|end| end.to_str()).unwrap_or_default() {
            "json" => Self::parse(source, read_json(&text)),
            "toml" => Self::parse(source, read_toml(&text)),
            "yaml" | "yml" => Self::parse(source, read_yaml(&text)),
            _ => {
                Err(Error::new(ErrorKind::Config, format!("{name}: the name must end in .json, .toml, .yaml or .yml")))
            }
        }
    }

    /// From any value that serde can turn into a map of maps. NaN and infinity become null, which counts as absent.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) if it is no such map.
    pub fn value(value: impl Serialize) -> Result<Self> {
        Self::parse(Source::default(), serde_json::to_value(value))
    }

    /// The names of the caches.
    pub fn aliases(&self) -> impl Iterator<Item = &str> {
        self.aliases.iter().map(|(alias, _)| alias.as_str())
    }

    /// Fills in variables and files that a text names. A caller with a value can do so beforehand.
    fn parse(mut source: Source, value: Result<Value, impl std::fmt::Display>) -> Result<Self> {
        let wrong = |text: String| Error::new(ErrorKind::Config, text);
        let value =
            value.map_err(|error| wrong(format!("{}the configuration can't be read: {error}", source.origin())))?;
        let Value::Object(aliases) = value else {
            return Err(wrong(format!("{}the configuration is no table of caches", source.origin())));
        };
        let aliases = aliases.into_iter().map(|(alias, fields)| match fields {
            Value::Object(mut fields) => {
                if source.is_text() {
                    fill_in(&mut source, &alias, &mut fields)?;
                }
                Ok((alias, fields))
            }
            _ => {
                let place = source.place(&alias, None);
                Err(wrong(format!("{place}alias `{alias}` is no table of settings")))
            }
        });
        let aliases = aliases.collect::<Result<_>>()?;
        Ok(Self { source: Arc::new(source), aliases })
    }
}

fn read_json(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(text).map(|Strict(value)| value)
}

/// The parser's own text shows the line, which may hold a secret.
#[cfg(feature = "toml")]
fn read_toml(text: &str) -> Result<Value, String> {
    toml::from_str(text).map(|Strict(value)| value).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        format!("{} at line {}", error.message(), before.matches('\n').count() + 1)
    })
}

#[cfg(not(feature = "toml"))]
fn read_toml(_: &str) -> Result<Value, String> {
    Err("TOML needs the feature `toml` of polycache".to_owned())
}

/// Serde's message about a value of the wrong type quotes the value, which may be secret.
#[cfg(feature = "yaml")]
fn read_yaml(text: &str) -> Result<Value, String> {
    serde_norway::from_str(text).map(|Strict(value)| value).map_err(|error| {
        let told = error.to_string();
        if !["invalid type", "invalid value"].iter().any(|quoting| told.contains(quoting)) {
            return told;
        }
        let line = error.location().map(|place| format!(" at line {}", place.line())).unwrap_or_default();
        format!("a value isn't of the type that its tag says{line}; correct it, or leave the tag out")
    })
}

#[cfg(not(feature = "yaml"))]
fn read_yaml(_: &str) -> Result<Value, String> {
    Err("YAML needs the feature `yaml` of polycache".to_owned())
}

/// Names only: values may be secret.
impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("aliases", &self.aliases().collect::<Vec<_>>()).finish_non_exhaustive()
    }
}
