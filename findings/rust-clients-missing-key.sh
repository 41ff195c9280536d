#!/usr/bin/env bash
# fred 10.1.0, rustis 0.27.2 (Rust): a missing key is an error for most types, and a value for one: [] of bytes, false.
#
# Expected: both say that a nil can't be converted, and that Option is for keys that may be missing.
# Seen: fred reads a missing key as Vec<u8> as an empty one, which is what a stored empty value reads as too; as String, i64, f64
#   and bool it is an error. rustis reads it as bool as false; as String, i64 and f64 it is an error. fred reads any number but 0
#   as true.
# Who meets it: caches of encoded values in fred: a miss comes as a broken value ("EOF while parsing"), or as the default message
#   of a format whose empty input is valid (protobuf). Flags in rustis: a miss is "no".
# Instead: Option<..> for every read.
source "$(dirname "$0")/lib.bash"

start_valkey
PORT=$port rust_run fred=10.1.0 rustis=0.27.2 tokio=1.54.1:full <<'RUST'
mod with_fred {
    use fred::prelude::*;
    pub async fn reads(port: &str) -> (Vec<(&'static str, Option<String>)>, Vec<u8>, bool) {
        let client = Builder::from_config(Config::from_url(&format!("redis://127.0.0.1:{port}")).unwrap()).build().unwrap();
        client.init().await.unwrap();
        let () = client.set("empty", "", None, None, false).await.unwrap();
        let () = client.set("five", 5, None, None, false).await.unwrap();
        macro_rules! read {
            ($($type:ty),*) => {
                vec![$((stringify!($type), client.get::<$type, _>("missing").await.ok().map(|value| format!("{value:?}")))),*]
            };
        }
        let missing = read!(String, i64, f64, bool, Vec<u8>, Option<Vec<u8>>);
        (missing, client.get("empty").await.unwrap(), client.get("five").await.unwrap())
    }
}

mod with_rustis {
    use rustis::client::Client;
    use rustis::commands::*;
    pub async fn reads(port: &str) -> Vec<(&'static str, Option<String>)> {
        let client = Client::connect(format!("127.0.0.1:{port}")).await.unwrap();
        macro_rules! read {
            ($($type:ty),*) => {
                vec![$((stringify!($type), client.get::<$type>("missing").await.ok().map(|value| format!("{value:?}")))),*]
            };
        }
        read!(String, i64, f64, bool, Option<bool>)
    }
}

#[tokio::main]
async fn main() {
    let port = std::env::var("PORT").unwrap();
    let (fred, empty, five) = with_fred::reads(&port).await;
    let rustis = with_rustis::reads(&port).await;
    println!("a missing key, None for an error\nfred: {fred:?}\nrustis: {rustis:?}");
    println!("fred: a stored empty value {empty:?}, a stored 5 as bool {five}");
    let value = |text: &str| Some(text.to_owned());
    let types = [("String", None), ("i64", None), ("f64", None), ("bool", None)];
    assert_eq!(fred[..4], types);
    assert_eq!((&fred[4].1, &fred[5].1), (&value("[]"), &value("None")));
    assert_eq!(rustis[..3], types[..3]);
    assert_eq!((&rustis[3].1, &rustis[4].1), (&value("false"), &value("None")));
    assert!(empty.is_empty() && five);
}
RUST
