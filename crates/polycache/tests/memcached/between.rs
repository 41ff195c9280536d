//! Connections that are lost between the steps of one command. A version is good on one connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use polycache::backend::{Backend, Key};
use polycache::backends::memcached::Memcached;
use polycache::{Cache, Reply, Ttl};
use polycache_testkit::servers::Memcached as Server;
use polycache_testkit::{Intercept, Proxy};

/// A cache whose connection is cut before the next of these operations once the flag is set.
async fn cut_before(operation: &'static str) -> (Server, Arc<Proxy>, Cache, Arc<AtomicBool>) {
    let server = Server::start().await;
    let proxy = Arc::new(Proxy::start(server.address()).await);
    let (way, is_armed) = (Arc::clone(&proxy), Arc::new(AtomicBool::new(false)));
    let armed = Arc::clone(&is_armed);
    let memcached = Arc::new(Memcached::open(&server.url_at(proxy.address())).unwrap());
    let other: Arc<dyn Backend> = Arc::clone(&memcached) as Arc<dyn Backend>;
    let backend = Intercept::new(memcached, move |name| {
        let (way, armed, other) = (Arc::clone(&way), Arc::clone(&armed), Arc::clone(&other));
        Reply::pending(async move {
            if name == operation && armed.swap(false, Ordering::SeqCst) {
                way.cut();
                // Until another is there.
                while other.get(Key::plain("other")).await.is_err() || way.traffic().connections < 2 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            Ok(())
        })
    });
    let cache = Cache::builder().backend(backend).build().unwrap();
    (server, proxy, cache, is_armed)
}

/// `add` takes an entry whose tag was cleared for none. It looked at that entry on a connection that is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cleared_entry_is_no_entry_though_its_version_is_lost() {
    let (_server, _proxy, cache, cut) = cut_before("set").await;
    let tagged = cache.tagged(["shop"]);
    tagged.set("k", 1).await.unwrap();
    tagged.clear_tag("shop").await.unwrap();
    assert_eq!(tagged.get::<i32>("k").await.unwrap(), None);

    cut.store(true, Ordering::SeqCst);
    assert!(tagged.add("k", 2).await.unwrap());
    assert!(!cut.load(Ordering::SeqCst), "the connection was cut");
    assert_eq!(tagged.get::<i32>("k").await.unwrap(), Some(2));
}

/// The same of a counter that was set with a tag, or is stale: it is deleted, and counted from nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cleared_number_is_no_number_though_its_version_is_lost() {
    let (_server, _proxy, cache, cut) = cut_before("delete").await;
    let tagged = cache.tagged(["shop"]);
    tagged.set("k", 7).await.unwrap();
    tagged.clear_tag("shop").await.unwrap();
    assert_eq!(tagged.get::<i32>("k").await.unwrap(), None);
    cut.store(true, Ordering::SeqCst);
    assert_eq!(tagged.increment("k", 2).await.unwrap(), 2);
    assert!(!cut.load(Ordering::SeqCst), "the connection was cut");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_number_is_no_number_though_its_version_is_lost() {
    let (_server, _proxy, cache, cut) = cut_before("delete").await;
    let stale = cache.with_ttl(Ttl::secs(1)).with_grace(Duration::from_secs(600));
    stale.set("k", 7).await.unwrap();
    while stale.exists("k").await.unwrap() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    cut.store(true, Ordering::SeqCst);
    assert_eq!(stale.increment("k", 2).await.unwrap(), 2);
    assert!(!cut.load(Ordering::SeqCst), "the connection was cut");
}

/// An entry that is stale by now, on two lost connections in a row.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_entry_is_no_entry_though_its_version_is_lost() {
    let (_server, _proxy, cache, cut) = cut_before("set").await;
    let stale = cache.with_ttl(Ttl::secs(1)).with_grace(Duration::from_secs(600));
    stale.set("k", 1).await.unwrap();
    while stale.exists("k").await.unwrap() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    cut.store(true, Ordering::SeqCst);
    assert!(stale.add("k", 2).await.unwrap());
    assert!(!cut.load(Ordering::SeqCst), "the connection was cut");
    assert_eq!(stale.get::<i32>("k").await.unwrap(), Some(2));
}
