//! Which changes are told: a table of the guide, a test a line.

use polycache::Ttl;
use polycache::backend::{Backend, Entry, Key, Pattern, SetOptions, Want, When};
use polycache::backends::redis::Redis;
use polycache::{Raw, Value};
use polycache_testkit::left_alone;
use polycache_testkit::servers::{RedisServer, ignored};

use super::support::{Heard, Tracked, changed, set, set_with, tracked};

struct Pair {
    server: RedisServer,
    /// Whoever else writes.
    other: Redis,
    ours: Tracked,
}

async fn pair() -> Pair {
    let server = RedisServer::start().await;
    Pair { other: Redis::open(&server.url()).unwrap(), ours: tracked(&server.url()), server }
}

#[tokio::test]
async fn each_kind_of_write_of_another_client() {
    let Pair { server, other, ours } = pair().await;
    for (write, is_told) in [
        (&["SET", "k", "w"][..], true),
        (&["SET", "k", "v"], true),
        (&["SET", "k", "v", "NX"], false),
        (&["APPEND", "k", "v"], true),
        (&["PEXPIRE", "k", "100000"], true),
        (&["PERSIST", "k"], true),
        (&["GETEX", "k", "EX", "100"], true),
        (&["GETDEL", "k"], true),
        (&["DEL", "k"], false),
        (&["INCR", "k"], true),
        (&["RENAME", "k", "l"], true),
        (&["RESTORE", "k", "0", "\u{0}\u{1}v\u{b}\u{0}", "REPLACE"], false),
        (&["COPY", "l", "k"], true),
        (&["UNLINK", "k"], true),
        (&["EVAL", "redis.call('SET', KEYS[1], 'v')", "1", "k"], true),
        (&["PEXPIREAT", "k", "1"], true),
    ] {
        let before = ours.get("k").await;
        // One that is refused tells nothing either.
        let _ = other.raw(write[0], &write[1..].iter().map(|word| word.as_bytes()).collect::<Vec<_>>()).await;
        let expected = if is_told { vec![changed("k")] } else { Vec::new() };
        assert_eq!(ours.heard_so_far(&other).await, expected, "{write:?}, where it was {before:?}");
    }
    drop(server);
}

#[tokio::test]
async fn every_read_is_tracked_also_of_what_is_missing() {
    let Pair { server: _server, other, ours } = pair().await;
    for present in [true, false] {
        let wants = [Want::NOTHING, Want::VALUE, Want::TTL, Want::VERSION, Want::VALUE.and(Want::TTL)];
        for want in wants {
            let keys = [Key::plain("a"), Key::plain("b")];
            let prepare = async || {
                other.multi_delete(&keys).await.unwrap();
                if present {
                    set(&other, "a", "v").await;
                    set(&other, "b", "v").await;
                }
            };
            prepare().await;
            assert_eq!(ours.backend.look(keys[0], want).await.unwrap().is_some(), present);
            set(&other, "a", "w").await;
            assert_eq!(ours.heard_so_far(&other).await, [changed("a")], "look {want:?}, present {present}");

            prepare().await;
            let found = ours.backend.multi_get(&keys, want).await.unwrap();
            assert!(found.iter().all(|found| found.is_some() == present));
            set(&other, "b", "w").await;
            set(&other, "a", "w").await;
            assert_eq!(ours.heard_so_far(&other).await, [changed("b"), changed("a")], "multi_get {want:?}");
        }
    }
}

#[tokio::test]
async fn a_change_is_told_once_for_each_read() {
    let Pair { server: _server, other, ours } = pair().await;
    ours.get("k").await;
    ours.get("k").await;
    set(&other, "k", "1").await;
    set(&other, "k", "2").await;
    assert_eq!(ours.heard_so_far(&other).await, [changed("k")]);
    set(&other, "k", "3").await;
    assert_eq!(ours.heard_so_far(&other).await, []);
    assert_eq!(ours.get("k").await.as_deref(), Some("3"));
    set(&other, "k", "4").await;
    assert_eq!(ours.heard_so_far(&other).await, [changed("k")]);
}

#[tokio::test]
async fn ones_own_write_is_told_and_ends_the_tracking() {
    let Pair { server: _server, other, ours } = pair().await;
    let key = Key::plain("k");
    for write in 0..5 {
        set(&other, "k", "1").await;
        ours.get("k").await;
        ours.heard();
        match write {
            0 => ours.set("k", "2").await,
            1 => ours.backend.multi_set(vec![Entry::new(key, Value::bytes(*b"2"), Ttl::Never)]).await.unwrap(),
            2 => assert!(ours.backend.expire(key, Ttl::secs(100)).await.unwrap()),
            3 => assert!(ours.backend.delete(key, When::Always).await.unwrap()),
            _ => {
                let raw = ours.backend.raw("SET", &[b"k", b"2"]).await.unwrap();
                assert_eq!(raw, Raw::Text("OK".to_owned()));
            }
        }
        set(&other, "k", "3").await;
        assert_eq!(ours.heard_so_far(&other).await, [changed("k")], "write {write}: one's own alone");
    }
    // A script that reads before it writes may be tracked as a read.
    ours.get("k").await;
    assert_eq!(ours.backend.increment(key, 1, Ttl::Never).await.unwrap(), 4);
    assert_eq!(ours.heard_so_far(&other).await, [changed("k")]);
}

#[tokio::test]
async fn a_clear_of_ones_own_is_told() {
    let Pair { server: _server, other, ours } = pair().await;
    set(&other, "ns:k", "1").await;
    ours.get("ns:k").await;
    ours.backend.clear("ns:").await.unwrap();
    assert_eq!(ours.heard_so_far(&other).await, [changed("ns:k")]);
    ours.get("k").await;
    ours.backend.clear("").await.unwrap();
    ours.heard_until(Heard::Flushed).await;
}

#[tokio::test]
async fn what_is_not_read_is_not_told() {
    let Pair { server: _server, other, ours } = pair().await;
    set(&other, "k", "1").await;
    ours.backend.scan("", &Pattern::new("*").unwrap(), None).await.unwrap();
    ours.backend.raw("INCR", &[b"n"]).await.unwrap();
    ours.backend.raw("GETEX", &[b"k"]).await.unwrap();
    other.get(Key::plain("k")).await.unwrap();
    set(&other, "k", "2").await;
    set(&other, "n", "2").await;
    assert_eq!(ours.heard_so_far(&other).await, []);
}

#[tokio::test]
async fn scripts() {
    let Pair { server, other, ours } = pair().await;
    let read = async |script: &str| {
        set(&other, "declared", "1").await;
        set(&other, "read", "1").await;
        ours.backend.raw("EVAL", &[script.as_bytes(), b"1", b"declared"]).await.unwrap();
        set(&other, "declared", "2").await;
        set(&other, "read", "2").await;
        ours.heard_so_far(&other).await
    };
    assert_eq!(read("return redis.call('GET', KEYS[1])").await, [changed("declared")]);
    assert_eq!(read("return redis.call('SET', KEYS[1], 1)").await, [], "it only writes");
    // Redis before 7.2 tracks what is declared, later servers and Valkey what is read.
    let is_by_declaration = server.version().await < [7, 1, 0];
    let expected = changed(if is_by_declaration { "declared" } else { "read" });
    let undeclared = read("return redis.call('GET', 'read')").await;
    assert_eq!(undeclared, [expected]);
}

#[tokio::test]
async fn expiry() {
    let Pair { server: _server, other, ours } = pair().await;
    set_with(&other, "k", "v", Ttl::millis(500)).await;
    assert_eq!(ours.get("k").await.as_deref(), Some("v"));
    assert_eq!(ours.heard_until(changed("k")).await, [changed("k")]);
}

/// A server looks for expired entries a few times a second. One that it hasn't found yet is told with the first touch, whoever's it is.
#[tokio::test]
async fn expiry_that_the_server_does_not_look_for() {
    if RedisServer::start().await.version().await < [7, 0, 0] {
        return ignored("Redis 6 has no setting that allows DEBUG");
    }
    let server = RedisServer::builder().config("enable-debug-command", "yes").start().await;
    let (other, ours) = (Redis::open(&server.url()).unwrap(), tracked(&server.url()));
    server.cli(&["DEBUG", "SET-ACTIVE-EXPIRE", "0"]).await;
    for toucher in [&other as &dyn Backend, &*ours.backend] {
        set_with(&other, "k", "v", Ttl::millis(500)).await;
        assert_eq!(ours.get("k").await.as_deref(), Some("v"));
        server.cli(&["DEBUG", "SLEEP", "0.6"]).await;
        assert_eq!(ours.heard_so_far(&other).await, []);
        assert!(toucher.get(Key::plain("k")).await.unwrap().is_none());
        ours.heard_until(changed("k")).await;
    }
}

#[tokio::test]
async fn eviction() {
    let server =
        RedisServer::builder().config("maxmemory", "3mb").config("maxmemory-policy", "allkeys-random").start().await;
    let (other, ours) = (Redis::open(&server.url()).unwrap(), tracked(&server.url()));
    let keys: Vec<String> = (0..100).map(|key| format!("k{key}")).collect();
    let big = "x".repeat(1000);
    for key in &keys {
        set(&other, key, &big).await;
        ours.get(key).await;
    }
    let evicted = async || {
        let stats = server.cli(&["INFO", "stats"]).await;
        stats.lines().find_map(|line| line.strip_prefix("evicted_keys:")).unwrap().trim().parse::<u32>().unwrap()
    };
    let mut more = 0;
    while evicted().await < 100 {
        for _ in 0..100 {
            more += 1;
            set(&other, &format!("more {more}"), &big).await;
        }
    }
    let heard = ours.heard_so_far(&other).await;
    for key in keys {
        let is_there = other.get(Key::plain(&key)).await.unwrap().is_some();
        assert_eq!(heard.contains(&changed(&key)), !is_there, "{key}");
    }
}

#[tokio::test]
async fn flushes() {
    let Pair { server, other, ours } = pair().await;
    for flush in [&["FLUSHALL"][..], &["FLUSHALL", "ASYNC"], &["FLUSHDB"], &["-n", "5", "FLUSHDB"]] {
        ours.get("k").await;
        ours.heard();
        server.cli(flush).await;
        ours.heard_until(Heard::Flushed).await;
        // The server has forgotten what was read.
        set(&other, "k", "1").await;
        assert_eq!(ours.heard_so_far(&other).await, [], "{flush:?}");
    }
}

#[tokio::test]
async fn other_databases() {
    let Pair { server, other, ours } = pair().await;
    set(&other, "k", "1").await;
    assert_eq!(ours.get("k").await.as_deref(), Some("1"));
    server.cli(&["-n", "5", "SET", "k", "elsewhere"]).await;
    assert_eq!(ours.heard_until(changed("k")).await, [changed("k")], "a key of this name in any database");
    set(&other, "k", "2").await;
    assert_eq!(ours.heard_so_far(&other).await, [], "it isn't tracked any more");

    // Nobody is told that databases were exchanged.
    assert_eq!(ours.get("k").await.as_deref(), Some("2"));
    server.cli(&["SWAPDB", "0", "5"]).await;
    assert_eq!(ours.heard_so_far(&other).await, []);
    assert_eq!(ours.get("k").await.as_deref(), Some("elsewhere"));

    let in_another = tracked(&format!("{}/7", server.url()));
    in_another.get("k").await;
    server.cli(&["-n", "7", "SET", "k", "v"]).await;
    in_another.heard_until(changed("k")).await;
}

#[tokio::test]
async fn more_keys_than_the_server_remembers() {
    let server = RedisServer::builder().config("tracking-table-max-keys", "10").start().await;
    let (other, ours) = (Redis::open(&server.url()).unwrap(), tracked(&server.url()));
    let keys: Vec<String> = (0..50).map(|key| format!("k{key}")).collect();
    for key in &keys {
        ours.get(key).await;
    }
    // The rest is told when it changes.
    let mut heard = ours.heard_so_far(&other).await;
    assert!(heard.len() >= 39, "{heard:?}");
    for key in &keys {
        set(&other, key, "v").await;
    }
    heard.extend(ours.heard_so_far(&other).await);
    for key in &keys {
        assert!(heard.contains(&changed(key)), "{key}");
    }
}

/// A write whose caller has given it up is told once it is done.
#[tokio::test]
async fn a_write_that_was_given_up() {
    let Pair { server, other: _, ours } = pair().await;
    ours.get("k").await;
    server.stop();
    let options = SetOptions::new(Ttl::Never, When::Always);
    drop(left_alone(ours.backend.set(Key::plain("k"), Value::bytes(*b"late"), options), 1).await);
    assert_eq!(ours.heard(), []);
    server.resume();
    assert_eq!(ours.heard_until(changed("k")).await, [changed("k")]);
    assert_eq!(ours.get("k").await.as_deref(), Some("late"));
}
