//! What happens when servers and networks fail: real servers, real faults.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use polycache_memcached::{Builder, Client, Entry, ErrorKind, OnDead, Placement, Result, Ttl};
use polycache_testkit::Proxy;
use polycache_testkit::servers::Memcached;
use tokio::task::JoinSet;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

fn builder(address: SocketAddr) -> Builder {
    Client::builder().server(address.to_string().as_str()).unwrap()
}

async fn through_proxy() -> (Memcached, Proxy, Client) {
    let server = Memcached::start().await;
    let proxy = Proxy::start(server.address()).await;
    let client = builder(proxy.address()).heartbeat(Duration::from_millis(100)).build().unwrap();
    (server, proxy, client)
}

/// Waits until the condition holds. Returns how long that took.
async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !condition().await {
        assert!(start.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    start.elapsed()
}

async fn read(client: &Client, key: &str) -> Result<Option<String>> {
    Ok(client.get(key).await?.map(|item| String::from_utf8(item.value.to_vec()).unwrap()))
}

fn is_trouble(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unavailable | ErrorKind::UnknownOutcome)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_restarted_under_load() {
    let server = Memcached::start().await;
    let client = builder(server.address()).build().unwrap();
    let (stop, done, failed) =
        (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut tasks = JoinSet::new();
    for task in 0..16 {
        let (client, stop, done, failed) = (client.clone(), Arc::clone(&stop), Arc::clone(&done), Arc::clone(&failed));
        tasks.spawn(async move {
            let key = format!("task:{task}");
            // The newest value that was confirmed, and the newest one that may have been stored.
            let (mut confirmed, mut tried) = (0_u64, 0_u64);
            while !stop.load(Ordering::Relaxed) {
                tried += 1;
                match client.set(&key, Entry::new(tried.to_string().as_bytes())).await {
                    Ok(()) => confirmed = tried,
                    Err(error) => assert!(is_trouble(error.kind()), "{error}"),
                }
                match read(&client, &key).await {
                    Ok(Some(found)) => {
                        let found: u64 = found.parse().unwrap();
                        assert!(
                            (confirmed..=tried).contains(&found),
                            "{found} is neither {confirmed} nor up to {tried}"
                        );
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                    // A server that was restarted is empty.
                    Ok(None) => {}
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                        failed.fetch_add(1, Ordering::Relaxed);
                        tokio::task::yield_now().await;
                    }
                }
            }
        });
    }
    for _ in 0..3 {
        let before = done.load(Ordering::Relaxed);
        until("calls succeed", async || done.load(Ordering::Relaxed) > before + 1_000).await;
        server.kill();
        let before = failed.load(Ordering::Relaxed);
        until("calls fail", async || failed.load(Ordering::Relaxed) > before + 100).await;
        server.restart().await;
        let before = done.load(Ordering::Relaxed);
        let took = until("calls succeed again", async || done.load(Ordering::Relaxed) > before).await;
        eprintln!("back {took:?} after the restart");
        assert!(took < Duration::from_secs(3), "{took:?}");
    }
    stop.store(true, Ordering::Relaxed);
    timeout(PATIENCE, tasks.join_all()).await.expect("nothing hangs");
}

#[tokio::test]
async fn a_stopped_server_is_noticed_and_used_again() {
    let server = Memcached::start().await;
    let client = builder(server.address())
        .heartbeat(Duration::from_millis(200))
        .connect_timeout(Duration::from_millis(200))
        .build()
        .unwrap();
    client.set("k", Entry::new(b"v")).await.unwrap();
    server.stop();
    let start = Instant::now();
    let (set, get, count) = tokio::join!(client.set("k", Entry::new(b"w")), client.get("k"), client.incr("n", 1));
    let took = start.elapsed();
    eprintln!("noticed after {took:?}");
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert_eq!(set.unwrap_err().kind(), ErrorKind::UnknownOutcome);
    assert_eq!(count.unwrap_err().kind(), ErrorKind::UnknownOutcome);
    assert_eq!(get.unwrap_err().kind(), ErrorKind::Unavailable);
    // The kernel accepts connections, but nobody answers.
    assert_eq!(client.get("k").await.unwrap_err().kind(), ErrorKind::Unavailable);
    server.resume();
    until("it is used again", async || client.get("k").await.is_ok()).await;
}

#[tokio::test]
async fn silence_is_noticed_while_idle() {
    let (server, proxy, client) = through_proxy().await;
    client.set("k", Entry::new(b"v")).await.unwrap();
    // Three heartbeats pass, and the connection stays.
    let before = proxy.traffic().from_server;
    proxy.wait_until(|traffic| traffic.from_server >= before + 12).await;
    assert_eq!(proxy.traffic().connections, 1);
    server.stop();
    let took = until("the connection is given up", async || !format!("{client:?}").contains("Open")).await;
    eprintln!("noticed after {took:?} without a call");
    server.resume();
    assert_eq!(read(&client, "k").await.unwrap().as_deref(), Some("v"));
    assert_eq!(proxy.traffic().connections, 2);
}

#[tokio::test]
async fn a_connection_cut_while_idle_costs_no_call() {
    let (_server, proxy, client) = through_proxy().await;
    client.set("k", Entry::new(b"v")).await.unwrap();
    for round in 0..20 {
        if round % 2 == 0 {
            proxy.cut();
        } else {
            proxy.reset();
        }
        proxy.wait_until(|traffic| traffic.open == 0).await;
        assert_eq!(read(&client, "k").await.unwrap().as_deref(), Some("v"));
    }
}

#[tokio::test]
async fn a_reply_cut_at_any_byte_is_never_half_a_reply() {
    let (_server, proxy, client) = through_proxy().await;
    client.set("k", Entry::new(b"hello")).await.unwrap();
    client.set("n", Entry::new(b"0")).await.unwrap();
    // "VA 5 f0 OXX\r\nhello\r\n", cut before its last byte at the latest.
    for cut in 0..20 {
        proxy.cut_reply_after(cut);
        assert_eq!(read(&client, "k").await.unwrap().as_deref(), Some("hello"), "cut after {cut}");
        proxy.heal();
    }
    // "VALUE k 0 5\r\nhello\r\nEND\r\n"
    for cut in 0..25 {
        proxy.cut_reply_after(cut);
        let items = client.multi_get(&["k", "none"]).await.unwrap();
        assert_eq!((items[0].as_ref().unwrap().value.as_ref(), &items[1]), (&b"hello"[..], &None), "cut after {cut}");
        proxy.heal();
    }
    let mut executed = 0;
    // "VA 1 OXX\r\n1\r\n"
    for cut in 0..12 {
        proxy.cut_reply_after(cut);
        match client.incr("n", 1).await {
            Ok(sum) => panic!("{sum:?} of half a reply"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::UnknownOutcome, "{error}"),
        }
        proxy.heal();
        executed += 1;
        // Executed once, not twice.
        assert_eq!(read(&client, "n").await.unwrap(), Some(executed.to_string()), "cut after {cut}");
    }
    // The first words of a connection: "MN\r\n".
    for cut in 0..4 {
        proxy.cut();
        proxy.wait_until(|traffic| traffic.open == 0).await;
        proxy.cut_reply_after(cut);
        assert_eq!(read(&client, "k").await.unwrap_err().kind(), ErrorKind::Unavailable, "cut after {cut}");
        proxy.heal();
        until("it connects again", async || client.get("k").await.is_ok()).await;
    }
}

#[tokio::test]
async fn replies_in_single_bytes_are_whole() {
    let (_server, proxy, client) = through_proxy().await;
    proxy.chunk(1);
    for value in ["", "v", "END\r\n", "a\r\nb"] {
        client.set("k", Entry::new(value.as_bytes())).await.unwrap();
        assert_eq!(read(&client, "k").await.unwrap().as_deref(), Some(value));
        assert_eq!(client.multi_get(&["k"]).await.unwrap()[0].as_ref().unwrap().value, value);
    }
}

#[tokio::test]
async fn garbage_closes_the_connection_and_nobody_gets_a_wrong_value() {
    let (_server, proxy, client) = through_proxy().await;
    client.set("k", Entry::new(b"v")).await.unwrap();
    for garbage in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        b"\0\0\0\0\0\0\0\0",
        b"\r\n",
        b"VA 1 f0 O??\r\nx\r\n",
        b"VA 99999999999999999999\r\n",
        b"VA 4000000000 OAA\r\n",
        b"VALUE k 0 1\r\nx\r\nEND\r\n",
        b"HD\r\nHD\r\nHD\r\n",
        b"STORED\r\n",
    ] {
        proxy.answer_with(garbage);
        let (first, second, third) =
            tokio::join!(client.get("k"), client.incr("none", 1), client.multi_get(&["j", "l"]));
        for (kind, text) in [first.err(), second.err(), third.err()].map(|error| {
            let error = error.expect("no value from garbage");
            (error.kind(), error.to_string())
        }) {
            assert!(matches!(kind, ErrorKind::Protocol | ErrorKind::Unavailable | ErrorKind::UnknownOutcome), "{text}");
        }
        proxy.heal();
        until("it recovers", async || client.get("k").await.is_ok()).await;
        assert_eq!(read(&client, "k").await.unwrap().as_deref(), Some("v"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_ten_thousand_calls_half_are_cancelled_and_every_reply_finds_its_caller() {
    let server = Memcached::start().await;
    let client = builder(server.address()).build().unwrap();
    let keys: Vec<_> = (0..500).map(|number| format!("key:{number}")).collect();
    let entries: Vec<_> = keys.iter().map(|key| (key, Entry::new(key.as_bytes()))).collect();
    client.multi_set(&entries).await.unwrap();
    let mut tasks = JoinSet::new();
    for task in 0..50 {
        let (client, keys) = (client.clone(), keys.clone());
        tasks.spawn(async move {
            let mut random = fastrand::Rng::with_seed(task);
            let (mut answered, mut cancelled) = (0, 0);
            while answered < 100 || cancelled < 100 {
                let key = &keys[random.usize(..keys.len())];
                let other = &keys[random.usize(..keys.len())];
                let ask = async {
                    if random.bool() {
                        assert_eq!(read(&client, key).await.unwrap().as_deref(), Some(key.as_str()));
                    } else {
                        let items = client.multi_get(&[key, "none", other]).await.unwrap();
                        assert_eq!(items[0].as_ref().unwrap().value, key.as_bytes());
                        assert_eq!(items[1], None);
                        assert_eq!(items[2].as_ref().unwrap().value, other.as_bytes());
                    }
                };
                if answered < 100 && (cancelled >= 100 || fastrand::bool()) {
                    ask.await;
                    answered += 1;
                } else {
                    // tokio's timers are too coarse: a call takes less than a millisecond.
                    let patience = async {
                        for _ in 0..fastrand::u32(0..4) {
                            tokio::task::yield_now().await;
                        }
                    };
                    tokio::select! {
                        biased;
                        () = ask => {}
                        () = patience => cancelled += 1,
                    }
                }
            }
        });
    }
    timeout(PATIENCE, tasks.join_all()).await.expect("nothing hangs");
    let items = client.multi_get(&keys).await.unwrap();
    assert!(items.iter().zip(&keys).all(|(item, key)| item.as_ref().unwrap().value == key.as_bytes()));
}

#[tokio::test]
async fn calls_cancelled_at_their_first_poll_leave_no_trace() {
    let (_server, proxy, client) = through_proxy().await;
    client.set("k", Entry::new(b"v")).await.unwrap();
    proxy.stall();
    for number in 0..1_000 {
        let key = format!("cancelled:{number}");
        let mut call = Box::pin(client.get(&key));
        assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    proxy.resume();
    assert_eq!(read(&client, "k").await.unwrap().as_deref(), Some("v"));
}

#[tokio::test]
async fn a_full_queue_lets_calls_wait_and_a_large_pipeline_does_not_deadlock() {
    let server = Memcached::builder().args(&["-m", "256"]).start().await;
    for max_queue in [8 << 10, 300 << 10, 64 << 20] {
        let client = builder(server.address()).max_queue(max_queue).build().unwrap();
        let value = vec![b'x'; 100_000];
        let calls = (0..400).map(|number| {
            let (client, value) = (client.clone(), value.clone());
            tokio::spawn(async move {
                let key = format!("large:{}", number % 100);
                client.set(&key, Entry::new(&value)).await.unwrap();
                assert_eq!(client.get(&key).await.unwrap().unwrap().value.len(), value.len());
            })
        });
        for call in calls.collect::<Vec<_>>() {
            timeout(PATIENCE, call).await.expect("nothing hangs").unwrap();
        }
        let keys: Vec<_> = (0..100).map(|number| format!("large:{number}")).collect();
        let entries: Vec<_> = keys.iter().map(|key| (key, Entry::new(&value))).collect();
        timeout(PATIENCE, client.multi_set(&entries)).await.expect("nothing hangs").unwrap();
        assert!(client.multi_get(&keys).await.unwrap().iter().all(Option::is_some));
    }
}

#[tokio::test]
async fn while_nobody_listens_calls_fail_at_once() {
    let server = Memcached::start().await;
    let client = builder(server.address()).build().unwrap();
    server.kill();
    let start = Instant::now();
    for _ in 0..10_000 {
        assert_eq!(client.get("k").await.unwrap_err().kind(), ErrorKind::Unavailable);
    }
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    let error = client.set("k", Entry::new(b"v")).await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains(&server.address().to_string()), "{error}");
    server.restart().await;
    let took = until("it is back", async || client.set("k", Entry::new(b"v")).await.is_ok()).await;
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[tokio::test]
async fn somebody_who_accepts_and_says_nothing_is_given_up() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = builder(silent.local_addr().unwrap()).connect_timeout(Duration::from_millis(100)).build().unwrap();
    let error = timeout(PATIENCE, client.get("k")).await.expect("it gives up").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}

#[test]
fn a_client_outlives_its_runtime() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let own = runtime();
    let server = own.block_on(Memcached::start());
    let client = builder(server.address()).build().unwrap();
    for round in 0..3 {
        let runtime = runtime();
        runtime.block_on(client.set("k", Entry::new(round.to_string().as_bytes()))).unwrap();
        assert_eq!(runtime.block_on(read(&client, "k")).unwrap(), Some(round.to_string()));
    }
}

async fn loses_a_server_and_gets_it_back(placement: Placement) -> f64 {
    const KEYS: usize = 3_000;
    let servers = [Memcached::start().await, Memcached::start().await, Memcached::start().await];
    let mut fleet = Client::builder().on_dead(OnDead::Rehash).placement(placement);
    for server in &servers {
        fleet = fleet.server(server.address().to_string().as_str()).unwrap();
    }
    let client = fleet.build().unwrap();
    let keys: Vec<_> = (0..KEYS).map(|number| format!("key:{number}")).collect();
    let entries: Vec<_> = keys.iter().map(|key| (key, Entry::new(key.as_bytes()))).collect();
    let missing = async || {
        let items = client.multi_get(&keys).await?;
        for (item, key) in items.iter().zip(&keys) {
            assert!(item.as_ref().is_none_or(|item| item.value == key.as_bytes()), "{key}");
        }
        Ok::<_, polycache_memcached::Error>(items.iter().filter(|item| item.is_none()).count())
    };
    let on_the_second = async || {
        let its_own = builder(servers[1].address()).build().unwrap();
        its_own.multi_get(&keys).await.unwrap().into_iter().flatten().count()
    };
    client.multi_set(&entries).await.unwrap();
    assert_eq!(missing().await.unwrap(), 0);
    let its_keys = on_the_second().await;

    servers[1].kill();
    let took = until("the others have its keys", async || missing().await.is_ok()).await;
    eprintln!("out after {took:?}, {its_keys} of {KEYS} keys move");
    assert_eq!(missing().await.unwrap(), its_keys, "no other key moves");
    client.multi_set(&entries).await.unwrap();
    assert_eq!(missing().await.unwrap(), 0);

    servers[1].restart().await;
    let took = until("it has its keys again", async || missing().await.unwrap() > 0).await;
    eprintln!("back after {took:?}");
    assert_eq!(missing().await.unwrap(), its_keys);
    client.multi_set(&entries).await.unwrap();
    assert_eq!((missing().await.unwrap(), on_the_second().await), (0, its_keys));
    its_keys as f64 / KEYS as f64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_loses_a_server_and_gets_it_back() {
    let moved = loses_a_server_and_gets_it_back(Placement::Rendezvous).await;
    assert!(moved <= 1.0 / 3.0 + 0.05, "{moved}");
    // With libmemcached's points, three equal servers have from a quarter to a half of the keys.
    loses_a_server_and_gets_it_back(Placement::Ketama).await;
}

#[tokio::test]
async fn keys_of_a_dead_server_fail_or_miss_as_chosen() {
    for on_dead in [OnDead::Fail, OnDead::Miss] {
        let servers = [Memcached::start().await, Memcached::start().await];
        let mut fleet = Client::builder().on_dead(on_dead);
        for server in &servers {
            fleet = fleet.server(server.address().to_string().as_str()).unwrap();
        }
        let client = fleet.build().unwrap();
        let keys: Vec<_> = (0..100).map(|number| format!("key:{number}")).collect();
        let entries: Vec<_> = keys.iter().map(|key| (key, Entry::new(key.as_bytes()))).collect();
        client.multi_set(&entries).await.unwrap();
        let alive = builder(servers[0].address()).build().unwrap();
        let mut living = HashMap::new();
        for key in &keys {
            living.insert(key, alive.exists(key).await.unwrap());
        }
        let dead = keys.iter().find(|key| !living[key]).unwrap();
        servers[1].kill();
        if on_dead == OnDead::Miss {
            until("its keys are misses", async || client.get(dead).await.is_ok()).await;
        } else {
            until("its keys fail", async || client.get(dead).await.is_err()).await;
        }
        for key in &keys {
            let (get, set) =
                (client.get(key).await, client.set(key, Entry::new(key.as_bytes()).ttl(Ttl::secs(9))).await);
            match (living[key], on_dead) {
                (true, _) => assert!(get.unwrap().is_some() && set.is_ok()),
                (false, OnDead::Miss) => {
                    assert_eq!(get.unwrap(), None);
                    assert!(set.unwrap_err().is_retryable());
                }
                (false, _) => assert!(get.unwrap_err().is_retryable() && set.unwrap_err().is_retryable()),
            }
        }
        match on_dead {
            OnDead::Miss => assert_eq!(
                client.multi_get(&keys).await.unwrap().iter().flatten().count(),
                living.values().filter(|living| **living).count()
            ),
            _ => assert!(client.multi_get(&keys).await.unwrap_err().is_retryable()),
        }
        assert!(client.multi_set(&entries).await.unwrap_err().is_retryable());
    }
}
