//! Redis servers as subjects of the conformance suite.

use std::sync::Arc;

use polycache::backend::{Backend, Gap, Tracker};
use polycache::backends::redis::Redis;
use polycache_testkit::Subject;
use polycache_testkit::servers::{RedisCluster, RedisSentinel, RedisServer};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

/// Servers that take seconds to start are shared by all cases of a suite, one case at a time, and emptied before each.
pub(crate) struct Shared<S> {
    server: OnceCell<S>,
    turn: Mutex<()>,
}

impl<S> Shared<S> {
    pub(crate) const fn new() -> Self {
        Self { server: OnceCell::const_new(), turn: Mutex::const_new(()) }
    }

    pub(crate) async fn take<F: Future<Output = S>>(
        &'static self,
        start: impl FnOnce() -> F,
    ) -> (MutexGuard<'static, ()>, &'static S) {
        let turn = self.turn.lock().await;
        (turn, self.server.get_or_init(start).await)
    }
}

/// A backend, and what must not be used or dropped while it is in use.
pub(crate) struct OnRedis<K> {
    backend: Arc<dyn Backend>,
    _kept: K,
}

impl<K> OnRedis<K> {
    fn new(url: &str, kept: K) -> Self {
        Self { backend: Arc::new(Redis::open(url).unwrap()), _kept: kept }
    }
}

impl<K: Send + Sync> Subject for OnRedis<K> {
    fn backend(&self) -> Arc<dyn Backend> {
        Arc::clone(&self.backend)
    }
}

/// One server.
pub(crate) async fn standalone() -> OnRedis<RedisServer> {
    let server = RedisServer::start().await;
    OnRedis::new(&server.url(), server)
}

/// The same with the older protocol, another database and several connections.
pub(crate) async fn resp2() -> OnRedis<RedisServer> {
    let server = RedisServer::start().await;
    OnRedis::new(&format!("{}/3?protocol=resp2&connections=3", server.url()), server)
}

/// A handle whose reads are tracked.
pub(crate) async fn tracked() -> OnRedis<RedisServer> {
    let server = RedisServer::start().await;
    let redis = Redis::open(&format!("{}?connections=2", server.url())).unwrap();
    let backend = redis.tracked(Arc::new(Nobody)).unwrap().unwrap();
    OnRedis { backend, _kept: server }
}

/// A tracker that keeps nothing.
#[derive(Debug)]
struct Nobody;

impl Tracker for Nobody {
    fn changed(&self, _: &[u8]) {}

    fn lost(&self, _: Gap<'_>) {}
}

/// One server that asks for certificates and an ACL user.
pub(crate) async fn tls_and_acl() -> OnRedis<RedisServer> {
    let server = RedisServer::builder().mutual_tls().user("us:er", "p@ss/w%rd", "~* &* +@all").start().await;
    OnRedis::new(&server.url_as("us:er", "p@ss/w%rd"), server)
}

/// A unix socket.
pub(crate) async fn unix_socket() -> OnRedis<RedisServer> {
    let server = RedisServer::builder().password("p@ss").start().await;
    OnRedis::new(&server.unix_url(), server)
}

/// Three masters with a replica each.
pub(crate) async fn cluster() -> OnRedis<MutexGuard<'static, ()>> {
    static CLUSTER: Shared<RedisCluster> = Shared::new();
    let (turn, cluster) = CLUSTER.take(|| RedisCluster::start(3, 3)).await;
    cluster.flush().await;
    OnRedis::new(&cluster.url(), turn)
}

/// A primary with its replica, watched by three sentinels.
pub(crate) async fn sentinel() -> OnRedis<MutexGuard<'static, ()>> {
    static SENTINEL: Shared<RedisSentinel> = Shared::new();
    let (turn, sentinel) = SENTINEL.take(RedisSentinel::start).await;
    sentinel.flush().await;
    OnRedis::new(&sentinel.url(), turn)
}
