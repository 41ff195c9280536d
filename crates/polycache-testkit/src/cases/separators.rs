//! A cache's own separators: none, and others than `:`.

use std::collections::BTreeSet;
use std::time::Duration;

use polycache::locks::RedLock;
use polycache::{Cache, Ttl};
use tokio::time::timeout;

use crate::Subject;
use crate::subject::{builder, cache};

const SEPARATORS: [&str; 3] = ["", "/", "::"];

/// Longer than anything takes.
const LONG: Duration = Duration::from_secs(20);

/// A namespace with a `:`, as memcached's generations need it.
const NAMESPACE: &str = "t:shop";

fn separated(subject: &dyn Subject, separator: &str) -> Cache {
    builder(subject).namespace(NAMESPACE).separator(separator).build().unwrap()
}

/// Full keys, within the namespace `shop` and beside it.
fn keys(separator: &str) -> Vec<String> {
    let names = [
        "shop",
        "shop:k",
        "shopbar:k",
        "sho:k",
        "shop%",
        "shop%k",
        "shop%a%k",
        "shop%a%",
        "shopbar%k",
        "sho%k",
        "bar%k",
    ];
    let keys: BTreeSet<String> = names.into_iter().map(|name| format!("t:{}", name.replace('%', separator))).collect();
    keys.into_iter().collect()
}

async fn fill(cache: &Cache, keys: &[String]) {
    cache.namespace("").multi_set(keys.iter().map(|key| (key, 1))).await.unwrap();
}

/// The separator stands between namespace and name in every command, and every view keeps it.
pub async fn it_stands_behind_the_namespace(subject: &dyn Subject) {
    let whole = cache(subject);
    for separator in SEPARATORS {
        let shop = separated(subject, separator);
        assert_eq!(shop.namespace_name(), NAMESPACE);
        shop.set("k", 1).await.unwrap();
        shop.multi_set([("a", 2), ("", 3)]).await.unwrap();
        assert_eq!(shop.increment("n", 4).await.unwrap(), 4);
        let full = ["k", "a", "", "n"].map(|name| format!("{NAMESPACE}{separator}{name}"));
        assert_eq!(whole.multi_get::<i32>(&full).await.unwrap(), [Some(1), Some(2), Some(3), Some(4)]);
        assert_eq!(shop.multi_get::<i32>(&["k", "a", "", "n"]).await.unwrap(), [Some(1), Some(2), Some(3), Some(4)]);
        assert_eq!(shop.namespace("").get::<i32>(&full[0]).await.unwrap(), Some(1));

        let bar = shop.namespace("t:bar").with_ttl(Ttl::secs(600)).with_timeout(LONG);
        assert_eq!(bar.namespace_name(), "t:bar");
        assert!(bar.add("k", 5).await.unwrap());
        assert_eq!(whole.get::<i32>(&format!("t:bar{separator}k")).await.unwrap(), Some(5));
        assert!(bar.delete("k").await.unwrap());
        assert_eq!(shop.multi_delete(&["k", "a", "", "n"]).await.unwrap(), 4);
    }
}

/// `clear` deletes the keys that begin with the namespace and the separator, and no others.
pub async fn clear_takes_what_begins_so(subject: &dyn Subject) {
    let whole = cache(subject);
    for separator in SEPARATORS {
        let (shop, keys) = (separated(subject, separator), keys(separator));
        fill(&whole, &keys).await;
        for namespace in [format!("{NAMESPACE}{separator}a"), NAMESPACE.to_owned()] {
            shop.namespace(&namespace).clear().await.unwrap();
            let prefix = namespace + separator;
            for key in &keys {
                let gone = key.starts_with(&prefix) || key.starts_with(&format!("{NAMESPACE}{separator}a{separator}"));
                assert_eq!(whole.exists(key).await.unwrap(), !gone, "{key:?} after {prefix:?} was cleared");
            }
        }
        shop.set("k", 2).await.unwrap();
        assert_eq!(shop.get::<i32>("k").await.unwrap(), Some(2), "what was cleared can be set again");
        whole.multi_delete(&keys).await.unwrap();
    }
}

/// `scan` lists the same keys, without that beginning.
pub async fn scan_lists_what_begins_so(subject: &dyn Subject) {
    let whole = cache(subject);
    if !whole.info().capabilities.scan {
        return;
    }
    for separator in SEPARATORS {
        let (shop, keys) = (separated(subject, separator), keys(separator));
        fill(&whole, &keys).await;
        for namespace in [format!("{NAMESPACE}{separator}a"), NAMESPACE.to_owned()] {
            let prefix = format!("{namespace}{separator}");
            let names: BTreeSet<&str> = keys.iter().filter_map(|key| key.strip_prefix(&prefix)).collect();
            let listed = shop.namespace(&namespace).scan("*").collect().await.unwrap();
            assert_eq!(listed.iter().map(String::as_str).collect::<BTreeSet<_>>(), names, "{prefix:?}");
        }
        whole.multi_delete(&keys).await.unwrap();
    }
}

/// A `clear` of a key ends the lease and the lock on it, and `scan` lists neither.
pub async fn clear_takes_leases_and_locks_along(subject: &dyn Subject) {
    for separator in SEPARATORS.into_iter().chain([":"]) {
        let process = || {
            let cache = builder(subject).namespace(NAMESPACE).separator(separator).lease(LONG).build().unwrap();
            cache.namespace(format!("{NAMESPACE}{separator}a"))
        };
        let (here, there) = (process(), process());
        // In a clear of the namespace, and of one around it.
        for outer in [&there, &there.namespace(NAMESPACE)] {
            let guard = RedLock::new(&here, "locked", LONG).acquire(LONG).await.unwrap();
            if here.info().capabilities.scan {
                assert_eq!(outer.scan("*").collect().await.unwrap(), [""; 0]);
            }
            outer.clear().await.unwrap();
            assert!(!guard.release().await.unwrap(), "the lock is gone");

            if here.info().capabilities.exclusive {
                continue;
            }
            let computed = here.get_or_set("computed", || async {
                if here.info().capabilities.scan {
                    assert_eq!(outer.scan("*").collect().await.unwrap(), [""; 0]);
                }
                timeout(LONG / 2, outer.clear()).await.expect("it waits for nothing").unwrap();
                Ok::<_, ()>(1)
            });
            assert_eq!(computed.await, Ok(1));
            assert_eq!(here.get::<i32>("computed").await.unwrap(), None, "it is from before the clear");
        }
    }
}
