//! Commands of Redis' own.

use polycache::{Cache, ErrorKind, Raw, Result};
use polycache_testkit::servers::{RedisCluster, RedisServer, ignored};

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
        }
        // A script of Redis 6 has no such replies.
        if resp3 && server.version().await >= [7, 0, 0] {
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
    kind(cache.raw("NONSENSE", &["a"]).await, ErrorKind::InvalidInput, "isn't among the commands");
    kind(cache.raw("MODULES.OWN", &["a"]).await, ErrorKind::Backend, "unknown command 'MODULES.OWN'");
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
        &["CLIENT", "CAPA", "redirect"],
        &["CLIENT", "IMPORT-SOURCE", "on"],
        &["CLIENT", "NO-EVICT", "on"],
        &["CLIENT", "NO-TOUCH", "on"],
        &["CLIENT", "SETNAME", "other"],
        &["CLIENT", "SETINFO", "lib-name", "other"],
        &["CLIENT", "CACHING", "yes"],
        &["CLIENT"],
        &["SCRIPT", "DEBUG", "YES"],
        &["script debug", "sync"],
        &["ASKING"],
        &["READONLY"],
        &["READWRITE"],
        &["SSUBSCRIBE", "channel"],
        &["SYNC"],
        &["PSYNC", "?", "-1"],
        &["REPLCONF", "listening-port", "1"],
        &["UNWATCH"],
        &["DISCARD"],
        &["BLPOP", "list", "0"],
        &["bzpopmin", "list", "0"],
        &["WAIT", "1", "0"],
        &["WAITAOF", "0", "0", "0"],
        &["BLMOVE", "a", "b", "LEFT", "LEFT", "0"],
        &["XREAD", "BLOCK", "0", "STREAMS", "s", "$"],
        &["XREADGROUP", "GROUP", "STREAMS", "c", "COUNT", "1", "block", "0", "STREAMS", "s", ">"],
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

/// What has such words as keys is sent.
#[tokio::test]
async fn words_that_only_look_like_refused_ones() {
    let server = RedisServer::start().await;
    let cache: Cache = cache(&server.url());
    assert_eq!(cache.raw("XREAD", &["COUNT", "1", "STREAMS", "BLOCK", "0"]).await.unwrap(), Raw::Nil);
    cache.raw("XGROUP", &["CREATE", "s", "BLOCK", "$", "MKSTREAM"]).await.unwrap();
    assert_eq!(cache.raw("XREADGROUP", &["GROUP", "BLOCK", "BLOCK", "STREAMS", "s", ">"]).await.unwrap(), Raw::Nil);
    cache.raw("SET", &["MONITOR", "SUBSCRIBE"]).await.unwrap();
    assert_eq!(cache.raw("script load", &["return 7"]).await.unwrap().as_bytes().unwrap().len(), 40);
    assert!(matches!(cache.raw("CLIENT", &["ID"]).await.unwrap(), Raw::Int(_)));
}

/// In a cluster a command goes where its keys are, whichever of its words these are.
#[tokio::test]
async fn keys_that_are_not_the_first_word() {
    if RedisServer::start().await.version().await < [7, 0, 0] {
        return ignored("the fixture of a cluster needs the setting `cluster-port` of Redis 7");
    }
    let cluster = RedisCluster::start(3, 0).await;
    let cache: Cache = cache(&cluster.url());
    for i in 0..20 {
        let key = format!("k{i}");
        cache.set(&key, i).await.unwrap();
        let raw = async |command: &str, args: &[&str]| {
            cache.raw(command, args).await.unwrap_or_else(|error| panic!("{command} of {key}: {error}"))
        };
        assert_eq!(raw("OBJECT", &["ENCODING", &key]).await, bytes("int"));
        assert_eq!(raw("object encoding", &[&key]).await, bytes("int"));
        assert!(matches!(raw("MEMORY", &["USAGE", &key]).await, Raw::Int(1..)));
        let text = i.to_string();
        assert_eq!(raw("EVAL", &["return redis.call('GET', KEYS[1])", "1", &key]).await, bytes(&text));
        assert_eq!(raw("BITOP", &["AND", &format!("{{{key}}}.copy"), &key]).await, Raw::Int(text.len() as i64));
        raw("XADD", &[&format!("s{i}"), "1-1", "f", "v"]).await;
        let read = raw("XREAD", &["COUNT", "1", "STREAMS", &format!("s{i}"), "0"]).await;
        assert!(matches!(read, Raw::Map(_)), "{read:?}");
        raw("XGROUP", &["CREATE", &format!("s{i}"), "g", "0"]).await;
        let read = raw("XREADGROUP", &["GROUP", "g", "me", "STREAMS", &format!("s{i}"), ">"]).await;
        assert!(matches!(read, Raw::Map(_)), "{read:?}");
        assert!(matches!(raw("XINFO", &["STREAM", &format!("s{i}")]).await, Raw::Map(_)));
        assert_eq!(raw("ZUNION", &["1", &format!("z{i}")]).await, Raw::List(vec![]));
    }
    assert_eq!(cache.raw("PING", &NONE).await.unwrap(), Raw::Text("PONG".into()));
    let error = cache.raw("MGET", &["a", "b", "c"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
}
