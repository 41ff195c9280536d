//! Clearing a namespace in one step, where keys can't be listed: every key is stored under a name with its generation in it, and a clear
//! begins another generation. Older values are never found again, and make room in time. The idea is that of "Namespacing" in the
//! memcached documentation.
//!
//! All keys that begin with the same word and a `:` share one entry, the [`Record`] of their root: the root's own generation, and those
//! of longer prefixes that were cleared. This holds for caches with any separator: the backend knows of none, and each key must have one
//! root, however it is split into namespace and name.
//!
//! A lost record (evicted, or gone with its server) begins a new generation: an old one would bring back cleared values.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use polycache_memcached::{Cas, Client, Entry};
use serde::{Deserialize, Serialize};

use super::trouble::{Class, trouble};
use crate::unique::unheard_of_wide;
use crate::{Error, ErrorKind, Result};

/// With more cleared prefixes than this, a root begins another generation as a whole: more is forgotten than was asked for.
const MAX_CLEARED: usize = 64;
/// More known records than this are forgotten, and asked for again.
const MAX_KNOWN: usize = 10_000;

pub(super) struct Generations {
    /// How long reads believe a record.
    believed: Duration,
    known: Mutex<Knowledge>,
}

struct Knowledge {
    records: HashMap<String, Known>,
    /// When all records were forgotten: an answer to an earlier question may be a forgotten one.
    since: Instant,
}

struct Known {
    /// `None` after a clear: other processes may have changed the record as well, before or after.
    record: Option<Arc<Record>>,
    /// When the record was asked for, or cleared: an answer to an earlier question is older.
    at: Instant,
}

/// The generations of all keys that begin with a root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    root: String,
    cleared: BTreeMap<String, String>,
}

impl Record {
    fn new() -> Self {
        Self { root: unique(), cleared: BTreeMap::new() }
    }

    /// The stored name of `key`.
    fn name(&self, key: &str) -> String {
        let mut name = self.root.clone();
        for (prefix, generation) in &self.cleared {
            if key.starts_with(prefix) {
                name.push('.');
                name.push_str(generation);
            }
        }
        name.push(':');
        name.push_str(key);
        name
    }

    fn without(mut self, root: &str, prefix: &str) -> Self {
        if prefix.len() == root.len() + 1 || self.cleared.len() >= MAX_CLEARED {
            return Self::new();
        }
        // Longer prefixes are covered.
        self.cleared.retain(|other, _| !other.starts_with(prefix));
        self.cleared.insert(prefix.to_owned(), unique());
        self
    }
}

impl Generations {
    pub(super) fn new(believed: Duration) -> Self {
        Self { believed, known: Mutex::new(Knowledge { records: HashMap::new(), since: Instant::now() }) }
    }

    /// The stored names of `keys`, in their order. Unless it `believes` known records, it asks for them.
    pub(super) async fn names(&self, client: &Client, keys: Vec<String>, believes: bool) -> Result<Vec<String>> {
        let mut records: HashMap<&str, Arc<Record>> = HashMap::new();
        for root in keys.iter().filter_map(|key| root(key)) {
            if !records.contains_key(root) {
                records.insert(root, self.record(client, root, believes).await?);
            }
        }
        let name = |key: &String| root(key).and_then(|root| records.get(root)).map(|record| record.name(key));
        Ok(keys.iter().map(|key| name(key).unwrap_or_else(|| key.clone())).collect())
    }

    /// Begins another generation of all keys that begin with `prefix`.
    pub(super) async fn clear(&self, client: &Client, prefix: &str) -> Result<()> {
        let Some(root) = root(prefix) else {
            let text = format!(
                "memcached's generations need a `:` in what is cleared, and {prefix:?} has none; give the cache the separator \":\", or \
                 a namespace with a `:` in it"
            );
            return Err(Error::new(ErrorKind::Unsupported, text));
        };
        let place = place(root);
        loop {
            let found = client.gets(&place).await.map_err(|error| trouble(&error, Class::Write))?;
            let (record, present) = match found.map(|(item, cas)| (read(&item.value), cas)) {
                Some((Some(record), cas)) => (record.without(root, prefix), Some(cas)),
                // There is no record, or one that can't be read.
                found => (Record::new(), found.map(|(_, cas)| cas)),
            };
            let text = write(&record)?;
            let stored = match present {
                Some(cas) => client.cas(&place, Entry::new(&text), cas).await.map(|cas| cas == Cas::Stored),
                None => client.add(&place, Entry::new(&text)).await,
            };
            if stored.map_err(|error| trouble(&error, Class::Write))? {
                // The answer to an earlier question may still bring the older record.
                self.learn(root, None, Instant::now());
                return Ok(());
            }
        }
    }

    /// Forgets all records: they are gone from the servers.
    pub(super) fn forget(&self) {
        self.known.lock().forget();
    }

    async fn record(&self, client: &Client, root: &str, believes: bool) -> Result<Arc<Record>> {
        let at = Instant::now();
        if believes
            && let Some(Known { record: Some(record), at: asked }) = self.known.lock().records.get(root)
            && at.duration_since(*asked) < self.believed
        {
            return Ok(Arc::clone(record));
        }
        let place = place(root);
        let trouble = |error| trouble(&error, Class::Write);
        loop {
            let found = client.get(&place).await.map_err(trouble)?;
            let record = match found.map(|item| read(&item.value)) {
                Some(Some(record)) => record,
                Some(None) => {
                    client.delete(&place).await.map_err(trouble)?;
                    continue;
                }
                None => {
                    let record = Record::new();
                    if !client.add(&place, Entry::new(&write(&record)?)).await.map_err(trouble)? {
                        continue;
                    }
                    record
                }
            };
            let record = Arc::new(record);
            self.learn(root, Some(Arc::clone(&record)), at);
            return Ok(record);
        }
    }

    /// Keeps the answer to a question asked at that time, unless a later one is known.
    fn learn(&self, root: &str, record: Option<Arc<Record>>, at: Instant) {
        let mut known = self.known.lock();
        if known.records.len() >= MAX_KNOWN {
            known.forget();
        }
        let since = known.since;
        match known.records.get_mut(root) {
            Some(known) if known.at > at => {}
            Some(known) => *known = Known { record, at },
            None if since > at => {}
            None => {
                known.records.insert(root.to_owned(), Known { record, at });
            }
        }
    }
}

impl Knowledge {
    fn forget(&mut self) {
        self.records.clear();
        self.since = Instant::now();
    }
}

/// The text before the first `:`. Keys without a `:` have no generation.
fn root(key: &str) -> Option<&str> {
    key.split_once(':').map(|(root, _)| root)
}

/// The key of a root's record. No other stored name begins so: it begins with a generation, or has no `:`.
fn place(root: &str) -> String {
    format!("generations:{root}")
}

/// A name that nobody had before, in base 36.
fn unique() -> String {
    let mut number = unheard_of_wide();
    let mut text = String::with_capacity(25);
    for _ in 0..16 {
        text.push(char::from_digit((number % 36) as u32, 36).unwrap_or('0'));
        number /= 36;
    }
    text
}

fn read(text: &[u8]) -> Option<Record> {
    serde_json::from_slice(text).ok()
}

fn write(record: &Record) -> Result<Vec<u8>> {
    serde_json::to_vec(record).map_err(|error| Error::new(ErrorKind::Encode, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clear_changes_the_names_below_it_alone() {
        let record = Record::new();
        let inner = record.clone().without("shop", "shop:a:");
        for key in ["shop:a:x", "shop:a:b:x"] {
            assert_ne!(record.name(key), inner.name(key));
        }
        for key in ["shop:x", "shop:ab:x", "shop:a"] {
            assert_eq!(record.name(key), inner.name(key));
        }
        let again = inner.clone().without("shop", "shop:a:");
        assert_ne!(inner.name("shop:a:x"), again.name("shop:a:x"));
        let all = again.clone().without("shop", "shop:");
        assert_ne!(all.name("shop:x"), again.name("shop:x"));
        assert_eq!(all.cleared.len(), 0);
    }

    #[test]
    fn a_clear_above_covers_those_below_and_the_record_stays_small() {
        let mut record = Record::new().without("r", "r:a:b:");
        let before = record.name("r:a:b:x");
        record = record.without("r", "r:a:");
        assert_eq!(record.cleared.len(), 1);
        assert_ne!(record.name("r:a:b:x"), before);
        for number in 0..1000 {
            record = record.without("r", &format!("r:{number}:"));
            assert!(record.cleared.len() <= MAX_CLEARED);
        }
    }
}
