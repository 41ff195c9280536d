//! Caches with default settings, as in several processes.

use std::time::Duration;

use polycache::backend::Backend;
use polycache::backends::memcached::Memcached;
use polycache::backends::redis::Redis;
use polycache::{Cache, Config, ErrorKind, Ttl};
use polycache_testkit::servers::{Memcached as MemcachedServer, RedisCluster, RedisServer};
use tokio::time::{sleep, timeout};

use crate::LONG;

const ROUNDS: usize = 50;

/// Two caches that know nothing of each other.
fn processes<B: Backend>(open: impl Fn() -> B) -> [Cache; 2] {
    [(); 2].map(|()| Cache::builder().backend(open()).namespace("shop").build().unwrap())
}

/// While one computes, the other changes the source and writes the key: what was there before isn't found any more.
async fn no_old_value_stays([here, there]: [Cache; 2]) {
    for (number, brace) in (0..ROUNDS).zip(["", "}", "{", "{}", "{t}", "a}b"].into_iter().cycle()) {
        let key = format!("{number}{brace}");
        // Done at its first poll, or not; and the value is there before, or not.
        let slow = number % 3 != 0;
        let computed = here.get_or_set(&key, || async {
            if slow {
                sleep(Duration::from_millis(5)).await;
            }
            let deleted = match number % 4 {
                0 => there.multi_delete(&[&key]).await.map(|count| count > 0),
                _ => there.delete(&key).await,
            };
            assert!(!deleted.unwrap(), "there was none");
            Ok::<_, ()>("old".to_owned())
        });
        assert_eq!(computed.await.as_deref(), Ok("old"));
        assert_eq!(there.get::<String>(&key).await.unwrap(), None, "round {number}");

        let computed = here.get_or_set(&key, || async {
            match number % 5 {
                0 => there.multi_set([(&key, "new")]).await.unwrap(),
                1 => assert!(there.add(&key, "new").await.unwrap()),
                _ => there.set(&key, "new").await.unwrap(),
            }
            Ok::<_, ()>("old".to_owned())
        });
        assert_eq!(computed.await.as_deref(), Ok("old"));
        assert_eq!(here.get::<String>(&key).await.unwrap().as_deref(), Some("new"), "round {number}");
    }
    // At any moment of it.
    for number in 0..ROUNDS * 4 {
        let key = format!("moment {number}");
        let pause = || Duration::from_micros(fastrand::u64(..1_500));
        let (source, computes) = (std::cell::Cell::new("old"), pause());
        let compute = || async {
            let read = source.get();
            if number % 2 == 0 {
                sleep(computes).await;
            }
            Ok::<_, ()>(read.to_owned())
        };
        let delete = async {
            sleep(pause()).await;
            source.set("new");
            there.delete(&key).await.unwrap();
        };
        tokio::join!(async { here.get_or_set(&key, compute).await.unwrap() }, delete);
        assert_ne!(there.get::<String>(&key).await.unwrap().as_deref(), Some("old"), "round {number}");
    }
    // Of a lease nothing is left behind: nobody waits for one.
    let computed = timeout(Duration::from_secs(1), there.get_or_set("0", || async { Ok::<_, ()>("free".to_owned()) }));
    assert!(computed.await.is_ok());
}

#[tokio::test]
async fn no_old_value_stays_on_redis() {
    let server = RedisServer::start().await;
    no_old_value_stays(processes(|| Redis::open(&server.url()).unwrap())).await;
    // The end of a lease and the write are on one connection.
    server.flush().await;
    no_old_value_stays(processes(|| Redis::open(&format!("{}?connections=3", server.url())).unwrap())).await;
}

#[tokio::test]
async fn no_old_value_stays_on_a_cluster() {
    let cluster = RedisCluster::start(3, 0).await;
    no_old_value_stays(processes(|| Redis::open(&cluster.url()).unwrap())).await;
}

#[tokio::test]
async fn no_old_value_stays_on_memcached() {
    let server = MemcachedServer::start().await;
    no_old_value_stays(processes(|| Memcached::open(&server.url()).unwrap())).await;
}

/// The lease is on the server of its key, however keys are placed.
#[tokio::test]
async fn no_old_value_stays_on_a_fleet() {
    let servers = [MemcachedServer::start().await, MemcachedServer::start().await, MemcachedServer::start().await];
    let hosts = servers.each_ref().map(|server| server.address().to_string()).join(",");
    for settings in ["", "&placement=rendezvous", "&generations=0"] {
        no_old_value_stays(processes(|| {
            Memcached::open(&format!("memcached://{hosts}?weights=1,2,1{settings}")).unwrap()
        }))
        .await;
        for server in &servers {
            server.restart().await;
        }
    }
}

/// One computes at a time, by default; without leases each process does.
#[tokio::test]
async fn leases_can_be_turned_off() {
    let (redis, memcached) = (RedisServer::start().await, MemcachedServer::start().await);
    for url in [redis.url(), memcached.url()] {
        let caches = |lease: &str| {
            let config = format!(r#"{{ "default": {{ "url": "{url}", "namespace": "n" {lease} }} }}"#);
            [(); 2].map(|()| {
                let caches = polycache::Caches::new();
                caches.set_config(Config::json(&config).unwrap()).unwrap();
                caches.get("default").unwrap()
            })
        };
        for (number, (lease, has_leases)) in
            [("", true), (r#", "lease": "5s""#, true), (r#", "lease": 0"#, false), (r#", "lease": null"#, false)]
                .into_iter()
                .enumerate()
        {
            let [here, there] = caches(lease);
            let key = format!("{number}");
            let inner = there.with_timeout(LONG);
            let computed = here.get_or_set(&key, || async {
                // The other computes too, or waits for this one.
                let second = inner.get_or_set(&key, || async { Ok::<_, ()>(2) });
                let waited = timeout(Duration::from_millis(100), second).await.is_err();
                assert_eq!(waited, has_leases, "{url} {lease}");
                Ok::<_, ()>(1)
            });
            assert_eq!(computed.await, Ok(1));
        }
    }
    let wrong = Cache::builder().lease(Duration::from_nanos(1)).build().unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::Config);
    assert_eq!(wrong.to_string(), "`lease` is 1ns; it goes from 1ms to 86400s; zero is none");
}

/// Answers are about the key alone.
#[tokio::test]
async fn a_lease_that_is_ended_is_not_counted() {
    let (redis, memcached) = (RedisServer::start().await, MemcachedServer::start().await);
    let on_redis = processes(|| Redis::open(&redis.url()).unwrap());
    let on_memcached = processes(|| Memcached::open(&memcached.url()).unwrap());
    for [here, there] in [on_redis, on_memcached] {
        let computed = here.get_or_set("k", || async {
            sleep(Duration::from_millis(5)).await;
            assert_eq!(there.multi_delete(&["k", "x"]).await.unwrap(), 0);
            assert_eq!(there.increment("n", 2).await.unwrap(), 2);
            Ok::<_, ()>(1)
        });
        assert_eq!(computed.await, Ok(1));
        for key in ["a", "b"] {
            let computed = here.get_or_set(key, || async {
                sleep(Duration::from_millis(5)).await;
                match key {
                    "a" => assert!(!there.delete(key).await.unwrap()),
                    _ => assert!(!there.expire(key, Ttl::secs(9)).await.unwrap()),
                }
                Ok::<_, ()>(1)
            });
            assert_eq!(computed.await, Ok(1));
            assert!(!here.exists(key).await.unwrap());
        }
        here.set("k", 1).await.unwrap();
        assert!(there.expire("k", Ttl::Never).await.unwrap());
        let (_, version) = there.get_versioned::<i32>("k").await.unwrap();
        assert!(there.cas("k", 2, version.clone()).await.unwrap());
        assert!(!here.cas("k", 3, version).await.unwrap());
        assert!(!here.add("k", 3).await.unwrap());
        assert_eq!(here.multi_delete(&["k", "n", "x"]).await.unwrap(), 2);
    }
}
