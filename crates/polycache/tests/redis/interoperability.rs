//! The real `redis-cli` beside us on the same keys.

use std::time::Duration;

use polycache::backends::redis::Redis;
use polycache::{Cache, ErrorKind, Head, OnError, Ttl, Value};
use polycache_testkit::servers::{RedisCluster, RedisServer};
use serde::{Deserialize, Serialize};

use super::support::{cache, texts};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct User {
    id: u64,
    name: String,
}

#[tokio::test]
async fn texts_as_they_are() {
    let server = RedisServer::start().await;
    let cache = texts(&server.url()).namespace("ns");
    cache.set("key", "plain text, äöü €").await.unwrap();
    assert_eq!(server.cli(&["GET", "ns:key"]).await, "plain text, äöü €");
    server.cli(&["SET", "ns:theirs", "written by redis-cli"]).await;
    assert_eq!(cache.get::<String>("theirs").await.unwrap().as_deref(), Some("written by redis-cli"));
    cache.set("empty", "").await.unwrap();
    assert_eq!(server.cli(&["STRLEN", "ns:empty"]).await, "0");
    assert_eq!(cache.get::<String>("empty").await.unwrap().as_deref(), Some(""));
    assert_eq!(cache.get::<String>("none").await.unwrap(), None);

    // Without a namespace the key is the whole key.
    let bare = texts(&server.url());
    bare.set("bare", "b").await.unwrap();
    assert_eq!(server.cli(&["GET", "bare"]).await, "b");
    assert_eq!(bare.get::<String>("ns:key").await.unwrap().as_deref(), Some("plain text, äöü €"));
    let inner = cache.namespace("ns:inner");
    inner.set("key", "deep").await.unwrap();
    assert_eq!(server.cli(&["GET", "ns:inner:key"]).await, "deep");
}

/// Other programs write keys that are no text. They belong to the namespace as the others do.
async fn keys_that_are_no_text_are_cleared(url: &str) {
    let all = cache(url);
    let names: [&[u8]; 4] = [b"ns:\xff", b"ns:in:\x80\x80{a}", b"ns:text", b"\xffns:"];
    for name in names {
        all.raw("SET", &[name, b"1"]).await.unwrap();
    }
    assert_eq!(all.namespace("ns").scan("*").collect().await.unwrap(), ["text"]);
    all.namespace("ns").clear().await.unwrap();
    for (name, left) in names.into_iter().zip([0, 0, 0, 1]) {
        assert_eq!(all.raw("EXISTS", &[name]).await.unwrap(), polycache::Raw::Int(left), "{name:?}");
    }
}

#[tokio::test]
async fn keys_that_are_no_text_are_cleared_on_one_server() {
    let server = RedisServer::start().await;
    keys_that_are_no_text_are_cleared(&server.url()).await;
}

#[tokio::test]
async fn keys_that_are_no_text_are_cleared_in_a_cluster() {
    let cluster = RedisCluster::start(3, 0).await;
    keys_that_are_no_text_are_cleared(&cluster.url()).await;
}

#[tokio::test]
async fn json() {
    let server = RedisServer::start().await;
    let cache = cache(&server.url()).namespace("ns");
    let ada = User { id: 7, name: "Ada".into() };
    cache.set("user", ada.clone()).await.unwrap();
    assert_eq!(server.cli(&["GET", "ns:user"]).await, r#"{"id":7,"name":"Ada"}"#);
    server.cli(&["SET", "ns:theirs", r#" { "name": "Grace", "id": 8 } "#]).await;
    assert_eq!(cache.get::<User>("theirs").await.unwrap(), Some(User { id: 8, name: "Grace".into() }));
    let both = cache.multi_get::<User>(&["user", "theirs"]).await.unwrap();
    assert_eq!(both[0].as_ref(), Some(&ada));
    cache.multi_set([("one", 1), ("two", 2)]).await.unwrap();
    assert_eq!(server.cli(&["MGET", "ns:one", "ns:two"]).await, "1\n2");
}

#[tokio::test]
async fn counters() {
    let server = RedisServer::start().await;
    for cache in [texts(&server.url()).namespace("t"), cache(&server.url()).namespace("j")] {
        assert_eq!(cache.increment("n", 5).await.unwrap(), 5);
        let key = if cache.raw("EXISTS", &["t:n"]).await.unwrap().as_int() == Some(1) { "t:n" } else { "j:n" };
        assert_eq!(server.cli(&["INCRBY", key, "-7"]).await, "-2");
        assert_eq!(cache.increment("n", 1).await.unwrap(), -1);
        assert_eq!(cache.get::<i64>("n").await.unwrap(), Some(-1));
        assert_eq!(server.cli(&["GET", key]).await, "-1");
        server.cli(&["DEL", key]).await;
    }
}

#[tokio::test]
async fn bytes() {
    let server = RedisServer::start().await;
    let cache = cache(&server.url()).namespace("ns");
    let all: Vec<u8> = (0..=255).collect();
    cache.set("bytes", Value::bytes(all.clone())).await.unwrap();
    assert_eq!(server.cli_bytes(&[b"GET", b"ns:bytes"]).await, all);
    let theirs = b"\0\xff\r\n$-1\r\n\xfe";
    server.cli_bytes(&[b"SET", b"ns:theirs", theirs]).await;
    assert_eq!(cache.get::<Value>("theirs").await.unwrap().unwrap().as_bytes(), Some(&theirs[..]));
    cache.set("k\0 \r\n é", Value::bytes(b"v".to_vec())).await.unwrap();
    assert_eq!(server.cli_bytes(&[b"GET", "ns:k\0 \r\n é".as_bytes()]).await, b"v");
}

/// A head is in front of the bytes, for others to read; and what can't be read is an error for its key alone.
#[tokio::test]
async fn heads() {
    let server = RedisServer::start().await;
    let cache = cache(&server.url()).namespace("ns");
    let head = Head::new().with_etag("shop");
    cache.set("headed", Value::bytes(*b"[1,2]").with_head(&head)).await.unwrap();
    assert_eq!(server.cli_bytes(&[b"GET", b"ns:headed"]).await, b"\xC1pc\x01\x06\x04\x04shop[1,2]");

    server.cli_bytes(&[b"SET", b"ns:newer", b"\xC1pc\x02\x01\x01"]).await;
    let error = cache.get::<Value>("newer").await.unwrap_err();
    assert_eq!((error.kind(), error.key()), (ErrorKind::Decode, Some("newer")));
    assert!(error.to_string().contains("version 2"), "{error}");
    assert_eq!(cache.multi_get::<Vec<i32>>(&["headed", "newer"]).await.unwrap_err().key(), Some("newer"));
    let backend = Redis::open(&server.url()).unwrap();
    let lenient = Cache::builder().backend(backend).on_decode_error(OnError::Miss).namespace("ns").build().unwrap();
    assert_eq!(lenient.multi_get::<Vec<i32>>(&["headed", "newer"]).await.unwrap(), [Some(vec![1, 2]), None]);
    assert!(cache.exists("newer").await.unwrap() && cache.delete("newer").await.unwrap());
}

async fn milliseconds(server: &RedisServer, key: &str) -> i64 {
    server.cli(&["PTTL", key]).await.parse().unwrap()
}

#[tokio::test]
async fn lifetimes() {
    let server = RedisServer::start().await;
    let cache: Cache = texts(&server.url()).namespace("ns");
    let near = |left: i64, whole: i64| assert!((whole - 5000..=whole).contains(&left), "{left} of {whole}");

    cache.set("k", "v").await.unwrap();
    assert_eq!(milliseconds(&server, "ns:k").await, -1);
    let brief = cache.with_ttl(Duration::from_micros(60_000_001));
    brief.set("k", "v").await.unwrap();
    near(milliseconds(&server, "ns:k").await, 60_001);
    brief.multi_set([("k", "v"), ("l", "v")]).await.unwrap();
    near(milliseconds(&server, "ns:l").await, 60_001);
    assert!(brief.add("added", "v").await.unwrap());
    near(milliseconds(&server, "ns:added").await, 60_001);
    brief.increment("n", 1).await.unwrap();
    near(milliseconds(&server, "ns:n").await, 60_001);
    cache.with_ttl(Ttl::secs(9)).increment("n", 1).await.unwrap();
    near(milliseconds(&server, "ns:n").await, 60_001);
    let (_, version) = cache.get_versioned::<String>("l").await.unwrap();
    assert!(cache.with_ttl(Ttl::secs(30)).cas("l", "w", version).await.unwrap());
    near(milliseconds(&server, "ns:l").await, 30_000);
    assert!(cache.expire("k", Ttl::Never).await.unwrap());
    assert_eq!(milliseconds(&server, "ns:k").await, -1);
    assert!(cache.expire("k", Ttl::secs(40 * 86_400)).await.unwrap());
    near(milliseconds(&server, "ns:k").await, 40 * 86_400_000);
    cache.set("k", "v").await.unwrap();
    assert_eq!(milliseconds(&server, "ns:k").await, -1, "a set without a TTL takes the old one off");

    server.cli(&["SET", "ns:theirs", "v", "PX", "50000"]).await;
    let Some(Ttl::After(left)) = cache.ttl("theirs").await.unwrap() else { panic!("a TTL") };
    near(i64::try_from(left.as_millis()).unwrap(), 50_000);
    server.cli(&["PERSIST", "ns:theirs"]).await;
    assert_eq!(cache.ttl("theirs").await.unwrap(), Some(Ttl::Never));
    server.cli(&["DEL", "ns:theirs"]).await;
    assert_eq!(cache.ttl("theirs").await.unwrap(), None);
}
