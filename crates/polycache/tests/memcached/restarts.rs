//! Versions over the loss of a connection. A server that comes back empty numbers its entries anew, so that another process's entry may
//! have the number of an older one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use polycache::backend::{Backend, Key, When};
use polycache::backends::memcached::Memcached;
use polycache::locks::RedLock;
use polycache::{Cache, Error, Reply};
use polycache_testkit::servers::Memcached as Server;
use polycache_testkit::{Intercept, Proxy};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longer than a test takes.
const LONG: Duration = Duration::from_secs(60);

fn process(url: &str) -> Cache {
    Cache::builder().backend(Memcached::open(url).unwrap()).build().unwrap()
}

async fn until(mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < LONG, "it never comes");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Asks until the server is reached again.
async fn reached(cache: &Cache) {
    let started = Instant::now();
    while cache.get::<i32>("other").await.is_err() {
        assert!(started.elapsed() < LONG, "never reached");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Whoever reads and swaps around the restart overwrites nobody.
#[tokio::test]
async fn a_version_of_before_a_restart_matches_no_entry_after_it() {
    let server = Server::start().await;
    let backend = Memcached::open(&server.url()).unwrap();
    let here = Cache::builder().backend(backend.clone()).build().unwrap();
    let there = process(&server.url());
    here.set("k", 1).await.unwrap();
    let (_, version) = here.get_versioned::<i32>("k").await.unwrap();
    server.restart().await;
    reached(&there).await;
    there.set("k", 7).await.unwrap();
    reached(&here).await;
    assert!(!here.cas("k", 2, version.clone()).await.unwrap());
    assert!(!backend.delete(Key::plain("k"), When::unchanged(version)).await.unwrap());
    assert_eq!(here.get::<i32>("k").await.unwrap(), Some(7));
    let (_, version) = here.get_versioned::<i32>("k").await.unwrap();
    assert!(here.cas("k", 2, version).await.unwrap());
}

/// A value that was computed under a lease, and waits to be stored.
struct Computed {
    cache: Cache,
    goes: Arc<AtomicBool>,
    call: JoinHandle<Result<String, Error>>,
}

impl Computed {
    /// Computes at once: the lease is taken by the first write.
    async fn new(url: &str) -> Self {
        let (goes, writes) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let before = {
            let (goes, writes) = (Arc::clone(&goes), Arc::clone(&writes));
            move |command: &'static str| {
                if command != "set" || writes.fetch_add(1, Ordering::AcqRel) != 1 {
                    return Reply::ready(());
                }
                let goes = Arc::clone(&goes);
                Reply::pending(async move {
                    until(|| goes.load(Ordering::Acquire)).await;
                    Ok(())
                })
            }
        };
        let backend = Intercept::new(Arc::new(Memcached::open(url).unwrap()), before);
        let cache = Cache::builder().backend(backend).timeout(LONG).lease(LONG).build().unwrap();
        let call = tokio::spawn({
            let cache = cache.clone();
            async move { cache.get_or_set("k", || async { Ok::<_, Error>("old".to_owned()) }).await }
        });
        until(|| writes.load(Ordering::Acquire) == 2).await;
        Self { cache, goes, call }
    }

    async fn store(self) {
        reached(&self.cache).await;
        self.goes.store(true, Ordering::Release);
        assert_eq!(self.call.await.unwrap().unwrap(), "old");
    }
}

/// Otherwise the other computation, under whose lease it was stored, couldn't tell that it is older than a write meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_was_computed_before_a_restart_is_not_stored_under_another_lease() {
    // A lease's entry is written again while it is computed under, so that it isn't known which of its numbers meets which.
    let cases = ["", "?generations=0s"].into_iter().flat_map(|settings| (0..3).map(move |earlier| (settings, earlier)));
    for (settings, earlier) in cases {
        let server = Server::start().await;
        let url = format!("{}{settings}", server.url());
        for number in 0..earlier {
            process(&server.url()).set("earlier", number).await.unwrap();
        }
        let computed = Computed::new(&url).await;
        server.restart().await;
        let there = process(&url);
        reached(&there).await;
        let new = there.get_or_set("k", || async {
            computed.store().await;
            assert_eq!(there.get::<String>("k").await.unwrap(), None);
            Ok::<_, Error>("new".to_owned())
        });
        assert_eq!(new.await.unwrap(), "new");
        assert_eq!(there.get::<String>("k").await.unwrap().as_deref(), Some("new"));
    }
}

/// The lease is still its holder's: the value is stored, and nobody waits for the lease any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_was_computed_under_a_lease_is_stored_over_another_connection() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.address()).await;
    let computed = Computed::new(&server.url_at(proxy.address())).await;
    proxy.cut();
    computed.store().await;
    let there = process(&server.url());
    assert_eq!(there.get::<String>("k").await.unwrap().as_deref(), Some("old"));
    timeout(LONG / 2, there.set("k", "other")).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_lock_is_held_over_another_connection() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.address()).await;
    let [here, there] = [server.url_at(proxy.address()), server.url()].map(|url| process(&url));
    let held = RedLock::new(&here, "k", LONG).acquire(Duration::ZERO).await.unwrap();
    proxy.cut();
    reached(&here).await;
    assert!(held.release().await.unwrap());
    let again = RedLock::new(&there, "k", LONG).acquire(Duration::ZERO).await.unwrap();
    // A server without its entries has forgotten the lock, and gives it to somebody else: it is nobody's to release but theirs.
    server.restart().await;
    reached(&here).await;
    let other = RedLock::new(&here, "k", LONG).acquire(Duration::ZERO).await.unwrap();
    reached(&there).await;
    assert!(!again.release().await.unwrap());
    assert!(other.release().await.unwrap());
}
