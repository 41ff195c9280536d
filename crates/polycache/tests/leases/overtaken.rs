//! What another process does to a key while this one computes. Two caches that know nothing of each other stand for two processes.

use std::future::pending;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use polycache::Ttl;
use tokio::time::{sleep, timeout};

use crate::LONG;
use crate::server::Server;

/// Whatever is written meanwhile: what is computed isn't stored.
async fn a_write_in_another_process_overtakes(server: Server) {
    let (here, there) = (server.cache(), server.cache());
    for write in ["delete", "multi_delete", "clear", "set", "expire", "increment"] {
        let computed = here.get_or_set(write, || async {
            match write {
                "delete" => drop(there.delete(write).await.unwrap()),
                "multi_delete" => drop(there.multi_delete(&[write]).await.unwrap()),
                "clear" => there.clear().await.unwrap(),
                "set" => there.set(write, 7).await.unwrap(),
                "expire" => drop(there.expire(write, Ttl::secs(9)).await.unwrap()),
                _ => drop(there.increment(write, 7).await.unwrap()),
            }
            Ok::<_, ()>(1)
        });
        assert_eq!(computed.await, Ok(1));
        let left = matches!(write, "set" | "increment").then_some(7);
        assert_eq!(here.get::<i32>(write).await.unwrap(), left, "after {write}");
    }
}

/// A key is the same however it is split into namespace and name, and a clear takes what is nested in its namespace.
async fn a_write_by_another_name_overtakes(server: Server) {
    let here = server.cache();
    let (inner, outer) = (server.cache().namespace("work:a"), server.cache().namespace(""));
    for write in ["inner delete", "outer delete", "inner clear", "outer set"] {
        let key = format!("a:b:{write}");
        let computed = here.get_or_set(&key, || async {
            match write {
                "inner delete" => drop(inner.delete(&key[2..]).await.unwrap()),
                "outer delete" => drop(outer.delete(&format!("work:{key}")).await.unwrap()),
                "inner clear" => inner.clear().await.unwrap(),
                _ => outer.set(&format!("work:{key}"), 7).await.unwrap(),
            }
            Ok::<_, ()>(1)
        });
        assert_eq!(computed.await, Ok(1));
        assert_ne!(here.get::<i32>(&key).await.unwrap(), Some(1), "after {write}");
    }
}

/// A leader that is cancelled gives its lease back, whenever that is; others don't wait for its end.
async fn a_cancelled_holder_gives_its_lease_back(server: Server) {
    let (here, there) = (server.cache_with(LONG), server.cache_with(LONG));
    for round in 0..200 {
        let key = format!("{round}");
        let never = here.get_or_set(&key, pending::<Result<i32, ()>>);
        let _ = timeout(Duration::from_micros(fastrand::u64(..3_000)), never).await;
        let value = timeout(LONG / 2, there.get_or_set(&key, || async { Ok::<_, ()>(1) }));
        assert_eq!(value.await, Ok(Ok(1)));
    }
}

/// Without the server each process computes for itself, once.
async fn a_server_that_is_down_is_done_without(server: Server) {
    let here = server.cache();
    here.set("other", 1).await.unwrap();
    server.kill();
    let computed = AtomicU32::new(0);
    let compute = || async {
        sleep(Duration::from_millis(20)).await;
        Ok::<_, ()>(computed.fetch_add(1, Ordering::SeqCst))
    };
    let impatient = here.with_timeout(Duration::from_millis(500));
    let results = tokio::join!(impatient.get_or_set("k", compute), impatient.get_or_set("k", compute));
    assert_eq!(results, (Ok(0), Ok(0)));

    here.set_enabled(false);
    assert_eq!(here.get_or_set("off", compute).await, Ok(1));
}

on_each_server! {
    a_write_in_another_process_overtakes
    a_write_by_another_name_overtakes
    a_cancelled_holder_gives_its_lease_back
    a_server_that_is_down_is_done_without
}
