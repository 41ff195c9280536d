//! The names of a call's keys in the cache.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::Hash;

use super::key_text::key_text;
use crate::{Error, ErrorKind, Result};

/// The keys, each once, and their names in the cache.
#[derive(Debug, Clone)]
pub(super) struct Names<K> {
    pub(super) keys: Vec<K>,
    pub(super) names: Vec<String>,
    pub(super) places: HashMap<K, usize>,
}

impl<K: Clone + Eq + Hash> Names<K> {
    pub(super) fn new(keys: &[K], name: impl Fn(&K, &mut fmt::Formatter<'_>) -> fmt::Result) -> Result<Self> {
        let mut all = Self::default();
        for key in keys {
            if all.places.contains_key(key) {
                continue;
            }
            let text = key_text(Named(key, &name))?;
            all.places.insert(key.clone(), all.keys.len());
            all.keys.push(key.clone());
            all.names.push(text.into());
        }
        // Two keys would share a value.
        if all.names.iter().collect::<HashSet<_>>().len() < all.names.len() {
            return Err(Error::new(ErrorKind::InvalidInput, "two of the keys are called the same in the cache"));
        }
        Ok(all)
    }

    /// The keys of these names.
    pub(super) fn keys_of(&self, names: &[String]) -> Vec<K> {
        let places: HashMap<&str, usize> = self.names.iter().map(String::as_str).zip(0..).collect();
        names.iter().filter_map(|name| Some(self.keys[*places.get(&**name)?].clone())).collect()
    }

    /// The values of keys that the call has asked for, by name.
    pub(super) fn named<V>(&self, pairs: impl IntoIterator<Item = (K, V)>) -> Vec<(String, V)> {
        pairs
            .into_iter()
            .filter_map(|(key, value)| Some((self.names[*self.places.get(&key)?].clone(), value)))
            .collect()
    }

    /// The keys that have a value, with the value.
    pub(super) fn pairs<V, C: FromIterator<(K, V)>>(self, values: Vec<Option<V>>) -> C {
        self.keys.into_iter().zip(values).filter_map(|(key, value)| Some((key, value?))).collect()
    }
}

impl<K> Default for Names<K> {
    fn default() -> Self {
        Self { keys: Vec::new(), names: Vec::new(), places: HashMap::new() }
    }
}

/// A key, written as its name.
struct Named<'a, K, F>(&'a K, &'a F);

impl<K, F: Fn(&K, &mut fmt::Formatter<'_>) -> fmt::Result> fmt::Display for Named<'_, K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.1(self.0, f)
    }
}
