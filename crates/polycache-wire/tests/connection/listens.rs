//! A connection that listens reads what nobody has asked for, and tells of its end before anything else happens.

use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use polycache_wire::{Connection, ConnectionOptions, Reconnect};
use tokio::runtime::Builder;

use crate::server::{Ask, Lines, Server, answered, until};

fn options() -> ConnectionOptions {
    ConnectionOptions::new().heartbeat(None).reconnect(Reconnect::Always).listens(true)
}

/// Nobody asked for the second answer to `twice`, which shows by the connection's end.
async fn is_read(server: &Server, connection: &Connection<Lines>, connections: usize) {
    until("it is read", async || server.connections() > connections).await;
    until("it serves again", async || answered(connection, "read").await).await;
}

#[tokio::test]
async fn what_comes_while_nobody_asks() {
    let server = Server::start();
    let connection = server.connect(options());
    for _ in 0..20 {
        assert!(answered(&connection, "first").await);
        let connections = server.connections();
        assert!(answered(&connection, "twice").await);
        is_read(&server, &connection, connections).await;
    }
}

#[tokio::test]
async fn what_comes_while_a_caller_does_not_look() {
    let server = Server::start();
    let connection = server.connect(options());
    assert!(answered(&connection, "first").await);
    for _ in 0..20 {
        let connections = server.connections();
        let ask = Ask("twice".to_owned());
        let mut call = pin!(connection.call(&ask));
        assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        is_read(&server, &connection, connections).await;
    }
}

#[tokio::test]
async fn its_end_is_told_before_its_calls_and_the_next_one() {
    let server = Server::start();
    for listens in [true, false] {
        let connection = server.connect(options().listens(listens));
        assert!(answered(&connection, "first").await);
        server.told();
        for _ in 0..20 {
            let ask = Ask("write: silence".to_owned());
            let mut call = pin!(connection.call(&ask));
            assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            server.cut();
            assert!(call.await.is_err());
            assert!(server.told().contains(&"losing"), "the call is told first");
            until("it serves again", async || answered(&connection, "read").await).await;
            assert_eq!(server.told().last(), Some(&"opened"));
        }
    }
}

#[tokio::test]
async fn one_that_is_closed_is_not_lost() {
    let server = Server::start();
    let connection = server.connect(options());
    assert!(answered(&connection, "first").await);
    connection.close();
    until("it is closed", async || connection.call(&Ask("late".to_owned())).await.is_err()).await;
    assert_eq!(server.told(), ["opened"]);
}

#[test]
fn a_runtime_that_is_not_driven_stands_still() {
    let runtime = || Builder::new_current_thread().enable_all().build().unwrap();
    let (server, first, second) = (Server::start(), runtime(), runtime());
    let connection = server.connect(options().heartbeat(Some(Duration::from_millis(20))));
    assert!(!connection.has_stood_still(), "there is none");
    first.block_on(async {
        assert!(answered(&connection, "first").await);
        connection.has_stood_still();
        let mut runs = 0;
        until("it runs", async || {
            runs += u32::from(!connection.has_stood_still());
            runs > 3
        })
        .await;
    });
    connection.has_stood_still();
    assert!(connection.has_stood_still());
    second.block_on(until("another runtime has it", async || answered(&connection, "read").await));
    assert_eq!(server.told(), ["opened", "losing", "lost", "opened"]);
}
