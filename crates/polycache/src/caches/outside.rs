//! Values of a configuration from the environment and from files of secrets.

use std::env;

use serde_json::{Map, Value};

use super::config::Config;
use crate::settings::outside::{Outside, filled_in};
use crate::settings::{Source, nearest};
use crate::{Error, ErrorKind, Result};

/// The beginning of variables that set fields.
const PREFIX: &str = "POLYCACHE__";

impl Config {
    /// Takes fields from the environment: the variable `POLYCACHE__ALIAS__FIELD` sets that field of that alias, whatever the configuration
    /// has there. Its name has the alias and the field in upper case, with `_` for all but letters and digits. `cache` and `url` replace
    /// each other. The [caches of the process](crate::caches) do so by themselves; others need this call.
    ///
    /// ```
    /// use polycache::Config;
    ///
    /// // With `POLYCACHE__USERS__TTL=1h` in the environment, entries live for an hour.
    /// let text = r#"{ "default": { "cache": "memory" }, "users": { "cache": "memory", "ttl": "5m" } }"#;
    /// let config = Config::json(text)?.with_environment()?;
    /// # let _ = config; Ok::<(), polycache::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) for a variable that names no alias of the configuration, or two, or isn't Unicode: it says which.
    pub fn with_environment(self) -> Result<Self> {
        let named = env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        let mut variables: Vec<(String, Option<String>)> = named
            .filter(|(name, _)| name.starts_with(PREFIX))
            .map(|(name, value)| (name, value.into_string().ok()))
            .collect();
        variables.sort_unstable();
        let Self { source, mut aliases } = self;
        let mut source = Source::clone(&source);
        for (variable, value) in variables {
            let wrong = |text: String| {
                Err(Error::new(ErrorKind::Config, format!("the environment variable `{variable}` {text}")))
            };
            let rest = variable.strip_prefix(PREFIX).unwrap_or_default();
            let Some((alias, field)) = rest.split_once("__") else {
                return wrong(format!("names no field; it has the form {PREFIX}ALIAS__FIELD"));
            };
            let mut named = aliases.iter_mut().filter(|(name, _)| in_environment(name) == alias);
            let (found, another) = (named.next(), named.next());
            if let (Some((one, _)), Some((other, _))) = (&found, another) {
                return wrong(format!("names both `{one}` and `{other}`; call one of them otherwise"));
            }
            let Some((alias, fields)) = found else {
                let known: Vec<String> = aliases.iter().map(|(name, _)| in_environment(name)).collect();
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                let meant = nearest(alias, &known).map(|near| format!("; did you mean `{near}`")).unwrap_or_default();
                return wrong(format!("names no alias{meant}; known are {}", known.join(", ")));
            };
            let Some(value) = value else { return wrong("isn't Unicode; set it to a text".to_owned()) };
            let field = field.to_ascii_lowercase();
            match field.as_str() {
                "cache" => drop(fields.remove("url")),
                "url" => drop(fields.remove("cache")),
                _ => {}
            }
            source.replaces(alias, &field, Outside::variable(&variable, &value));
            fields.insert(field, Value::String(value));
        }
        Ok(Self { source: source.into(), aliases })
    }
}

/// The alias's form in a variable's name.
fn in_environment(alias: &str) -> String {
    alias.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' }).collect()
}

/// Fills in the variables and files that these fields name.
pub(super) fn fill_in(source: &mut Source, alias: &str, fields: &mut Map<String, Value>) -> Result<()> {
    for (field, value) in fields {
        let mut outsides = Vec::new();
        fill_in_value(value, &mut outsides).map_err(|text| {
            let place = source.place(alias, Some(field));
            Error::new(ErrorKind::Config, format!("{place}alias `{alias}`: `{field}` {text}"))
        })?;
        for outside in outsides {
            source.has(alias, field, outside);
        }
    }
    Ok(())
}

fn fill_in_value(value: &mut Value, outsides: &mut Vec<Outside>) -> Result<(), String> {
    match value {
        Value::String(text) if text.contains("${") => {
            let (filled, more) = filled_in(text)?;
            outsides.extend(more);
            *text = filled;
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| fill_in_value(item, outsides))?,
        Value::Object(fields) => fields.values_mut().try_for_each(|field| fill_in_value(field, outsides))?,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    Ok(())
}
