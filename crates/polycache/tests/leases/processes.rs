//! Eight processes, each with many tasks, that ask for one cold key.

use std::time::Duration;

use polycache::Cache;
use polycache_testkit::servers::RedisServer;
use tokio::time::{sleep, timeout};

use crate::children::{Children, PROCESSES, Scenario, control_at, now, signal, told};
use crate::server::Server;
use crate::{LEASE, LONG, WORK};

/// A renewal may take two answers of the server, and has the lease and its grace less the time between renewals: with delays up to this
/// a lease holds. Beyond, two may compute, and nobody can tell how late a process is.
const DELAY: u64 = 80;

/// A round that was disturbed and went wrong is repeated, so often.
const REPEATED: usize = 20;

/// Lets the children do it, in each round on empty servers. `check` says what is wrong.
async fn rounds(
    most: usize,
    server: &Server,
    scenario: Scenario,
    check: impl AsyncFn(&Cache, Children) -> Result<(), String>,
) {
    let most = std::env::var("POLYCACHE_TEST_ROUNDS").map_or(most, |rounds| rounds.parse().unwrap());
    let control_server = RedisServer::start().await;
    let (mut round, mut repeated) = (0, 0);
    while round < most {
        server.restart().await;
        control_server.flush().await;
        let children = Children::start(&server.url(), &control_server.url(), scenario);
        let control = control_at(&control_server.url());
        match check(&control, children).await {
            Ok(()) => round += 1,
            Err(wrong) => {
                let delay = longest_delay(&control).await;
                assert!(delay > DELAY, "in round {round}: {wrong}, with delays of {delay} ms at most");
                repeated += 1;
                assert!(repeated <= REPEATED, "the machine is too busy: {wrong}, after delays of {delay} ms");
            }
        }
    }
    if repeated > 0 {
        eprintln!("{repeated} rounds beside {most} were held up for more than {DELAY} ms, and went wrong");
    }
}

fn expect<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?}, not {expected:?}")) }
}

async fn longest_delay(control: &Cache) -> u64 {
    let told = control.scan("delay:*").collect().await.unwrap();
    control.multi_get::<u64>(&told).await.unwrap().into_iter().flatten().max().unwrap_or(0)
}

async fn computed(control: &Cache) -> Option<i64> {
    control.get("computed").await.unwrap()
}

/// When each process was done, and with what, once so many are.
async fn ends(control: &Cache, count: i64) -> Result<Vec<(u64, String)>, String> {
    let ends = async {
        loop {
            let ends = control.scan("end:*").collect().await.unwrap();
            if ends.len() as i64 == count {
                break ends;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    let ends = timeout(LONG / 3, ends).await.map_err(|_| "somebody hangs".to_owned())?;
    Ok(control.multi_get(&ends).await.unwrap().into_iter().flatten().collect())
}

async fn one_process_computes(server: Server) {
    rounds(5, &server, Scenario::Works, async |control, children| {
        children.end(None).await;
        expect("computations", &computed(control).await, &Some(1))?;
        let stored = server.cache().get::<String>("cold").await.unwrap();
        expect("what is stored", &stored.as_deref(), &Some("value 1"))
    })
    .await;
}

async fn an_error_is_shared_by_its_process(server: Server) {
    rounds(1, &server, Scenario::Fails, async |control, children| {
        children.end(None).await;
        expect("computations", &computed(control).await, &Some(PROCESSES))
    })
    .await;
}

async fn another_takes_over_from_a_dead_process(server: Server) {
    rounds(3, &server, Scenario::Hangs, async |control, mut children| {
        let holder = told(control, "holder").await;
        // Beyond its lease, which it has renewed.
        sleep(LEASE * 3 / 2).await;
        let killed = now();
        children.kill(holder);
        // For one that was taken for dead before, and lives.
        control.set("done", true).await.unwrap();
        let ends = ends(control, PROCESSES - 1).await?;
        // In its place, where the others wait for it.
        control.increment("over", 1).await.unwrap();
        children.end(Some(holder)).await;
        expect("computations", &computed(control).await, &Some(2))?;
        let last = ends.iter().map(|(end, _)| Duration::from_millis(end.saturating_sub(killed))).max().unwrap();
        let most = LEASE + WORK + Duration::from_millis(250);
        expect(&format!("done after {last:?}"), &(last <= most), &true)
    })
    .await;
}

/// A holder that is suspended until another has taken over stores nothing when it comes back, even where the newer value is gone; who
/// waits for it gets what it has computed.
async fn a_suspended_holder_stores_nothing(server: Server) {
    rounds(1, &server, Scenario::Hangs, async |control, children| {
        let holder = told(control, "holder").await;
        sleep(LEASE * 3 / 2).await;
        signal(holder, "-STOP");
        let others = ends(control, PROCESSES - 1).await?;
        let cache = server.cache();
        let deleted = cache.delete("cold").await.unwrap();
        control.set("done", true).await.unwrap();
        signal(holder, "-CONT");
        let all = ends(control, PROCESSES).await?;
        children.end(None).await;
        let ending = |value: &str| all.iter().filter(|(_, end)| end == value).count();
        expect("values", &(others.len(), ending("value 1"), ending("value 2")), &(7, 1, 7))?;
        expect("what was stored, and is now", &(deleted, cache.exists("cold").await.unwrap()), &(true, false))
    })
    .await;
}

on_each_server! {
    one_process_computes
    an_error_is_shared_by_its_process
    another_takes_over_from_a_dead_process
    a_suspended_holder_stores_nothing
}
