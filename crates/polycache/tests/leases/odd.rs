//! Leases where something odd happens while a value is computed.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use polycache::locks::RedLock;
use polycache::{Cache, Command, CommandName, ErrorKind, Held, Plugin, Reply, cached_stampede};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::LONG;
use crate::server::Server;

/// So long a process that is told nothing waits at most: a lease, its grace, and what a busy machine takes.
const SOON: Duration = Duration::from_secs(5);

async fn one() -> Result<i32, ()> {
    Ok(1)
}

/// A server that comes back empty has forgotten the lease, too: nobody hangs, and what was computed under it isn't stored.
async fn a_server_restarts_empty(server: Server) {
    let (here, there) = (server.cache(), server.cache());
    here.set("other", 1).await.unwrap();
    let computed = here.get_or_set("k", || async {
        server.restart().await;
        // Until it is connected again.
        while here.with_timeout(Duration::from_millis(200)).set("other", 1).await.is_err() {}
        one().await
    });
    assert_eq!(computed.await, Ok(1));
    assert_eq!(timeout(SOON, there.get_or_set("k", || async { Ok::<_, ()>(2) })).await, Ok(Ok(2)));
    assert_eq!(here.get_or_set("k", || async { Ok::<_, ()>(3) }).await, Ok(2));
}

#[cached_stampede(cache = cache, key = "refreshed", lease = "10s")]
async fn refreshed(cache: Cache, number: u32) -> u32 {
    sleep(Duration::from_millis(20)).await;
    number
}

/// Of many refreshes here and there at once, one is stored, or none; what was there before is gone.
async fn refreshes_race(server: Server) {
    let caches = [server.cache(), server.cache()];
    for _ in 0..5 {
        caches[0].set("refreshed", 0_u32).await.unwrap();
        let call = |number: u32| refreshed(caches[number as usize % 2].clone(), number).refresh();
        (1..=20).map(call).collect::<JoinSet<_>>().join_all().await;
        assert_ne!(caches[0].get::<u32>("refreshed").await.unwrap(), Some(0));
    }
}

/// Shorter than any machine can keep it, and longer than anybody waits.
async fn leases_of_a_millisecond_and_an_hour(server: Server) {
    for lease in [Duration::from_millis(1), Duration::from_secs(3_600)] {
        let (here, there) = (server.cache_with(lease), server.cache_with(lease));
        // While the machine stands still for longer than a short lease another process takes over, and rightly: not ten times.
        let attempts = if lease < SOON { 10 } else { 1 };
        let mut key = format!("{lease:?}");
        for attempt in 1.. {
            let slow = || async {
                sleep(Duration::from_millis(100)).await;
                one().await
            };
            let waits = async {
                sleep(Duration::from_millis(20)).await;
                there.get_or_set(&key, || async { Ok::<_, ()>(2) }).await
            };
            let found = tokio::join!(here.get_or_set(&key, slow), waits);
            if found == (Ok(1), Ok(1)) {
                break;
            }
            assert!(attempt < attempts, "{found:?}");
            key.push('+');
        }

        for attempt in 1.. {
            let guard = RedLock::new(&here, &key, lease).acquire(SOON).await.unwrap();
            let waited = RedLock::new(&there, &key, lease).acquire(Duration::from_millis(100)).await;
            let is_held = guard.is_held();
            if let (Err(error), true) = (&waited, is_held)
                && error.kind() == ErrorKind::Timeout
                && guard.release().await.unwrap()
            {
                break;
            }
            assert!(attempt < attempts, "{is_held}, {waited:?}");
        }
        RedLock::new(&there, &key, lease).acquire(SOON).await.unwrap().release().await.unwrap();
    }
    for lease in [Duration::ZERO, Duration::MAX] {
        let error = RedLock::new(&server.cache(), "k", lease).acquire(SOON).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}

/// Another process can compute as soon as this one has given up, whatever kept it from storing.
async fn what_cannot_be_stored_is_returned_and_frees_the_lease(server: Server) {
    let (here, there) = (server.cache_with(LONG), server.cache_with(LONG));
    // JSON has no such keys.
    let unstorable = HashMap::from([((1, 2), 3)]);
    let computed = here.get_or_set("k", || async { Ok::<_, ()>(unstorable.clone()) });
    assert_eq!(computed.await, Ok(unstorable));
    assert_eq!(timeout(SOON, there.get_or_set("k", one)).await, Ok(Ok(1)));

    let computed = here.get_or_set("off", || async {
        here.set_enabled(false);
        Ok::<_, ()>(2)
    });
    assert_eq!(computed.await, Ok(2));
    here.set_enabled(true);
    assert!(!here.exists("off").await.unwrap());
    assert_eq!(timeout(SOON, there.get_or_set("off", one)).await, Ok(Ok(1)));
}

/// Who closes the cache can no longer give the lease back: it ends by itself.
async fn a_cache_is_closed_meanwhile(server: Server) {
    let (here, there) = (server.cache(), server.cache());
    let computed = here.get_or_set("k", || async {
        here.close().await.unwrap();
        Ok::<_, ()>(2)
    });
    assert_eq!(computed.await, Ok(2));
    assert_eq!(timeout(SOON, there.get_or_set("k", one)).await, Ok(Ok(1)));
}

/// Computations within computations, of other keys.
async fn computations_nest(server: Server) {
    let cache = server.cache();
    let sum = cache.get_or_set("sum", || async {
        let part = cache.get_or_set("part", one).await?;
        let parts = cache.multi_get_or_set(&["part", "other"], |missing| async move {
            Ok::<_, ()>(missing.into_iter().map(|key| (key, 2)).collect::<Vec<_>>())
        });
        Ok::<_, ()>(parts.await.into_iter().flatten().flatten().sum::<i32>() + part)
    });
    assert_eq!(timeout(SOON, sum).await, Ok(Ok(4)));
}

/// Hooks before and after the `set` of a computed value write to the same key: they hold up nothing, and they win.
async fn hooks_write_the_key(server: Server) {
    #[derive(Debug)]
    struct Deletes {
        before: bool,
    }

    impl Deletes {
        fn delete(&self, command: &Command<'_>, before: bool) -> Reply<()> {
            if command.name() != CommandName::Set || before != self.before {
                return Reply::ready(());
            }
            let (cache, key) = (command.cache().clone(), command.keys().next().unwrap().to_owned());
            Reply::pending(async move { cache.delete(&key).await.map(drop) })
        }
    }

    impl Plugin for Deletes {
        fn before(&self, command: &Command<'_>) -> Reply<Held> {
            let deleted = self.delete(command, true);
            Reply::pending(async move { deleted.await.map(|()| Held::NOTHING) })
        }

        fn after(&self, command: &Command<'_>, _: &polycache::Outcome<'_>, _: Duration, _: Held) -> Reply<()> {
            self.delete(command, false)
        }
    }

    for before in [true, false] {
        let cache = server.cache_with(LONG).with_plugin(Deletes { before });
        let key = format!("{before}");
        assert_eq!(timeout(SOON, cache.get_or_set(&key, one)).await, Ok(Ok(1)));
        assert!(!cache.exists(&key).await.unwrap());
    }
}

/// Names with a meaning elsewhere: in Redis Cluster, in patterns, in what the library keeps for itself.
async fn odd_names(server: Server) {
    for namespace in ["{", "}{", "a b", "\u{1}lease{x}", "*", "é:\n", "n:\u{1}", "{}", &"long".repeat(80)] {
        let process = || server.cache().namespace(namespace);
        let (here, there): (Cache, Cache) = (process(), process());
        for key in ["", "}", "{k}", "\u{1}lock{", "\r\nget x", ":", &"k".repeat(300)] {
            let computed = here.get_or_set(key, || async {
                there.set(key, 2).await.unwrap();
                one().await
            });
            assert_eq!(computed.await, Ok(1));
            assert_eq!(there.get_or_set(key, one).await, Ok(2), "{namespace:?} {key:?}");
            let guard = RedLock::new(&here, key, LONG).acquire(SOON).await.unwrap();
            assert!(RedLock::new(&there, key, LONG).acquire(Duration::ZERO).await.is_err());
            assert!(guard.release().await.unwrap());
        }
    }
}

/// A call with very many keys: each is computed once, in one process.
async fn ten_thousand_keys(server: Server) {
    let names: Vec<String> = (0..10_000).map(|number| format!("{number}")).collect();
    // Not lost on a busy machine, where the calls take half a minute.
    let lease = Duration::from_secs(60);
    let (here, there) = (server.cache_with(lease), server.cache_with(lease));
    let counts = std::sync::Mutex::new(HashMap::new());
    let compute = |missing: Vec<String>| {
        let mut counts = counts.lock().unwrap();
        missing.iter().for_each(|key| *counts.entry(key.clone()).or_insert(0) += 1);
        // And some that nobody has asked for.
        let values = missing.into_iter().map(|key| (key.clone(), key));
        let values: Vec<_> = values.chain([("unknown".to_owned(), String::new())]).collect();
        async { Ok::<_, ()>(values) }
    };
    let started = Instant::now();
    let (some, others) =
        tokio::join!(here.multi_get_or_set(&names, compute), there.multi_get_or_set(&names[5_000..], compute));
    for (found, names) in [(some, &names[..]), (others, &names[5_000..])] {
        assert!(found.into_iter().zip(names).all(|(found, name)| found.unwrap().as_ref() == Some(name)));
    }
    assert!(counts.into_inner().unwrap().values().all(|count| *count == 1), "after {:?}", started.elapsed());
    assert!(!here.exists("unknown").await.unwrap());
}

on_each_server! {
    a_server_restarts_empty
    refreshes_race
    leases_of_a_millisecond_and_an_hour
    what_cannot_be_stored_is_returned_and_frees_the_lease
    a_cache_is_closed_meanwhile
    computations_nest
    hooks_write_the_key
    odd_names
    ten_thousand_keys
}
