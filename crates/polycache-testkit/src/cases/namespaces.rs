//! Namespaces, `clear`, and names made by a key builder.

use polycache::{Cache, ErrorKind};

use crate::Subject;
use crate::subject::{absent, builder, cache};

/// The existing ones of these full keys.
async fn left(cache: &Cache, keys: &[&str]) -> Vec<String> {
    let cache = cache.namespace("");
    let mut left = Vec::new();
    for key in keys {
        if cache.exists(key).await.unwrap() {
            left.push((*key).to_owned());
        }
    }
    left
}

async fn fill(cache: &Cache, keys: &[&str]) {
    cache.namespace("").multi_set(keys.iter().map(|key| (key, 1))).await.unwrap();
}

/// A namespace is a prefix with a `:`, and a view's namespace replaces the present one.
pub async fn a_namespace_is_a_prefix(subject: &dyn Subject) {
    let cache = builder(subject).namespace("foo").build().unwrap();
    assert_eq!(cache.namespace_name(), "foo");
    cache.set("k", 1).await.unwrap();
    cache.set("a:k", 2).await.unwrap();
    cache.set("", 3).await.unwrap();

    let whole = cache.namespace("");
    assert_eq!(whole.multi_get::<i32>(&["foo:k", "foo:a:k", "foo:"]).await.unwrap(), [Some(1), Some(2), Some(3)]);
    assert_eq!(cache.namespace("foo:a").get::<i32>("k").await.unwrap(), Some(2));
    assert_eq!(whole.multi_get::<i32>(&["k", "", "foo"]).await.unwrap(), [None, None, None]);
    assert_eq!(cache.namespace("bar").get::<i32>("k").await.unwrap(), None);
    assert!(!cache.namespace("bar").delete("k").await.unwrap());
    assert!(cache.exists("k").await.unwrap());
}

/// Every command works within the namespace.
pub async fn every_command_keeps_to_its_namespace(subject: &dyn Subject) {
    let whole = cache(subject);
    let one = whole.namespace("one");
    let two = whole.namespace("two");
    one.set("k", 1).await.unwrap();
    assert!(two.add("k", 2).await.unwrap());
    assert_eq!(one.increment("k", 10).await.unwrap(), 11);
    assert_eq!(two.increment("k", 10).await.unwrap(), 12);
    assert!(one.expire("k", polycache::Ttl::secs(60)).await.unwrap());
    assert_eq!(two.ttl("k").await.unwrap(), Some(polycache::Ttl::Never));
    let (_, version) = one.get_versioned::<i32>("k").await.unwrap();
    two.set("k", 20).await.unwrap();
    assert!(one.cas("k", 21, version).await.unwrap());
    assert!(two.delete("k").await.unwrap());
    assert_eq!(one.get::<i32>("k").await.unwrap(), Some(21));
    assert!(!whole.exists("k").await.unwrap());
}

/// `clear` deletes the namespace and those nested in it, never one that merely begins alike.
pub async fn clear_takes_nested_namespaces_only(subject: &dyn Subject) {
    const KEYS: [&str; 10] =
        ["foo", "foo:", "foo:k", "foo:a:k", "foo:a:b:k", "foobar", "foobar:k", "fo:k", "bar:foo:k", "k"];
    let cache = cache(subject);
    fill(&cache, &KEYS).await;
    cache.namespace("foo:a").clear().await.unwrap();
    assert_eq!(left(&cache, &KEYS).await, ["foo", "foo:", "foo:k", "foobar", "foobar:k", "fo:k", "bar:foo:k", "k"]);
    cache.namespace("foo").clear().await.unwrap();
    assert_eq!(left(&cache, &KEYS).await, ["foo", "foobar", "foobar:k", "fo:k", "bar:foo:k", "k"]);
    cache.namespace("nobody").clear().await.unwrap();
    assert_eq!(left(&cache, &KEYS).await.len(), 6);
    // A cleared key can be set again.
    cache.namespace("foo").set("k", 2).await.unwrap();
    assert_eq!(cache.get::<i32>("foo:k").await.unwrap(), Some(2));
}

/// Characters with a meaning in patterns mean themselves in a namespace.
pub async fn clear_takes_a_namespace_literally(subject: &dyn Subject) {
    for odd in ["f*o", "f?o", "f[aeo]o", r"f\*o", "*", "?", "[^x]", r"\", "f o", "f%o"] {
        let cache = cache(subject);
        let others = ["foo:k", "fo:k", "fao:k", r"f\*o:k", "f*oo:k", "x:k", "ffo:k", "f*o:k", "f?o:k"];
        let others: Vec<&str> = others.into_iter().filter(|key| key.strip_suffix(":k") != Some(odd)).collect();
        fill(&cache, &others).await;
        let view = cache.namespace(odd);
        view.set("k", 1).await.unwrap();
        view.clear().await.unwrap();
        assert!(!view.exists("k").await.unwrap(), "{odd}");
        assert_eq!(left(&cache, &others).await, others, "{odd}");
    }
}

/// `clear` without a namespace deletes everything on a backend of this process alone; elsewhere it is refused without `allow_flush`.
pub async fn clear_without_a_namespace(subject: &dyn Subject) {
    const KEYS: [&str; 4] = ["k", "foo:k", "", ":k"];
    let cache = cache(subject);
    fill(&cache, &KEYS).await;
    if !cache.info().capabilities.exclusive {
        absent(&cache, "exclusive");
        let error = cache.clear().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.to_string().contains("allow_flush"), "{error}");
        assert_eq!(left(&cache, &KEYS).await, KEYS);
        let flushing = builder(subject).allow_flush(true).build().unwrap();
        flushing.clear().await.unwrap();
    } else {
        cache.clear().await.unwrap();
    }
    assert_eq!(left(&cache, &KEYS).await, [""; 0]);
    cache.set("k", 2).await.unwrap();
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(2));
}

/// `clear` of very many keys deletes all of them and no others.
pub async fn clear_takes_thousands(subject: &dyn Subject) {
    let cache = cache(subject);
    let keys: Vec<String> = (0..3_000).map(|n| format!("k{n}")).collect();
    let (doomed, kept) = (cache.namespace("doomed"), cache.namespace("kept"));
    doomed.multi_set(keys.iter().map(|key| (key, 1))).await.unwrap();
    kept.multi_set(keys.iter().map(|key| (key, 2))).await.unwrap();
    doomed.clear().await.unwrap();
    assert_eq!(doomed.multi_get::<i32>(&keys).await.unwrap(), vec![None; keys.len()]);
    assert_eq!(kept.multi_get::<i32>(&keys).await.unwrap(), vec![Some(2); keys.len()]);
}

/// Names go through the key builder, within the namespace, in every command alike.
pub async fn a_key_builder_makes_the_names(subject: &dyn Subject) {
    let built = builder(subject).namespace("n").key_builder(|key| format!("v2/{key}")).build().unwrap();
    let plain = cache(subject);
    built.set("a", 1).await.unwrap();
    built.multi_set([("b", 2)]).await.unwrap();
    assert!(built.add("c", 3).await.unwrap());
    assert_eq!(built.increment("d", 4).await.unwrap(), 4);
    assert_eq!(
        plain.multi_get::<i32>(&["n:v2/a", "n:v2/b", "n:v2/c", "n:v2/d"]).await.unwrap(),
        [Some(1), Some(2), Some(3), Some(4)]
    );
    assert_eq!(built.multi_get::<i32>(&["a", "b"]).await.unwrap(), [Some(1), Some(2)]);
    assert!(built.exists("c").await.unwrap());
    assert_eq!(built.multi_delete(&["a", "b"]).await.unwrap(), 2);
    assert!(built.delete("c").await.unwrap());
    let error = built.get::<String>("d").await.unwrap_err();
    assert_eq!(error.key(), Some("d"));
}
