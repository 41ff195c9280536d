//! A server that has become a replica, behind a name that leads to another one by now.

use std::path::{Path, PathBuf};
use std::time::Duration;

use polycache::{Cache, ErrorKind};
use polycache_testkit::servers::{RedisCluster, RedisServer};

use super::support::{cache, until};

/// A name for servers: a link to the socket of one of them.
struct Name(PathBuf);

impl Name {
    fn of(server: &RedisServer) -> Self {
        let name = Self(server.socket().with_file_name("name.sock"));
        name.lead_to(server);
        name
    }

    fn lead_to(&self, server: &RedisServer) {
        let new = self.0.with_extension("new");
        std::os::unix::fs::symlink(server.socket(), &new).unwrap();
        std::fs::rename(new, &self.0).unwrap();
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

async fn connections(server: &RedisServer) -> usize {
    let clients = server.cli(&["CLIENT", "LIST", "TYPE", "normal"]).await;
    clients.lines().filter(|client| client.contains("lib-name=polycache") || client.contains("cmd=")).count()
}

#[tokio::test]
async fn a_name_that_leads_to_another_primary() {
    for (connections, what) in [(1, "set"), (1, "increment"), (1, "multi_set"), (1, "add"), (3, "delete")] {
        let (old, new) = (RedisServer::start().await, RedisServer::start().await);
        let name = Name::of(&old);
        let cache = cache(&format!("redis+unix://{}?connections={connections}", name.path().display()));
        let write = async |cache: &Cache| match what {
            "set" => cache.set("k", 1).await,
            "increment" => cache.increment("n", 1).await.map(drop),
            "multi_set" => cache.multi_set([("a", 1), ("b", 2)]).await,
            "add" => cache.add("added", 1).await.map(drop),
            _ => cache.delete("gone").await.map(drop),
        };
        write(&cache).await.unwrap();
        let calls = (0..64).map(|i| cache.set(&format!("{i}"), i));
        futures_util::future::join_all(calls).await.into_iter().for_each(|result| result.unwrap());

        old.cli(&["REPLICAOF", "127.0.0.1", &new.port().to_string()]).await;
        name.lead_to(&new);
        let error = write(&cache).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{what}: {error}");
        assert!(error.is_retryable() && error.to_string().contains("replica"), "{what}: {error}");
        // The retry finds the new one; so do the other connections.
        for _ in 0..2 * connections {
            write(&cache).await.unwrap_or_else(|error| panic!("{what}, again: {error}"));
        }
        cache.set("proof", 7).await.unwrap();
        assert_eq!(new.cli(&["GET", "proof"]).await, "7");
    }
}

/// What is under way when the connection is given up is still answered.
#[tokio::test]
async fn reads_go_on_while_the_connection_is_made_anew() {
    let (old, new) = (RedisServer::start().await, RedisServer::start().await);
    let name = Name::of(&old);
    let cache = cache(&format!("redis+unix://{}", name.path().display()));
    cache.set("k", "x".repeat(100_000)).await.unwrap();
    new.cli(&["REPLICAOF", "127.0.0.1", &old.port().to_string()]).await;
    until("a copy", async || new.cli(&["EXISTS", "k"]).await == "1").await;
    new.cli(&["REPLICAOF", "NO", "ONE"]).await;
    old.cli(&["REPLICAOF", "127.0.0.1", &new.port().to_string()]).await;
    until("a replica", async || old.cli(&["INFO", "replication"]).await.contains("master_link_status:up")).await;
    name.lead_to(&new);
    let writes = (0..50).map(|_| async { cache.set("w", 1).await.err().map(|error| error.kind()) });
    let raws = (0..50).map(|_| async { cache.raw("STRLEN", &["k"]).await.err().map(|error| error.kind()) });
    let (writes, raws) = tokio::join!(futures_util::future::join_all(writes), futures_util::future::join_all(raws));
    assert!(writes.iter().all(|kind| matches!(kind, None | Some(ErrorKind::Unavailable))), "{writes:?}");
    assert_eq!(raws, vec![None; 50], "none was lost with the connection");
    cache.set("w", 2).await.unwrap();
}

/// A URL that means a replica for good: reads are served, and no storm of connections comes of the writes.
#[tokio::test]
async fn a_replica_for_good() {
    let primary = RedisServer::start().await;
    let replica = RedisServer::builder().config("replicaof", &format!("127.0.0.1 {}", primary.port())).start().await;
    primary.cli(&["SET", "k", "1"]).await;
    let cache = cache(&replica.url());
    until("the copy", async || cache.get::<i32>("k").await.unwrap() == Some(1)).await;
    let came = async || {
        let stats = replica.cli(&["INFO", "stats"]).await;
        let line = stats.lines().find_map(|line| line.strip_prefix("total_connections_received:")).unwrap();
        line.trim().parse::<u64>().unwrap()
    };
    let (before, started) = (came().await, std::time::Instant::now());
    for _ in 0..300 {
        let error = cache.set("k", 2).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1));
    }
    // One is that of the question itself.
    let (new, seconds) = (came().await - before - 1, started.elapsed().as_secs());
    assert!(new <= seconds + 2, "{new} connections in {seconds} s");
    assert!(connections(&replica).await >= 1);
}

/// `redis://` to a node of a cluster: no retry ever cures that, and the text says what does.
#[tokio::test]
async fn a_cluster_that_is_taken_for_one_server() {
    let cluster = RedisCluster::start(3, 0).await;
    let other = cluster.master_of("elsewhere").await.port();
    let node = cluster.nodes().iter().find(|node| node.port() != other).unwrap();
    let cache = cache(&node.url());
    for error in [
        cache.get::<i32>("elsewhere").await.unwrap_err(),
        cache.set("elsewhere", 1).await.unwrap_err(),
        cache.increment("elsewhere", 1).await.unwrap_err(),
        cache.delete("elsewhere").await.unwrap_err(),
        cache.multi_get::<i32>(&["a", "b", "c"]).await.unwrap_err(),
        cache.raw("STRLEN", &["elsewhere"]).await.unwrap_err(),
    ] {
        assert!(!error.is_retryable(), "{error}");
        assert!(error.to_string().contains("redis+cluster://"), "{error}");
    }
}

/// Of the servers that know clusters only Valkey 9 has several databases in one.
#[tokio::test]
async fn a_database_that_the_cluster_does_not_have() {
    let cluster = RedisCluster::start(1, 0).await;
    let error = cache(&format!("{}/1", cluster.url())).get::<i32>("k").await.unwrap_err();
    assert!(!error.is_retryable(), "{error}");
    assert!(error.to_string().contains("database"), "{error}");
    cache(&format!("{}/0", cluster.url())).set("k", 1).await.unwrap();
}

/// A full disk is a state that passes.
#[tokio::test]
async fn a_server_that_cannot_save() {
    let server = RedisServer::start().await;
    let cache = cache(&server.url());
    cache.set("k", 1).await.unwrap();
    // Its directory is gone, so the next snapshot fails.
    server.cli(&["CONFIG", "SET", "save", "3600 1"]).await;
    let directory = server.socket().parent().unwrap().to_owned();
    std::fs::create_dir(directory.join("dump.rdb")).unwrap();
    std::fs::write(directory.join("dump.rdb/file"), "in the way").unwrap();
    server.cli(&["BGSAVE"]).await;
    until("a failed snapshot", async || {
        server.cli(&["INFO", "persistence"]).await.contains("rdb_last_bgsave_status:err")
    })
    .await;
    let error = cache.set("k", 2).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.is_retryable() && error.to_string().contains("disk"), "{error}");
    assert_eq!(cache.increment("k", 2).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1));
    server.cli(&["CONFIG", "SET", "stop-writes-on-bgsave-error", "no"]).await;
    tokio::time::timeout(Duration::from_secs(5), cache.set("k", 2)).await.unwrap().unwrap();
}
