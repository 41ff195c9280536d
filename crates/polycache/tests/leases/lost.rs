//! A holder that has stored too late, and loses its connection before it can take the value back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use polycache::backends::memcached::Memcached;
use polycache::{Cache, Reply};
use polycache_testkit::servers::Memcached as Server;
use polycache_testkit::{Intercept, Proxy};
use tokio::time::{sleep, timeout};

use crate::{LEASE, LONG};

/// Computes 1 for `k` through the proxy, which holds the value up until another process has waited for it as for a dead one, and deleted
/// the key. The reply to the late value is lost; `lost` runs before.
async fn stores_late(proxy: &Arc<Proxy>, here: Cache, there: &Cache, lost: impl FnOnce(&Proxy)) {
    let (way, sent) = (Arc::clone(proxy), Arc::new(AtomicU64::new(0)));
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
    lost(proxy);
    proxy.cut_reply_after(0);
    proxy.thaw();
    assert_eq!(computes.await.unwrap(), Ok(1));
}

async fn goes(there: &Cache) {
    let gone = async {
        while there.exists("k").await.unwrap() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONG, gone).await.expect("the late value is taken back");
}

fn process(url: &str) -> Cache {
    Cache::builder().backend(Memcached::open(url).unwrap()).lease(LEASE).timeout(LONG).build().unwrap()
}

/// Between the look that finds the late value and its deletion: the version is of the connection that is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_value_goes_though_the_connection_is_lost_before_its_deletion() {
    let server = Server::start().await;
    let proxy = Arc::new(Proxy::start(server.address()).await);
    let (way, deletions) = (Arc::clone(&proxy), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&deletions);
    let backend =
        Intercept::new(Arc::new(Memcached::open(&server.url_at(proxy.address())).unwrap()), move |operation| {
            let (way, counted) = (Arc::clone(&way), Arc::clone(&counted));
            Reply::pending(async move {
                // The first is of the lease, which is lost.
                if operation == "delete" && counted.fetch_add(1, Ordering::SeqCst) == 1 {
                    way.cut();
                    way.wait_until(|traffic| traffic.open == 0).await;
                }
                Ok(())
            })
        });
    let here = Cache::builder().backend(backend).lease(LEASE).timeout(LONG).build().unwrap();
    let there = process(&server.url());

    stores_late(&proxy, here, &there, |_| ()).await;
    goes(&there).await;
    assert!(deletions.load(Ordering::SeqCst) > 2, "the connection was cut before the first deletion of the value");
}

/// It can't even look, since the server is out of its reach for a while. Closing waits for that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_value_goes_once_the_server_can_be_reached_again() {
    let server = Server::start().await;
    let proxy = Arc::new(Proxy::start(server.address()).await);
    let (here, there) = (process(&server.url_at(proxy.address())), process(&server.url()));

    stores_late(&proxy, here.clone(), &there, |proxy| proxy.refuse(true)).await;
    assert!(there.exists("k").await.unwrap(), "nobody else can tell that it is late");
    proxy.refuse(false);
    here.close().await.unwrap();
    assert!(!there.exists("k").await.unwrap());
}
