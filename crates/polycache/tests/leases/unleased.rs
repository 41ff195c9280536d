//! What is computed without a lease, in a cache that has leases, isn't stored: another process may have deleted the key meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use polycache::backend::Backend;
use polycache::backends::memcached::Memcached;
use polycache::backends::redis::Redis;
use polycache::{Cache, Error, ErrorKind, Reply, Ttl};
use polycache_testkit::Intercept;
use tokio::sync::Semaphore;

use crate::LONG;
use crate::server::Server;

/// Lets the first operation of a call pass, its read, and none after it until told.
#[derive(Debug, Clone)]
struct Trouble(Arc<AtomicUsize>);

const HEALED: usize = usize::MAX / 2;

impl Trouble {
    fn begin(&self) {
        self.0.store(0, Ordering::SeqCst);
    }

    fn end(&self) {
        self.0.store(HEALED, Ordering::SeqCst);
    }

    fn meet(&self) -> Reply<()> {
        match self.0.fetch_add(1, Ordering::SeqCst) {
            0 | HEALED.. => Reply::ready(()),
            _ => Reply::error(Error::new(ErrorKind::Unavailable, "the connection was cut")),
        }
    }
}

fn troubled(server: &Server) -> (Cache, Trouble) {
    let url = server.url();
    let inner: Arc<dyn Backend> = match server {
        Server::Redis(_) => Arc::new(Redis::open(&url).unwrap()),
        Server::Memcached(_) => Arc::new(Memcached::open(&format!("{url}?generations=0")).unwrap()),
    };
    let trouble = Trouble(Arc::new(AtomicUsize::new(HEALED)));
    let meets = trouble.clone();
    let backend = Intercept::new(inner, move |_| meets.meet());
    (Cache::builder().backend(backend).namespace("work").lease(LONG).build().unwrap(), trouble)
}

async fn without_a_lease_nothing_is_stored(server: Server) {
    let ((here, trouble), there) = (troubled(&server), server.cache_with(LONG));

    trouble.begin();
    let computed = here.get_or_set("cut", || async {
        trouble.end();
        there.delete("cut").await.unwrap();
        Ok::<_, ()>(1)
    });
    assert_eq!(computed.await, Ok(1));
    assert_eq!(there.get::<i32>("cut").await.unwrap(), None);

    here.set_enabled(false);
    let computed = here.get_or_set("off", || async {
        here.set_enabled(true);
        there.delete("off").await.unwrap();
        Ok::<_, ()>(1)
    });
    assert_eq!(computed.await, Ok(1));
    assert_eq!(there.get::<i32>("off").await.unwrap(), None);

    trouble.begin();
    let computed = here.multi_get_or_set(&["a", "b"], |keys| async {
        trouble.end();
        there.multi_delete(&["a", "b"]).await.unwrap();
        Ok::<_, ()>(keys.into_iter().map(|key| (key, 1)).collect::<Vec<_>>())
    });
    assert_eq!(computed.await, [Ok(Some(1)), Ok(Some(1))]);
    assert_eq!(there.multi_get::<i32>(&["a", "b"]).await.unwrap(), [None, None]);

    // With all as it should be, it is stored.
    assert_eq!(here.get_or_set("cut", || async { Ok::<_, ()>(2) }).await, Ok(2));
    assert_eq!(there.get::<i32>("cut").await.unwrap(), Some(2));
}

/// Nor is what was to be renewed early, and what is there stays: it is as good as before.
async fn without_a_lease_nothing_is_renewed(server: Server) {
    let early = || {
        let (here, trouble) = troubled(&server);
        (here.with_ttl(Ttl::secs(3_600)).with_refresh_early(0.0), trouble)
    };
    let (here, trouble) = early();
    here.multi_set([("k", 1), ("a", 1), ("b", 1)]).await.unwrap();
    let computed = Arc::new(Semaphore::new(0));

    trouble.begin();
    let (heals, computes) = (trouble.clone(), Arc::clone(&computed));
    let call = here.get_or_set("k", || async move {
        heals.end();
        computes.add_permits(1);
        Ok::<_, ()>(2)
    });
    assert_eq!(call.detached().await, Ok(1));
    computed.acquire().await.unwrap().forget();
    // Once its task has ended, whose operations would count.
    here.close().await.unwrap();

    let (here, trouble) = early();
    trouble.begin();
    let (heals, computes) = (trouble.clone(), Arc::clone(&computed));
    let call = here.multi_get_or_set(&["a", "b"], move |keys: Vec<String>| {
        heals.end();
        computes.add_permits(1);
        async { Ok::<_, ()>(keys.into_iter().map(|key| (key, 2)).collect::<Vec<_>>()) }
    });
    assert_eq!(call.detached().await, [Ok(Some(1)), Ok(Some(1))]);
    computed.acquire().await.unwrap().forget();

    here.close().await.unwrap();
    let there = server.cache_with(LONG);
    assert_eq!(there.multi_get::<i32>(&["k", "a", "b"]).await.unwrap(), [Some(1); 3]);
}

on_each_server! {
    without_a_lease_nothing_is_stored
    without_a_lease_nothing_is_renewed
}
