//! Command lines of the user: each that is sent gets its whole reply, and the connection stays in step.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use polycache_memcached::{Client, Entry, ErrorKind};
use polycache_testkit::servers::Memcached;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

/// The commands that may be sent raw, in each of their forms.
const COMMANDS: &str = "get a|get a b none|gets a b|gat 100 a|gats 100 a b|mg a v|mg a k v f c t s|mg a|mg none|mg none v|md none|ma n v
    ma n N0 J5 v t|me a|me none|delete none|incr n 1|decr n 1|incr a 1|incr n x|touch a 100|touch none 1|stats|stats items|stats slabs
    stats sizes|stats sizes_enable|stats sizes_disable|stats settings|stats conns|stats extstore|stats detail on|stats detail dump
    stats detail off|stats detail x|stats cachedump 1 10|stats cachedump 1 0|stats reset|stats proxy|stats proxyfuncs|stats nonsense
    lru_crawler sleep 100|lru_crawler tocrawl 10|lru_crawler crawl all|lru_crawler crawl 1|lru_crawler crawl x|lru_crawler metadump all
    lru_crawler metadump 1|lru_crawler metadump 2|lru_crawler metadump hash|lru_crawler metadump x|lru_crawler mgdump all
    lru_crawler mgdump hash|lru_crawler x|lru_crawler|lru_crawler disable|lru_crawler metadump all|version|verbosity 0|verbosity
    cache_memlimit 64|cache_memlimit x|lru mode segmented|lru tune 10 25 0.1 2.0|lru temp_ttl 60|lru|slabs reassign 1 2|slabs reassign x
    slabs automove 0|slabs|mn|mn Oa|mg|get|flush_all 0|flush_all x|flush_all";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_is_answered_and_nobody_else_waits_or_is_told_wrong() {
    let server = Memcached::start().await;
    let client = Client::open(server.address().to_string().as_str()).unwrap();
    let long = "k".repeat(251);
    let too_long = ["get", "gets", "gat 5", "mg", "delete", "touch", "me"].map(|command| format!("{command} {long} 1"));
    let commands = COMMANDS.split(['|', '\n']).map(|command| command.trim().to_owned());
    for command in commands.chain(too_long) {
        for (key, value) in [("a", "A\r\nMN"), ("b", "EN"), ("n", "5")] {
            client.set(key, Entry::new(value.as_bytes())).await.unwrap();
        }
        // Sent together with other calls, before and behind it.
        let keys = ["a", "none", "b"];
        let all = async {
            tokio::join!(client.get("b"), client.raw(command.as_bytes()), client.multi_get(&keys), client.get("a"))
        };
        let (before, raw, many, behind) =
            timeout(PATIENCE, all).await.unwrap_or_else(|_| panic!("{command}: no answer"));
        match raw {
            Ok(reply) => assert!(!reply.is_empty(), "{command}"),
            Err(error) => {
                let expected = [ErrorKind::Server, ErrorKind::NotANumber, ErrorKind::InvalidInput];
                assert!(expected.contains(&error.kind()), "{command}: {error:?}");
            }
        }
        assert_eq!(before.unwrap().unwrap().value, "EN", "{command}");
        if command.starts_with("flush_all") {
            continue;
        }
        assert_eq!(behind.unwrap().unwrap().value, "A\r\nMN", "{command}");
        let many: Vec<_> = many.unwrap().into_iter().map(|item| item.map(|item| item.value)).collect();
        assert_eq!(many, [Some("A\r\nMN".into()), None, Some("EN".into())], "{command}");
    }
}

#[tokio::test]
async fn all_keys_are_listed() {
    let server = Memcached::start().await;
    let client = Client::open(server.address().to_string().as_str()).unwrap();
    for number in 0..2_000 {
        client.set(format!("key:{number}"), Entry::new(b"value")).await.unwrap();
    }
    let list = timeout(PATIENCE, client.raw(b"lru_crawler metadump all")).await.unwrap().unwrap();
    let list = String::from_utf8(list.to_vec()).unwrap();
    assert_eq!(list.lines().filter(|line| line.starts_with("key=key%3A")).count(), 2_000, "{list:.500}");
    assert_eq!(list.lines().last(), Some("END"));

    // The list is larger than the client may take.
    let small =
        Client::builder().server(server.address().to_string().as_str()).unwrap().max_value(20_000).build().unwrap();
    let error = small.raw(b"lru_crawler metadump all").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    assert_eq!(small.get("key:1").await.unwrap().unwrap().value, "value");
}
