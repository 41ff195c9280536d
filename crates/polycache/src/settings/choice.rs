//! Settings that are one of a few words.

use crate::{Error, ErrorKind, Result};

/// The words that a setting may be, and their meanings.
#[derive(Debug)]
pub(crate) struct Choice<T: 'static> {
    pub(crate) name: &'static str,
    words: &'static [(&'static str, T)],
}

impl<T: Copy> Choice<T> {
    pub(crate) const fn new(name: &'static str, words: &'static [(&'static str, T)]) -> Self {
        Self { name, words }
    }

    /// The meaning of `word`.
    pub(crate) fn read(&self, word: &str) -> Result<T> {
        let found = self.words.iter().find(|(known, _)| *known == word).map(|(_, meant)| *meant);
        found.ok_or_else(|| self.refused(&format!("{word:?}")))
    }

    /// The error for a word that isn't a choice; `word` is the form in which the error shows it.
    pub(crate) fn refused(&self, word: &str) -> Error {
        let words: Vec<String> = self.words.iter().map(|(known, _)| format!("`{known}`")).collect();
        Error::new(ErrorKind::Config, format!("`{}` is {word}; it is {}", self.name, words.join(" or ")))
    }
}
