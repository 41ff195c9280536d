//! Shared by all targets.

pub mod replies;

use std::collections::BTreeMap;

use polycache::serializer::Serializer;
use polycache::{Cache, ErrorKind, Value};
use serde::{Deserialize, Serialize};

/// A type with something of everything that decoders treat differently, and room to nest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Everything {
    number: Option<i64>,
    text: String,
    choice: Choice,
    map: BTreeMap<String, Box<Everything>>,
}

/// Each kind of enum variant.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Choice {
    Unit,
    One(Box<Choice>),
    Two(u8, f64),
    Named { inner: Vec<Choice> },
}

/// Reads hostile bytes, through the whole cache, as several types: each is read, or is a decode error that names the key.
pub fn decode(serializer: impl Serializer, bytes: &[u8]) {
    let cache = Cache::builder().serializer(serializer).build().expect("any serializer goes with memory");
    cache.set("the key", Value::bytes(bytes)).now().expect("ready").expect("stored");
    read::<serde_json::Value>(&cache);
    read::<Everything>(&cache);
    read::<Choice>(&cache);
    read::<Vec<(u64, String)>>(&cache);
    read::<String>(&cache);
    read::<i64>(&cache);
    read::<Option<f32>>(&cache);
}

fn read<T: serde::de::DeserializeOwned + Clone + Send + Sync + 'static>(cache: &Cache) {
    if let Err(error) = cache.get::<T>("the key").now().expect("ready") {
        assert_eq!((error.kind(), error.key()), (ErrorKind::Decode, Some("the key")), "{error}");
        assert!(error.to_string().len() < 2_000, "{error}");
    }
}
