#!/usr/bin/env bash
# memcache 0.21.0 (Rust): increment() of a missing key makes a 0 that never expires; after a decrement get() is an error.
#
# Expected: a missing counter is an error, as in memcached's text protocol and in this crate by `?protocol=ascii`; or it becomes what was
#   added. What increment() and decrement() return, get::<u64>() reads.
# Seen: by default (the binary protocol) each increment(key, 5) of a missing key is Ok(0), and 0 is stored for ever: the first hit
#   isn't counted, and decrement() does so, too. From 10 to 9 the server leaves a space behind the digit, "9 ", which
#   get::<u64>() of either protocol refuses: ParseError, while get::<String>() and a further decrement() work.
# Who meets it: a limit by increment(): one hit more than allowed, and a counter without an end; stock that counts down fails at 9, at
#   99 it fails, too.
# Instead: add(key, 0, seconds) before each increment(); read counters with increment(key, 0), or as a String, trimmed.
source "$(dirname "$0")/lib.bash"

start_memcached
export MEMCACHED=127.0.0.1:$port
rust_run memcache=0.21.0 <<'RUST'
fn main() {
    let server = std::env::var("MEMCACHED").unwrap();
    for protocol in ["binary", "ascii"] {
        let query = if protocol == "ascii" { "?protocol=ascii" } else { "" };
        let client = memcache::connect(format!("memcache://{server}{query}")).unwrap();
        client.flush().unwrap();
        let first = client.increment("hits", 5).ok();
        let (second, stored) = (client.increment("hits", 5).ok(), client.get::<String>("hits").unwrap());
        let down = client.decrement("down", 5).ok();
        println!("{protocol}: increment of a missing key {first:?}, then {second:?}, stored {stored:?}; decrement {down:?}");
        let expected = if protocol == "ascii" { (None, None, None) } else { (Some(0), Some(5), Some("5".to_string())) };
        assert_eq!((first, second, stored), expected);
        assert_eq!(down, expected.0);

        client.set("stock", 10u64, 60).unwrap();
        let before = client.get::<u64>("stock").unwrap();
        let returned = client.decrement("stock", 1).unwrap();
        let number = client.get::<u64>("stock");
        let text = client.get::<String>("stock").unwrap();
        println!("  10 is read as {before:?}, decremented to {returned}; get::<u64>: {number:?}, get::<String>: {text:?}");
        assert!(before == Some(10) && returned == 9 && text.as_deref() == Some("9 "));
        assert!(matches!(number, Err(memcache::MemcacheError::ParseError(_))));
        assert_eq!((client.decrement("stock", 1).unwrap(), client.increment("stock", 0).unwrap()), (8, 8));
    }
}
RUST
