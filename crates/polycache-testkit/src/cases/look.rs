//! `look`, `multi_get` and `delete` of the backend, and `look` of the cache.

use std::time::Duration;

use polycache::backend::{Backend, Entry, Found, Key, SetOptions, Version, Want, When};
use polycache::{ErrorKind, Ttl, Value};

use crate::Subject;
use crate::subject::{absent, cache};

const KEY: &str = "n:k";
const OTHER: &str = "n:other";
const MISSING: &str = "n:missing";
const HOUR: Duration = Duration::from_secs(3_600);

/// Every set of parts.
fn wants() -> impl Iterator<Item = Want> {
    (0..8).map(|bits| {
        let parts = [Want::VALUE, Want::VERSION, Want::TTL].into_iter().enumerate();
        parts.filter(|(bit, _)| bits & (1 << bit) != 0).fold(Want::NOTHING, |want, (_, part)| want.and(part))
    })
}

fn number(number: i64) -> Value {
    Value::bytes(number.to_string().into_bytes())
}

fn at(key: &str) -> Key<'_> {
    Key::new(key, 1, 1)
}

async fn set(backend: &dyn Backend, key: &str, value: Value, ttl: Ttl, when: When) -> bool {
    backend.set(at(key), value, SetOptions::new(ttl, when)).await.unwrap()
}

async fn version(backend: &dyn Backend, key: &str) -> Option<Version> {
    backend.look(at(key), Want::VERSION).await.unwrap().map(|found| found.version.expect("it was asked for"))
}

/// Asserts that `found` has the parts that `want` asks for, of an entry with this text, and an hour to live or no end.
fn assert_found(subject: &dyn Subject, found: Option<&Found>, want: Want, text: &str, expires: bool) {
    let found = found.unwrap_or_else(|| panic!("{text:?} is there: {want:?}"));
    let value = found.value.as_ref().map(|value| value.as_bytes().expect("bytes were stored"));
    assert_eq!(value, want.has(Want::VALUE).then_some(text.as_bytes()), "{want:?}");
    assert_eq!(found.version.is_some(), want.has(Want::VERSION), "{want:?}");
    assert!(!found.version.as_ref().is_some_and(Version::is_absent), "{want:?}");
    match found.ttl {
        None => assert!(!want.has(Want::TTL), "{want:?}"),
        Some(ttl) => {
            assert!(want.has(Want::TTL), "{want:?}");
            assert_eq!(matches!(ttl, Ttl::After(_)), expires, "{ttl:?}");
            if let Ttl::After(left) = ttl {
                let resolution = subject.backend().info().ttl_resolution;
                assert!(left <= HOUR + resolution && left >= HOUR - Duration::from_secs(60), "{left:?}");
            }
        }
    }
}

/// `look` tells each wanted part, and no other.
pub async fn each_part_is_there_where_it_is_wanted(subject: &dyn Subject) {
    let backend = &*subject.backend();
    set(backend, KEY, number(1), Ttl::After(HOUR), When::Always).await;
    set(backend, OTHER, number(2), Ttl::Never, When::Always).await;
    for want in wants() {
        let found = backend.look(at(KEY), want).await.unwrap();
        assert_found(subject, found.as_ref(), want, "1", true);
        let found = backend.look(at(OTHER), want).await.unwrap();
        assert_found(subject, found.as_ref(), want, "2", false);
    }
    // The version is the same with any other parts.
    let all = backend.look(at(KEY), Want::VALUE.and(Want::VERSION).and(Want::TTL)).await.unwrap().unwrap();
    assert_eq!(all.version, version(backend, KEY).await);
}

/// `look` of an absent key finds nothing.
pub async fn an_absent_key_is_none(subject: &dyn Subject) {
    let backend = &*subject.backend();
    set(backend, KEY, number(1), Ttl::Never, When::Always).await;
    assert!(backend.delete(at(KEY), When::Always).await.unwrap());
    for want in wants() {
        assert!(backend.look(at(KEY), want).await.unwrap().is_none(), "{want:?}");
        assert!(backend.look(at(MISSING), want).await.unwrap().is_none(), "{want:?}");
    }
}

/// The TTL is the rest of the last `expire` or write.
pub async fn tells_what_remains_after_expire(subject: &dyn Subject) {
    let backend = &*subject.backend();
    set(backend, KEY, number(1), Ttl::Never, When::Always).await;
    let want = Want::TTL.and(Want::VALUE);
    let expires = async |text: &str, expires| {
        for want in [Want::TTL, want] {
            let found = backend.look(at(KEY), want).await.unwrap();
            assert_found(subject, found.as_ref(), want, text, expires);
        }
    };
    expires("1", false).await;
    assert!(backend.expire(at(KEY), Ttl::After(HOUR)).await.unwrap());
    expires("1", true).await;
    assert_eq!(backend.increment(at(KEY), 1, Ttl::Never).await.unwrap(), 2);
    expires("2", true).await;
    assert!(backend.expire(at(KEY), Ttl::Never).await.unwrap());
    expires("2", false).await;
    set(backend, KEY, number(3), Ttl::After(HOUR), When::Always).await;
    expires("3", true).await;
}

/// Each write makes another version; a read or an `expire` makes none.
pub async fn every_write_changes_the_version(subject: &dyn Subject) {
    let backend = &*subject.backend();
    let mut seen = vec![];
    let mut is_new = async || {
        let present = version(backend, KEY).await.expect("there is an entry");
        let is_new = !seen.contains(&present);
        seen.push(present);
        is_new
    };
    assert_eq!(version(backend, KEY).await, None);
    assert!(set(backend, KEY, number(1), Ttl::Never, When::Absent).await);
    assert!(is_new().await);
    set(backend, KEY, number(2), Ttl::Never, When::Always).await;
    assert!(is_new().await);
    assert!(!is_new().await, "a read is no write");
    assert!(backend.expire(at(KEY), Ttl::After(HOUR)).await.unwrap());
    assert!(!is_new().await, "nor is `expire`");
    assert!(!set(backend, KEY, number(9), Ttl::Never, When::Absent).await);
    assert!(!is_new().await, "nor is what stores nothing");
    assert_eq!(backend.increment(at(KEY), 1, Ttl::Never).await.unwrap(), 3);
    assert!(is_new().await);
    backend.multi_set(vec![Entry::new(at(KEY), number(4), Ttl::Never)]).await.unwrap();
    assert!(is_new().await);
    let unchanged = When::unchanged(version(backend, KEY).await.unwrap());
    assert!(set(backend, KEY, number(5), Ttl::Never, unchanged).await);
    assert!(is_new().await);
    assert!(backend.delete(at(KEY), When::Always).await.unwrap());
    assert_eq!(version(backend, KEY).await, None);
    set(backend, KEY, number(6), Ttl::Never, When::Always).await;
    assert!(is_new().await);

    let detects = backend.info().capabilities.detects_equal_writes;
    if !detects {
        absent(&cache(subject), "detects_equal_writes");
    }
    set(backend, KEY, number(6), Ttl::Never, When::Always).await;
    assert_eq!(is_new().await, detects);
}

/// `multi_get` tells the same of each key as `look`, in the order of the keys; a key that comes twice is told twice.
pub async fn multi_get_tells_as_much(subject: &dyn Subject) {
    let backend = &*subject.backend();
    set(backend, KEY, number(1), Ttl::After(HOUR), When::Always).await;
    set(backend, OTHER, number(2), Ttl::Never, When::Always).await;
    for want in wants() {
        let found = backend.multi_get(&[OTHER, MISSING, KEY, OTHER].map(at), want).await.unwrap();
        assert_eq!(found.len(), 4, "{want:?}");
        assert_found(subject, found[0].as_ref(), want, "2", false);
        assert!(found[1].is_none(), "{want:?}");
        assert_found(subject, found[2].as_ref(), want, "1", true);
        assert_found(subject, found[3].as_ref(), want, "2", false);
        if want.has(Want::VERSION) {
            for (found, key) in found.iter().zip([OTHER, MISSING, KEY, OTHER]) {
                assert_eq!(found.as_ref().and_then(|found| found.version.clone()), version(backend, key).await);
            }
        }
        let found = backend.multi_get(&[at(MISSING)], want).await.unwrap();
        assert!(matches!(found[..], [None]), "{want:?}");
    }
}

/// `delete` deletes always, never, or only the version that was read.
pub async fn delete_keeps_to_its_condition(subject: &dyn Subject) {
    let backend = &*subject.backend();
    let delete = async |key, when| backend.delete(at(key), when).await.unwrap();
    assert!(!delete(KEY, When::Always).await);
    assert!(!delete(KEY, When::Absent).await);

    set(backend, KEY, number(1), Ttl::Never, When::Always).await;
    let old = version(backend, KEY).await.unwrap();
    assert!(!delete(OTHER, When::unchanged(old.clone())).await);
    assert!(!delete(KEY, When::Absent).await);
    assert!(!delete(KEY, When::unchanged(Version::ABSENT)).await);
    set(backend, KEY, number(2), Ttl::Never, When::Always).await;
    assert!(!delete(KEY, When::unchanged(old)).await);
    assert!(backend.look(at(KEY), Want::NOTHING).await.unwrap().is_some());

    let present = version(backend, KEY).await.unwrap();
    assert!(backend.expire(at(KEY), Ttl::After(HOUR)).await.unwrap());
    assert!(delete(KEY, When::unchanged(present.clone())).await);
    assert!(backend.look(at(KEY), Want::NOTHING).await.unwrap().is_none());
    assert!(!delete(KEY, When::unchanged(present)).await);

    set(backend, KEY, number(3), Ttl::Never, When::Always).await;
    assert!(delete(KEY, When::Always).await);
    assert!(!delete(KEY, When::Always).await);
}

/// `look` of the cache reads the value as the wanted type, and a version that `cas` takes.
pub async fn values_come_typed(subject: &dyn Subject) {
    let cache = cache(subject).namespace("n").with_ttl(Ttl::After(HOUR));
    let want = Want::VALUE.and(Want::VERSION).and(Want::TTL);
    assert!(cache.look::<String>("k", want).await.unwrap().is_none());
    cache.set("k", "v").await.unwrap();
    let found = cache.look::<String>("k", want).await.unwrap().unwrap();
    assert_eq!(found.value.as_deref(), Some("v"));
    assert!(matches!(found.ttl, Some(Ttl::After(_))));
    let version = found.version.unwrap();
    assert_eq!(cache.get_versioned::<String>("k").await.unwrap(), (Some("v".to_owned()), version.clone()));
    assert!(cache.cas("k", "w", version).await.unwrap());

    let found = cache.look::<i64>("k", Want::TTL).await.unwrap().unwrap();
    assert!(found.value.is_none() && found.version.is_none(), "the value isn't looked at");
    let error = cache.look::<i64>("k", Want::VALUE).await.unwrap_err();
    assert_eq!((error.kind(), error.command()), (ErrorKind::Decode, Some("look")));
}
