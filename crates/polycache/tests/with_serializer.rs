//! A view with another serializer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use polycache::backends::memory::Memory;
use polycache::plugins::Timing;
use polycache::serializers::{Json, Null, Text};
use polycache::{Cache, CommandName, ErrorKind, Value};

async fn stored(cache: &Cache, key: &str) -> Vec<u8> {
    cache.get::<Value>(key).await.unwrap().expect("a value").as_bytes().expect("bytes").to_vec()
}

#[tokio::test]
async fn it_stores_and_reads_by_its_own() {
    for cache in [Cache::builder().serializer(Json), Cache::builder().serializer(Json).plugin(Timing::new())] {
        let cache = cache.namespace("n").build().unwrap();
        let texts = cache.with_serializer(Text).unwrap();
        cache.set("json", "a").await.unwrap();
        texts.set("text", "a").await.unwrap();
        assert_eq!(stored(&cache, "json").await, b"\"a\"");
        assert_eq!(stored(&cache, "text").await, b"a");
        assert_eq!(texts.get::<String>("text").await.unwrap().unwrap(), "a");
        // One serializer doesn't read the values that the other has decoded and keeps.
        assert_eq!(cache.get::<String>("json").await.unwrap().unwrap(), "a");
        assert_eq!(texts.get::<String>("json").await.unwrap().unwrap(), "\"a\"");
        assert_eq!(cache.get::<String>("text").await.unwrap_err().kind(), ErrorKind::Decode);
        assert_eq!(texts.increment("count", 2).await.unwrap(), 2);
        assert_eq!(texts.get_or_set("computed", || async { Ok::<_, ()>("b".to_owned()) }).await.unwrap(), "b");
        assert_eq!(stored(&cache, "computed").await, b"b");
        if let Some(timing) = texts.plugin::<Timing>() {
            assert!(timing.figures(CommandName::Get).unwrap().count >= 7);
        }
    }
}

#[test]
fn live_objects_are_refused_where_the_backend_holds_bytes() {
    let bytes = Memory::builder().max_bytes(1_000).build().unwrap();
    let cache = Cache::builder().backend(bytes).build().unwrap();
    let error = cache.with_serializer(Null).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("keeps live objects"), "{error}");
    assert!(Cache::memory().with_serializer(Json).unwrap().with_serializer(Null).is_ok());
}
