//! Stored values come back: types, sizes, bytes, live objects.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use polycache::serializer::Serializer;
use polycache::serializers::{Json, Text};
use polycache::{Cache, ErrorKind, OnError, Value};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::subject::{absent, builder, cache};
use crate::{Marked, Subject};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct User {
    id: u64,
    name: String,
    score: f64,
    tags: Vec<String>,
    role: Role,
    boss: Option<Box<User>>,
    limits: BTreeMap<String, (i32, bool)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Role {
    Guest,
    Member { since: u32 },
    Admin(u8, char),
}

fn user() -> User {
    let boss = User {
        id: u64::MAX,
        name: String::new(),
        score: -0.1,
        tags: Vec::new(),
        role: Role::Admin(255, '😀'),
        boss: None,
        limits: BTreeMap::new(),
    };
    User {
        id: 7,
        name: "Ada \"Lovelace\"\n\0é".to_owned(),
        score: 1e300,
        tags: vec!["a".to_owned(), String::new()],
        role: Role::Member { since: 1843 },
        boss: Some(Box::new(boss)),
        limits: [("x".to_owned(), (-1, true))].into(),
    }
}

async fn kept<T>(cache: &Cache, value: T)
where
    T: Serialize + DeserializeOwned + PartialEq + Debug + Clone + Send + Sync + 'static,
{
    cache.set("k", value.clone()).await.unwrap();
    assert_eq!(cache.get::<T>("k").await.unwrap(), Some(value.clone()));
    assert_eq!(cache.get_versioned::<T>("k").await.unwrap().0, Some(value.clone()));
    cache.multi_set([("k", value.clone())]).await.unwrap();
    assert_eq!(cache.multi_get::<T>(&["k"]).await.unwrap(), [Some(value)]);
}

async fn scalars_kept(cache: &Cache) {
    kept(cache, String::new()).await;
    kept(cache, "é😀\n\0\r\n".to_owned()).await;
    kept(cache, true).await;
    kept(cache, 0_u8).await;
    kept(cache, i64::MIN).await;
    kept(cache, u64::MAX).await;
    kept(cache, 0.1_f64).await;
    kept(cache, f64::MIN_POSITIVE).await;
    kept(cache, 'é').await;
    kept(cache, Role::Guest).await;
}

async fn all_kept(cache: &Cache) {
    scalars_kept(cache).await;
    kept(cache, user()).await;
    kept(cache, vec![Role::Guest, Role::Member { since: 0 }, Role::Admin(1, 'a')]).await;
    kept(cache, Vec::<i32>::new()).await;
    kept(cache, (1_u8, "two".to_owned(), [3.0, 4.0])).await;
    kept(cache, None::<i32>).await;
    kept(cache, Some(1)).await;
    kept(cache, ()).await;
    kept(cache, (0..=255).collect::<Vec<u8>>()).await;
    kept(cache, BTreeMap::from([("a".to_owned(), vec![None, Some(1)])])).await;
}

/// Values of all shapes come back through this serializer, which must take them all. Not a case of the suite: call it for a serializer
/// that the suite doesn't know.
pub async fn with_serializer(subject: &dyn Subject, serializer: impl Serializer) {
    let cache = builder(subject).serializer(serializer).namespace("with_serializer").build().unwrap();
    all_kept(&cache).await;
}

/// Values of all shapes come back through the default serializer.
pub async fn come_back_by_default(subject: &dyn Subject) {
    all_kept(&cache(subject)).await;
}

/// Values of all shapes come back as JSON.
pub async fn come_back_through_json(subject: &dyn Subject) {
    with_serializer(subject, Json).await;
}

/// Values of all shapes come back through a serializer around a serializer.
pub async fn come_back_through_a_wrapped_serializer(subject: &dyn Subject) {
    with_serializer(subject, Marked).await;
}

/// Strings, numbers and names come back as text.
pub async fn scalars_come_back_through_text(subject: &dyn Subject) {
    let cache = builder(subject).serializer(Text).build().unwrap();
    scalars_kept(&cache).await;
    cache.set("k", 42).await.unwrap();
    assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("42"));
    assert_eq!(cache.get::<Value>("k").await.unwrap().unwrap().as_bytes(), Some(&b"42"[..]));
    assert_eq!(cache.set("k", None::<i32>).await.unwrap_err().kind(), ErrorKind::Encode);
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(42));
}

/// A value that can't be encoded is an error of every write, and changes nothing.
pub async fn what_has_no_form_changes_nothing(subject: &dyn Subject) {
    let cache = builder(subject).serializer(Json).build().unwrap();
    let no_json = || BTreeMap::from([((1, 2), 3)]);
    cache.set("k", 1).await.unwrap();
    let (_, version) = cache.get_versioned::<i32>("k").await.unwrap();
    for error in [
        cache.set("k", no_json()).await.unwrap_err(),
        cache.add("new", no_json()).await.unwrap_err(),
        cache.cas("k", no_json(), version.clone()).await.unwrap_err(),
        cache.multi_set([("k", BTreeMap::new()), ("new", no_json())]).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
    }
    assert_eq!(cache.get_versioned::<i32>("k").await.unwrap(), (Some(1), version));
    assert!(!cache.exists("new").await.unwrap());
}

/// A value is read as any type that its JSON can be read as, on every backend.
pub async fn read_back_as_alike_types(subject: &dyn Subject) {
    let cache = cache(subject);
    cache.set("k", "v").await.unwrap();
    assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("v"));
    assert_eq!(cache.get::<Box<str>>("k").await.unwrap().as_deref(), Some("v"));
    assert_eq!(cache.get::<Option<String>>("k").await.unwrap(), Some(Some("v".to_owned())));
    cache.set("k", 5).await.unwrap();
    assert_eq!(cache.get::<i64>("k").await.unwrap(), Some(5));
    assert_eq!(cache.get::<u8>("k").await.unwrap(), Some(5));
    assert_eq!(cache.get::<f64>("k").await.unwrap(), Some(5.0));
    cache.set("k", [1, 2]).await.unwrap();
    assert_eq!(cache.get::<Vec<u64>>("k").await.unwrap(), Some(vec![1, 2]));
    assert_eq!(cache.get::<(i8, i16)>("k").await.unwrap(), Some((1, 2)));
    cache.set("k", vec!["a", "b"]).await.unwrap();
    assert_eq!(cache.get::<Vec<String>>("k").await.unwrap(), Some(vec!["a".to_owned(), "b".to_owned()]));
    cache.set("k", Role::Guest).await.unwrap();
    assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("Guest"));

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    struct Name {
        name: String,
    }
    cache.set("k", user()).await.unwrap();
    assert_eq!(cache.get::<Name>("k").await.unwrap(), Some(Name { name: user().name }));
}

/// A value that isn't of the wanted type is an error that names the key, never a miss; and the value stays.
pub async fn a_mismatch_is_an_error(subject: &dyn Subject) {
    let cache = cache(subject);
    cache.multi_set([("good", "1"), ("bad", "abc")]).await.unwrap();
    let errors = [
        cache.get::<i64>("bad").await.unwrap_err(),
        cache.get_versioned::<i64>("bad").await.unwrap_err(),
        cache.multi_get::<Vec<i32>>(&["absent", "bad"]).await.unwrap_err(),
        cache.get::<User>("bad").await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
        assert_eq!(error.key(), Some("bad"), "{error}");
        assert!(!error.is_retryable());
    }
    cache.set("big", 300).await.unwrap();
    assert_eq!(cache.get::<u8>("big").await.unwrap_err().kind(), ErrorKind::Decode);
    cache.set("none", None::<i32>).await.unwrap();
    assert_eq!(cache.get::<i32>("none").await.unwrap_err().kind(), ErrorKind::Decode);
    assert_eq!(cache.get::<String>("bad").await.unwrap().as_deref(), Some("abc"));
}

/// With `on_decode_error(Miss)` a mismatch is a miss of `get` and `multi_get`, for that key alone, and of no other command.
pub async fn a_mismatch_is_a_miss_by_choice(subject: &dyn Subject) {
    let cache = builder(subject).on_decode_error(OnError::Miss).build().unwrap();
    cache.set("bad", "abc").await.unwrap();
    cache.set("good", 1).await.unwrap();
    assert_eq!(cache.get::<i64>("bad").await.unwrap(), None);
    assert_eq!(cache.multi_get::<i64>(&["good", "bad", "good"]).await.unwrap(), [Some(1), None, Some(1)]);
    assert_eq!(cache.get_versioned::<i64>("bad").await.unwrap_err().kind(), ErrorKind::Decode);
    assert!(cache.exists("bad").await.unwrap());
    assert_eq!(cache.increment("bad", 1).await.unwrap_err().kind(), ErrorKind::NotANumber);
    assert_eq!(cache.get::<String>("bad").await.unwrap().as_deref(), Some("abc"));
}

/// The largest values come back whole, and small ones after them.
pub async fn large_values_come_back(subject: &dyn Subject) {
    let cache = cache(subject).with_timeout(Duration::from_secs(60));
    let size = subject.max_value_bytes();
    let bytes: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
    cache.set("bytes", Value::bytes(bytes.clone())).await.unwrap();
    let value = cache.get::<Value>("bytes").await.unwrap().unwrap();
    assert!(value.as_bytes() == Some(&bytes[..]), "other bytes came back");
    assert!(cache.delete("bytes").await.unwrap());

    let text = "é".repeat(size / 2 - 10);
    cache.set("text", text.clone()).await.unwrap();
    assert!(cache.get::<String>("text").await.unwrap() == Some(text), "another text came back");
    cache.set("text", "small").await.unwrap();
    assert_eq!(cache.get::<String>("text").await.unwrap().as_deref(), Some("small"));
}

/// Bytes come back unchanged: empty ones, and every byte.
pub async fn bytes_are_kept_as_they_are(subject: &dyn Subject) {
    let cache = cache(subject);
    for bytes in [&b""[..], b"\0", b"\r\nEND\r\n", b"42", b"\xff\xfe", b"null", &(0..=255).collect::<Vec<u8>>()] {
        cache.set("k", Value::bytes(bytes)).await.unwrap();
        assert_eq!(cache.get::<Value>("k").await.unwrap().unwrap().as_bytes(), Some(bytes));
        assert!(cache.exists("k").await.unwrap());
        assert!(!cache.add("k", 1).await.unwrap());
    }
    let json = builder(subject).serializer(Json).build().unwrap();
    json.set("k", [1, 2]).await.unwrap();
    assert_eq!(json.get::<Value>("k").await.unwrap().unwrap().as_bytes(), Some(&b"[1,2]"[..]));
    json.set("k", Value::bytes(*b"[3]")).await.unwrap();
    assert_eq!(json.get::<Vec<i32>>("k").await.unwrap(), Some(vec![3]));
    json.set("k", Value::bytes(*b"[3] and more")).await.unwrap();
    assert_eq!(json.get::<Vec<i32>>("k").await.unwrap_err().kind(), ErrorKind::Decode);
}

/// Every command that takes or gives a value can do so without encoding it.
pub async fn every_command_takes_what_is_encoded(subject: &dyn Subject) {
    fn bytes(values: &[Option<Value>]) -> Vec<Option<&[u8]>> {
        values.iter().map(|value| value.as_ref().and_then(Value::as_bytes)).collect()
    }

    let cache = builder(subject).serializer(Json).build().unwrap();
    let one = || Value::bytes(*b" 1 ");
    assert!(cache.add("added", one()).await.unwrap());
    assert!(!cache.add("added", Value::bytes(*b"2")).await.unwrap());
    cache.multi_set([("a", one()), ("b", Value::bytes(*b"[2]"))]).await.unwrap();
    let found = cache.multi_get::<Value>(&["b", "none", "a", "added"]).await.unwrap();
    assert_eq!(bytes(&found), [Some(&b"[2]"[..]), None, Some(b" 1 "), Some(b" 1 ")]);
    assert_eq!(cache.get::<i32>("a").await.unwrap(), Some(1));

    let (found, version) = cache.get_versioned::<Value>("a").await.unwrap();
    assert_eq!(bytes(&[found]), [Some(&b" 1 "[..])]);
    assert!(cache.cas("a", Value::bytes(*b"\"cas\""), version.clone()).await.unwrap());
    assert!(!cache.cas("a", one(), version).await.unwrap());
    assert_eq!(cache.get::<String>("a").await.unwrap().as_deref(), Some("cas"));

    let compute = || async { Ok::<_, std::convert::Infallible>(Value::bytes(*b"[3]")) };
    for _ in 0..2 {
        let computed = cache.get_or_set("computed", compute).await.unwrap();
        assert_eq!(computed.as_bytes(), Some(&b"[3]"[..]));
    }
    assert_eq!(cache.get::<Vec<i32>>("computed").await.unwrap(), Some(vec![3]));

    let computed = cache
        .multi_get_or_set(&["b", "many"], |missing| async move {
            Ok::<_, std::convert::Infallible>(missing.into_iter().map(|key| (key, Value::bytes(*b"[4]"))))
        })
        .await;
    let computed: Vec<_> = computed.into_iter().map(Result::unwrap).collect();
    assert_eq!(bytes(&computed), [Some(&b"[2]"[..]), Some(b"[4]")]);
    assert_eq!(cache.get::<Vec<i32>>("many").await.unwrap(), Some(vec![4]));
}

/// Live objects are shared if the backend holds them; otherwise they are refused and nothing is stored.
pub async fn live_objects(subject: &dyn Subject) {
    struct Opaque(Vec<u8>);

    let cache = cache(subject);
    let object = Arc::new(Opaque(vec![1, 2, 3]));
    if !cache.info().capabilities.live_objects {
        absent(&cache, "live_objects");
        let errors = [
            cache.set_object("k", Arc::clone(&object)).await.unwrap_err(),
            cache.set("k", Value::object(object)).await.unwrap_err(),
            cache.set("k", Value::typed(5)).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        }
        assert!(!cache.exists("k").await.unwrap());
        cache.set("k", 5).await.unwrap();
        assert_eq!(cache.get_object::<i32>("k").await.unwrap_err().kind(), ErrorKind::Decode);
        let null = builder(subject).serializer(polycache::serializers::Null).build();
        assert_eq!(null.unwrap_err().kind(), ErrorKind::Config);
        return;
    }
    cache.set_object("k", Arc::clone(&object)).await.unwrap();
    let shared = cache.get_object::<Opaque>("k").await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&shared, &object) && shared.0 == [1, 2, 3]);
    assert_eq!(cache.get_object::<String>("k").await.unwrap_err().kind(), ErrorKind::Decode);
    assert_eq!(cache.get::<String>("k").await.unwrap_err().kind(), ErrorKind::Decode);
    assert_eq!(cache.increment("k", 1).await.unwrap_err().kind(), ErrorKind::NotANumber);
    assert!(cache.get_object::<Opaque>("absent").await.unwrap().is_none());

    // An object stored by `set` is shared too.
    cache.set("typed", user()).await.unwrap();
    let first = cache.get_object::<User>("typed").await.unwrap().unwrap();
    let second = cache.get_object::<User>("typed").await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&first, &second) && *first == user());
    cache.set("bytes", Value::bytes(*b"5")).await.unwrap();
    assert_eq!(cache.get_object::<i32>("bytes").await.unwrap_err().kind(), ErrorKind::Decode);
}
