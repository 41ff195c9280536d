//! Eight processes, each with many tasks, that ask for one cold key.

use std::time::Duration;

use polycache::Cache;
use polycache_testkit::servers::RedisServer;
use tokio::time::{sleep, timeout};

use crate::children::{Children, PROCESSES, Scenario, control_at, now, signal, told};
use crate::server::Server;
use crate::{LEASE, LONG, WORK};

fn rounds(most: usize) -> usize {
    std::env::var("POLYCACHE_TEST_ROUNDS").map_or(most, |rounds| rounds.parse().unwrap())
}

async fn computed(control: &Cache, round: usize) -> Option<i64> {
    control.get(&format!("computed:{round}")).await.unwrap()
}

/// When each process was done, and with what, once so many are.
async fn ends(control: &Cache, count: i64) -> Vec<(u64, String)> {
    let ends = async {
        loop {
            let ends = control.scan("end:0:*").collect().await.unwrap();
            if ends.len() as i64 == count {
                break ends;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    let ends = timeout(LONG, ends).await.expect("nobody hangs");
    control.multi_get(&ends).await.unwrap().into_iter().flatten().collect()
}

async fn one_process_computes(server: Server) {
    let control = RedisServer::start().await;
    let rounds = rounds(5);
    Children::start(&server.url(), &control.url(), Scenario::Works, rounds).end(None).await;
    let control = control_at(&control.url());
    for round in 0..rounds {
        assert_eq!(computed(&control, round).await, Some(1), "in round {round}");
        let stored = server.cache().get::<String>(&format!("cold:{round}")).await.unwrap();
        assert_eq!(stored, Some(format!("value 1 of {round}")));
    }
    if let Server::Redis(server) = &server {
        assert_eq!(server.cli(&["KEYS", "*lease*"]).await, "", "all leases have been given back");
    }
}

async fn an_error_is_shared_by_its_process(server: Server) {
    let control = RedisServer::start().await;
    let rounds = rounds(1);
    Children::start(&server.url(), &control.url(), Scenario::Fails, rounds).end(None).await;
    let control = control_at(&control.url());
    for round in 0..rounds {
        assert_eq!(computed(&control, round).await, Some(PROCESSES), "in round {round}");
    }
}

async fn another_takes_over_from_a_dead_process(server: Server) {
    let control = RedisServer::start().await;
    for round in 0..rounds(3) {
        server.restart().await;
        control.flush().await;
        let mut children = Children::start(&server.url(), &control.url(), Scenario::Hangs, 1);
        let control = control_at(&control.url());
        let holder = told(&control, "holder:0").await;
        // Beyond its lease, which it has renewed.
        sleep(LEASE * 3 / 2).await;
        let killed = now();
        children.kill(holder);
        let ends = ends(&control, PROCESSES - 1).await;
        // In its place, where the others wait for it.
        control.increment("over:0", 1).await.unwrap();
        children.end(Some(holder)).await;
        assert_eq!(computed(&control, 0).await, Some(2), "in round {round}");
        let last = ends.iter().map(|(end, _)| end - killed).max().unwrap();
        let most = LEASE + WORK + Duration::from_millis(250);
        assert!(Duration::from_millis(last) <= most, "{last} ms after the end of the holder, in round {round}");
    }
}

/// A holder that is suspended until another has taken over stores nothing when it comes back, even where the newer value is gone; who
/// waits for it gets what it has computed.
async fn a_suspended_holder_stores_nothing(server: Server) {
    let control = RedisServer::start().await;
    let children = Children::start(&server.url(), &control.url(), Scenario::Hangs, 1);
    let control = control_at(&control.url());
    let holder = told(&control, "holder:0").await;
    sleep(LEASE * 3 / 2).await;
    signal(holder, "-STOP");
    let others = ends(&control, PROCESSES - 1).await;
    assert!(others.iter().all(|(_, value)| value == "value 2 of 0"), "{others:?}");

    let cache = server.cache();
    assert!(cache.delete("cold:0").await.unwrap());
    control.set("done:0", true).await.unwrap();
    signal(holder, "-CONT");
    let all = ends(&control, PROCESSES).await;
    assert_eq!(all.iter().filter(|(_, value)| value == "value 1 of 0").count(), 1);
    assert!(!cache.exists("cold:0").await.unwrap());
    children.end(None).await;
}

on_each_server! {
    one_process_computes
    an_error_is_shared_by_its_process
    another_takes_over_from_a_dead_process
    a_suspended_holder_stores_nothing
}
