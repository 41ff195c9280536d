//! Each command through both tiers: the table in the guide.

use std::time::Duration;

use polycache::backend::Want;
use polycache::locks::RedLock;
use polycache::{Cache, ErrorKind, Ttl, cached};

use crate::Pair;

#[cached(cache = cache, key = "k")]
async fn function(cache: Cache) -> Result<i32, &'static str> {
    Err("computed")
}

/// A command on the key `k`, which is near with the value 1, or on all keys.
async fn run(pair: &Pair, command: &str) {
    let cache = &pair.cache;
    let one = Some(1);
    match command {
        "get" => assert_eq!(cache.get("k").await.unwrap(), one),
        // What a server holds is no object: it is found near all the same.
        "get_object" => {
            assert_eq!(cache.get_object::<i32>("k").await.unwrap_err().kind(), ErrorKind::Decode);
        }
        "multi_get" => {
            assert_eq!(cache.multi_get(&["k", "k"]).await.unwrap(), [one; 2]);
        }
        "exists" => assert!(cache.exists("k").await.unwrap()),
        "ttl" => assert_eq!(cache.ttl("k").await.unwrap(), Some(Ttl::Never)),
        "look" => assert_eq!(cache.look("k", Want::VALUE).await.unwrap().unwrap().value, one),
        "look with the version" => {
            assert!(cache.look::<i32>("k", Want::VERSION).await.unwrap().unwrap().version.is_some());
        }
        "cached function" => assert_eq!(function(cache.clone()).await, Ok(1)),
        "get_or_set" => assert_eq!(cache.get_or_set("k", || async { Err("computed") }).await, Ok(1)),
        "multi_get_or_set" => {
            let found =
                cache.multi_get_or_set::<i32, &str, _, Vec<(&str, i32)>, _, _>(&["k"], |_| async { Err("computed") });
            assert_eq!(found.await, [Ok(one)]);
        }
        "get_versioned" => assert_eq!(cache.get_versioned("k").await.unwrap().0, one),
        "scan" => assert_eq!(cache.scan("*").collect().await.unwrap(), ["k"]),
        "set" => cache.set("k", 2).await.unwrap(),
        "add" => assert!(!cache.add("k", 2).await.unwrap()),
        "cas" => {
            let (_, version) = pair.other.get_versioned::<i32>("k").await.unwrap();
            assert!(cache.cas("k", 2, version).await.unwrap());
        }
        "cas that fails" => {
            let (_, version) = pair.other.get_versioned::<i32>("k").await.unwrap();
            pair.other.set("k", 3).await.unwrap();
            assert!(!cache.cas("k", 2, version).await.unwrap());
        }
        "multi_set" => cache.multi_set([("k", 2)]).await.unwrap(),
        "increment" => assert_eq!(cache.increment("k", 1).await.unwrap(), 2),
        "increment that fails" => assert!(cache.increment("k", i64::MAX).await.is_err()),
        "expire" => assert!(cache.expire("k", Ttl::secs(60)).await.unwrap()),
        "delete" => assert!(cache.delete("k").await.unwrap()),
        "multi_delete" => assert_eq!(cache.multi_delete(&["k"]).await.unwrap(), 1),
        "clear" => cache.clear().await.unwrap(),
        "raw" => drop(cache.raw("len", &[""; 0]).await.unwrap()),
        "lock" => {
            let guard = RedLock::new(cache, "k", Duration::from_secs(60)).acquire(Duration::ZERO).await.unwrap();
            assert!(guard.release().await.unwrap());
        }
        "flush" => pair.near.flush(),
        "close" => cache.close().await.unwrap(),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn each_command() {
    const NONE: &[&str] = &[];
    // What goes far, and whether the key is near afterwards.
    let rows: &[(&str, &[&str], bool)] = &[
        ("get", NONE, true),
        ("get_object", NONE, true),
        ("multi_get", NONE, true),
        ("exists", NONE, true),
        ("ttl", NONE, true),
        ("look", NONE, true),
        ("get_or_set", NONE, true),
        ("multi_get_or_set", NONE, true),
        ("cached function", NONE, true),
        ("get_versioned", &["look"], true),
        ("look with the version", &["look"], true),
        ("lock", &["set", "look", "delete"], true),
        ("scan", &["scan"], true),
        ("set", &["set"], false),
        ("add", &["set"], false),
        ("cas", &["set"], false),
        ("cas that fails", &["set"], false),
        ("multi_set", &["multi_set"], false),
        ("increment", &["increment"], false),
        ("increment that fails", &["increment"], false),
        ("expire", &["expire"], false),
        ("delete", &["delete"], false),
        ("multi_delete", &["multi_delete"], false),
        ("clear", &["clear"], false),
        ("raw", &["raw"], false),
        ("flush", NONE, false),
        ("close", &["close"], false),
    ];
    for (command, far, stays) in rows {
        let pair = Pair::new(|near| near);
        pair.cache.set("k", 1).await.unwrap();
        assert_eq!(pair.cache.get("k").await.unwrap(), Some(1));
        pair.calls();
        run(&pair, command).await;
        let mut calls = pair.calls();
        calls.dedup();
        assert_eq!((calls.as_slice(), !pair.near.is_empty()), (*far, *stays), "{command}");
    }
}

/// A read of several keys asks far for those that aren't near, in one round trip, and keeps them.
#[tokio::test]
async fn many_keys_are_read_where_they_are() {
    let pair = Pair::new(|near| near);
    pair.other.multi_set([("a", 1), ("b", 2), ("c", 3)]).await.unwrap();
    assert_eq!(pair.cache.get("b").await.unwrap(), Some(2));
    pair.calls();
    let keys = ["a", "b", "x", "c", "a"];
    let all = [Some(1), Some(2), None, Some(3), Some(1)];
    assert_eq!(pair.cache.multi_get(&keys).await.unwrap(), all);
    assert_eq!((pair.calls(), pair.near.len()), (vec!["multi_get"], 3));
    assert_eq!(pair.cache.multi_get(&["c", "b", "a"]).await.unwrap(), [Some(3), Some(2), Some(1)]);
    assert_eq!(pair.calls(), [""; 0]);
}

/// A prefix takes its own keys and no others.
#[tokio::test]
async fn a_clear_takes_a_namespace() {
    let pair = Pair::new(|near| near);
    for name in ["a", "ab"] {
        let names = pair.cache.namespace(name);
        names.set("k", 1).await.unwrap();
        names.get::<i32>("k").await.unwrap();
    }
    pair.cache.namespace("a").clear().await.unwrap();
    assert_eq!(pair.near.len(), 1);
    assert!(!pair.cache.namespace("a").exists("k").await.unwrap());
}
