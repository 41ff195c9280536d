//! Odd keys.

use std::collections::BTreeSet;
use std::time::Duration;

use polycache::backend::{Key, Pattern, Want};
use polycache::locks::{OptimisticLock, RedLock};
use polycache::{Cache, ErrorKind, Reply, Value};

use crate::Subject;
use crate::subject::{builder, cache};

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

/// Keys of the library's own entries, by their ending, and such as only look like them.
fn endings() -> (Vec<String>, Vec<&'static str>) {
    let own = ["k\u{1}lock", "k\u{1}lock{ALMO}", "k\u{1}waitALMO", "k\u{1}tag", "\u{1}tags", "a:b:k\u{1}lease"];
    let others = [
        "tag",
        "k:lock",
        "\u{1}",
        "k\u{1}",
        "k\u{1}tag ",
        "k\u{1}tagged",
        "k\u{1}lease{@@@}",
        "k\u{1}lease{@@@@}:v",
        "\u{1}\u{2}tag",
    ];
    (own.map(str::to_owned).into_iter().chain([Key::plain("k").lease()]).collect(), others.into())
}

async fn refuses<T: Send + 'static>(key: &str, reply: Reply<T>) {
    let error = reply.await.err().unwrap_or_else(|| panic!("{key:?} is taken"));
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert_eq!(error.key(), Some(key), "{error}");
    assert!(error.to_string().contains("U+0001"), "{error}");
}

/// Through every command, and nothing is stored.
async fn refuses_everywhere(subject: &dyn Subject, cache: &Cache, key: &str) {
    refuses(key, cache.get::<i64>(key)).await;
    refuses(key, cache.get::<Value>(key)).await;
    refuses(key, cache.multi_get::<i64>(&["a", key])).await;
    refuses(key, cache.exists(key)).await;
    refuses(key, cache.ttl(key)).await;
    refuses(key, cache.look::<i64>(key, Want::VALUE)).await;
    refuses(key, cache.get_versioned::<i64>(key)).await;
    refuses(key, cache.get_calm::<i64>(key)).await;
    refuses(key, cache.set(key, 1)).await;
    refuses(key, cache.add(key, 1)).await;
    refuses(key, cache.multi_set([("a", 1), (key, 1)])).await;
    let (_, version) = cache.get_versioned::<i64>("a").await.unwrap();
    refuses(key, cache.cas(key, 1, version)).await;
    refuses(key, cache.increment(key, 1)).await;
    refuses(key, cache.expire(key, polycache::Ttl::secs(9))).await;
    refuses(key, cache.delete(key)).await;
    refuses(key, cache.multi_delete(&["a", key])).await;
    let locked = OptimisticLock::acquire(cache, key).await;
    assert_eq!(locked.unwrap_err().kind(), ErrorKind::InvalidInput);

    assert_eq!(cache.get_or_set(key, async || Ok::<_, ()>(1)).await, Ok(1));
    let of_both = async |keys: Vec<String>| Ok::<_, ()>(keys.into_iter().map(|key| (key, 1)).collect::<Vec<_>>());
    assert_eq!(cache.multi_get_or_set(&["b", key], of_both).await, [Ok(Some(1)), Ok(Some(1))]);
    cache.set_enabled(false);
    refuses(key, cache.set(key, 1)).await;
    refuses(key, cache.multi_set([(key, 1)])).await;
    refuses(key, cache.delete(key)).await;
    cache.set_enabled(true);

    assert!(!cache.exists("a").await.unwrap(), "of several keys none is written");
    let full = match cache.namespace_name() {
        "" => key.to_owned(),
        "n" => format!("n:{key}"),
        odd => format!("{odd}{key}"),
    };
    assert!(subject.backend().get(Key::plain(&full)).await.unwrap().is_none(), "{full:?}");
}

/// A key that ends like those of the library's own entries is an error that says so.
pub async fn what_ends_like_the_librarys_own_is_refused(subject: &dyn Subject) {
    let cache = cache(subject);
    let (own, others) = endings();
    for key in &own {
        refuses_everywhere(subject, &cache, key).await;
    }
    refuses_everywhere(subject, &cache.namespace("n"), "k\u{1}tag").await;
    let graced = cache.with_grace(Duration::from_secs(60));
    refuses_everywhere(subject, &graced, "k\u{1}lock").await;
    refuses_everywhere(subject, &cache.tagged(["shop"]), "k\u{1}lock").await;
    // The ending begins in the namespace, or is made by a key builder.
    let joined = builder(subject).separator("").namespace("n\u{1}").build().unwrap();
    refuses_everywhere(subject, &joined, "tag").await;
    let built = builder(subject).key_builder(|name| format!("{name}\u{1}tag")).build().unwrap();
    refuses("k", built.set("k", 1)).await;
    refuses("k", built.get::<i64>("k")).await;

    for (index, key) in others.iter().enumerate() {
        assert!(cache.add(key, index as i64).await.unwrap(), "{key:?}");
        assert_eq!(cache.get::<i64>(key).await.unwrap(), Some(index as i64), "{key:?}");
    }
    if cache.info().capabilities.scan {
        let listed = cache.scan("*").collect().await.unwrap();
        assert!(others.iter().all(|key| listed.iter().any(|listed| listed == key)), "{listed:?}");
        assert!(!listed.iter().any(|key| key.ends_with("\u{1}tag") || key.contains("\u{1}lock")), "{listed:?}");
    }
}

/// Whoever knows the key of a lock's entry can't free the lock, nor write or read what is there.
pub async fn a_lock_is_out_of_reach(subject: &dyn Subject) {
    let cache = cache(subject);
    if !cache.info().capabilities.scan {
        return;
    }
    let lock = RedLock::new(&cache, "k", Duration::from_secs(60));
    let guard = lock.acquire(Duration::from_secs(60)).await.unwrap();
    let mut cursor = None;
    let entry = loop {
        let page = subject.backend().scan("", &Pattern::new("*").unwrap(), cursor).await.unwrap();
        if let Some(entry) = page.keys.into_iter().find(|key| key.starts_with("k\u{1}lock")) {
            break entry;
        }
        cursor = Some(page.next.expect("the lock's entry is in the backend"));
    };
    refuses(&entry, cache.delete(&entry)).await;
    refuses(&entry, cache.set(&entry, 1)).await;
    refuses(&entry, cache.get::<Value>(&entry)).await;
    let text = cache.with_serializer(polycache::serializers::Text).unwrap();
    refuses(&entry, text.get::<String>(&entry)).await;
    refuses(&entry, text.multi_get::<String>(&[&*entry])).await;
    if cache.info().capabilities.live_objects {
        refuses(&entry, cache.get_object::<String>(&entry)).await;
    }
    assert!(RedLock::new(&cache, "k", Duration::from_secs(60)).acquire(Duration::ZERO).await.is_err());
    assert!(guard.release().await.unwrap(), "it was held all the time");
}
