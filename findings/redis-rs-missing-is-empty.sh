#!/usr/bin/env bash
# redis 1.8.1 (Rust): a missing key is read as an empty Vec<u8>, as false and as an empty map, without an error.
#
# Expected: its documentation: a reply that can't be converted is an error, and Option is for keys that may be missing. So it is
#   for String and integers.
# Seen: of a missing key get as Vec<u8> is Ok([]), as bool Ok(false), as HashMap Ok({}); mget as Vec<Vec<u8>> has an empty value
#   in the place of each missing one. Stored `false` and stored empty bytes read the same.
# Who meets it: caches of serialized bytes: a miss comes out as a broken value ("EOF while parsing"), or, with a format whose
#   empty input is valid (protobuf), as a default object that nobody stored. Cached permissions: a miss is "no".
# Instead: Option<..> at every read, and Vec<Option<..>> for mget.
source "$(dirname "$0")/lib.bash"

start_valkey
PORT=$port rust_run redis=1.8.1 <<'RUST'
use redis::Commands;
use std::collections::HashMap;

fn main() -> redis::RedisResult<()> {
    let port: u16 = std::env::var("PORT").unwrap().parse().unwrap();
    let mut connection = redis::Client::open(("127.0.0.1", port))?.get_connection()?;
    let () = connection.set("false", false)?;
    let () = connection.set("empty", "")?;

    fn get<T: redis::FromRedisValue>(connection: &mut redis::Connection, key: &str) -> redis::RedisResult<T> {
        Commands::get(connection, key)
    }
    let c = &mut connection;
    let text = get::<String>(c, "missing");
    let integer = get::<i64>(c, "missing");
    println!("missing as String: {text:?}\nmissing as i64: {integer:?}");
    assert!(text.is_err() && integer.is_err());
    let bytes = (get::<Vec<u8>>(c, "missing")?, get::<Vec<u8>>(c, "empty")?);
    let flag = (get::<bool>(c, "missing")?, get::<bool>(c, "false")?);
    let map = get::<HashMap<String, String>>(c, "missing")?;
    println!("missing and stored empty as Vec<u8>: {bytes:?}\nmissing and stored false as bool: {flag:?}\nmissing as a map: {map:?}");
    assert!(bytes.0.is_empty() && bytes.0 == bytes.1 && !flag.0 && !flag.1 && map.is_empty());
    let many: Vec<Vec<u8>> = Commands::mget(c, &["missing", "empty", "false"])?;
    println!("mget of missing, empty, false as Vec<Vec<u8>>: {many:?}");
    assert_eq!(many, [vec![], vec![], b"0".to_vec()]);
    let optional = (get::<Option<Vec<u8>>>(c, "missing")?, get::<Option<bool>>(c, "missing")?, get::<Option<Vec<u8>>>(c, "empty")?);
    println!("as Option: {optional:?}");
    assert_eq!(optional, (None, None, Some(vec![])));
    Ok(())
}
RUST
