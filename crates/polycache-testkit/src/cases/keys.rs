//! Odd keys.

use std::collections::BTreeSet;

use polycache::Cache;

use crate::Subject;
use crate::subject::cache;

/// Keys that a server may refuse, misread, cut or confuse with each other.
fn odd_keys() -> Vec<String> {
    let mut keys: Vec<String> = [
        "",
        " ",
        "  ",
        "a b",
        "a%20b",
        "a+b",
        "a_b",
        "a\tb",
        "a\nb",
        "a\\nb",
        "a\r\nb",
        "a\r\nset injected 0 0 1\r\nx",
        "a\0b",
        "a\0",
        "a",
        "A",
        "\0",
        "\u{7f}",
        "\u{1}",
        ":",
        "::",
        ":a",
        "a:",
        "*",
        "?",
        "[a]",
        "\\",
        "%",
        "#",
        "{a}",
        "\"",
        "'",
        "$0",
        "../a",
        "é",
        "e\u{301}",
        "😀",
        "日本語",
        "\u{feff}",
        "\u{202e}a",
        "sha256:",
        "base64:YQ==",
        "nil",
        "null",
        "0",
        "00",
        "-1",
    ]
    .map(str::to_owned)
    .into();
    for length in [119, 120, 121, 249, 250, 251, 252, 10_240] {
        keys.push("x".repeat(length));
        keys.push(format!("{}y", "x".repeat(length - 1)));
    }
    keys.push(format!("{} ", "x".repeat(250)));
    keys.push("é".repeat(125));
    keys.push("é".repeat(126));
    keys
}

async fn keeps_apart(cache: &Cache) {
    let keys = odd_keys();
    for (index, key) in keys.iter().enumerate() {
        assert!(cache.add(key, index as i64).await.unwrap(), "another key is taken for {key:?}");
    }
    for (index, key) in keys.iter().enumerate() {
        assert_eq!(cache.get::<i64>(key).await.unwrap(), Some(index as i64), "{key:?}");
    }
    let values = cache.multi_get::<i64>(&keys).await.unwrap();
    assert!(values.into_iter().eq((0..keys.len() as i64).map(Some)));
    for (index, key) in keys.iter().enumerate() {
        assert_eq!(cache.increment(key, 1_000).await.unwrap(), index as i64 + 1_000, "{key:?}");
        let (value, version) = cache.get_versioned::<i64>(key).await.unwrap();
        assert!(cache.cas(key, value.unwrap() - 1_000, version).await.unwrap(), "{key:?}");
        assert!(cache.expire(key, polycache::Ttl::secs(600)).await.unwrap(), "{key:?}");
        assert!(cache.ttl(key).await.unwrap().is_some() && cache.exists(key).await.unwrap(), "{key:?}");
    }
    if cache.info().capabilities.scan {
        let listed: BTreeSet<String> = cache.scan("*").collect().await.unwrap().into_iter().collect();
        assert_eq!(listed, keys.iter().cloned().collect());
    }
    for (index, key) in keys.iter().enumerate() {
        assert_eq!(cache.get::<i64>(key).await.unwrap(), Some(index as i64), "{key:?}");
        assert!(cache.delete(key).await.unwrap(), "{key:?}");
    }
    cache.multi_set(keys.iter().map(|key| (key, key.clone()))).await.unwrap();
    for key in &keys {
        assert_eq!(cache.get::<String>(key).await.unwrap().as_ref(), Some(key));
    }
    assert_eq!(cache.multi_delete(&keys).await.unwrap(), keys.len() as u64);
}

/// Each odd key has its own entry, through every command.
pub async fn odd_keys_are_kept_apart(subject: &dyn Subject) {
    keeps_apart(&cache(subject)).await;
}

/// Each odd key within a namespace has its own entry, through every command.
pub async fn odd_keys_are_kept_apart_in_a_namespace(subject: &dyn Subject) {
    keeps_apart(&cache(subject).namespace("n")).await;
}

/// Odd and long names are namespaces like any other.
pub async fn odd_namespaces_are_kept_apart(subject: &dyn Subject) {
    let cache = cache(subject);
    let names: Vec<String> = odd_keys().into_iter().filter(|name| !name.is_empty() && !name.contains(':')).collect();
    for (index, name) in names.iter().enumerate() {
        assert!(cache.namespace(name).add("k", index as i64).await.unwrap(), "{name:?}");
    }
    for (index, name) in names.iter().enumerate() {
        let view = cache.namespace(name);
        assert_eq!(view.get::<i64>("k").await.unwrap(), Some(index as i64), "{name:?}");
        view.clear().await.unwrap();
        assert!(!view.exists("k").await.unwrap(), "{name:?}");
    }
}

/// Keys that are equal to the byte are one key, wherever the namespace ends.
pub async fn a_key_is_the_same_however_it_is_split(subject: &dyn Subject) {
    let cache = cache(subject);
    for rest in ["k", "a b", &"x".repeat(300)] {
        let full = format!("a:b:{rest}");
        cache.set(&full, 1).await.unwrap();
        assert_eq!(cache.namespace("a").get::<i32>(&format!("b:{rest}")).await.unwrap(), Some(1), "{rest:?}");
        assert_eq!(cache.namespace("a:b").get::<i32>(rest).await.unwrap(), Some(1), "{rest:?}");
        assert!(cache.namespace("a:b").delete(rest).await.unwrap());
        assert!(!cache.exists(&full).await.unwrap());
    }
}
