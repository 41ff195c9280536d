#!/usr/bin/env bash
# hitbox 0.2.4, hitbox-fn 0.2.1 (Rust): if the first caller of a key gives up, those who wait for its value get no answer.
#
# Expected: the documentation of BroadcastConcurrencyManager: one caller asks the source, the others wait for its result, and if
#   it fails they go on by themselves. So one expects a caller who is cancelled to be replaced by one of those who wait.
# Seen: the first caller has a timeout of 50 ms, the function takes 200 ms. The second one, who has come meanwhile, waits for five
#   seconds and would wait on: nobody computes. Only somebody who comes later does, and would free it.
# Who meets it: handlers under a request timeout, or whose client goes away, with a ConcurrencyLimit of 1: requests for a rare key
#   last as long as their own timeout.
# Instead: run the cached call in a task of its own (tokio::spawn), which nobody cancels, and wait for that.
source "$(dirname "$0")/lib.bash"

rust_run hitbox=0.2.4 hitbox-fn=0.2.1:derive hitbox-moka=0.2.0 tokio=1.54.1:full <<'RUST'
use hitbox::concurrency::BroadcastConcurrencyManager;
use hitbox::policy::{ConcurrencyLimit, PolicyConfig};
use hitbox_fn::{Cache, cached};
use hitbox_moka::MokaBackend;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::time::{sleep, timeout};

static CALLS: AtomicU32 = AtomicU32::new(0);

#[cached]
async fn row(id: u64) -> String {
    CALLS.fetch_add(1, Ordering::SeqCst);
    sleep(Duration::from_millis(200)).await;
    format!("row {id}")
}

#[tokio::main]
async fn main() {
    let one = ConcurrencyLimit::new(1).unwrap();
    let cache = Arc::new(
        Cache::builder()
            .backend(MokaBackend::builder().max_entries(100).build())
            .policy(PolicyConfig::builder().ttl(Duration::from_secs(60)).concurrency(one).build())
            .concurrency_manager(BroadcastConcurrencyManager::new())
            .build(),
    );
    let ask = |patience: u64| {
        let cache = Arc::clone(&cache);
        tokio::spawn(async move { timeout(Duration::from_millis(patience), row(7).cache(&*cache)).await.ok() })
    };
    let first = ask(50);
    while CALLS.load(Ordering::SeqCst) == 0 {
        sleep(Duration::from_millis(1)).await;
    }
    let second = ask(5000);
    let first = first.await.unwrap();
    let (second, calls) = (second.await.unwrap(), CALLS.load(Ordering::SeqCst));
    println!("the first within 50 ms: {first:?}");
    println!("the second, who came meanwhile, within 5 s: {second:?}; calls of the function: {calls}");
    let third = ask(5000).await.unwrap();
    println!("the third, who comes then: {third:?}");
    assert_eq!((first, second, calls), (None, None, 1));
    assert_eq!(third.as_deref(), Some("row 7"));
}
RUST
