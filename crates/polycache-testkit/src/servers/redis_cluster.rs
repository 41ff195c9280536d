//! A Redis Cluster.

mod slot_move;
mod view;

pub use slot_move::SlotMove;
use view::View;

use super::port;
use super::redis::{RedisBuilder, RedisServer};
use super::wait;

const SLOTS: usize = 16_384;

/// How many milliseconds of silence make a node count as dead: while a failover is asked for, and otherwise. The short time alone would
/// fail over a node that only the machine has kept from answering, and so lose acknowledged writes.
const QUICK: &str = "1000";
const PATIENT: &str = "15000";

/// A Redis Cluster on 127.0.0.1. All its nodes are killed when it's dropped.
///
/// A node that is killed or stopped is failed over after 1 s and an election once [`new_master_of`](Self::new_master_of) asks for it, and
/// otherwise after 15 s. It keeps its identity: restarted, it comes back as a replica, or as an empty master if nobody took its place.
///
/// ```no_run
/// use polycache_testkit::servers::RedisCluster;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let cluster = RedisCluster::start(3, 3).await;
/// let master = cluster.master_of("key").await;
/// master.kill();
/// let successor = cluster.new_master_of("key", master).await;
/// assert_ne!(successor.port(), master.port());
/// cluster.repair().await;
/// # }
/// ```
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<RedisServer>,
    masters: usize,
}

impl RedisCluster {
    /// Starts this many masters, which share the slots, and this many replicas: the first one of the first master, and so on. Returns
    /// when every node takes the cluster for whole and every replica is in sync.
    ///
    /// # Panics
    ///
    /// If that doesn't come about.
    pub async fn start(masters: usize, replicas: usize) -> Self {
        let mut nodes = Vec::new();
        for _ in 0..masters + replicas {
            // Another port for the bus with each attempt, since it may be taken as well.
            nodes.push(port::start(|port| node(port::free()).start_on(port)).await);
        }
        let cluster = Self { nodes, masters };
        cluster.form().await;
        cluster.settled().await;
        cluster.miss_nodes_after(PATIENT).await;
        cluster
    }

    /// The nodes, at first masters before replicas.
    #[must_use]
    pub fn nodes(&self) -> &[RedisServer] {
        &self.nodes
    }

    /// The URL that names every node: `redis+cluster://127.0.0.1:port,127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> String {
        let addresses: Vec<_> = self.nodes.iter().map(|node| node.address().to_string()).collect();
        format!("redis+cluster://{}", addresses.join(","))
    }

    /// The master of the key's slot, once all running nodes agree about it.
    ///
    /// # Panics
    ///
    /// If they don't within a minute.
    pub async fn master_of(&self, key: &str) -> &RedisServer {
        let slot = self.slot(key).await;
        wait::answer("one master of a slot", || self.owner(slot)).await
    }

    /// The master of the key's slot once it is another one than `old` and takes commands. Until [`repair`](Self::repair) every node that
    /// doesn't answer is failed over soon.
    ///
    /// # Panics
    ///
    /// If that doesn't come about within a minute.
    pub async fn new_master_of(&self, key: &str, old: &RedisServer) -> &RedisServer {
        self.miss_nodes_after(QUICK).await;
        let slot = self.slot(key).await;
        let successor = || async { self.owner(slot).await.filter(|master| master.port() != old.port()) };
        wait::answer("a new master of a slot", successor).await
    }

    /// Waits until every running node takes the cluster for whole, all agree about it, and every replica is in sync.
    ///
    /// # Panics
    ///
    /// If that doesn't come about within a minute.
    pub async fn settled(&self) {
        wait::until("a settled cluster", || self.is_settled()).await;
    }

    /// Resumes nodes that are stopped, restarts those that are dead, and waits until the cluster has settled.
    ///
    /// # Panics
    ///
    /// If that doesn't come about within a minute.
    pub async fn repair(&self) {
        for node in &self.nodes {
            node.revive().await;
        }
        self.settled().await;
        self.miss_nodes_after(PATIENT).await;
    }

    /// Deletes everything on the masters.
    ///
    /// # Panics
    ///
    /// If the masters don't do it.
    pub async fn flush(&self) {
        let view = wait::answer("a cluster that agrees", || self.agreed()).await;
        for port in view.masters() {
            self.at(port).flush().await;
        }
    }

    async fn form(&self) {
        let (masters, replicas) = self.nodes.split_at(self.masters);
        for (index, master) in masters.iter().enumerate() {
            let first = index * SLOTS / masters.len();
            let end = (index + 1) * SLOTS / masters.len();
            let (first, last) = (first.to_string(), (end - 1).to_string());
            master.ask(&["CLUSTER", "ADDSLOTSRANGE", &first, &last]).await;
            master.ask(&["CLUSTER", "SET-CONFIG-EPOCH", &(index + 1).to_string()]).await;
        }
        for node in &self.nodes[1..] {
            let bus = node.ask(&["CONFIG", "GET", "cluster-port"]).await;
            let bus = bus.lines().last().expect("the setting's value");
            self.nodes[0].ask(&["CLUSTER", "MEET", "127.0.0.1", &node.port().to_string(), bus]).await;
        }
        for (replica, master) in replicas.iter().zip(masters.iter().cycle()) {
            let id = master.ask(&["CLUSTER", "MYID"]).await;
            let replicates = || async { replica.try_ask(&["CLUSTER", "REPLICATE", &id]).await.is_ok() };
            wait::until("a replica that knows its master", replicates).await;
        }
    }
}

impl RedisCluster {
    fn running(&self) -> impl Iterator<Item = &RedisServer> {
        self.nodes.iter().filter(|node| node.is_running())
    }

    async fn miss_nodes_after(&self, milliseconds: &str) {
        for node in self.running() {
            node.ask(&["CONFIG", "SET", "cluster-node-timeout", milliseconds]).await;
        }
    }

    fn at(&self, port: u16) -> &RedisServer {
        self.nodes.iter().find(|node| node.port() == port).expect("a node of this cluster")
    }

    async fn is_settled(&self) -> bool {
        let Some(view) = self.agreed().await else { return false };
        let running: Vec<_> = self.running().map(RedisServer::port).collect();
        for node in self.running() {
            let state = node.try_ask(&["INFO", "replication"]).await.unwrap_or_default();
            let settled = if view.masters().any(|port| port == node.port()) {
                let replicas = view.replicas_of(node.port()).filter(|port| running.contains(port)).count();
                state.contains("role:master") && state.matches("state=online").count() == replicas
            } else {
                state.contains("master_link_status:up")
            };
            if !settled {
                return false;
            }
        }
        true
    }

    async fn slot(&self, key: &str) -> u16 {
        let node = self.running().next().expect("a node that runs");
        node.ask(&["CLUSTER", "KEYSLOT", key]).await.parse().expect("a slot")
    }

    async fn owner(&self, slot: u16) -> Option<&RedisServer> {
        Some(self.at(self.agreed().await?.owner(slot)?))
    }

    /// The view that all running nodes have of the cluster, once they agree and take it for whole.
    async fn agreed(&self) -> Option<View> {
        let mut agreed: Option<View> = None;
        for node in self.running() {
            let state = node.try_ask(&["CLUSTER", "INFO"]).await.ok()?;
            let view = View::parse(&node.try_ask(&["CLUSTER", "NODES"]).await.ok()?)?;
            if !state.contains("cluster_state:ok") || !view.healthy(self.running().map(RedisServer::port)) {
                return None;
            }
            let view = view.without_health();
            if agreed.as_ref().is_some_and(|agreed| *agreed != view) {
                return None;
            }
            agreed = Some(view);
        }
        agreed
    }
}

fn node(bus: u16) -> RedisBuilder {
    RedisServer::builder()
        .config("cluster-enabled", "yes")
        .config("cluster-port", &bus.to_string())
        .config("cluster-announce-ip", "127.0.0.1")
        .config("cluster-node-timeout", QUICK)
        // However long a replica has been without its master, it takes that master's place, and no other one's.
        .config("cluster-replica-validity-factor", "0")
        .config("cluster-allow-replica-migration", "no")
        .config("repl-diskless-sync", "no")
}
