//! A server that answers, but doesn't do what it is told.

use std::time::{Duration, Instant};

use polycache::{Cache, Error, ErrorKind, Ttl};
use polycache_testkit::servers::RedisServer;

use super::support::{cache, failed, until};

const AT_ONCE: Duration = Duration::ZERO;

#[tokio::test]
async fn maximum_memory_reached() {
    let server =
        RedisServer::builder().config("maxmemory", "4mb").config("maxmemory-policy", "noeviction").start().await;
    let cache = cache(&server.url());
    let big = "x".repeat(100_000);
    cache.increment("n", 1).await.unwrap();
    let mut stored = Vec::new();
    let full = loop {
        let key = format!("k{}", stored.len());
        match cache.set(&key, big.clone()).await {
            Ok(()) => stored.push(key),
            Err(error) => break error,
        }
        assert!(stored.len() < 100);
    };
    // What the last one didn't fit into may do for smaller ones.
    server.cli(&["CONFIG", "SET", "maxmemory", "3mb"]).await;
    let (_, version) = cache.get_versioned::<String>("k0").await.unwrap();
    for error in [
        full,
        cache.add("new", 1).await.unwrap_err(),
        cache.multi_set([("new", big.clone())]).await.unwrap_err(),
        cache.increment("n", 1).await.unwrap_err(),
        cache.cas("k0", 1, version).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Backend);
        assert!(!error.is_retryable());
        assert!(error.to_string().contains("`maxmemory`"), "{error}");
    }

    assert_eq!(cache.get::<String>("k0").await.unwrap().unwrap(), big);
    assert_eq!(cache.multi_get::<String>(&["k0", "new"]).await.unwrap(), [Some(big.clone()), None]);
    assert_eq!(cache.get::<i64>("n").await.unwrap(), Some(1), "nothing was counted");
    assert!(cache.expire("k0", Ttl::secs(60)).await.unwrap());
    assert!(cache.delete("k0").await.unwrap());
    assert_eq!(cache.multi_delete(&stored[1..]).await.unwrap(), stored.len() as u64 - 1);
    // `UNLINK` frees in the background.
    until("room for a write", async || cache.set("new", big.clone()).await.is_ok()).await;
    assert_eq!(cache.increment("n", 1).await.unwrap(), 2);
}

/// A view with tags reads as others do: that its tags get no generation is no trouble of the read.
#[tokio::test]
async fn tags_where_nothing_can_be_written() {
    let server = RedisServer::builder().config("maxmemory-policy", "noeviction").start().await;
    let shop = cache(&server.url()).tagged(["shop"]);
    shop.set("k", 1).await.unwrap();
    shop.clear_tag("shop").await.unwrap();
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]).await;
    assert_eq!(shop.get::<i32>("k").await.unwrap(), None);
    assert_eq!(shop.multi_get::<i32>(&["k", "none"]).await.unwrap(), [None, None]);
    assert!(!shop.exists("k").await.unwrap());
    assert_eq!(shop.ttl("none").await.unwrap(), None);
    assert_eq!(shop.get_or_set("k", || async { Ok::<_, Error>(2) }).await.unwrap(), 2);
    assert_eq!(shop.set("k", 3).await.unwrap_err().kind(), ErrorKind::Backend);

    server.cli(&["CONFIG", "SET", "maxmemory", "0"]).await;
    assert_eq!(shop.get_or_set("k", || async { Ok::<_, Error>(4) }).await.unwrap(), 4);
    assert_eq!(shop.get::<i32>("k").await.unwrap(), Some(4));
}

/// The error of a log-in that the server refuses: clear, in time, and without a password.
async fn refused(url: &str, secrets: &[&str]) -> Error {
    let cache = cache(url);
    let started = Instant::now();
    let error = failed(started, AT_ONCE, cache.get::<String>("k").await);
    for text in [error.to_string(), format!("{error:?}"), format!("{cache:?} {cache:#?}")] {
        assert!(secrets.iter().all(|secret| !text.contains(secret)), "{text}");
    }
    assert_eq!(error.kind(), ErrorKind::Backend, "{error}");
    assert!(!error.is_retryable());
    failed(Instant::now(), AT_ONCE, cache.increment("k", 1).await);
    error
}

#[tokio::test]
async fn wrong_log_ins() {
    let server = RedisServer::builder().password("right-Xy7").user("app", "app-Zw8", "~* +@all").start().await;
    let address = server.address();
    for (user, password) in [("", "wrong-Ab1"), ("app", "wrong-Ab1"), ("nobody", "wrong-Ab1"), ("app", "right-Xy7")] {
        for protocol in ["resp2", "resp3"] {
            let url = format!("{}?protocol={protocol}", server.url_as(user, password));
            let error = refused(&url, &["right-Xy7", "app-Zw8", "wrong-Ab1"]).await;
            assert!(error.to_string().contains("check user, password"), "{error}");
        }
    }
    for protocol in ["resp2", "resp3"] {
        let error = refused(&format!("redis://{address}?protocol={protocol}"), &["right-Xy7", "app-Zw8"]).await;
        assert!(error.to_string().contains("password"), "{error}");
    }
    let error = refused(&format!("redis://app:app-Zw8@{address}/99"), &["app-Zw8"]).await;
    assert!(error.to_string().contains("database"), "{error}");

    // Whoever the password was changed for gets in as soon as it is right.
    let cache = cache(&server.url_as("app", "later-Qp9"));
    cache.get::<String>("k").await.unwrap_err();
    server.cli(&["ACL", "SETUSER", "app", ">later-Qp9"]).await;
    until("the log-in", async || cache.get::<String>("k").await.is_ok()).await;
}

fn not_permitted<T: std::fmt::Debug>(result: polycache::Result<T>) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Backend, "{error}");
    assert!(!error.is_retryable());
    assert!(error.to_string().contains("isn't allowed this; extend its ACL"), "{error}");
    assert!(!error.to_string().contains("s3cret"), "{error}");
}

#[tokio::test]
async fn rights_for_some_keys_and_commands() {
    let server = RedisServer::builder()
        .user("keys", "s3cret", "~mine:* +@all")
        .user("reader", "s3cret", "~* +get +mget")
        .start()
        .await;
    let cache = cache(&server.url_as("keys", "s3cret"));
    let (mine, other) = (cache.namespace("mine"), cache.namespace("other"));
    mine.set("k", 1).await.unwrap();
    assert_eq!(mine.increment("k", 1).await.unwrap(), 2);
    not_permitted(other.get::<i32>("k").await);
    not_permitted(other.set("k", 1).await);
    not_permitted(other.add("k", 1).await);
    not_permitted(other.increment("k", 1).await);
    not_permitted(other.delete("k").await);
    not_permitted(cache.multi_get::<i32>(&["mine:k", "other:k"]).await);
    not_permitted(cache.multi_set([("mine:k", 1), ("other:k", 1)]).await);
    mine.clear().await.unwrap();

    // Not even the right to be asked whether the server is alive: that answers the question, too.
    let url = format!("{}?heartbeat=500ms", server.url_as("reader", "s3cret"));
    let reader = super::support::cache(&url);
    server.cli(&["SET", "k", "1"]).await;
    let client = async || {
        assert_eq!(reader.get::<i32>("k").await.unwrap(), Some(1));
        let clients = server.cli(&["CLIENT", "LIST"]).await;
        let client = clients.lines().find(|client| client.contains("user=reader")).expect("a connection").to_owned();
        let field = |name: &str| client.split(' ').find_map(|field| field.strip_prefix(name)).unwrap().to_owned();
        (field("id="), field("cmd="))
    };
    let (first, _) = client().await;
    until("a heartbeat", async || client().await.1 == "ping").await;
    assert_eq!(client().await.0, first, "it is still the first connection");
    not_permitted(reader.set("k", 2).await);
    not_permitted(reader.increment("k", 2).await);
    not_permitted(reader.exists("k").await);
    not_permitted(reader.raw("CONFIG", &["GET", "*"]).await);
    assert_eq!(reader.get::<i32>("k").await.unwrap(), Some(1));
}

fn wrong_type<T: std::fmt::Debug>(result: polycache::Result<T>) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Backend, "{error}");
    assert!(!error.is_retryable());
    assert!(error.to_string().contains("holds a Redis list, hash or the like"), "{error}");
}

#[tokio::test]
async fn wrong_types_under_keys() {
    let server = RedisServer::start().await;
    let cache: Cache = cache(&server.url());
    cache.set("list", 1).await.unwrap();
    let (_, version) = cache.get_versioned::<i32>("list").await.unwrap();
    server.cli(&["DEL", "list"]).await;
    server.cli(&["LPUSH", "list", "element"]).await;
    server.cli(&["PEXPIRE", "list", "50000"]).await;

    wrong_type(cache.get::<i32>("list").await);
    wrong_type(cache.get_versioned::<i32>("list").await);
    wrong_type(cache.increment("list", 1).await);
    wrong_type(cache.cas("list", 2, version).await);
    assert_eq!(cache.multi_get::<i32>(&["list", "none"]).await.unwrap(), [None, None], "a list is no value");
    assert!(cache.exists("list").await.unwrap());
    assert!(!cache.add("list", 1).await.unwrap(), "the key is taken");
    assert!(matches!(cache.ttl("list").await.unwrap(), Some(Ttl::After(_))));
    assert!(cache.expire("list", Ttl::Never).await.unwrap());
    assert_eq!(server.cli(&["LRANGE", "list", "0", "-1"]).await, "element", "nothing has changed it");

    cache.set("list", 2).await.unwrap();
    assert_eq!(cache.get::<i32>("list").await.unwrap(), Some(2));
    server.cli(&["SADD", "set", "member"]).await;
    assert!(cache.delete("set").await.unwrap());
    server.cli(&["HSET", "ns:hash", "field", "value"]).await;
    cache.namespace("ns").clear().await.unwrap();
    assert_eq!(server.cli(&["EXISTS", "set", "ns:hash"]).await, "0");

    // What isn't a number is left alone.
    cache.set("text", "a").await.unwrap();
    assert_eq!(cache.increment("text", 1).await.unwrap_err().kind(), ErrorKind::NotANumber);
    cache.set("most", i64::MAX).await.unwrap();
    assert_eq!(cache.increment("most", 1).await.unwrap_err().kind(), ErrorKind::Overflow);
    assert_eq!(cache.get::<i64>("most").await.unwrap(), Some(i64::MAX));
}

/// `maxclients`: the server may say why, but it closes the connection at once, so mostly nobody hears it.
#[tokio::test]
async fn too_many_clients() {
    let server = RedisServer::builder().config("maxclients", "3").start().await;
    let cache = cache(&format!("{}?connections=1", server.url()));
    let taken: Vec<_> = (0..3).map(|_| std::net::TcpStream::connect(server.address()).unwrap()).collect();
    let started = Instant::now();
    let error = failed(started, AT_ONCE, cache.get::<String>("k").await);
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    drop(taken);
    until("a place", async || cache.get::<String>("k").await.is_ok()).await;
}
