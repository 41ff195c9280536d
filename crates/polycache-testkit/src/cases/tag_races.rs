//! Clears of tags against writes and computations under way.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use tokio::sync::Notify;

use crate::Subject;
use crate::subject::cache;

async fn ok<T>(value: T) -> Result<T, Infallible> {
    Ok(value)
}

/// A value whose computation began before a clear isn't given after it: neither from the cache, nor to those who come later.
pub async fn no_value_from_before_a_clear(subject: &dyn Subject) {
    let (cache, other) = (cache(subject), cache(subject));
    let views = [cache.tagged(["shop"]), cache.tagged_by(|_, _: &i32| vec!["shop".to_owned()])];
    for (round, view) in views.iter().enumerate() {
        for clearer in [&cache, &other] {
            let key = format!("k{round}");
            view.delete(&key).await.unwrap();
            let (begun, go) = (Notify::new(), Notify::new());
            let compute = || async {
                begun.notify_one();
                go.notified().await;
                ok(1).await
            };
            let mut computing = pin!(view.get_or_set(&key, compute));
            let mut clearing = pin!(async {
                begun.notified().await;
                clearer.clear_tag("shop").await.unwrap();
                // Who comes now must not get what was begun before, if it was cleared here. With leases it would wait.
                if std::ptr::eq(clearer, &raw const cache) && view.info().capabilities.exclusive {
                    assert_eq!(view.get_or_set(&key, || ok(2)).await, Ok(2));
                }
                go.notify_one();
            });
            let mut cleared = false;
            let value = poll_fn(|context| {
                if !cleared {
                    cleared = clearing.as_mut().poll(context).is_ready();
                }
                computing.as_mut().poll(context)
            })
            .await;
            assert_eq!(value, Ok(1), "its call began before the clear");
            assert_ne!(view.get::<i32>(&key).await.unwrap(), Some(1));
            assert_ne!(other.get::<i32>(&key).await.unwrap(), Some(1));
            assert_eq!(view.get_or_set(&key, || ok(2)).await, Ok(2));
        }
    }
}

/// As many computations as keys, and a clear in the middle.
pub async fn no_bulk_value_from_before_a_clear(subject: &dyn Subject) {
    let (cache, other) = (cache(subject), cache(subject));
    for view in [cache.tagged(["shop"]), cache.tagged_by(|_, _: &i32| vec!["shop".to_owned()])] {
        view.multi_delete(&["a", "b"]).await.unwrap();
        let bulk = view
            .multi_get_or_set(&["a", "b"], |missing| {
                let other = other.clone();
                async move {
                    other.clear_tag("shop").await.unwrap();
                    ok(missing.into_iter().map(|key| (key, 1)).collect::<Vec<_>>()).await
                }
            })
            .await;
        assert_eq!(bulk, [Ok(Some(1)), Ok(Some(1))]);
        assert_eq!(view.multi_get::<i32>(&["a", "b"]).await.unwrap(), [None, None]);
        assert_eq!(other.multi_get::<i32>(&["a", "b"]).await.unwrap(), [None, None]);
    }
}

/// Clears, writes and computations at random, from two caches: no value from before an acknowledged clear or delete.
pub async fn no_old_value_at_random(subject: &dyn Subject) {
    let caches = [cache(subject), cache(subject)];
    // The source, and the least version that a reader may find.
    let (mut source, mut random) = (1_u64, 0x5DEE_CE66_D1CE_u64);
    let mut least = [0_u64; 3];
    let mut next = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    for step in 0..400 {
        let cache = &caches[next(2) as usize];
        let key = next(3) as usize;
        let name = format!("k{key}");
        let view = match next(3) {
            0 => cache.tagged(["even", "all"]),
            1 => cache.tagged(["all"]).tagged_by(|_, _: &u64| vec!["value".to_owned()]),
            _ => cache.tagged(["all", "value"]),
        };
        match next(8) {
            0 => {
                source += 1;
                cache.clear_tag("all").await.unwrap();
                least = [source; 3];
            }
            1 => {
                source += 1;
                cache.delete(&name).await.unwrap();
                least[key] = source;
            }
            2 => view.set(&name, source).await.unwrap(),
            3 => drop(view.add(&name, source).await.unwrap()),
            4 | 5 => {
                let (begun, clearer, clears) = (source, caches[next(2) as usize].clone(), next(3) == 0);
                let compute = || async {
                    if clears {
                        clearer.clear_tag("all").await.unwrap();
                    }
                    ok(begun).await
                };
                let found = view.get_or_set(&name, compute).await.unwrap();
                assert!(found >= least[key], "step {step}: {found} of {name}, from before {}", least[key]);
                if clears && found == begun {
                    // Perhaps it was computed, and the clear came after its beginning.
                    source += 1;
                    if next(2) == 0 {
                        clearer.clear_tag("all").await.unwrap();
                        least = [source; 3];
                    }
                }
            }
            6 => {
                let bulk = view.multi_get_or_set(&["k0", "k1", "k2"], |missing| {
                    ok(missing.into_iter().map(|key| (key, source)).collect::<Vec<_>>())
                });
                for (key, found) in bulk.await.into_iter().enumerate() {
                    let found = found.unwrap().unwrap();
                    assert!(found >= least[key], "step {step}: {found} of k{key}, from before {}", least[key]);
                }
            }
            _ => {
                let found = [cache, &view][next(2) as usize].get::<u64>(&name).await.unwrap();
                let least = least[key];
                assert!(
                    found.is_none_or(|found| found >= least),
                    "step {step}: {found:?} of {name}, from before {least}"
                );
                let exists = cache.exists(&name).await.unwrap();
                assert_eq!(exists, cache.get::<u64>(&name).await.unwrap().is_some());
            }
        }
    }
}

/// A future that is begun and left alone, with a clear after it, stores nothing that is found.
pub async fn a_write_before_a_clear_is_cleared(subject: &dyn Subject) {
    let (cache, other) = (cache(subject), cache(subject));
    let view = cache.tagged(["shop"]);
    let mut write = pin!(async { view.set("k", 1).await });
    let begun = poll_fn(|context| Poll::Ready(write.as_mut().poll(context))).await;
    other.clear_tag("shop").await.unwrap();
    if begun.is_pending() {
        write.await.unwrap();
        // It began before the clear, or took its generation after it.
        let found = cache.get::<i32>("k").await.unwrap();
        assert!(found.is_none_or(|found| found == 1));
        other.clear_tag("shop").await.unwrap();
    }
    assert_eq!(cache.get::<i32>("k").await.unwrap(), None);
}
