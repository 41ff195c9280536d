//! A Redis primary that sentinels watch.

use super::redis::{RedisBuilder, RedisServer};
use super::wait;

/// The name under which sentinels know the servers.
const SERVICE: &str = "service";
const SENTINELS: usize = 3;

/// How many milliseconds of silence make a primary count as dead: while a failover is asked for, and otherwise. The short time alone
/// would fail over a primary that only the machine has kept from answering, and so lose acknowledged writes.
const QUICK: &str = "700";
const PATIENT: &str = "15000";

/// A Redis primary, its replica and three sentinels on 127.0.0.1. All are killed when it's dropped.
///
/// A primary that is killed or stopped is failed over after 0.7 s and an election once [`new_primary`](Self::new_primary) asks for it,
/// and otherwise after 15 s.
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
                .config("sentinel", &format!("down-after-milliseconds {SERVICE} {QUICK}"))
                .config("sentinel", &format!("failover-timeout {SERVICE} 2000"));
            sentinels.push(sentinel.start().await);
        }
        let fleet = Self { servers: vec![primary, replica], sentinels };
        for sentinel in &fleet.sentinels {
            hasten(sentinel).await;
        }
        fleet.settled().await;
        fleet.miss_primary_after(PATIENT).await;
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

    /// The primary, once all running sentinels agree about it.
    ///
    /// # Panics
    ///
    /// If they don't within a minute.
    pub async fn primary(&self) -> &RedisServer {
        wait::answer("a primary", || self.agreed()).await
    }

    /// The primary once it is another one than `old` and takes commands. Until [`repair`](Self::repair) every primary that doesn't answer
    /// is failed over soon.
    ///
    /// # Panics
    ///
    /// If that doesn't come about within a minute.
    pub async fn new_primary(&self, old: &RedisServer) -> &RedisServer {
        self.miss_primary_after(QUICK).await;
        let successor = || async {
            let primary = self.agreed().await.filter(|primary| primary.port() != old.port())?;
            replication(primary).await.contains("role:master").then_some(primary)
        };
        wait::answer("a new primary", successor).await
    }

    /// Waits until the sentinels agree, the replica is in sync and could take the primary's place.
    ///
    /// # Panics
    ///
    /// If that doesn't come about within a minute.
    pub async fn settled(&self) {
        wait::until("a settled fleet", || self.is_settled()).await;
    }

    /// Resumes servers that are stopped, restarts those that are dead, and waits until the fleet has settled.
    ///
    /// # Panics
    ///
    /// If that doesn't come about within a minute.
    pub async fn repair(&self) {
        for sentinel in &self.sentinels {
            if sentinel.revive().await {
                hasten(sentinel).await;
            }
        }
        for server in &self.servers {
            server.revive().await;
        }
        self.settled().await;
        self.miss_primary_after(PATIENT).await;
    }

    /// Deletes everything on the primary.
    ///
    /// # Panics
    ///
    /// If the primary doesn't do it.
    pub async fn flush(&self) {
        self.primary().await.flush().await;
    }

    async fn is_settled(&self) -> bool {
        let Some(primary) = self.agreed().await else { return false };
        for server in &self.servers {
            let state = replication(server).await;
            let settled = match server.port() == primary.port() {
                true => state.contains("role:master") && state.contains("state=online"),
                false => state.contains("master_link_status:up"),
            };
            if !settled {
                return false;
            }
        }
        for sentinel in &self.sentinels {
            let quorum = sentinel.try_ask(&["SENTINEL", "CKQUORUM", SERVICE]).await.unwrap_or_default();
            let replicas = sentinel.try_ask(&["SENTINEL", "REPLICAS", SERVICE]).await.unwrap_or_default();
            let settled = quorum.starts_with(&format!("OK {SENTINELS} usable"))
                && field(&replicas, "flags") == ["slave"]
                && field(&replicas, "master-link-status") == ["ok"];
            if !settled {
                return false;
            }
        }
        true
    }

    async fn miss_primary_after(&self, milliseconds: &str) {
        for sentinel in self.sentinels.iter().filter(|sentinel| sentinel.is_running()) {
            sentinel.ask(&["SENTINEL", "SET", SERVICE, "down-after-milliseconds", milliseconds]).await;
        }
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
    // Without a disk, a replica in sync gets nothing new for up to a second.
    RedisServer::builder().config("repl-diskless-sync", "no")
}

/// A server's description of its role; empty if it doesn't answer.
async fn replication(server: &RedisServer) -> String {
    server.try_ask(&["INFO", "replication"]).await.unwrap_or_default()
}

/// Sentinels get to know each other, and correct a server that comes back with its old role, in periods of some seconds. They ping and
/// connect again in periods of one second: too rarely to find out sooner that a server is alive. Less than a fifth of a second is too
/// often: they don't promote a replica that has said nothing of itself for five periods, and ask it once a second.
async fn hasten(sentinel: &RedisServer) {
    let periods = ["PUBLISH-PERIOD", "200", "INFO-PERIOD", "200", "PING-PERIOD", "300"];
    sentinel.ask(&[&["SENTINEL", "DEBUG"][..], &periods].concat()).await;
}

/// The values of this field in a list of maps, where each name and each value has a line.
fn field<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let lines: Vec<_> = text.lines().collect();
    lines.chunks(2).filter(|pair| pair[0] == name).map(|pair| pair[pair.len() - 1]).collect()
}
