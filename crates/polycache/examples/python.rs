//! One Redis that Rust and Python programs share: ten types of Python in three formats, as they are and packed, sealed or signed.
//!
//! `cargo run --example python --all-features -- write redis://127.0.0.1:6379` stores the values for a Python program, in the namespaces
//! `rust-…`; with `read` it prints what a Python program has stored in the namespaces `python-…`. The tests of the Python package call
//! both.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use polycache::{Cache, Caches, Config, Error, ErrorKind, Result};
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

/// The serializers by the names of their namespaces, in settings that the Python package reads too.
fn formats() -> Vec<(&'static str, Value)> {
    let keys = json!({ "old": "a1".repeat(32), "new": "5e".repeat(32) });
    let signed = |inner: &str| json!({ "class": "signed", "keys": keys, "key": "new", "serializer": inner });
    vec![
        ("pickle", json!("pickle")),
        ("json", json!("json")),
        ("msgpack", json!("msgpack")),
        ("zstd", json!({ "class": "zstd", "level": 9, "threshold": 0, "serializer": "pickle" })),
        ("lz4", json!({ "class": "lz4", "threshold": 0, "serializer": "msgpack" })),
        ("sealed", json!({ "class": "sealed", "keys": keys, "key": "new", "serializer": "pickle" })),
        ("signed", signed("pickle")),
        (
            "sealed-zstd",
            json!({ "class": "sealed", "keys": keys, "key": "old", "serializer": { "class": "zstd", "threshold": 0 } }),
        ),
        ("zstd-signed", json!({ "class": "zstd", "threshold": 0, "serializer": signed("json") })),
    ]
}

/// The cache of a namespace, whose entries have a grace.
fn open(url: &str, namespace: &str, serializer: &Value) -> Result<Cache> {
    let caches = Caches::new();
    let settings = json!({ "url": url, "namespace": namespace, "serializer": serializer, "ttl": "1h", "grace": "1h" });
    caches.set_config(Config::value(json!({ "default": settings }))?)?;
    caches.get("default")
}

/// Bytes as bytes, where a `Vec<u8>` is a list of numbers to serde.
#[derive(Debug)]
struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

async fn write(cache: &Cache) -> Result<()> {
    cache.set("int", -42_i64).await?;
    cache.set("float", 1.5_f64).await?;
    cache.set("str", "é😀\n").await?;
    cache.set("bool", true).await?;
    cache.set("none", None::<i64>).await?;
    cache.set("bytes", Bytes(b"ab\xff")).await?;
    cache.set("list", vec![1_i64, 2]).await?;
    cache.set("tuple", (1_i64, "a")).await?;
    cache.set("dict", BTreeMap::from([("a", vec![1_i64]), ("b", vec![])])).await?;
    cache.set("set", BTreeSet::from([1_i64])).await?;
    Ok(())
}

async fn read(cache: &Cache, format: &str) {
    show::<i64>(cache, format, "int").await;
    show::<f64>(cache, format, "float").await;
    show::<String>(cache, format, "str").await;
    show::<bool>(cache, format, "bool").await;
    show::<Option<i64>>(cache, format, "none").await;
    show::<Vec<u8>>(cache, format, "bytes").await;
    show::<Vec<i64>>(cache, format, "list").await;
    show::<(i64, String)>(cache, format, "tuple").await;
    show::<BTreeMap<String, Vec<i64>>>(cache, format, "dict").await;
    show::<BTreeSet<i64>>(cache, format, "set").await;
}

async fn show<T: DeserializeOwned + Serialize + Debug + Clone + Send + Sync + 'static>(
    cache: &Cache,
    format: &str,
    key: &str,
) {
    match cache.get::<T>(key).await {
        Ok(Some(value)) => println!("{format} {key} {value:?}"),
        Ok(None) => println!("{format} {key} is missing"),
        Err(error) => println!("{format} {key} {:?}", error.kind()),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, url] = arguments.as_slice() else {
        return Err(Error::new(ErrorKind::InvalidInput, "call it with write or read, and the URL of a Redis"));
    };
    for (format, serializer) in formats() {
        if what == "write" {
            write(&open(url, &format!("rust-{format}"), &serializer)?).await?;
        } else {
            read(&open(url, &format!("python-{format}"), &serializer)?, format).await;
        }
    }
    Ok(())
}
