//! Nothing that was sent comes back in an error: servers repeat arguments of commands that they don't know.

use std::error::Error as _;
use std::time::Duration;

use polycache::backends::redis::Redis;
use polycache::serializers::Text;
use polycache::{Cache, Error, OnError, Ttl};
use polycache_testkit::Events;
use polycache_testkit::servers::RedisServer;

const PASSWORD: &str = "hunter2 with 'quotes\" and `more`";
const VALUE: &str = "s3cret-value";
/// What must not be seen: parts of these, as servers may cut or escape.
const SECRETS: [&str; 2] = ["hunter2", "s3cret"];

fn without_secrets(what: &str, text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{what}: {text}");
    }
}

fn look(what: &str, error: &Error) {
    without_secrets(what, &error.to_string());
    without_secrets(what, &format!("{error:?} {error:#?}"));
    let mut source = error.source();
    while let Some(inner) = source {
        without_secrets(what, &format!("{inner} {inner:?} {inner:#?}"));
        source = inner.source();
    }
}

/// Does all that a cache can do, with a value that must not be seen. Returns how much of it failed.
async fn everything(what: &str, cache: &Cache) -> usize {
    let version = cache.get_versioned::<String>("k").await.map(|(_, version)| version);
    let absent = cache.get_versioned::<String>("none").await.map(|(_, version)| version);
    let mut errors = vec![
        cache.set("k", VALUE).await.err(),
        cache.with_ttl(Ttl::secs(60)).set("k", VALUE).await.err(),
        cache.add("added", VALUE).await.err(),
        cache.multi_set([("a", VALUE), ("b", VALUE)]).await.err(),
        cache.get::<String>("k").await.err(),
        cache.multi_get::<String>(&["a", "b"]).await.err(),
        cache.exists("k").await.err(),
        cache.ttl("k").await.err(),
        cache.expire("k", Ttl::secs(60)).await.err(),
        cache.expire("k", Ttl::Never).await.err(),
        cache.increment("n", 1).await.err(),
        cache.scan("*").next().await.and_then(Result::err),
        cache.get_or_set("computed", || async { Ok::<_, Error>(VALUE.to_owned()) }).await.err(),
        cache.delete("k").await.err(),
        cache.multi_delete(&["a", "b"]).await.err(),
        cache.clear().await.err(),
        cache.namespace("").clear().await.err(),
        cache.raw("SET", &["raw", VALUE]).await.err(),
        cache.raw("ECHO", &[VALUE]).await.err(),
        cache.raw("HSET", &["hash", VALUE]).await.err(),
        cache.raw("HSET", &["hash", VALUE, VALUE, VALUE]).await.err(),
        cache.raw("NONSENSE", &[VALUE]).await.err(),
        cache.raw("OBJECT", &[VALUE, "k"]).await.err(),
        cache.raw("CONFIG", &["SET", "maxmemory", VALUE]).await.err(),
        cache.raw("CONFIG", &["SET", VALUE, VALUE]).await.err(),
        cache.raw("ACL", &["SETUSER", "u", &format!(">it's {VALUE}"), VALUE]).await.err(),
        cache.raw("EVAL", &["error(ARGV[1])", "0", VALUE]).await.err(),
        cache.raw("EVAL", &["return redis.error_reply(ARGV[1])", "0", VALUE]).await.err(),
        cache.raw("EVAL", &["return {1, redis.error_reply(ARGV[1])}", "0", VALUE]).await.err(),
        cache.raw("EVAL", &["return redis.call(ARGV[1])", "0", VALUE]).await.err(),
        cache.raw("EVAL", &[&format!("return {VALUE}"), "0"]).await.err(),
        cache.raw("EVAL", &[&format!("'{VALUE}' is no Lua"), "0"]).await.err(),
    ];
    for version in [version, absent] {
        errors.push(match version {
            Ok(version) => cache.cas("k", VALUE, version).await.err(),
            Err(error) => Some(error),
        });
    }
    let errors: Vec<Error> = errors.into_iter().flatten().collect();
    errors.iter().for_each(|error| look(what, error));
    errors.len()
}

fn caches(url: &str) -> [Cache; 2] {
    [OnError::Fail, OnError::Miss].map(|on_error| {
        let redis = Redis::open(url).unwrap();
        let builder = Cache::builder().backend(redis).serializer(Text).namespace("ns").allow_flush(true);
        builder.on_error(on_error).lease(Duration::from_secs(1)).build().unwrap()
    })
}

/// Every command that the backend uses, unknown to the server.
#[tokio::test]
async fn of_commands_that_the_server_does_not_know() {
    let events = Events::collect();
    for command in [
        "NONE", "HELLO", "AUTH", "SELECT", "CLIENT", "GET", "MGET", "SET", "EXISTS", "EVALSHA", "EVAL", "PEXPIRE",
        "PTTL", "UNLINK", "SCAN", "FLUSHDB", "PING", "ECHO",
    ] {
        let mut builder = RedisServer::builder().password(PASSWORD);
        if command != "NONE" {
            builder = builder.config("rename-command", &format!("{command} \"\""));
        }
        let server = builder.start().await;
        for protocol in ["resp3", "resp2"] {
            let url = server.url();
            for cache in caches(&format!("{url}/2?protocol={protocol}")) {
                let failed = everything(&format!("without {command}, {protocol}"), &cache).await;
                let told = events.take();
                told.iter().for_each(|event| without_secrets(command, event));
                // A server without `HELLO` is spoken to in RESP2. All fails where nobody can log in.
                let nobody = matches!((command, protocol), ("AUTH", "resp2") | ("SELECT", _));
                assert_eq!(failed > 25, nobody, "{failed} commands failed without {command}, {protocol}");
            }
        }
    }
}

/// A server without RESP3 that asks for a user's password.
#[tokio::test]
async fn of_users_whom_the_server_does_not_let_in() {
    let events = Events::collect();
    let server =
        RedisServer::builder().user("app", PASSWORD, "~* +@all").config("rename-command", "HELLO \"\"").start().await;
    let [cache, _] = caches(&server.url());
    cache.set("k", VALUE).await.unwrap();
    assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some(VALUE));
    for (user, password) in [("app", "hunter2"), ("hunter2", PASSWORD)] {
        let [cache, _] = caches(&server.url_as(user, password));
        let error = cache.get::<String>("k").await.unwrap_err();
        look("wrong log-in", &error);
        assert!(error.to_string().contains("WRONGPASS"), "{error}");
    }
    events.take().iter().for_each(|event| without_secrets("log-in", event));
}
