//! A Redis primary that sentinels watch.

use super::redis::{RedisBuilder, RedisServer};
use super::wait::wait_for;

/// The name under which sentinels know the servers.
const SERVICE: &str = "service";
const SENTINELS: usize = 3;

/// A Redis primary, its replica and three sentinels on 127.0.0.1. All are killed when it's dropped.
///
/// A primary that is killed or stopped is failed over after 0.5 s and an election.
///
/// ```no_run
/// use polycache_testkit::servers::RedisSentinel;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let fleet = RedisSentinel::start().await;
/// let primary = fleet.primary().await;
/// primary.kill();
/// let successor = fleet.new_primary(primary).await;
/// assert_ne!(successor.port(), primary.port());
/// fleet.repair().await;
/// # }
/// ```
#[derive(Debug)]
pub struct RedisSentinel {
    servers: Vec<RedisServer>,
    sentinels: Vec<RedisServer>,
}

impl RedisSentinel {
    /// Starts the servers. Returns when the sentinels know each other and the replica is in sync.
    ///
    /// # Panics
    ///
    /// If it doesn't come about.
    pub async fn start() -> Self {
        let primary = server().start().await;
        let replica = server().config("replicaof", &format!("127.0.0.1 {}", primary.port())).start().await;
        let mut sentinels = Vec::new();
        for _ in 0..SENTINELS {
            let sentinel = RedisServer::builder()
                .sentinel()
                .config("sentinel", &format!("monitor {SERVICE} 127.0.0.1 {} 2", primary.port()))
                .config("sentinel", &format!("down-after-milliseconds {SERVICE} 500"))
                .config("sentinel", &format!("failover-timeout {SERVICE} 2000"));
            sentinels.push(sentinel.start().await);
        }
        let fleet = Self { servers: vec![primary, replica], sentinels };
        for sentinel in &fleet.sentinels {
            hasten(sentinel).await;
        }
        fleet.settled().await;
        fleet
    }

    /// The URL that names the sentinels and the service: `redis+sentinel://127.0.0.1:port,127.0.0.1:port/service`.
    #[must_use]
    pub fn url(&self) -> String {
        let addresses: Vec<_> = self.sentinels.iter().map(|sentinel| sentinel.address().to_string()).collect();
        format!("redis+sentinel://{}/{SERVICE}", addresses.join(","))
    }

    /// The servers that hold data, at first the primary before the replica.
    #[must_use]
    pub fn servers(&self) -> &[RedisServer] {
        &self.servers
    }

    /// The sentinels.
    #[must_use]
    pub fn sentinels(&self) -> &[RedisServer] {
        &self.sentinels
    }

    /// The primary, when all running sentinels agree about it.
    ///
    /// # Panics
    ///
    /// If they don't within a minute.
    pub async fn primary(&self) -> &RedisServer {
        wait_for("a primary", async || self.agreed().await).await
    }

    /// The primary once that is another one than `old` and takes commands.
    ///
    /// # Panics
    ///
    /// If that doesn't come about within a minute.
    pub async fn new_primary(&self, old: &RedisServer) -> &RedisServer {
        wait_for("a new primary", async || {
            let primary = self.agreed().await.filter(|primary| primary.port() != old.port())?;
            let state = primary.try_ask(&["INFO", "replication"]).await.ok()?;
            state.contains("role:master").then_some(primary)
        })
        .await
    }

    /// Waits until the sentinels agree, the replica is in sync and could take the primary's place.
    ///
    /// # Panics
    ///
    /// If that doesn't come about within a minute.
    pub async fn settled(&self) {
        wait_for("a settled fleet", async || {
            let primary = self.agreed().await?;
            for server in &self.servers {
                let state = server.try_ask(&["INFO", "replication"]).await.ok()?;
                let settled = match server.port() == primary.port() {
                    true => state.contains("role:master") && state.contains("state=online"),
                    false => state.contains("master_link_status:up"),
                };
                if !settled {
                    return None;
                }
            }
            for sentinel in &self.sentinels {
                let quorum = sentinel.try_ask(&["SENTINEL", "CKQUORUM", SERVICE]).await.ok()?;
                let replicas = sentinel.try_ask(&["SENTINEL", "REPLICAS", SERVICE]).await.ok()?;
                let settled = quorum.starts_with(&format!("OK {SENTINELS} usable"))
                    && field(&replicas, "flags") == ["slave"]
                    && field(&replicas, "master-link-status") == ["ok"];
                if !settled {
                    return None;
                }
            }
            Some(())
        })
        .await;
    }

    /// Resumes servers that are stopped, restarts those that are dead, and waits until the fleet has settled.
    ///
    /// # Panics
    ///
    /// If that doesn't come about within a minute.
    pub async fn repair(&self) {
        for sentinel in &self.sentinels {
            sentinel.resume();
            if !sentinel.is_running() {
                sentinel.restart().await;
                hasten(sentinel).await;
            }
        }
        for server in &self.servers {
            server.resume();
            if !server.is_running() {
                server.restart().await;
            }
        }
        self.settled().await;
    }

    /// Deletes all that the primary holds.
    ///
    /// # Panics
    ///
    /// If the primary doesn't do it.
    pub async fn flush(&self) {
        self.primary().await.flush().await;
    }

    async fn agreed(&self) -> Option<&RedisServer> {
        let mut agreed = None;
        for sentinel in self.sentinels.iter().filter(|sentinel| sentinel.is_running()) {
            let address = sentinel.try_ask(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE]).await.ok()?;
            let port: u16 = address.lines().last()?.parse().ok()?;
            if agreed.is_some_and(|agreed| agreed != port) {
                return None;
            }
            agreed = Some(port);
        }
        self.servers.iter().find(|server| Some(server.port()) == agreed)
    }
}

fn server() -> RedisBuilder {
    RedisServer::builder().config("repl-diskless-sync-delay", "0")
}

/// Sentinels get to know each other, and correct a server that comes back with its old role, in steps of some seconds.
async fn hasten(sentinel: &RedisServer) {
    sentinel.ask(&["SENTINEL", "DEBUG", "PUBLISH-PERIOD", "200", "INFO-PERIOD", "200"]).await;
}

/// The values of this field in a list of maps, which are a line for each name and each value.
fn field<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let lines: Vec<_> = text.lines().collect();
    lines.chunks(2).filter(|pair| pair[0] == name).map(|pair| pair[pair.len() - 1]).collect()
}
