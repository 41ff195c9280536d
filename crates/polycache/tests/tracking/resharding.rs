//! Slots that go to and fro while clients read, keep and write: nothing stale is kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use polycache::backend::{Backend, Key};
use polycache::backends::redis::Redis;
use polycache_testkit::servers::RedisCluster;

use super::support::{Near, set, text, until};

const KEYS: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_stale_is_kept_while_slots_move() {
    let cluster = RedisCluster::start(2, 0).await;
    let near = Arc::new(Near::default());
    let ours = Redis::open(&cluster.url()).unwrap().tracked(near.clone()).unwrap().unwrap();
    let other = Redis::open(&cluster.url()).unwrap();
    let keys: Vec<String> = (0..KEYS).map(|key| format!("{{k}}{key}")).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = Vec::new();
    for reader in 0..4 {
        let (near, ours, stop, keys) = (Arc::clone(&near), Arc::clone(&ours), Arc::clone(&stop), keys.clone());
        tasks.push(tokio::spawn(async move {
            for round in reader.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                near.read(&*ours, &keys[round % KEYS]).await;
                tokio::task::yield_now().await;
            }
        }));
    }
    let (other_keys, stop_writes) = (keys.clone(), Arc::clone(&stop));
    let writer = Redis::open(&cluster.url()).unwrap();
    tasks.push(tokio::spawn(async move {
        for round in 0_usize.. {
            if stop_writes.load(Ordering::Relaxed) {
                break;
            }
            set(&writer, &other_keys[round % KEYS], &round.to_string()).await;
            tokio::task::yield_now().await;
        }
    }));
    for _ in 0..6 {
        let way = cluster.move_slot("{k}").await;
        for key in &keys {
            way.key(key).await;
        }
        way.end().await;
    }
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    // What is on its way may take a moment, what is lost stays for good.
    until("nothing stale is kept", async || {
        let kept = near.kept();
        for (key, value) in kept {
            let now = other.get(Key::plain(&key)).await.unwrap().as_ref().map(text);
            if now.as_ref() != Some(&value) && near.kept().get(&key) == Some(&value) {
                return false;
            }
        }
        true
    })
    .await;
    for key in &keys {
        near.read(&*ours, key).await;
    }
    assert_eq!(near.kept().len(), KEYS, "it keeps again");
}
