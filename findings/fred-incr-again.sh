#!/usr/bin/env bash
# fred 10.1.0 (Rust): one INCR whose answer is lost counts three times.
#
# Expected: a command that may have been carried out isn't sent again, or only if it can be repeated (GET, SET). So do redis-rs'
#   ConnectionManager and rustis by default: the caller gets an error and decides.
# Seen: with a ReconnectPolicy, the connection breaks behind the request for INCR, twice. fred connects and sends it again:
#   the call is Ok(3), of a key that wasn't there. max_command_attempts is 3 by default.
# Who meets it: counters, LPUSH, rate limits, SET .. NX as a lock (which then finds its own key), when a server or proxy restarts.
# Instead: with_connection_config(|config| config.max_command_attempts = 1), or `Options { fail_fast, max_attempts: Some(1), .. }` by
#   with_options for such commands.
source "$(dirname "$0")/lib.bash"

start_valkey
PORT=$port rust_run fred=10.1.0 tokio=1.54.1:full <<'RUST'
use fred::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A way to the server on which the answers to as many INCRs as `lost` says are lost with their connections.
async fn way(server: String, lost: Arc<AtomicU32>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let (mut server, lost) = (TcpStream::connect(&server).await.unwrap(), Arc::clone(&lost));
            tokio::spawn(async move {
                let (mut request, mut answer, mut counts) = ([0; 4096], [0; 4096], false);
                loop {
                    tokio::select! {
                        Ok(read @ 1..) = client.read(&mut request) => {
                            counts = request[..read].windows(4).any(|word| word == b"INCR");
                            server.write_all(&request[..read]).await.unwrap();
                        }
                        Ok(read @ 1..) = server.read(&mut answer) => {
                            if counts && lost.load(Ordering::SeqCst) > 0 {
                                lost.fetch_sub(1, Ordering::SeqCst);
                                return;
                            }
                            client.write_all(&answer[..read]).await.unwrap();
                        }
                        else => return,
                    }
                }
            });
        }
    });
    port
}

async fn count(port: u16, attempts: Option<u32>, key: &str, lost: &AtomicU32) -> Result<i64, Error> {
    let mut builder = Builder::from_config(Config::from_url(&format!("redis://127.0.0.1:{port}")).unwrap());
    builder.set_policy(ReconnectPolicy::new_constant(0, 20));
    builder.with_connection_config(|config| config.max_command_attempts = attempts.unwrap_or(config.max_command_attempts));
    let client = builder.build().unwrap();
    client.init().await.unwrap();
    lost.store(2, Ordering::SeqCst);
    let counted = client.incr(key).await;
    lost.store(0, Ordering::SeqCst);
    counted
}

#[tokio::main]
async fn main() {
    let lost = Arc::new(AtomicU32::new(0));
    let port = way(format!("127.0.0.1:{}", std::env::var("PORT").unwrap()), Arc::clone(&lost)).await;
    let by_default = count(port, None, "a", &lost).await;
    println!("one incr of a missing key, the answer lost twice: {by_default:?}");
    let once = count(port, Some(1), "b", &lost).await;
    println!("the same with max_command_attempts = 1: {once:?}");
    assert_eq!(by_default.unwrap(), 3);
    assert!(once.is_err());
}
RUST
