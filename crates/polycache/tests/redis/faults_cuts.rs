//! Connections that break in the middle of a reply, and calls in flight when they do.

use std::time::Instant;

use polycache::backend::Want;
use polycache::{Cache, Error, ErrorKind, Raw, Result, Ttl};
use polycache_testkit::Proxy;
use polycache_testkit::servers::{RedisBuilder, RedisServer};

use super::support::{PATIENCE, SLACK, cache_with, failed, until, until_it_serves};

/// A server, a cache that reaches it through a proxy, and one that reaches it directly.
struct Setup {
    server: RedisServer,
    proxy: Proxy,
    cache: Cache,
    direct: Cache,
}

impl Setup {
    async fn start(server: RedisBuilder, settings: &str) -> Self {
        let server = server.start().await;
        let proxy = Proxy::start(server.address()).await;
        let url = |url: String| format!("{url}{}heartbeat=0s{settings}", if url.contains('?') { '&' } else { '?' });
        let cache = |url| cache_with(url, PATIENCE);
        let (cache, direct) = (cache(&url(server.url_at(proxy.address()))), cache(&url(server.url())));
        Self { server, proxy, cache, direct }
    }

    /// Calls again and again, each time with the reply cut one byte later, until it was whole. `check` sees each result, and
    /// how often the call was made.
    async fn cut_everywhere<T>(&self, call: impl AsyncFn() -> Result<T>, mut check: impl AsyncFnMut(Result<T>, i64)) {
        until_it_serves(&self.cache).await;
        let before = self.proxy.traffic().from_server;
        check(call().await, 1).await;
        let length = usize::try_from(self.proxy.traffic().from_server - before).unwrap();
        assert!(length > 0);
        for (cut, times) in (0..=length).zip(2..) {
            until_it_serves(&self.cache).await;
            self.proxy.cut_reply_after(cut);
            let started = Instant::now();
            let result = call().await;
            assert!(started.elapsed() < SLACK, "cut after {cut} of {length} bytes: {:?}", started.elapsed());
            check(result, times).await;
        }
        // The connection has ended after the last reply, which was whole.
        until_it_serves(&self.cache).await;
    }

    async fn reads(&self) {
        self.direct.multi_set([("a", "first"), ("b", "second")]).await.unwrap();
        let Self { cache, .. } = self;
        self.cut_everywhere(
            async || cache.get::<String>("a").await,
            async |got, _| assert_eq!(got.unwrap().as_deref(), Some("first")),
        )
        .await;
        self.cut_everywhere(
            async || cache.multi_get::<String>(&["a", "none", "b", "a"]).await,
            async |got, _| {
                let got = got.unwrap();
                let got: Vec<_> = got.iter().map(Option::as_deref).collect();
                assert_eq!(got, [Some("first"), None, Some("second"), Some("first")]);
            },
        )
        .await;
        self.cut_everywhere(async || cache.exists("a").await, async |got, _| assert!(got.unwrap())).await;
        self.cut_everywhere(
            async || cache.ttl("a").await,
            async |got, _| {
                assert_eq!(got.unwrap(), Some(Ttl::Never));
            },
        )
        .await;
    }

    async fn writes(&self) {
        let Self { cache, direct, .. } = self;
        let number = std::cell::Cell::new(0);
        self.cut_everywhere(
            async || {
                number.set(number.get() + 1);
                cache.set("set", number.get()).await
            },
            async |got, _| {
                may_be_lost(got, ErrorKind::Unavailable, &());
                assert_eq!(direct.get::<i64>("set").await.unwrap(), Some(number.get()), "the server had it");
            },
        )
        .await;
        self.cut_everywhere(
            async || {
                number.set(number.get() + 1);
                cache.multi_set([("m1", number.get()), ("m2", -number.get())]).await
            },
            async |got, _| {
                may_be_lost(got, ErrorKind::Unavailable, &());
                let stored = direct.multi_get::<i64>(&["m1", "m2"]).await.unwrap();
                assert_eq!(stored, [Some(number.get()), Some(-number.get())]);
            },
        )
        .await;
        self.cut_everywhere(
            async || {
                direct.set("d", 1).await?;
                cache.delete("d").await
            },
            async |got, _| {
                may_be_lost(got, ErrorKind::Unavailable, &true);
                assert!(!direct.exists("d").await.unwrap());
            },
        )
        .await;
    }

    /// What must not be done twice.
    async fn counts(&self) {
        let Self { cache, direct, .. } = self;
        cache.increment("script", 1).await.unwrap();
        self.cut_everywhere(
            async || cache.increment("n", 1).await,
            async |got, times| {
                may_be_lost(got, ErrorKind::UnknownOutcome, &times);
                assert_eq!(direct.get::<i64>("n").await.unwrap(), Some(times), "counted once each time");
            },
        )
        .await;
        self.cut_everywhere(
            async || {
                direct.delete("lock").await?;
                cache.add("lock", "mine").await
            },
            async |got, _| {
                may_be_lost(got, ErrorKind::UnknownOutcome, &true);
                assert_eq!(direct.get::<String>("lock").await.unwrap().as_deref(), Some("mine"));
            },
        )
        .await;
        let (_, version) = direct.get_versioned::<String>("lock").await.unwrap();
        assert!(cache.cas("lock", "script", version).await.unwrap());
        self.cut_everywhere(
            async || {
                direct.set("c", "old").await?;
                let (_, version) = direct.get_versioned::<String>("c").await?;
                cache.cas("c", "new", version).await
            },
            async |got, _| {
                may_be_lost(got, ErrorKind::UnknownOutcome, &true);
                assert_eq!(direct.get::<String>("c").await.unwrap().as_deref(), Some("new"));
            },
        )
        .await;
        self.cut_everywhere(
            async || cache.raw("APPEND", &["appended", "x"]).await,
            async |got, times| {
                may_be_lost(got, ErrorKind::UnknownOutcome, &Raw::Int(times));
                let text = direct.raw("GET", &["appended"]).await.unwrap();
                assert_eq!(text.as_bytes(), Some("x".repeat(times.unsigned_abs() as usize).as_bytes()));
            },
        )
        .await;
    }
}

/// The right answer, or the error of a call whose answer was lost.
fn may_be_lost<T: PartialEq + std::fmt::Debug>(got: Result<T>, kind: ErrorKind, right: &T) {
    match got {
        Ok(got) => assert_eq!(got, *right),
        Err(error) => assert_eq!(error.kind(), kind, "{error}"),
    }
}

#[tokio::test]
async fn replies_cut_at_every_byte() {
    let setup = Setup::start(RedisServer::builder(), "").await;
    setup.reads().await;
    setup.writes().await;
    setup.counts().await;
}

#[tokio::test]
async fn replies_cut_at_every_byte_in_resp2() {
    let setup = Setup::start(RedisServer::builder(), "&protocol=resp2").await;
    setup.reads().await;
    setup.counts().await;
}

#[tokio::test]
async fn replies_cut_at_every_byte_of_tls() {
    let setup = Setup::start(RedisServer::builder().tls(), "").await;
    setup.reads().await;
}

#[tokio::test]
async fn log_ins_cut_at_many_bytes() {
    let setup = Setup::start(RedisServer::builder().password("secret"), "&db=3").await;
    let Setup { proxy, cache, .. } = &setup;
    cache.set("k", "value").await.unwrap();
    let greeting = usize::try_from(proxy.traffic().from_server).unwrap();
    for cut in (0..greeting).step_by(3) {
        proxy.cut();
        proxy.cut_reply_after(cut);
        match cache.get::<String>("k").await {
            Ok(value) => assert_eq!(value.as_deref(), Some("value")),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}"),
        }
        until("service", async || cache.get::<String>("k").await.ok().flatten().as_deref() == Some("value")).await;
    }
}

/// Replies that come a byte at a time are the same replies.
#[tokio::test]
async fn replies_in_pieces() {
    for settings in ["", "&protocol=resp2"] {
        let Setup { server: _server, proxy, cache, .. } = Setup::start(RedisServer::builder(), settings).await;
        for bytes in 1..=9 {
            proxy.chunk(bytes);
            let pairs: Vec<(String, String)> = (0..20).map(|i| (format!("k{i}"), "\r\n$5\r\n".repeat(i))).collect();
            let keys: Vec<_> = pairs.iter().map(|(key, _)| key).collect();
            cache.multi_set(pairs.clone()).await.unwrap();
            let got = cache.multi_get::<String>(&keys).await.unwrap();
            assert!(got.iter().zip(&pairs).all(|(got, (_, value))| got.as_ref() == Some(value)));
            let counter = format!("n{bytes}");
            assert_eq!(cache.increment(&counter, i64::MIN).await.unwrap(), i64::MIN);
            assert_eq!(cache.increment(&counter, 1).await.unwrap(), i64::MIN + 1);
            assert_eq!(cache.get::<String>("none").await.unwrap(), None);
            let error = cache.increment("k3", 1).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotANumber);
            let nested = cache.raw("EVAL", &["return {1, {'two', {3}}, {}, false}", "0"]).await.unwrap();
            let two = Raw::List(vec![Raw::Bytes(b"two".to_vec()), Raw::List(vec![Raw::Int(3)])]);
            assert_eq!(nested, Raw::List(vec![Raw::Int(1), two, Raw::List(vec![]), Raw::Nil]));
        }
    }
}

/// Each call's answer if its connection breaks after it was sent, and if it could not be sent.
#[tokio::test]
async fn what_a_lost_connection_means_for_each_call() {
    let Setup { server: _server, proxy, cache, .. } = Setup::start(RedisServer::builder(), "").await;
    let (_, version) = {
        cache.set("k", 1).await.unwrap();
        cache.get_versioned::<i32>("k").await.unwrap()
    };
    type Call = Box<dyn Fn(Cache) -> polycache::Reply<Option<Error>>>;
    macro_rules! call {
        ($cache:ident => $call:expr) => {
            Box::new(move |$cache: Cache| polycache::Reply::pending(async move { Ok($call.await.err()) }))
        };
    }
    let cas = version.clone();
    let calls: [(&str, ErrorKind, Call); 16] = [
        ("get", ErrorKind::Unavailable, call!(cache => cache.get::<i32>("k"))),
        ("get_versioned", ErrorKind::Unavailable, call!(cache => cache.get_versioned::<i32>("k"))),
        ("multi_get", ErrorKind::Unavailable, call!(cache => cache.multi_get::<i32>(&["k", "l"]))),
        ("look", ErrorKind::Unavailable, call!(cache => cache.look::<i32>("k", Want::VALUE.and(Want::TTL)))),
        ("exists", ErrorKind::Unavailable, call!(cache => cache.exists("k"))),
        ("ttl", ErrorKind::Unavailable, call!(cache => cache.ttl("k"))),
        ("set", ErrorKind::Unavailable, call!(cache => cache.set("k", 1))),
        ("multi_set", ErrorKind::Unavailable, call!(cache => cache.multi_set([("k", 1)]))),
        ("expire", ErrorKind::Unavailable, call!(cache => cache.expire("k", Ttl::secs(9)))),
        ("delete", ErrorKind::Unavailable, call!(cache => cache.delete("k"))),
        ("multi_delete", ErrorKind::Unavailable, call!(cache => cache.multi_delete(&["k", "l"]))),
        ("clear", ErrorKind::Unavailable, call!(cache => cache.namespace("ns").clear())),
        ("add", ErrorKind::UnknownOutcome, call!(cache => cache.add("k", 1))),
        ("increment", ErrorKind::UnknownOutcome, call!(cache => cache.increment("k", 1))),
        ("raw", ErrorKind::UnknownOutcome, call!(cache => cache.raw("GET", &["k"]))),
        ("cas", ErrorKind::UnknownOutcome, {
            Box::new(move |cache: Cache| {
                let version = cas.clone();
                polycache::Reply::pending(async move { Ok(cache.cas("k", 2, version).await.err()) })
            })
        }),
    ];
    for (name, kind, call) in &calls {
        until_it_serves(&cache).await;
        proxy.stall();
        let sent = proxy.traffic().from_client;
        let running = tokio::spawn(call(cache.clone()));
        proxy.wait_until(|traffic| traffic.from_client > sent).await;
        proxy.refuse(true);
        proxy.cut();
        let error = running.await.unwrap().unwrap().unwrap_or_else(|| panic!("{name} succeeded"));
        assert_eq!(error.kind(), *kind, "{name}: {error}");
        assert_eq!(error.is_retryable(), *kind == ErrorKind::Unavailable, "{name}");
        assert!(error.to_string().starts_with(name), "{error}");

        until(
            "the refusal",
            async || matches!(cache.get::<i32>("k").await, Err(error) if error.to_string().contains("can't connect")),
        )
        .await;
        let started = Instant::now();
        let unsent = call(cache.clone()).await.unwrap();
        let error = failed(started, std::time::Duration::ZERO, unsent.map_or(Ok(()), Err));
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{name} was not sent: {error}");
        proxy.heal();
    }
}
