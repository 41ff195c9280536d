//! Shared connections, to a server that answers each line with the same line.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod alone;
#[cfg(unix)]
mod hosted;
mod listens;
mod server;
mod silence;

use std::collections::HashSet;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, Instant};

use polycache_wire::{ConnectionOptions, Fate, Reconnect};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::server::{Ask, PATIENCE, Server, answered, until};

fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_find_their_callers_though_others_give_up() {
    let connection = Arc::new(Server::start().connect(ConnectionOptions::default()));
    for tasks in [1, 2, 3, 100] {
        let mut set = JoinSet::new();
        for task in 0..tasks {
            let connection = Arc::clone(&connection);
            set.spawn(async move {
                for call in 0..100 {
                    let ask = Ask(format!("{task}:{call}:{}", "x".repeat(fastrand::usize(..200))));
                    let call = connection.call(&ask);
                    if fastrand::bool() {
                        assert_eq!(call.await.unwrap(), ask.0);
                        continue;
                    }
                    let patience = async {
                        for _ in 0..fastrand::u32(..4) {
                            tokio::task::yield_now().await;
                        }
                    };
                    tokio::select! {
                        biased;
                        answer = call => assert_eq!(answer.unwrap(), ask.0),
                        () = patience => {}
                    }
                }
            });
        }
        timeout(PATIENCE, set.join_all()).await.expect("nothing hangs");
    }
}

#[tokio::test]
async fn nobody_waits_for_ever_for_room_in_the_queue() {
    let server = Server::start();
    let connection = Arc::new(server.connect(ConnectionOptions::new().max_queue(2_000)));
    let mut set = JoinSet::new();
    for task in 0..50 {
        let connection = Arc::clone(&connection);
        set.spawn(async move {
            // Some need the whole queue, or more.
            let length = if task % 10 == 0 { 5_000 } else { 100 };
            for _ in 0..50 {
                assert!(answered(&connection, "y".repeat(length)).await);
            }
        });
    }
    timeout(PATIENCE, set.join_all()).await.expect("nothing hangs");
    let many: Vec<Ask> = (0..500).map(|number| Ask(number.to_string())).collect();
    let answers = timeout(PATIENCE, connection.call_many(&many)).await.expect("nothing hangs");
    assert!(answers.iter().zip(&many).all(|(answer, ask)| answer.as_ref().is_ok_and(|answer| *answer == ask.0)));
}

/// Callers who wait for room and aren't polled any more, however many.
#[tokio::test]
async fn who_waits_for_room_and_is_left_alone_holds_nobody_up() {
    let server = Server::start();
    let connection = Arc::new(server.connect(ConnectionOptions::new().max_queue(2_000)));
    assert!(answered(&connection, "first").await);
    let asks: Vec<Ask> = (0..20).map(|_| Ask("y".repeat(1_500))).collect();
    let mut left: Vec<_> = asks.iter().map(|ask| Box::pin(connection.call(ask))).collect();
    for call in &mut left {
        assert!(poll_once(call.as_mut()).await.is_none());
    }
    let started = Instant::now();
    assert!(timeout(PATIENCE, answered(&connection, "z".repeat(1_500))).await.expect("nobody waits for them"));
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert!(answered(&connection, "last").await);
    for (call, ask) in left.iter_mut().zip(&asks) {
        assert_eq!(timeout(PATIENCE, call).await.expect("they go on where they are polled").unwrap(), ask.0);
    }
}

#[tokio::test]
async fn what_became_of_calls_when_the_connection_is_lost() {
    let server = Server::start();
    let connection = server.connect(ConnectionOptions::new().heartbeat(None));
    assert!(answered(&connection, "first").await);
    let (read, write) = (Ask("silence".to_owned()), Ask("write silence".to_owned()));
    let lose = async {
        for _ in 0..2 {
            // The last request is on its way by then.
            let made = server.connections();
            tokio::time::sleep(Duration::from_millis(20)).await;
            server.cut();
            timeout(Duration::from_secs(1), until("another", async || server.connections() > made)).await.ok();
        }
    };
    let (read, write, ()) = tokio::join!(connection.call(&read), connection.call(&write), lose);
    for failure in [read, write].map(Result::unwrap_err) {
        assert_eq!(failure.fate, Fate::Unknown, "{failure:?}");
    }
    // The write was sent once, the read twice.
    assert_eq!(server.connections(), 2);
    assert!(answered(&connection, "third").await);
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_ends_the_connection() {
    let server = Server::start();
    let connection = server.connect(ConnectionOptions::default());
    assert!(answered(&connection, "twice").await);
    for number in 0..100 {
        assert!(answered(&connection, number.to_string()).await);
    }
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn silence_is_the_end_of_a_connection() {
    let server = Server::start();
    let options = ConnectionOptions::new().heartbeat(Some(Duration::from_millis(20)));
    let connection = server.connect(options);
    let failure = connection.call(&Ask("silence".to_owned())).await.unwrap_err();
    assert_eq!(failure.fate, Fate::Unknown, "{failure:?}");
    assert!(failure.error.contains("silent"), "{failure:?}");
    // The request was sent twice.
    assert_eq!(server.connections(), 2);
    assert!(answered(&connection, "another").await);
    assert_eq!(connection.failures(), 0);
}

#[tokio::test]
async fn a_lost_connection_comes_back_by_itself_where_it_is_told_to() {
    let server = Server::start();
    let always = server.connect(ConnectionOptions::new().reconnect(Reconnect::Always));
    assert!(answered(&always, "first").await);
    for made in 2..5 {
        server.cut();
        until("another connection", async || server.connections() == made).await;
    }
    assert!(answered(&always, "second").await);
    always.renew();
    until("a new connection", async || server.connections() == 5).await;
    assert!(answered(&always, "third").await);
    always.close();
    let failure = always.call(&Ask("fourth".to_owned())).await.unwrap_err();
    assert_eq!((failure.fate, failure.error.as_str()), (Fate::NotSent, "Closed"));
}

#[test]
fn runtimes_that_end_or_stand_still_are_left() {
    let server = Server::start();
    for reconnect in [Reconnect::OnDemand, Reconnect::Always] {
        let options = ConnectionOptions::new().heartbeat(Some(Duration::from_millis(100))).reconnect(reconnect);
        let connection = server.connect(options);
        let answers = |runtime: &Runtime, line: &str| {
            runtime.block_on(until("an answer on this runtime", async || {
                timeout(Duration::from_millis(50), answered(&connection, line)).await == Ok(true)
            }));
        };
        let (first, second) = (one_thread(), one_thread());
        // One of the runtimes stands still each time: it is there, and nobody drives it.
        for runtime in [&first, &second, &first] {
            answers(runtime, "there");
        }
        drop(first);
        answers(&second, "the other one has ended");
    }
}

/// A call on another runtime notices the standstill long before a heartbeat is over, and succeeds. Within 250 ms on an idle machine; pauses
/// on the same runtime show how busy this one is. A single round may take longer, since a drawn-out pause says nothing of a runtime.
#[test]
fn runtimes_that_stand_still_are_left_without_an_error() {
    let server = Server::start();
    let mut taken = Vec::new();
    for reconnect in [Reconnect::OnDemand, Reconnect::Always] {
        let connection = server.connect(ConnectionOptions::new().reconnect(reconnect));
        let runtimes = [one_thread(), one_thread(), one_thread()];
        for round in 0..9 {
            // This attempt to connect goes no further.
            let begun = server.connect(ConnectionOptions::new().reconnect(reconnect));
            let ask = Ask("write begun".to_owned());
            taken.push(runtimes[round % 3].block_on(async {
                let calls = async {
                    for line in ["write", "read", "write"] {
                        assert!(answered(&connection, line).await, "{round}");
                    }
                };
                let taken = pauses_beside(calls).await;
                assert!(poll_once(begun.call(&ask)).await.is_none());
                taken
            }));
            taken.push(runtimes[(round + 1) % 3].block_on(pauses_beside(async {
                assert!(answered(&begun, "write").await, "{round}");
            })));
        }
    }
    taken.sort_unstable();
    let [median, longest] = [taken[taken.len() / 2], taken[taken.len() - 1]].map(|pauses| PAUSE * pauses);
    assert!(median < Duration::from_millis(250), "{median:?}");
    // As long as calls wait where requests under way can't be sent once more.
    assert!(longest < Duration::from_secs(1), "{longest:?}");
}

const PAUSE: Duration = Duration::from_millis(25);

/// How many pauses of this runtime fit beside a future, without those that the machine has drawn out.
async fn pauses_beside(future: impl Future<Output = ()>) -> u32 {
    let mut pauses = 0;
    let control = async {
        loop {
            let started = Instant::now();
            tokio::time::sleep(PAUSE).await;
            pauses += u32::from(started.elapsed() < PAUSE * 2);
        }
    };
    tokio::select! {
        biased;
        () = future => {}
        () = control => {}
    }
    pauses
}

/// Polls a future once, and drops it.
async fn poll_once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(result) => Poll::Ready(Some(result)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

#[test]
fn distinct_runtimes_share_a_connection() {
    let server = Server::start();
    let connection = server.connect(ConnectionOptions::default());
    let seen = Mutex::new(HashSet::new());
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    assert!(runtime.block_on(answered(&connection, "first")));
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (connection, seen) = (&connection, &seen);
            scope.spawn(move || {
                one_thread().block_on(async {
                    for call in 0..500 {
                        let line = format!("{thread}:{call}");
                        assert!(answered(connection, line.clone()).await);
                        seen.lock().unwrap().insert(line);
                    }
                });
            });
        }
    });
    assert_eq!(seen.lock().unwrap().len(), 1_500);
    assert_eq!(server.connections(), 1);
}
