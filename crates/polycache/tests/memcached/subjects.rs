//! Memcached servers as subjects of the conformance suite.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use polycache::backend::Backend;
use polycache::backends::memcached::Memcached;
use polycache_testkit::Subject;
use polycache_testkit::servers::{Memcached as Server, MemcachedBuilder};

/// A backend, and the servers under it.
pub(crate) struct OnMemcached {
    backend: Arc<dyn Backend>,
    _servers: Vec<Server>,
}

impl OnMemcached {
    fn new(url: &str, servers: Vec<Server>) -> Self {
        Self { backend: Arc::new(Memcached::open(url).unwrap()), _servers: servers }
    }
}

impl Subject for OnMemcached {
    fn backend(&self) -> Arc<dyn Backend> {
        Arc::clone(&self.backend)
    }

    /// Memcached keeps the end of a life in 31 bits of seconds.
    fn longest_life(&self) -> Duration {
        let end = UNIX_EPOCH + Duration::from_secs(i32::MAX as u64);
        end.duration_since(SystemTime::now()).unwrap_or_default()
    }
}

/// Takes values as large as the suite has.
fn builder() -> MemcachedBuilder {
    Server::builder().args(&["-I", "64m", "-m", "256"])
}

async fn on(builder: MemcachedBuilder, settings: &str) -> OnMemcached {
    let server = builder.start().await;
    let url = server.url();
    let join = if url.contains('?') { '&' } else { '?' };
    OnMemcached::new(&format!("{url}{join}{settings}"), vec![server])
}

/// One server; what is known of generations is asked for at each command.
pub(crate) async fn single() -> OnMemcached {
    on(builder(), "generations=0").await
}

/// Over TLS, with certificates on both sides.
pub(crate) async fn tls() -> OnMemcached {
    on(builder().mutual_tls(), "generations=1m").await
}

/// A unix socket.
pub(crate) async fn unix_socket() -> OnMemcached {
    on(builder().unix_socket(), "generations=1m").await
}

/// Three servers.
pub(crate) async fn fleet() -> OnMemcached {
    let servers = vec![builder().start().await, builder().start().await, builder().start().await];
    let hosts: Vec<String> = servers.iter().map(|server| server.address().to_string()).collect();
    OnMemcached::new(&format!("memcached://{}?weights=1,2,1&generations=1m", hosts.join(",")), servers)
}
