//! Serializers that hold a serializer, as caches use them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::process::Command;

use polycache::serializer::{Context, Serializer};
use polycache::serializers::{Compressed, Json, MsgPack, Pickle, Sealed, SecretKeys, Signed};
use polycache::{Cache, Caches, Config, ErrorKind, Secret, Value};
use polycache_testkit::{InMemory, Intercept, Subject};
use serde_json::json;

fn keys() -> SecretKeys {
    SecretKeys::new("2026-11", &Secret::from("5e".repeat(32))).unwrap()
}

#[tokio::test]
async fn values_come_back() {
    async fn through(serializer: impl Serializer + Clone) {
        for subject in [
            InMemory::new(|memory| memory),
            InMemory::new(|memory| memory.max_bytes(512 << 20)),
            InMemory::new(|memory| memory).inside(Intercept::delayed),
        ] {
            polycache_testkit::cases::values::with_serializer(&subject, serializer.clone()).await;
            let cache =
                Cache::builder().shared_backend(subject.backend()).serializer(serializer.clone()).build().unwrap();
            let error = cache.increment("n", 1).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.to_string().contains(serializer.name()), "{error}");
            assert!(!cache.exists("n").await.unwrap());
        }
    }
    through(Compressed::zstd(Json).threshold(0)).await;
    through(Compressed::lz4(MsgPack)).await;
    through(Sealed::new(keys(), Compressed::zstd(MsgPack))).await;
    through(Signed::new(keys(), Pickle)).await;
}

/// A key builder and a namespace are parts of the key that a value is bound to.
#[tokio::test]
async fn a_value_belongs_to_its_full_key() {
    let builder = || Cache::builder().namespace("a").serializer(Sealed::new(keys(), Json));
    let cache = builder().key_builder(|key| format!("v1/{key}")).build().unwrap();
    cache.set("k", 7).await.unwrap();
    let stored = cache.get::<Value>("k").await.unwrap().unwrap();
    let mut opened = None;
    Sealed::new(keys(), Json)
        .deserialize(stored.as_bytes().unwrap(), &Context::new("a:v1/k"), &mut |from| {
            opened = Some(erased_serde::deserialize::<i32>(from)?);
            Ok(())
        })
        .unwrap();
    assert_eq!(opened, Some(7));

    let other = cache.namespace("b");
    other.set("k", stored).await.unwrap();
    let error = other.get::<i32>("k").await.unwrap_err();
    assert_eq!((error.kind(), error.key()), (ErrorKind::Decode, Some("k")));
}

/// What is refused as a lie, and what is given up at the bound, has taken no more memory than the bound.
#[test]
fn a_bomb_fills_no_memory() {
    const BOUND: usize = 1 << 20;
    /// The buffers of a decoder.
    const BESIDE: u64 = 300 << 10;
    let bomb = "a".repeat(8 << 20);
    for bound in [BOUND, 16 << 20] {
        for packed in [Compressed::zstd(Json), Compressed::lz4(Json)] {
            let mut bytes = Vec::new();
            packed.serialize(&bomb, &Context::new("k"), &mut bytes).unwrap();
            let mut lying = bytes.clone();
            let len = u32::try_from(bomb.len() + 2).unwrap().to_le_bytes();
            let place = bytes.windows(4).position(|four| four == len).unwrap();
            lying[place..place + 4].copy_from_slice(&100_000_u32.to_le_bytes());
            let reader = packed.max_unpacked(bound);
            for (bytes, most) in [(bytes, BOUND), (lying, 100_000)] {
                let most = if bound == BOUND { most } else { most.max(bound) };
                let mut result = Ok(());
                let taken = allocation_counter::measure(|| {
                    result = reader.deserialize(&bytes, &Context::new("k"), &mut |_| Ok(()));
                });
                assert!(taken.bytes_max <= most as u64 + BESIDE, "{reader:?}: {taken:?}");
                assert!(result.is_err() || bound != BOUND);
            }
        }
    }
}

#[tokio::test]
async fn configured_by_name_and_by_table() {
    let caches = Caches::new();
    let (old, new) = ("01".repeat(32), "02".repeat(32));
    let config = json!({
        "default": { "cache": "memory", "serializer": "zstd" },
        "url": { "url": "memory://?serializer=lz4" },
        "zstd": { "cache": "memory", "serializer": {
            "class": "zstd", "level": 19, "threshold": 100, "max_unpacked": 10_000, "serializer": "msgpack" } },
        "sealed": { "cache": "memory", "serializer": {
            "class": "sealed", "keys": { "old": old, "new": new }, "key": "new",
            "serializer": { "class": "zstd", "serializer": "pickle" } } },
        "signed": { "cache": "memory", "serializer": { "class": "signed", "keys": { "one": new }, "serializer": "pickle" } },
    });
    caches.set_config(Config::value(config).unwrap()).unwrap();
    let text = "all the same ".repeat(100);
    for (alias, begins) in [
        ("default", &[0x28, 0xb5][..]),
        ("url", &[0x04, 0x22]),
        ("zstd", &[0x28, 0xb5]),
        ("sealed", b"\x01\x03new"),
        ("signed", b"\x01\x03one"),
    ] {
        let cache = caches.get(alias).unwrap();
        cache.set("k", text.clone()).await.unwrap();
        assert_eq!(cache.get::<String>("k").await.unwrap().as_ref(), Some(&text));
        let stored = cache.get::<Value>("k").await.unwrap().unwrap();
        assert!(stored.as_bytes().unwrap().starts_with(begins), "{alias}: {stored:?}");
    }
}

#[test]
fn a_wrong_setting_is_told_and_no_secret() {
    let secret = "5e".repeat(32);
    let table = |class: &str, fields: serde_json::Value| {
        let mut serializer = json!({ "class": class });
        serializer.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        json!({ "default": { "cache": "memory", "serializer": serializer } })
    };
    for (config, part) in [
        (table("zstd", json!({ "serializer": "null" })), "keeps live objects"),
        (table("zstd", json!({ "levle": 3 })), "did you mean `level`"),
        (table("zstd", json!({ "level": 23 })), "`level` is 23; it goes from 1 to 22"),
        (table("lz4", json!({ "level": 3 })), "`serializer.level` is unknown"),
        (table("lz4", json!({ "serializer": "jsno" })), "did you mean `json`"),
        (table("sealed", json!({})), "`serializer.keys` is missing"),
        (table("sealed", json!({ "keys": secret })), "`serializer.keys` is of the wrong type"),
        (table("sealed", json!({ "keys": {} })), "`serializer.key` is missing"),
        (table("sealed", json!({ "keys": { "a": secret, "b": secret } })), "`serializer.key` is missing"),
        (table("sealed", json!({ "keys": { "a": secret }, "key": "b" })), "none of `keys`"),
        (table("signed", json!({ "keys": { "a": format!("{secret}5e") } })), "64 hexadecimal digits"),
        (table("signed", json!({ "keys": { "a": 5 } })), "`serializer.keys` is of the wrong type"),
    ] {
        let caches = Caches::new();
        caches.set_config(Config::value(config).unwrap()).unwrap();
        let error = caches.get("default").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(part) && !error.to_string().contains("5e5e"), "{error}");
    }
}

/// The code of `docs/format.md` reads what is stored here, and writes what is read here.
#[tokio::test]
async fn python_reads_and_writes_what_is_signed() {
    let page = include_str!("../../../docs/format.md");
    let (_, code) = page.split_once("```python\n").unwrap();
    let (code, _) = code.split_once("```").unwrap();
    let cache = Cache::builder().namespace("n").serializer(Signed::new(keys(), Pickle)).build().unwrap();
    cache.set("k", vec![1, 2]).await.unwrap();
    let stored = cache.get::<Value>("k").await.unwrap().unwrap();
    let hex: String = stored.as_bytes().unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
    let program = format!(
        "import hmac, pickle\n{code}\nkey = bytes([0x5e] * 32)\n\
         value = pickle.loads(checked({{b'2026-11': key}}, b'n:k', bytes.fromhex('{hex}')))\nassert value == [1, 2]\n\
         print(signed(b'2026-11', key, b'n:j', pickle.dumps(value + [3])).hex())"
    );
    let output = Command::new("python3").arg("-c").arg(program).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let hex = String::from_utf8(output.stdout).unwrap();
    let digits = hex.trim().as_bytes().chunks(2);
    let bytes = digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap());
    cache.set("j", Value::from(bytes.collect::<Vec<u8>>())).await.unwrap();
    assert_eq!(cache.get::<Vec<i32>>("j").await.unwrap(), Some(vec![1, 2, 3]));
}
