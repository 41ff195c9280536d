//! A caller who is alone reads its reply by itself; nobody else may ever depend on it. No heartbeat comes to the rescue here.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use polycache_wire::{Connection, ConnectionOptions, Fate, Reconnect, together};
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;

use crate::one_thread;
use crate::server::{Ask, Lines, PATIENCE, Server, answered, until};

fn options() -> ConnectionOptions {
    ConnectionOptions::new().heartbeat(None)
}

async fn connected(server: &Server, options: ConnectionOptions) -> Arc<Connection<Lines>> {
    let connection = Arc::new(server.connect(options));
    assert!(answered(&connection, "first").await);
    connection
}

/// Has the call make its request, whose answer wakes nobody, and lets other tasks run `turns` times.
async fn begin<F: Future>(call: Pin<&mut F>, turns: usize) {
    assert!(call.poll(&mut Context::from_waker(Waker::noop())).is_pending());
    for _ in 0..turns {
        yield_now().await;
    }
}

#[tokio::test]
async fn who_never_looks_holds_nobody_up() {
    let connection = connected(&Server::start(), options()).await;
    for calls in 1..100 {
        let ask = Ask(format!("never looked at {calls}"));
        let mut call = pin!(connection.call(&ask));
        begin(call.as_mut(), calls).await;
        assert!(timeout(PATIENCE, answered(&connection, "another")).await.unwrap());
        assert_eq!(timeout(PATIENCE, call).await.unwrap().unwrap(), ask.0);
    }
}

#[tokio::test]
async fn who_leaves_leaves_the_connection_in_order() {
    let server = Server::start();
    let connection = connected(&server, options()).await;
    for turns in 0..100 {
        {
            let ask = Ask(format!("left {turns}"));
            let mut call = pin!(connection.call(&ask));
            begin(call.as_mut(), turns).await;
        }
        if turns % 2 == 0 {
            assert!(timeout(PATIENCE, answered(&connection, "another")).await.unwrap());
        } else {
            server.cut();
            until("the loss is noticed", async || connection.failures() > 0).await;
            assert!(answered(&connection, "write").await);
        }
    }
}

#[tokio::test]
async fn who_never_looks_keeps_no_room() {
    let server = Server::start();
    // One call fills the queue.
    let connection = connected(&server, options().max_queue(256)).await;
    for turns in 0..100 {
        let ask = Ask(format!("never looked at {turns}"));
        let mut call = pin!(connection.call(&ask));
        begin(call.as_mut(), turns).await;
        assert!(timeout(PATIENCE, answered(&connection, "waits for room")).await.unwrap());
        assert_eq!(timeout(PATIENCE, call).await.unwrap().unwrap(), ask.0);
    }
}

#[tokio::test]
async fn a_call_may_go_on_in_another_task() {
    let connection = connected(&Server::start(), options()).await;
    for _ in 0..100 {
        let connection = Arc::clone(&connection);
        let mut call = Box::pin(async move { answered(&connection, "moved").await });
        begin(call.as_mut(), 0).await;
        assert!(timeout(PATIENCE, tokio::spawn(call)).await.unwrap().unwrap());
    }
}

#[tokio::test]
async fn a_call_may_be_looked_at_too_often() {
    let connection = connected(&Server::start(), options()).await;
    for _ in 0..100 {
        let ask = Ask("looked at".to_owned());
        let mut call = pin!(connection.call(&ask));
        let mut looks = 0;
        let answer = loop {
            looks += 1;
            assert!(looks < 1_000_000, "it is never answered");
            match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(answer) => break answer,
                Poll::Pending => yield_now().await,
            }
        };
        assert_eq!(answer.unwrap(), ask.0);
    }
}

/// Ends the connections to the server, and lets the runtime know.
async fn end(server: &Server, elsewhere: &Connection<Lines>) {
    server.cut();
    // This answer comes later than the end.
    assert!(answered(elsewhere, "elsewhere").await);
}

#[tokio::test]
async fn the_end_of_an_idle_connection_is_seen_before_anything_is_sent() {
    let server = Server::start();
    let (connection, elsewhere) = (connected(&server, options()).await, connected(&Server::start(), options()).await);
    let writes = ["write", "write another"].map(|line| Ask(line.to_owned()));
    for _ in 0..20 {
        assert!(answered(&connection, "alone").await);
        end(&server, &elsewhere).await;
        assert!(answered(&connection, "write").await);
        end(&server, &elsewhere).await;
        // Sent by the driver, which counts the bytes of callers who were alone.
        let answers = connection.call_many(&writes).await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    }
}

#[tokio::test]
async fn the_end_of_an_idle_connection_is_seen_in_time() {
    let server = Server::start();
    let heartbeat = ConnectionOptions::new().heartbeat(Some(Duration::from_millis(20)));
    let always = options().reconnect(Reconnect::Always);
    let (heartbeat, always) = (connected(&server, heartbeat).await, connected(&server, always).await);
    for _ in 0..20 {
        assert!(answered(&heartbeat, "alone").await && answered(&always, "alone").await);
        let made = server.connections();
        server.cut();
        until("another connection", async || server.connections() > made).await;
        until("the loss is noticed", async || heartbeat.failures() > 0).await;
    }
}

#[tokio::test]
async fn a_connection_is_closed_after_the_last_answer() {
    for turns in 0..20 {
        let connection = connected(&Server::start(), options()).await;
        let ask = Ask("last".to_owned());
        let mut call = pin!(connection.call(&ask));
        begin(call.as_mut(), turns).await;
        connection.close();
        assert_eq!(timeout(PATIENCE, call).await.unwrap().unwrap(), ask.0);
        assert_eq!(connection.call(&ask).await.unwrap_err().error, "Closed");
    }
}

#[test]
fn who_is_alone_learns_that_the_runtime_has_ended() {
    let server = Server::start();
    let (first, second) = (one_thread(), one_thread());
    let connection = first.block_on(connected(&server, options()));
    let ask = Ask("write silence".to_owned());
    let mut call = pin!(connection.call(&ask));
    first.block_on(begin(call.as_mut(), 10));
    drop(first);
    let failure = second.block_on(async { timeout(PATIENCE, call).await.unwrap().unwrap_err() });
    assert_eq!(failure.fate, Fate::Unknown, "{failure:?}");
}

#[test]
fn who_leaves_has_seen_to_it_that_a_runtime_stands_still() {
    let server = Server::start();
    let (first, second) = (one_thread(), one_thread());
    let connection = first.block_on(connected(&server, options()));
    // The first runtime is there, and nobody drives it.
    second.block_on(async {
        let ask = Ask("left".to_owned());
        begin(Box::pin(connection.call(&ask)).as_mut(), 0).await;
        assert!(timeout(PATIENCE, answered(&connection, "write")).await.unwrap());
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn few_callers_come_and_go() {
    let server = Server::start();
    for max_queue in [300, 100_000] {
        let connection = connected(&server, options().max_queue(max_queue)).await;
        let mut tasks = JoinSet::new();
        for task in 0..3 {
            let connection = Arc::clone(&connection);
            tasks.spawn(async move {
                for number in 0..2_000 {
                    let ask = Ask(format!("{task}:{number}"));
                    let mut call = pin!(connection.call(&ask));
                    match fastrand::u8(..4) {
                        0 => drop(call.as_mut().poll(&mut Context::from_waker(Waker::noop()))),
                        1 => {
                            let looked = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                            for _ in 0..fastrand::u8(..20) {
                                yield_now().await;
                            }
                            if looked.is_pending() {
                                assert_eq!(timeout(PATIENCE, call).await.unwrap().unwrap(), ask.0);
                            }
                        }
                        _ => assert_eq!(timeout(PATIENCE, call).await.unwrap().unwrap(), ask.0),
                    }
                }
            });
        }
        tasks.join_all().await;
    }
}

#[tokio::test]
async fn calls_that_are_begun_together_leave_with_one_write() {
    let server = Server::start();
    let connection = connected(&server, options()).await;
    let asks = [Ask("one".to_owned()), Ask("other".to_owned())];
    for _ in 0..20 {
        let before = server.writes();
        let both = async { tokio::join!(connection.call(&asks[0]), connection.call(&asks[1])) };
        let (one, other) = timeout(PATIENCE, together(both)).await.unwrap();
        assert_eq!((one.unwrap(), other.unwrap()), ("one".to_owned(), "other".to_owned()));
        assert_eq!(server.writes() - before, 1);
        // A call that comes alone goes alone again.
        assert!(answered(&connection, "alone").await);
    }
}

#[tokio::test]
async fn who_is_alone_asks_several_things_with_one_write() {
    let server = Server::start();
    let connection = connected(&server, options()).await;
    let asks = ["one", "another", "a third"].map(|line| Ask(line.to_owned()));
    for _ in 0..100 {
        let before = server.writes();
        let answers = timeout(PATIENCE, connection.call_in_order(&asks)).await.unwrap();
        let answers: Vec<_> = answers.into_iter().map(|answer| Ask(answer.unwrap())).collect();
        assert_eq!((&answers[..], server.writes() - before), (&asks[..], 1));
    }
}

#[tokio::test]
async fn who_asks_several_things_and_never_looks_holds_nobody_up() {
    let server = Server::start();
    let connection = connected(&server, options()).await;
    for turns in 0..100 {
        let asks = ["first", "pause", "last"].map(|line| Ask(line.to_owned()));
        let mut calls = pin!(connection.call_in_order(&asks));
        begin(calls.as_mut(), turns).await;
        if turns % 2 == 0 {
            // The first answer may be here by now, and is kept.
            assert!(calls.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        server.go_on();
        assert!(timeout(PATIENCE, answered(&connection, "another")).await.unwrap());
        let answers = timeout(PATIENCE, calls).await.unwrap();
        let answers: Vec<_> = answers.into_iter().map(|answer| Ask(answer.unwrap())).collect();
        assert_eq!(answers, asks);
    }
}

#[tokio::test]
async fn who_asks_several_things_and_leaves_leaves_the_connection_in_order() {
    let server = Server::start();
    let connection = connected(&server, options()).await;
    for turns in 0..100 {
        let asks = ["first", "write", "last"].map(|line| Ask(format!("{line} {turns}")));
        {
            let mut calls = pin!(connection.call_in_order(&asks));
            begin(calls.as_mut(), turns).await;
            if turns % 3 == 0 {
                // The driver has taken the calls over when they are left.
                assert!(timeout(PATIENCE, answered(&connection, "another")).await.unwrap());
            }
        }
        if turns % 2 == 0 {
            assert!(timeout(PATIENCE, answered(&connection, "another")).await.unwrap());
        } else {
            server.cut();
            until("the loss is noticed", async || connection.failures() > 0).await;
            assert!(answered(&connection, "write").await);
        }
    }
}

#[tokio::test]
async fn several_things_are_lost_all_or_none() {
    let server = Server::start();
    let connection = connected(&server, options()).await;
    for _ in 0..20 {
        assert!(answered(&connection, "alone").await);
        let asks = ["write", "write silence"].map(|line| Ask(line.to_owned()));
        let mut calls = pin!(connection.call_in_order(&asks));
        begin(calls.as_mut(), 5).await;
        server.cut();
        let answers = timeout(PATIENCE, calls).await.unwrap();
        assert_eq!(answers[1].as_ref().unwrap_err().fate, Fate::Unknown);
    }
}
