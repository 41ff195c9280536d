//! Values of a configuration from outside of its text: from the environment or from files of secrets.

use std::env::{self, VarError};
use std::fmt;
use std::fs;

use super::Secret;

/// A value and its origin. The value may be secret, so no error shows it.
#[derive(Clone)]
pub(crate) struct Outside {
    whence: String,
    text: Secret,
}

impl Outside {
    /// The value of a variable of the environment.
    pub(crate) fn variable(name: &str, value: &str) -> Self {
        Self { whence: format!("the environment variable `{name}`"), text: value.into() }
    }

    /// What errors say instead of the value.
    pub(crate) fn whence(&self) -> &str {
        &self.whence
    }

    /// Whether `text` holds the value.
    pub(crate) fn shows_in(&self, text: &str) -> bool {
        let value = self.text.reveal();
        !value.is_empty() && text.contains(value)
    }
}

/// Replaces `${NAME}`, `${NAME:-default}` and `${file:path}` in the text by their values; `$${` is a plain `${`. Returns the values'
/// origins too. An error shows no value.
pub(crate) fn filled_in(text: &str) -> Result<(String, Vec<Outside>), String> {
    let (mut filled, mut outsides) = (String::with_capacity(text.len()), Vec::new());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        let after = from.get(2..).unwrap_or_default();
        if let Some(plain) = before.strip_suffix('$') {
            filled.extend([plain, "${"]);
            rest = after;
            continue;
        }
        let Some((name, after)) = after.split_once('}') else {
            return Err("has a `${` without its `}`; write `$${` for the characters".to_owned());
        };
        let outside = value_of(name)?;
        filled.extend([before, outside.text.reveal()]);
        outsides.push(outside);
        rest = after;
    }
    filled.push_str(rest);
    Ok((filled, outsides))
}

/// The value that the text between the braces names.
fn value_of(named: &str) -> Result<Outside, String> {
    if let Some(path) = named.strip_prefix("file:") {
        return content_of(path);
    }
    let (name, default) = match named.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (named, None),
    };
    let begins = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    if !begins || !name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_') {
        // A text that isn't a name isn't shown: it may be a part of a password.
        return Err(
            "has a `${…}` that isn't `${NAME}`, `${NAME:-default}` or `${file:path}`; write `$${` for the characters"
                .to_owned(),
        );
    }
    match (env::var(name), default) {
        (Ok(value), None) => Ok(Outside::variable(name, &value)),
        (Ok(value), Some(_)) if !value.is_empty() => Ok(Outside::variable(name, &value)),
        (Ok(_) | Err(VarError::NotPresent), Some(default)) => Ok(Outside::variable(name, default)),
        (Err(VarError::NotPresent), None) => Err(format!(
            "needs the environment variable `{name}`, which isn't set; set it, or give a default: `${{{name}:-…}}`"
        )),
        (Err(VarError::NotUnicode(_)), _) => {
            Err(format!("needs the environment variable `{name}`, which isn't Unicode; set it to a text"))
        }
    }
}

/// The content of a file, without the line break at its end.
fn content_of(path: &str) -> Result<Outside, String> {
    let whence = format!("the file {path:?}");
    let content = fs::read_to_string(path).map_err(|error| format!("needs {whence}, which can't be read: {error}"))?;
    let content = content.strip_suffix('\n').unwrap_or(&content);
    let content = content.strip_suffix('\r').unwrap_or(content);
    Ok(Outside { whence, text: content.into() })
}

/// Hides the value.
impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Outside").field(&self.whence).finish()
    }
}
