//! Tags: entries that are cleared together.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use polycache::backend::Want;
use polycache::serializers::Json;
use polycache::{Cache, ErrorKind, Ttl, Value};

use crate::Subject;
use crate::subject::{Life, absent, builder, cache};

const HOUR: Duration = Duration::from_secs(3_600);

async fn ok<T>(value: T) -> Result<T, Infallible> {
    Ok(value)
}

/// Another cache on the same entries, as in another process.
fn other(subject: &dyn Subject) -> Cache {
    cache(subject)
}

/// A clear takes all entries with the tag, and no others, for every cache.
pub async fn a_clear_takes_the_entries_with_the_tag(subject: &dyn Subject) {
    let (cache, other) = (cache(subject), other(subject));
    let (seven, eight) = (cache.tagged(["product:7", "shop"]), cache.tagged(["product:8", "shop"]));
    seven.set("seven", 7).await.unwrap();
    seven.multi_set([("seven:a", 71), ("seven:b", 72)]).await.unwrap();
    assert!(seven.add("seven:c", 73).await.unwrap());
    eight.set("eight", 8).await.unwrap();
    cache.set("plain", 1).await.unwrap();
    let keys = ["seven", "seven:a", "seven:b", "seven:c", "eight", "plain"];
    let all = [Some(7), Some(71), Some(72), Some(73), Some(8), Some(1)];
    for reader in [&cache, &other, &seven, &eight] {
        assert_eq!(reader.multi_get::<i32>(&keys).await.unwrap(), all);
        for (key, value) in keys.iter().zip(all) {
            assert_eq!(reader.get::<i32>(key).await.unwrap(), value);
        }
    }

    other.clear_tag("nobody's").await.unwrap();
    assert_eq!(other.multi_get::<i32>(&keys).await.unwrap(), all);
    other.clear_tag("product:7").await.unwrap();
    for reader in [&cache, &other, &seven, &eight] {
        assert_eq!(reader.multi_get::<i32>(&keys).await.unwrap(), [None, None, None, None, Some(8), Some(1)]);
        assert_eq!(reader.get::<i32>("seven").await.unwrap(), None);
        assert_eq!(reader.get::<i32>("eight").await.unwrap(), Some(8));
    }
    // What is stored afterwards is there.
    seven.set("seven", 77).await.unwrap();
    assert_eq!(other.get::<i32>("seven").await.unwrap(), Some(77));
    cache.clear_tag("shop").await.unwrap();
    cache.clear_tag("shop").await.unwrap();
    let left = [None, None, None, None, None, Some(1)];
    assert_eq!(other.multi_get::<i32>(&keys).await.unwrap(), left);
    assert_eq!(eight.multi_get::<i32>(&keys).await.unwrap(), left);
}

/// Every command but `delete`, `clear` and `scan` takes an entry whose tag was cleared for none.
pub async fn a_cleared_entry_is_none(subject: &dyn Subject) {
    let (cache, other) = (builder(subject).ttl(HOUR).build().unwrap(), other(subject));
    let shop = cache.tagged(["shop"]);
    let keys = ["get", "set", "add", "cas", "expire", "increment", "delete", "computed", "bulk"];
    shop.multi_set(keys.map(|key| (key, 5))).await.unwrap();
    assert!(!shop.add("add", 6).await.unwrap() && !cache.add("add", 6).await.unwrap());
    assert!(cache.expire("expire", HOUR * 2).await.unwrap());
    assert!(cache.exists("get").await.unwrap());
    assert!(matches!(cache.ttl("expire").await.unwrap(), Some(Ttl::After(left)) if left > HOUR));
    let found = cache.look::<i32>("get", Want::VALUE.and(Want::TTL)).await.unwrap().unwrap();
    assert_eq!((found.value, found.head().map(|head| head.tags().count())), (Some(5), Some(1)));
    let (value, version) = cache.get_versioned::<i32>("cas").await.unwrap();
    assert_eq!(value, Some(5));
    assert!(shop.cas("cas", 5, version).await.unwrap());
    let (_, valid) = cache.get_versioned::<i32>("cas").await.unwrap();
    assert_eq!(cache.increment("increment", 1).await.unwrap_err().kind(), ErrorKind::NotANumber);

    other.clear_tag("shop").await.unwrap();
    for reader in [&cache, &shop] {
        assert_eq!(reader.get::<i32>("get").await.unwrap(), None);
        assert!(reader.get::<Value>("get").await.unwrap().is_none());
        assert_eq!(reader.multi_get::<i32>(&["get", "set"]).await.unwrap(), [None, None]);
        assert!(!reader.exists("get").await.unwrap());
        assert_eq!(reader.ttl("get").await.unwrap(), None);
        assert!(reader.look::<i32>("get", Want::NOTHING).await.unwrap().is_none());
        assert!(reader.get_versioned::<i32>("get").await.unwrap().1.is_absent());
        assert!(!reader.expire("expire", Ttl::Never).await.unwrap());
    }
    assert!(!cache.cas("cas", 6, valid).await.unwrap());
    let (_, absence) = cache.get_versioned::<i32>("cas").await.unwrap();
    assert!(cache.cas("cas", 7, absence.clone()).await.unwrap());
    assert!(!cache.cas("cas", 8, absence).await.unwrap());
    assert!(shop.add("add", 7).await.unwrap() && !cache.add("add", 8).await.unwrap());
    assert_eq!(cache.increment("increment", 7).await.unwrap(), 7);
    cache.set("set", 7).await.unwrap();
    assert!(cache.delete("delete").await.unwrap());
    assert!(!cache.delete("delete").await.unwrap());
    for _ in 0..2 {
        assert_eq!(cache.get_or_set("computed", || ok(7)).await, Ok(7));
    }
    assert_eq!(cache.get_or_set("computed", || ok(8)).await, Ok(7), "it was stored");
    let bulk = cache.multi_get_or_set(&["bulk"], |_| ok([("bulk", 7)])).await;
    assert_eq!(bulk, [Ok(Some(7))]);
    let expected = [None, Some(7), Some(7), Some(7), None, Some(7), None, Some(7), Some(7)];
    assert_eq!(cache.multi_get::<i32>(&keys).await.unwrap(), expected);
}

/// The view's computations have its tags; those of the value come to them.
pub async fn computed_values_have_tags(subject: &dyn Subject) {
    let (cache, other) = (cache(subject), other(subject));
    let by_value = |_: &str, team: &u32| vec![format!("team:{team}")];
    let users = cache.tagged(["users"]).tagged_by(by_value);
    for tag in ["users", "team:7"] {
        assert_eq!(users.get_or_set("ada", || ok(7_u32)).await, Ok(7));
        assert_eq!(users.get_or_set("bob", || ok(8_u32)).await, Ok(8));
        let bulk = users.multi_get_or_set(&["ada", "eve"], |_| ok([("eve", 7_u32)])).await;
        assert_eq!(bulk, [Ok(Some(7)), Ok(Some(7))]);
        assert_eq!(other.multi_get::<u32>(&["ada", "bob", "eve"]).await.unwrap(), [Some(7), Some(8), Some(7)]);
        other.clear_tag(tag).await.unwrap();
        let left = (tag == "team:7").then_some(8);
        for reader in [&users, &cache, &other] {
            assert_eq!(reader.multi_get::<u32>(&["ada", "bob", "eve"]).await.unwrap(), [None, left, None]);
        }
    }
    // The tags of another type can't be told.
    assert_eq!(users.get_or_set("text", || ok("7".to_owned())).await.as_deref(), Ok("7"));
    assert_eq!(other.get::<String>("text").await.unwrap(), None);
}

/// A tag belongs to a namespace; whoever reads the entry by another way finds it cleared as well.
pub async fn tags_belong_to_a_namespace(subject: &dyn Subject) {
    let all = cache(subject);
    let (one, two) = (all.namespace("one"), all.namespace("two"));
    one.tagged(["t"]).set("k", 1).await.unwrap();
    two.tagged(["t"]).set("k", 2).await.unwrap();
    assert_eq!(all.multi_get::<i32>(&["one:k", "two:k"]).await.unwrap(), [Some(1), Some(2)]);
    all.clear_tag("t").await.unwrap();
    assert_eq!(all.multi_get::<i32>(&["one:k", "two:k"]).await.unwrap(), [Some(1), Some(2)]);
    one.clear_tag("t").await.unwrap();
    assert_eq!(all.multi_get::<i32>(&["one:k", "two:k"]).await.unwrap(), [None, Some(2)]);
    assert!(!all.exists("one:k").await.unwrap() && two.exists("k").await.unwrap());
    // A view's tags are in the namespace that it has in the end.
    all.tagged(["t"]).namespace("one").set("k", 3).await.unwrap();
    two.clear_tag("t").await.unwrap();
    assert_eq!(all.multi_get::<i32>(&["one:k", "two:k"]).await.unwrap(), [Some(3), None]);
    one.clear_tag("t").await.unwrap();
    assert_eq!(one.get::<i32>("k").await.unwrap(), None);
}

/// The library's own entries aren't listed, and a clear of the namespace takes them.
pub async fn generations_are_hidden(subject: &dyn Subject) {
    let cache = cache(subject).namespace("hidden");
    if !cache.info().capabilities.scan {
        return absent(&cache, "scan");
    }
    let view = cache.tagged(["shop"]).tagged_by(|_, _: &i32| vec!["value".to_owned()]);
    assert_eq!(view.get_or_set("k", || ok(1)).await, Ok(1));
    assert_eq!(cache.scan("*").collect().await.unwrap(), ["k"]);
    cache.clear_tag("shop").await.unwrap();
    assert_eq!(cache.scan("*").collect().await.unwrap(), ["k"], "a cleared entry is listed");
    cache.clear().await.unwrap();
    assert_eq!(cache.scan("*").collect().await.unwrap(), Vec::<String>::new());
    view.set("k", 2).await.unwrap();
    assert_eq!(view.get::<i32>("k").await.unwrap(), Some(2));
}

/// A tag's generation lives as long as the entries that have it.
pub async fn a_generation_lives_as_long_as_its_entries(subject: &dyn Subject) {
    let life = Life::of(subject);
    if !subject.exact_time() {
        return;
    }
    let cache = builder(subject).ttl(life.ttl).build().unwrap();
    let week = Duration::from_secs(7 * 24 * 3_600);
    let view = cache.tagged(["shop"]);
    view.set("brief", 1).await.unwrap();
    view.with_ttl(week).set("long", 2).await.unwrap();
    view.with_ttl(Ttl::Never).set("ever", 3).await.unwrap();
    view.set("prolonged", 4).await.unwrap();
    assert!(cache.expire("prolonged", week).await.unwrap());
    subject.advance(week - life.rest).await.unwrap();
    assert_eq!(
        cache.multi_get::<i32>(&["brief", "long", "ever", "prolonged"]).await.unwrap(),
        [None, Some(2), Some(3), Some(4)]
    );
}

/// An entry without its tag's generation is lost, and not brought back.
pub async fn a_copy_has_no_tags(subject: &dyn Subject) {
    let cache = builder(subject).serializer(Json).build().unwrap();
    cache.tagged(["shop"]).set("k", 1).await.unwrap();
    let value = cache.get::<Value>("k").await.unwrap().unwrap();
    assert_eq!(value.head().map(|head| head.tags().count()), Some(1));
    cache.set("copy", value).await.unwrap();
    cache.clear_tag("shop").await.unwrap();
    assert_eq!(cache.multi_get::<i32>(&["k", "copy"]).await.unwrap(), [None, Some(1)]);
}

/// Live objects have tags where the backend holds them.
pub async fn objects_have_tags(subject: &dyn Subject) {
    let cache = cache(subject);
    if !cache.info().capabilities.live_objects {
        return absent(&cache, "live_objects");
    }
    let view = cache.tagged(["shop"]);
    view.set_object("set", Arc::new(1)).await.unwrap();
    assert_eq!(view.get_or_set_object("computed", || ok(Arc::new(2))).await.as_deref(), Ok(&2));
    assert_eq!(cache.get_object::<i32>("set").await.unwrap().as_deref(), Some(&1));
    cache.clear_tag("shop").await.unwrap();
    for key in ["set", "computed"] {
        assert!(cache.get_object::<i32>(key).await.unwrap().is_none());
        assert_eq!(cache.get::<i32>(key).await.unwrap(), None);
    }
    assert_eq!(view.get_or_set_object("computed", || ok(Arc::new(3))).await.as_deref(), Ok(&3));
}

/// With a grace, a cleared entry is gone, or by choice stale.
pub async fn a_clear_makes_stale_by_choice(subject: &dyn Subject) {
    for stale in [false, true] {
        let cache = builder(subject).ttl(HOUR).grace(HOUR).stale_on_clear(stale).build().unwrap();
        let view = cache.tagged(["shop"]);
        for key in ["k", "add", "increment"] {
            view.set(key, 1).await.unwrap();
            assert_eq!(view.get::<i32>(key).await.unwrap(), Some(1));
            assert_eq!(cache.get::<i32>(key).await.unwrap(), Some(1));
        }
        view.with_ttl(Ttl::Never).set("ever", 1).await.unwrap();
        let (_, version) = cache.get_versioned::<i32>("k").await.unwrap();
        cache.clear_tag("shop").await.unwrap();
        for _ in 0..2 {
            for reader in [&cache, &view] {
                assert_eq!(reader.get::<i32>("k").await.unwrap(), None);
                assert!(!reader.exists("k").await.unwrap());
                let failed = reader.get_or_set("k", || async { Err::<i32, _>("away") }).await;
                assert_eq!(failed, if stale { Ok(1) } else { Err("away") });
            }
        }
        assert_eq!(cache.get_or_set("ever", || async { Err::<i32, _>("away") }).await, Err("away"));
        assert!(!cache.cas("k", 2, version).await.unwrap());
        assert!(view.add("add", 2).await.unwrap() && !view.add("add", 3).await.unwrap());
        assert_eq!(cache.increment("increment", 2).await.unwrap(), 2);
        assert_eq!(cache.get::<i32>("add").await.unwrap(), Some(2));
        cache.delete("k").await.unwrap();
        assert_eq!(view.get_or_set("k", || ok(2)).await, Ok(2));
        assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(2));
        cache.clear_tag("shop").await.unwrap();
        assert_eq!(
            view.get_or_set("k", || async { Err::<i32, _>("away") }).await,
            if stale { Ok(2) } else { Err("away") }
        );
        cache.multi_delete(&["k", "add", "increment", "ever"]).await.unwrap();
    }
}
