//! Commands of Redis' own.

use polycache::{Cache, ErrorKind, Raw, Result};
use polycache_testkit::servers::RedisServer;

use super::support::{cache, failed};

const NONE: [&str; 0] = [];

fn bytes(bytes: impl AsRef<[u8]>) -> Raw {
    Raw::Bytes(bytes.as_ref().to_vec())
}

#[tokio::test]
async fn bytes_of_any_kind() {
    let server = RedisServer::start().await;
    let cache = cache(&server.url());
    let all: Vec<u8> = (0..=255).chain(*b"\r\n$3\r\n\0").collect();
    assert_eq!(cache.raw("SET", &[&b"k\0\r\n\xff"[..], &all]).await.unwrap(), Raw::Text("OK".into()));
    assert_eq!(cache.raw("GET", &[b"k\0\r\n\xff"]).await.unwrap(), Raw::Bytes(all.clone()));
    assert_eq!(server.cli_bytes(&[b"STRLEN", b"k\0\r\n\xff"]).await, all.len().to_string().as_bytes());
    assert_eq!(cache.raw("ECHO", &[""]).await.unwrap(), bytes(""));
    assert_eq!(cache.raw("config get", &["maxmemory"]).await.unwrap(), {
        Raw::Map(vec![(bytes("maxmemory"), bytes("0"))])
    });
}

#[tokio::test]
async fn replies_of_every_type() {
    let server = RedisServer::start().await;
    for protocol in ["resp3", "resp2"] {
        let cache = cache(&format!("{}?protocol={protocol}", server.url()));
        let resp3 = protocol == "resp3";
        let eval = async |script: &str| cache.raw("EVAL", &[script, "0"]).await.unwrap();

        assert_eq!(cache.raw("PING", &NONE).await.unwrap(), Raw::Text("PONG".into()));
        assert_eq!(cache.raw("GET", &["none"]).await.unwrap(), Raw::Nil);
        assert_eq!(eval("return -9007199254740993").await, Raw::Int(-9_007_199_254_740_992), "a number of Lua's");
        assert_eq!(eval("return redis.status_reply('FINE')").await, Raw::Text("FINE".into()));
        let nested = eval("return {1, {'two', {3, {}}}, redis.status_reply('4')}").await;
        let two = Raw::List(vec![bytes("two"), Raw::List(vec![Raw::Int(3), Raw::List(vec![])])]);
        assert_eq!(nested, Raw::List(vec![Raw::Int(1), two, Raw::Text("4".into())]));

        cache.raw("DEL", &["hash", "set", "sorted"]).await.unwrap();
        cache.raw("HSET", &["hash", "a", "1", "b", "2"]).await.unwrap();
        let (a, one, b, two) = (bytes("a"), bytes("1"), bytes("b"), bytes("2"));
        assert_eq!(
            cache.raw("HGETALL", &["hash"]).await.unwrap(),
            if resp3 { Raw::Map(vec![(a, one), (b, two)]) } else { Raw::List(vec![a, one, b, two]) }
        );
        cache.raw("SADD", &["set", "member"]).await.unwrap();
        assert_eq!(cache.raw("SMEMBERS", &["set"]).await.unwrap(), Raw::List(vec![bytes("member")]));
        cache.raw("ZADD", &["sorted", "1.5", "member"]).await.unwrap();
        let score = cache.raw("ZSCORE", &["sorted", "member"]).await.unwrap();
        assert_eq!(score, if resp3 { Raw::Double(1.5) } else { bytes("1.5") });
        if resp3 {
            let score = eval("redis.setresp(3); return redis.call('ZSCORE', 'sorted', 'member')").await;
            assert_eq!(score, Raw::Double(1.5));
            assert_eq!(eval("redis.setresp(3); return {double = -0.25}").await, Raw::Double(-0.25));
            assert_eq!(
                eval("redis.setresp(3); return {map = {a = 1}}").await,
                Raw::Map(vec![(bytes("a"), Raw::Int(1))])
            );
            assert_eq!(eval("redis.setresp(3); return {set = {a = true}}").await, Raw::List(vec![bytes("a")]));
            assert_eq!(eval("redis.setresp(3); return true").await, Raw::Bool(true));
            assert_eq!(eval("redis.setresp(3); return {1, false, 2}").await, {
                Raw::List(vec![Raw::Int(1), Raw::Bool(false), Raw::Int(2)])
            });
            let big = eval("redis.setresp(3); return {big_number = '123456789012345678901234567890'}").await;
            assert_eq!(big.as_bytes(), Some(&b"123456789012345678901234567890"[..]));
            let text = eval("redis.setresp(3); return {verbatim_string = {format = 'txt', string = 'words'}}").await;
            assert_eq!(text, Raw::Text("words".into()));
        }
    }
}

fn kind<T: std::fmt::Debug>(result: Result<T>, kind: ErrorKind, says: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().starts_with("raw: ") && error.to_string().contains(says), "{error}");
}

#[tokio::test]
async fn errors() {
    let server = RedisServer::start().await;
    let cache = cache(&server.url());
    kind(cache.raw("NONSENSE", &["a"]).await, ErrorKind::Backend, "doesn't know the command");
    kind(cache.raw("GET", &NONE).await, ErrorKind::Backend, "wrong number of arguments");
    kind(cache.raw("", &NONE).await, ErrorKind::InvalidInput, "no command");
    kind(cache.raw("  ", &NONE).await, ErrorKind::InvalidInput, "no command");
    cache.raw("LPUSH", &["list", "a"]).await.unwrap();
    kind(cache.raw("GET", &["list"]).await, ErrorKind::Backend, "WRONGTYPE");
    kind(
        cache.raw("EVAL", &["return redis.error_reply('MINE is this')", "0"]).await,
        ErrorKind::Backend,
        "MINE is this",
    );
    kind(cache.raw("EVAL", &["this isn't Lua", "0"]).await, ErrorKind::Backend, "ERR");
    // An error within a reply fails all of it.
    kind(cache.raw("EVAL", &["return {1, {err = 'MINE again'}}", "0"]).await, ErrorKind::Backend, "again");
    assert_eq!(cache.raw("PING", &NONE).await.unwrap(), Raw::Text("PONG".into()));
}

/// What would change the connection for all callers, or block it.
#[tokio::test]
async fn refused_commands() {
    let server = RedisServer::start().await;
    let cache: Cache = cache(&server.url());
    cache.set("k", 1).await.unwrap();
    for words in [
        &["SUBSCRIBE", "channel"][..],
        &["psubscribe", "*"],
        &["SSUBSCRIBE", "channel"],
        &["UNSUBSCRIBE"],
        &["MONITOR"],
        &["multi"],
        &["EXEC"],
        &["WATCH", "k"],
        &["SELECT", "1"],
        &["Auth", "user", "password"],
        &["HELLO", "2"],
        &["RESET"],
        &["QUIT"],
        &["CLIENT", "REPLY", "OFF"],
        &["client reply", "off"],
        &["CLIENT", "tracking", "on"],
        &["BLPOP", "list", "0"],
        &["bzpopmin", "list", "0"],
        &["WAIT", "1", "0"],
        &["XREAD", "BLOCK", "0", "STREAMS", "s", "$"],
        &[" SUBSCRIBE ", "channel"],
    ] {
        let started = std::time::Instant::now();
        let error = failed(started, std::time::Duration::ZERO, cache.raw(words[0], &words[1..]).await);
        assert_eq!(error.kind(), ErrorKind::Refused, "{words:?}: {error}");
        assert!(error.to_string().contains("use a connection of your own"), "{error}");
        assert!(!error.to_string().contains("password"), "{error}");
        assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1), "after {words:?}");
    }
}
