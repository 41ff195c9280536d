//! `scan`.

use std::collections::BTreeSet;

use polycache::{Cache, ErrorKind, Ttl};

use crate::Subject;
use crate::subject::{Life, absent, cache};

/// Whether the backend lists keys. Asserts that one which doesn't says so.
async fn lists(cache: &Cache) -> bool {
    if cache.info().capabilities.scan {
        return true;
    }
    absent(cache, "scan");
    let mut keys = cache.scan("*");
    assert_eq!(keys.next().await.unwrap().unwrap_err().kind(), ErrorKind::Unsupported);
    assert!(keys.next().await.is_none());
    false
}

async fn found(cache: &Cache, pattern: &str) -> BTreeSet<String> {
    cache.scan(pattern).collect().await.unwrap().into_iter().collect()
}

fn set(keys: &[&str]) -> BTreeSet<String> {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

async fn fill(cache: &Cache, keys: &[&str]) {
    cache.multi_set(keys.iter().map(|key| (key, 1))).await.unwrap();
}

/// Lists the keys of the namespace and of those nested in it, without the namespace.
pub async fn lists_the_keys_of_the_namespace(subject: &dyn Subject) {
    let cache = cache(subject);
    if !lists(&cache).await {
        return;
    }
    assert_eq!(found(&cache, "*").await, set(&[]));
    fill(&cache, &["foo:a", "foo:b", "foo:c:d", "foo:", "foobar:a", "foo", "a"]).await;
    assert_eq!(found(&cache.namespace("foo"), "*").await, set(&["a", "b", "c:d", ""]));
    assert_eq!(found(&cache.namespace("foo:c"), "*").await, set(&["d"]));
    assert_eq!(found(&cache.namespace("fo"), "*").await, set(&[]));
    assert_eq!(found(&cache, "*").await.len(), 7);
    assert_eq!(found(&cache, "foo*").await, set(&["foo:a", "foo:b", "foo:c:d", "foo:", "foobar:a", "foo"]));
    cache.delete("foo:a").await.unwrap();
    assert_eq!(found(&cache.namespace("foo"), "?").await, set(&["b"]));
}

/// `*`, `?`, classes and ranges.
pub async fn patterns_choose(subject: &dyn Subject) {
    let cache = cache(subject).namespace("n");
    if !lists(&cache).await {
        return;
    }
    fill(&cache, &["hello", "hallo", "hllo", "heello", "h-llo", "hxllo", "jello", ""]).await;
    for (pattern, keys) in [
        ("h?llo", &["hello", "hallo", "h-llo", "hxllo"][..]),
        ("h*llo", &["hello", "hallo", "hllo", "heello", "h-llo", "hxllo"]),
        ("h[ae]llo", &["hello", "hallo"]),
        ("h[^ae]llo", &["h-llo", "hxllo"]),
        ("h[a-e]llo", &["hello", "hallo"]),
        ("[hj]ello", &["hello", "jello"]),
        ("hello", &["hello"]),
        ("*ee*", &["heello"]),
        ("ello", &[]),
        ("n:hello", &[]),
        ("", &[""]),
    ] {
        assert_eq!(found(&cache, pattern).await, set(keys), "{pattern:?}");
    }
}

/// A backslash makes the next character mean itself.
pub async fn a_backslash_escapes(subject: &dyn Subject) {
    let cache = cache(subject).namespace("n");
    if !lists(&cache).await {
        return;
    }
    fill(&cache, &["a*b", "aab", "a?b", "a[b", "a]b", r"a\b", "a-b"]).await;
    for (pattern, keys) in [
        (r"a\*b", &["a*b"][..]),
        (r"a\?b", &["a?b"]),
        (r"a\[b", &["a[b"]),
        (r"a[\]\[]b", &["a]b", "a[b"]),
        (r"a\\b", &[r"a\b"]),
        (r"\a\a\b", &["aab"]),
        (r"a[a\-]b", &["aab", "a-b"]),
    ] {
        assert_eq!(found(&cache, pattern).await, set(keys), "{pattern:?}");
    }
}

/// Characters with a meaning in patterns mean themselves in a namespace.
pub async fn a_namespace_is_taken_literally(subject: &dyn Subject) {
    let whole = cache(subject);
    if !lists(&whole).await {
        return;
    }
    fill(&whole, &["foo:k", "f*o:k", "f?o:k", "f[o]o:k", r"f\*o:k"]).await;
    for odd in ["f*o", "f?o", "f[o]o", r"f\*o"] {
        let view = whole.namespace(odd);
        view.set("only here", 1).await.unwrap();
        assert_eq!(found(&view, "*").await, set(&["k", "only here"]), "{odd}");
        view.delete("only here").await.unwrap();
    }
}

/// Of five thousand keys none is left out, and none is made up.
pub async fn lists_five_thousand_keys(subject: &dyn Subject) {
    let cache = cache(subject).namespace("many");
    if !lists(&cache).await {
        return;
    }
    let keys: BTreeSet<String> = (0..5_000).map(|n| format!("key {n}")).collect();
    cache.multi_set(keys.iter().map(|key| (key, 1))).await.unwrap();
    cache.namespace("other").multi_set(keys.iter().map(|key| (key, 1))).await.unwrap();
    assert_eq!(found(&cache, "*").await, keys);
    assert_eq!(found(&cache, "key 4[0-9]7").await.len(), 10);
}

/// Keys that are there all the time are listed, even while others change.
pub async fn lists_what_stays_while_others_change(subject: &dyn Subject) {
    let cache = cache(subject).namespace("n");
    if !lists(&cache).await {
        return;
    }
    let stays: BTreeSet<String> = (0..2_000).map(|n| format!("stays {n}")).collect();
    cache.multi_set(stays.iter().map(|key| (key, 1))).await.unwrap();
    let leaves: Vec<String> = (0..1_000).map(|n| format!("leaves {n}")).collect();
    cache.multi_set(leaves.iter().map(|key| (key, 1))).await.unwrap();

    let mut scan = cache.scan("stays *");
    let mut listed = BTreeSet::new();
    let mut step = 0;
    while let Some(key) = scan.next().await {
        listed.insert(key.unwrap());
        step += 1;
        if step % 10 == 0 {
            cache.set(&format!("comes {step}"), 1).await.unwrap();
            cache.delete(&leaves[step / 10 % leaves.len()]).await.unwrap();
        }
    }
    assert_eq!(listed, stays);
}

/// Expired entries aren't listed.
pub async fn expired_keys_are_not_listed(subject: &dyn Subject) {
    let cache = cache(subject).namespace("n");
    if !lists(&cache).await {
        return;
    }
    let life = Life::of(subject);
    cache.with_ttl(life.ttl).set("brief", 1).await.unwrap();
    cache.with_ttl(Ttl::Never).set("lasting", 1).await.unwrap();
    assert_eq!(found(&cache, "*").await, set(&["brief", "lasting"]));
    subject.advance(life.ttl + life.rest).await.unwrap();
    assert_eq!(found(&cache, "*").await, set(&["lasting"]));
}

/// A broken pattern is an error that names it, and then the scan ends; even if the backend lists no keys.
pub async fn a_broken_pattern_is_an_error(subject: &dyn Subject) {
    let cache = cache(subject);
    cache.set("k", 1).await.unwrap();
    for pattern in ["[a", "a\\", "[^"] {
        let mut scan = cache.scan(pattern);
        let error = scan.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(error.command(), Some("scan"));
        assert!(error.to_string().contains(&format!("{pattern:?}")), "{error}");
        assert!(scan.next().await.is_none());
    }
}
