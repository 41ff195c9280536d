#![no_main]

//! Any two namespaces and keys, however odd: nothing stored under one is seen under the other, and `clear` and `scan` take
//! just their namespace.

use polycache::Cache;

#[derive(Debug, arbitrary::Arbitrary)]
struct Input<'a> {
    one: (&'a str, &'a str),
    other: (&'a str, &'a str),
}

fn full(namespace: &str, key: &str) -> String {
    if namespace.is_empty() { key.to_owned() } else { format!("{namespace}:{key}") }
}

libfuzzer_sys::fuzz_target!(|input: Input<'_>| {
    let Input { one: (namespace, key), other: (other_namespace, other_key) } = input;
    let store = Cache::memory();
    let (cache, other) = (store.namespace(namespace), store.namespace(other_namespace));
    let (this_full, other_full) = (full(namespace, key), full(other_namespace, other_key));

    if cache.check_key(key).is_err() || other.check_key(other_key).is_err() {
        assert_eq!(cache.set(key, 1).now().expect("ready").is_err(), cache.check_key(key).is_err());
        return;
    }
    cache.set(key, 1).now().expect("ready").expect("stored");
    let same = this_full == other_full;
    assert_eq!(other.exists(other_key).now().expect("ready").expect("asked"), same);
    other.set(other_key, 2).now().expect("ready").expect("stored");
    let read = cache.get::<i32>(key).now().expect("ready").expect("read");
    assert_eq!(read, Some(if same { 2 } else { 1 }));

    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let keys = runtime.block_on(cache.scan("*").collect()).expect("listed");
    assert!(keys.iter().any(|listed| listed == key));

    cache.clear().now().expect("ready").expect("cleared");
    let gone = namespace.is_empty() || other_full.starts_with(&format!("{namespace}:"));
    assert_eq!(other.exists(other_key).now().expect("ready").expect("asked"), !gone);
});
