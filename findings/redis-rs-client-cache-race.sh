#!/usr/bin/env bash
# redis 1.8.1 and cached 4.1.0 (Rust): a value that was replaced while it was read stays in the client-side cache for good.
#
# Expected: CacheConfig is for "client side caching" by CLIENT TRACKING: "the server will send invalidation messages". So after a
#   write by somebody else, a read gets the old value for as long as the message is on its way.
# Seen: a client has asked for a key, and the answer is on its way while another client sets the key. So answer and invalidation
#   arrive together. The connection's task deals with both, the invalidation finds nothing to remove, and then the one who asked
#   puts the old value into the cache. The server doesn't track the key any more. cached's client_side_caching is the same cache.
# Who meets it: whoever is so far away that a write falls between a read and its answer, or has a busy runtime.
# Instead: a default_client_ttl that one can bear with. Or remember which keys were invalidated while they were being read.
source "$(dirname "$0")/lib.bash"

start_valkey
PORT=$port rust_run redis=1.8.1:cache-aio,tokio-comp cached=4.1.0:redis_async_cache,redis_tokio tokio=1.54.1:full <<'RUST'
use cached::{AsyncRedisCache, ConcurrentCachedAsync};
use redis::AsyncCommands;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::sleep;

const ROUNDS: usize = 20;
const MS: Duration = Duration::from_millis(1);

/// A way to the server; what comes back along it waits while nobody gives way.
async fn way(server: u16) -> (u16, Arc<Semaphore>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, open) = (listener.local_addr().unwrap().port(), Arc::new(Semaphore::new(1)));
    let gate = Arc::clone(&open);
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let (mut server, gate) = (TcpStream::connect(("127.0.0.1", server)).await.unwrap(), Arc::clone(&gate));
            tokio::spawn(async move {
                let ((mut from, mut to), (mut answers, mut requests)) = (client.split(), server.split());
                let back = async {
                    let mut bytes = [0; 4096];
                    loop {
                        answers.readable().await.unwrap();
                        let _open = gate.acquire().await.unwrap();
                        match answers.read(&mut bytes).await.unwrap() {
                            0 => return,
                            read => to.write_all(&bytes[..read]).await.unwrap(),
                        }
                    }
                };
                tokio::select! { _ = tokio::io::copy(&mut from, &mut requests) => {}, () = back => {} }
            });
        }
    });
    (port, open)
}

/// Holds the answer to `read` back until `write` is done.
async fn meanwhile<T>(open: &Semaphore, read: impl Future<Output = T>, write: impl Future<Output = ()>) -> T {
    let closed = open.acquire().await.unwrap();
    let writes = async {
        sleep(20 * MS).await;
        write.await;
        sleep(20 * MS).await;
        drop(closed);
    };
    tokio::join!(read, writes).0
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let server: u16 = std::env::var("PORT").unwrap().parse().unwrap();
    let (port, open) = way(server).await;
    let url = |port: u16| format!("redis://127.0.0.1:{port}?protocol=resp3");

    let config = redis::AsyncConnectionConfig::new().set_cache_config(redis::caching::CacheConfig::new());
    let reader = redis::Client::open(url(port)).unwrap().get_multiplexed_async_connection_with_config(&config).await.unwrap();
    let writer = redis::Client::open(url(server)).unwrap().get_multiplexed_async_connection().await.unwrap();
    let (mut old, mut told) = (0, 0);
    for round in 0..ROUNDS {
        let (key, mut reader, mut writer) = (format!("k{round}"), reader.clone(), writer.clone());
        let () = writer.set(&key, "old").await.unwrap();
        let mut again = reader.clone();
        let write = async { writer.clone().set(&key, "new").await.unwrap() };
        let _: String = meanwhile(&open, reader.get(&key), write).await.unwrap();
        sleep(50 * MS).await;
        old += usize::from(again.get::<_, String>(&key).await.unwrap() == "old");
        // A write when nothing is on its way is told, if the key is tracked.
        let () = writer.set(&key, "newer").await.unwrap();
        sleep(10 * MS).await;
        told += usize::from(again.get::<_, String>(&key).await.unwrap() == "newer");
    }
    println!("redis: the old value 50 ms after the answer in {old} of {ROUNDS} rounds; the next write is seen in {told}");
    assert_eq!((old, told), (ROUNDS, 0));

    let open_cached = |port: u16, near: bool| async move {
        let builder = AsyncRedisCache::<String, String>::builder("finding").ttl(Duration::from_secs(600));
        builder.connection_string(&url(port)).client_side_caching(near).build().await.unwrap()
    };
    let (reader, writer) = (open_cached(port, true).await, open_cached(server, false).await);
    let mut old = 0;
    for round in 0..ROUNDS {
        let key = format!("k{round}");
        writer.async_cache_set(key.clone(), "old".into()).await.unwrap();
        let write = async { drop(writer.async_cache_set(key.clone(), "new".into()).await.unwrap()) };
        meanwhile(&open, reader.async_cache_get(&key), write).await.unwrap();
        sleep(50 * MS).await;
        old += usize::from(reader.async_cache_get(&key).await.unwrap().as_deref() == Some("old"));
    }
    println!("cached: the old value 50 ms after the answer in {old} of {ROUNDS} rounds");
    assert_eq!(old, ROUNDS);
}
RUST
