//! A holder that is stopped just when it stores, on a backend that can't look at the lease while it stores.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use polycache::backend::{Backend, Key, SetOptions, When};
use polycache::backends::memcached::Memcached;
use polycache::backends::memory::Memory;
use polycache::{Cache, Reply, Ttl, Value};
use polycache_testkit::servers::Memcached as Server;
use polycache_testkit::{Intercept, Proxy};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::{LEASE, LONG};

/// A process on the memory that several share; its writes wait at the gate from this one on.
fn process(memory: &Memory, gate: &Arc<Semaphore>, from: usize) -> Cache {
    let (gate, writes) = (Arc::clone(gate), Arc::new(AtomicUsize::new(0)));
    let backend = Intercept::new(Arc::new(memory.clone()), move |operation| {
        let (gate, writes) = (Arc::clone(&gate), Arc::clone(&writes));
        Reply::pending(async move {
            if operation == "set" && writes.fetch_add(1, Ordering::SeqCst) >= from {
                drop(gate.acquire().await.unwrap());
            }
            Ok(())
        })
    });
    let backend = backend.remote().declaring(|info| info.capabilities.exclusive = false);
    Cache::builder().backend(backend).lease(LEASE).timeout(LONG).build().unwrap()
}

/// A write elsewhere waits for it no longer than for a dead one. What it stores too late is taken back.
#[tokio::test]
async fn a_write_waits_for_a_stopped_holder_as_for_a_dead_one() {
    let (memory, gate) = (Memory::new(), Arc::new(Semaphore::new(0)));
    // It takes the lease, sealed as long as nothing is known of the computation, and is stopped when it stores.
    let stopped = process(&memory, &gate, 1);
    let computes = tokio::spawn(async move { stopped.get_or_set("k", || async { Ok::<_, ()>(1) }).await });
    while memory.is_empty() {
        sleep(Duration::from_millis(1)).await;
    }
    sleep(LEASE / 10).await;

    let other = process(&memory, &gate, usize::MAX);
    let started = Instant::now();
    assert!(!timeout(LONG, other.delete("k")).await.unwrap().unwrap());
    assert!(started.elapsed() >= LEASE / 2, "{:?}: it was about to store", started.elapsed());

    gate.add_permits(10);
    assert_eq!(computes.await.unwrap(), Ok(1));
    assert!(!other.exists("k").await.unwrap());
}

/// A write that has waited for another process finds a younger lease of its own cache, under which a value is on its way: it waits for
/// that, too.
#[tokio::test(start_paused = true)]
async fn a_write_that_has_waited_waits_for_its_own_cache_as_well() {
    let (memory, gate, stores) = (Memory::new(), Arc::new(Semaphore::new(0)), Arc::new(AtomicBool::new(false)));
    let (at_gate, stored) = (Arc::clone(&gate), Arc::clone(&stores));
    let backend = Intercept::new(Arc::new(memory.clone()), move |operation| {
        let (gate, stores) = (Arc::clone(&at_gate), Arc::clone(&stored));
        Reply::pending(async move {
            if operation == "set" && stores.load(Ordering::SeqCst) {
                drop(gate.acquire().await.unwrap());
            }
            Ok(())
        })
    });
    let backend = backend.remote().declaring(|info| info.capabilities.exclusive = false);
    let here = Cache::builder().backend(backend).lease(LONG).timeout(LONG).build().unwrap();

    let lease = Key::plain("k").lease();
    let (lease, sealed) = (Key::plain(&lease), Value::bytes(*b"another:1:60000:sealed"));
    memory.set(lease, sealed, SetOptions::new(Ttl::Never, When::Always)).await.unwrap();
    let writer = here.clone();
    let write = tokio::spawn(async move { writer.delete("k").await });
    // It has looked by now, and looks again in five.
    sleep(Duration::from_millis(1)).await;

    memory.delete(lease, When::Always).await.unwrap();
    let computes = tokio::spawn(async move {
        let compute = || async {
            stores.store(true, Ordering::SeqCst);
            Ok::<_, ()>(1)
        };
        here.get_or_set("k", compute).await
    });
    sleep(Duration::from_millis(100)).await;
    assert!(!computes.is_finished() && !write.is_finished(), "the value may arrive after the write");
    gate.add_permits(1);
    assert_eq!(computes.await.unwrap(), Ok(1));
    write.await.unwrap().unwrap();
    assert!(memory.is_empty());
}

/// The value arrives after another process has stopped waiting and deleted the key, and the reply to it is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_arrived_without_a_word_is_taken_back() {
    let server = Server::start().await;
    let proxy = Arc::new(Proxy::start(server.address()).await);
    let process = |url: String| {
        Cache::builder().backend(Memcached::open(&url).unwrap()).lease(LEASE).timeout(LONG).build().unwrap()
    };
    let (here, there) = (process(server.url_at(proxy.address())), process(server.url()));

    let (way, sent) = (Arc::clone(&proxy), Arc::new(AtomicU64::new(0)));
    let before = Arc::clone(&sent);
    let computes = tokio::spawn(async move {
        let computed = here.get_or_set("k", || async {
            way.freeze();
            before.store(way.traffic().from_client, Ordering::SeqCst);
            Ok::<_, ()>(1)
        });
        computed.await
    });
    proxy.wait_until(|traffic| (1..traffic.from_client).contains(&sent.load(Ordering::SeqCst))).await;
    there.delete("k").await.unwrap();
    proxy.cut_reply_after(0);
    proxy.thaw();
    assert_eq!(computes.await.unwrap(), Ok(1));
    assert_eq!(there.get::<i32>("k").await.unwrap(), None);
}
