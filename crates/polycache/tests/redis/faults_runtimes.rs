//! A cache that outlives the tokio runtimes it is used on; and one that is off.

use std::net::TcpListener;
use std::pin::pin;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use polycache::{Cache, Error, ErrorKind, Ttl};
use polycache_testkit::servers::RedisServer;
use tokio::runtime::{Builder, Runtime};

use super::support::{SLACK, alone, cache, cache_with, is_child};

fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn two_threads() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// The result of a call that must not wait, outside of any runtime.
fn polled_once<T>(call: impl Future<Output = T>) -> T {
    let mut call = pin!(call);
    match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("the call waits"),
    }
}

static SERVER: LazyLock<RedisServer> = LazyLock::new(|| one_thread().block_on(RedisServer::start()));

#[test]
fn one_after_the_other() {
    static CACHE: LazyLock<Cache> = LazyLock::new(|| cache(&SERVER.url()).namespace("one after the other"));
    for round in 0..6 {
        let runtime = if round % 2 == 0 { one_thread() } else { two_threads() };
        runtime.block_on(async {
            if round > 0 {
                assert_eq!(CACHE.get::<i32>("k").await.unwrap(), Some(round - 1));
            }
            CACHE.set("k", round).await.unwrap();
            assert_eq!(CACHE.increment("n", 1).await.unwrap(), i64::from(round) + 1);
            // Whatever is still going on ends with the runtime.
            for _ in 0..10 {
                tokio::spawn(async { while CACHE.get::<i32>("k").await.is_ok() {} });
            }
        });
    }
}

/// The connection was made on one runtime, and is used on another one, too, which goes on when the first ends.
#[test]
fn one_beside_the_other() {
    let mut lost = 0;
    let mut slowest = Duration::ZERO;
    for _ in 0..10 {
        let cache = cache_with(&SERVER.url(), Duration::from_secs(10)).namespace("one beside the other");
        let first = two_threads();
        first.block_on(cache.set("k", -1)).unwrap();
        let rounds = AtomicI32::new(0);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                one_thread().block_on(async {
                    while rounds.load(Ordering::Relaxed) < 1000 {
                        let round = rounds.fetch_add(1, Ordering::Relaxed);
                        let started = Instant::now();
                        let reads = futures_util::future::join_all((0..10).map(|_| cache.get::<i32>("k"))).await;
                        for read in reads {
                            assert!(read.unwrap().unwrap() <= round);
                        }
                        if let Err(error) = cache.set("k", round).await {
                            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                            lost += 1;
                        }
                        slowest = slowest.max(started.elapsed());
                    }
                });
            });
            while rounds.load(Ordering::Relaxed) < 10 {
                std::thread::yield_now();
            }
            drop(first);
            rounds.store(980, Ordering::Relaxed);
            other.join().unwrap();
        });
    }
    eprintln!("10 runtimes ended beside another one: {lost} writes lost, the slowest round took {slowest:?}");
    assert!(slowest < SLACK);
}

#[test]
fn none() {
    let (connected, fresh) = (cache(&SERVER.url()), cache(&SERVER.url()));
    let runtime = two_threads();
    runtime.block_on(connected.set("none", 1)).unwrap();
    for _ in 0..2 {
        let errors: [Error; 4] = [
            polled_once(fresh.get::<i32>("none")).unwrap_err(),
            polled_once(fresh.set("none", 2)).unwrap_err(),
            polled_once(fresh.increment("none", 2)).unwrap_err(),
            polled_once(fresh.with_timeout(Duration::from_secs(1)).delete("none")).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::NoRuntime, "{error}");
            assert!(error.to_string().contains("tokio runtime"), "{error}");
        }
        // Where there is a connection, the answer may be here at once.
        match polled_once(connected.get::<i32>("none")) {
            Ok(value) => assert_eq!(value, Some(1)),
            Err(error) => assert_eq!(error.kind(), ErrorKind::NoRuntime, "{error}"),
        }
    }
    let no_timeout = cache_with(&SERVER.url(), Duration::ZERO);
    assert_eq!(polled_once(no_timeout.get::<i32>("none")).unwrap_err().kind(), ErrorKind::NoRuntime);
    // Nothing of this stands in the way of calls on a runtime.
    runtime.block_on(async {
        for cache in [connected, fresh, no_timeout] {
            cache.set("none", 3).await.unwrap();
            assert_eq!(cache.get::<i32>("none").await.unwrap(), Some(3));
        }
    });
}

/// Runtimes without timers or without I/O.
#[test]
fn not_enough() {
    let cache = cache(&SERVER.url());
    for runtime in [Builder::new_current_thread().build(), Builder::new_current_thread().enable_time().build()] {
        runtime.unwrap().block_on(async {
            let mut quickest = Duration::MAX;
            for _ in 0..3 {
                let started = Instant::now();
                let error = cache.get::<i32>("k").await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::NoRuntime, "{error}");
                assert!(error.to_string().contains("enable_"), "{error}");
                quickest = quickest.min(started.elapsed());
            }
            // Where backtraces are asked for, that of tokio's first panic can take seconds.
            assert!(quickest < SLACK);
        });
    }
    one_thread().block_on(cache.set("k", 1)).unwrap();
}

#[test]
fn switched_off_by_the_environment_no_server_is_contacted() {
    if !is_child() {
        let test = "faults_runtimes::switched_off_by_the_environment_no_server_is_contacted";
        return alone(test, &[("POLYCACHE_DISABLE", "1")]);
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    one_thread().block_on(async {
        for url in [
            format!("redis://:password@{address}?heartbeat=10ms"),
            format!("redis+cluster://{address}"),
            format!("redis+sentinel://{address}/service"),
        ] {
            let cache = cache(&url).namespace("ns");
            cache.set("k", 1).await.unwrap();
            cache.multi_set([("k", 1)]).await.unwrap();
            assert_eq!(cache.get::<i32>("k").await.unwrap(), None);
            assert_eq!(cache.multi_get::<i32>(&["k"]).await.unwrap(), [None]);
            assert!(cache.add("k", 1).await.unwrap());
            assert_eq!(cache.increment("n", 2).await.unwrap(), 2);
            assert!(!cache.exists("k").await.unwrap());
            assert!(!cache.expire("k", Ttl::secs(1)).await.unwrap());
            assert_eq!(cache.ttl("k").await.unwrap(), None);
            let (_, version) = cache.get_versioned::<i32>("k").await.unwrap();
            assert!(cache.cas("k", 1, version).await.unwrap());
            cache.delete("k").await.unwrap();
            cache.multi_delete(&["k"]).await.unwrap();
            cache.clear().await.unwrap();
            assert_eq!(cache.raw("PING", &[""; 0]).await.unwrap_err().kind(), ErrorKind::Refused);
            cache.close().await.unwrap();
        }
        // What would connect in the background has had its chance.
        tokio::time::sleep(Duration::from_millis(50)).await;
    });
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}
