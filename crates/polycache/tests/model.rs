//! Random commands against a plain map that keeps the contract by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::time::Duration;

use polycache::backend::Version;
use polycache::backends::memory::{ManualClock, Memory, MemoryBuilder};
use polycache::{Cache, ErrorKind, Reply, Result, Ttl};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

const NAMESPACES: [&str; 4] = ["", "n", "n:m", "nn"];
const KEYS: [&str; 5] = ["", "a", "b", "m:a", "n:a"];

type Pair = (&'static str, Stored);

#[derive(Debug, Clone)]
enum Step {
    Set(&'static str, Stored),
    Add(&'static str, Stored),
    MultiSet(Vec<Pair>),
    Get(&'static str),
    MultiGet(Vec<&'static str>),
    Exists(&'static str),
    /// Reads a version and keeps it for a later `Cas`.
    Versioned(&'static str),
    Cas(&'static str, Stored),
    Increment(&'static str, i64),
    Expire(&'static str, Option<u64>),
    Ttl(&'static str),
    Delete(&'static str),
    MultiDelete(Vec<&'static str>),
    Clear,
    Scan,
    Advance(u64),
    Enable(bool),
}

#[derive(Debug, Clone, PartialEq)]
enum Stored {
    Number(i64),
    Text(&'static str),
}

impl Stored {
    fn json(&self) -> Json {
        match self {
            Self::Number(number) => json!(number),
            Self::Text(text) => json!(text),
        }
    }
}

#[derive(Debug, Clone)]
struct Entry {
    value: Stored,
    /// In milliseconds; `None`: never.
    deadline: Option<u64>,
    /// The number of its write.
    write: u64,
}

#[derive(Debug, Default)]
struct Model {
    entries: BTreeMap<String, Entry>,
    now: u64,
    writes: u64,
    /// By full key: what `get_versioned` gave, and the write it belongs to.
    versions: BTreeMap<String, (Version, Option<u64>)>,
    off: bool,
}

impl Model {
    fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.get(key).filter(|entry| entry.deadline.is_none_or(|deadline| self.now < deadline))
    }

    fn json(&self, key: &str) -> Option<Json> {
        self.get(key).filter(|_| !self.off).map(|entry| entry.value.json())
    }

    fn set(&mut self, key: &str, value: Stored, ttl: Option<u64>) {
        self.entries.remove(key);
        if !self.off {
            self.writes += 1;
            let deadline = ttl.map(|ttl| self.now + ttl);
            self.entries.insert(key.to_owned(), Entry { value, deadline, write: self.writes });
        }
    }

    fn set_if(&mut self, may: bool, key: &str, value: Stored, ttl: Option<u64>) -> bool {
        if may || self.off {
            self.set(key, value, ttl);
        }
        may || self.off
    }

    fn delete(&mut self, key: &str) -> bool {
        let there = self.get(key).is_some();
        self.entries.remove(key);
        there
    }

    fn increment(&mut self, key: &str, delta: i64, ttl: Option<u64>) -> Result<i64, ErrorKind> {
        let present = self.get(key).cloned();
        let (sum, ttl) = match present {
            Some(Entry { value: Stored::Number(number), deadline, .. }) if !self.off => {
                let sum = number.checked_add(delta).ok_or(ErrorKind::Overflow)?;
                (sum, deadline.map(|deadline| deadline - self.now))
            }
            Some(_) if !self.off => return Err(ErrorKind::NotANumber),
            _ => (delta, ttl),
        };
        self.set(key, Stored::Number(sum), ttl);
        Ok(sum)
    }

    fn ttl(&self, key: &str) -> Option<Ttl> {
        let left = |deadline| Ttl::millis(deadline - self.now);
        self.get(key).filter(|_| !self.off).map(|entry| entry.deadline.map_or(Ttl::Never, left))
    }
}

fn full(namespace: &str, key: &str) -> String {
    if namespace.is_empty() { key.to_owned() } else { format!("{namespace}:{key}") }
}

fn now<T: Debug>(reply: Reply<T>) -> Result<T, ErrorKind> {
    reply.now().expect("memory answers at once").map_err(|error| error.kind())
}

/// Runs a step on both and compares what they answer.
fn step(model: &mut Model, cache: &Cache, clock: &ManualClock, namespace: &'static str, ttl: Option<u64>, step: Step) {
    let cache = &cache.namespace(namespace).with_ttl(ttl.map_or(Ttl::Never, Ttl::millis));
    let full = |key: &str| full(namespace, key);
    match step {
        Step::Set(key, value) => {
            match value.clone() {
                Stored::Number(number) => now(cache.set(key, number)).unwrap(),
                Stored::Text(text) => now(cache.set(key, text)).unwrap(),
            }
            model.set(&full(key), value, ttl);
        }
        Step::Add(key, value) => {
            let added = match value.clone() {
                Stored::Number(number) => now(cache.add(key, number)),
                Stored::Text(text) => now(cache.add(key, text)),
            };
            let may = model.get(&full(key)).is_none();
            assert_eq!(added, Ok(model.set_if(may, &full(key), value, ttl)));
        }
        Step::MultiSet(pairs) => {
            now(cache.multi_set(pairs.iter().map(|(key, value)| (key, value.json())))).unwrap();
            for (key, value) in pairs {
                model.set(&full(key), value, ttl);
            }
        }
        Step::Get(key) => assert_eq!(now(cache.get::<Json>(key)), Ok(model.json(&full(key)))),
        Step::MultiGet(keys) => {
            let expected: Vec<_> = keys.iter().map(|key| model.json(&full(key))).collect();
            assert_eq!(now(cache.multi_get::<Json>(&keys)), Ok(expected));
        }
        Step::Exists(key) => assert_eq!(now(cache.exists(key)), Ok(model.json(&full(key)).is_some())),
        Step::Versioned(key) => {
            let (value, version) = now(cache.get_versioned::<Json>(key)).unwrap();
            assert_eq!(value, model.json(&full(key)));
            let write = model.get(&full(key)).filter(|_| !model.off).map(|entry| entry.write);
            assert_eq!(version.is_absent(), write.is_none());
            model.versions.insert(full(key), (version, write));
        }
        Step::Cas(key, value) => {
            let (version, write) = model.versions.get(&full(key)).cloned().unwrap_or((Version::ABSENT, None));
            let may = model.get(&full(key)).map(|entry| entry.write) == write;
            let stored = match value.clone() {
                Stored::Number(number) => now(cache.cas(key, number, version)),
                Stored::Text(text) => now(cache.cas(key, text, version)),
            };
            assert_eq!(stored, Ok(model.set_if(may, &full(key), value, ttl)));
        }
        Step::Increment(key, delta) => {
            assert_eq!(now(cache.increment(key, delta)), model.increment(&full(key), delta, ttl));
        }
        Step::Expire(key, ttl) => {
            let there = model.json(&full(key)).is_some();
            let done = now(cache.expire(key, ttl.map_or(Ttl::Never, Ttl::millis)));
            assert_eq!(done, Ok(there));
            if there {
                let deadline = ttl.map(|ttl| model.now + ttl);
                model.entries.get_mut(&full(key)).unwrap().deadline = deadline;
            }
        }
        Step::Ttl(key) => assert_eq!(now(cache.ttl(key)), Ok(model.ttl(&full(key)))),
        Step::Delete(key) => assert_eq!(now(cache.delete(key)), Ok(model.delete(&full(key)))),
        Step::MultiDelete(keys) => {
            let expected = keys.iter().filter(|key| model.delete(&full(key))).count();
            assert_eq!(now(cache.multi_delete(&keys)), Ok(expected as u64));
        }
        Step::Clear => {
            now(cache.clear()).unwrap();
            model.entries.retain(|key, _| !key.starts_with(&full("")));
        }
        Step::Scan => assert_eq!(scanned(cache), listed(model, &full(""))),
        Step::Advance(by) => {
            clock.advance(Duration::from_millis(by));
            model.now += by;
        }
        Step::Enable(on) => {
            cache.set_enabled(on);
            model.off = !on;
        }
    }
}

fn scanned(cache: &Cache) -> BTreeSet<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(cache.scan("*").collect()).unwrap().into_iter().collect()
}

fn listed(model: &Model, prefix: &str) -> BTreeSet<String> {
    let there = model.entries.keys().filter(|key| model.json(key).is_some());
    there.filter_map(|key| Some(key.strip_prefix(prefix)?.to_owned())).collect()
}

fn steps() -> impl Strategy<Value = Vec<(&'static str, Option<u64>, Step)>> {
    let key = || prop::sample::select(&KEYS[..]);
    let keys = move || prop::collection::vec(key(), 0..5);
    let number = || prop_oneof![4 => -3..=3_i64, 1 => Just(i64::MAX), 1 => Just(i64::MIN)];
    let text = || prop::sample::select(&["", "x", "7", "null"][..]);
    let value = move || prop_oneof![2 => number().prop_map(Stored::Number), 1 => text().prop_map(Stored::Text)];
    let ttl = || prop::option::of(1..50_u64);
    let step = prop_oneof![
        4 => (key(), value()).prop_map(|(key, value)| Step::Set(key, value)),
        2 => (key(), value()).prop_map(|(key, value)| Step::Add(key, value)),
        1 => prop::collection::vec((key(), value()), 0..5).prop_map(Step::MultiSet),
        3 => key().prop_map(Step::Get),
        1 => keys().prop_map(Step::MultiGet),
        1 => key().prop_map(Step::Exists),
        3 => key().prop_map(Step::Versioned),
        3 => (key(), value()).prop_map(|(key, value)| Step::Cas(key, value)),
        4 => (key(), number()).prop_map(|(key, delta)| Step::Increment(key, delta)),
        2 => (key(), ttl()).prop_map(|(key, ttl)| Step::Expire(key, ttl)),
        2 => key().prop_map(Step::Ttl),
        2 => key().prop_map(Step::Delete),
        1 => keys().prop_map(Step::MultiDelete),
        1 => Just(Step::Clear),
        1 => Just(Step::Scan),
        3 => (0..30_u64).prop_map(Step::Advance),
        1 => prop::bool::weighted(0.7).prop_map(Step::Enable),
    ];
    prop::collection::vec((prop::sample::select(&NAMESPACES[..]), ttl(), step), 1..60)
}

fn agree(memory: MemoryBuilder, steps: Vec<(&'static str, Option<u64>, Step)>) {
    let clock = ManualClock::new();
    let memory = memory.manual_clock(&clock).build().unwrap();
    let cache = Cache::builder().backend(memory).build().unwrap();
    let mut model = Model::default();
    for (namespace, ttl, command) in steps {
        step(&mut model, &cache, &clock, namespace, ttl, command);
    }
    cache.set_enabled(true);
    model.off = false;
    assert_eq!(scanned(&cache), listed(&model, ""));
    for (key, _) in model.entries.iter().filter(|(key, _)| model.get(key).is_some()) {
        assert_eq!(now(cache.get::<Json>(key)), Ok(model.json(key)));
        assert_eq!(now(cache.ttl(key)), Ok(model.ttl(key)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn live_objects_agree_with_the_model(steps in steps()) {
        agree(Memory::builder(), steps);
    }

    #[test]
    fn bytes_agree_with_the_model(steps in steps()) {
        agree(Memory::builder().max_bytes(1 << 20), steps);
    }
}
