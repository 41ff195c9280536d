//! Calls that have waited in vain.

use std::time::Duration;

use polycache_wire::{ConnectionOptions, Fate, in_vain};
use tokio::time::timeout;

use crate::server::{Ask, Server, answered, until};

/// Has a call wait for a while, and then gives it up.
async fn wait_in_vain(connection: &polycache_wire::Connection<crate::server::Lines>, line: &str) {
    let ask = Ask(line.to_owned());
    let mut call = Box::pin(connection.call(&ask));
    timeout(Duration::from_millis(30), &mut call).await.unwrap_err();
    in_vain(|| drop(call));
}

#[tokio::test]
async fn others_fail_at_once_until_the_server_speaks() {
    let server = Server::start();
    let connection = server.connect(ConnectionOptions::new().heartbeat(None));
    for alone in [true, false] {
        assert!(answered(&connection, "first").await);
        let other = Ask("pause".to_owned());
        let mut other = Box::pin(connection.call(&other));
        if !alone {
            timeout(Duration::from_millis(1), &mut other).await.unwrap_err();
        }
        wait_in_vain(&connection, "pause").await;
        until("silence", async || connection.is_silent()).await;
        for _ in 0..100 {
            let failure = connection.call(&Ask("refused".to_owned())).await.unwrap_err();
            assert_eq!((failure.fate, failure.error.as_str()), (Fate::NotSent, "Silent"));
        }
        server.go_on();
        if !alone {
            assert_eq!(other.as_mut().await.unwrap(), "pause");
            server.go_on();
        }
        until("a word", async || answered(&connection, "again").await).await;
        assert!(!connection.is_silent());
        drop(other);
        assert_eq!(server.connections(), 1, "it is the same connection");
    }
}

#[tokio::test]
async fn a_call_that_is_cancelled_says_nothing_of_the_server() {
    let server = Server::start();
    let connection = server.connect(ConnectionOptions::new().heartbeat(None));
    assert!(answered(&connection, "first").await);
    let ask = Ask("pause".to_owned());
    timeout(Duration::from_millis(20), connection.call(&ask)).await.unwrap_err();
    let second = Ask("second".to_owned());
    let mut waits = Box::pin(connection.call(&second));
    timeout(Duration::from_millis(20), &mut waits).await.unwrap_err();
    assert!(!connection.is_silent());
    server.go_on();
    assert_eq!(waits.await.unwrap(), "second");
}

/// Other calls are answered, though this one isn't yet.
#[tokio::test]
async fn a_slow_server_is_not_silent() {
    let server = Server::start();
    let connection = server.connect(ConnectionOptions::new().heartbeat(None));
    assert!(answered(&connection, "first").await);
    let (one, slow) = (Ask("one".to_owned()), Ask("pause".to_owned()));
    let (mut one, mut slow) = (Box::pin(connection.call(&one)), Box::pin(connection.call(&slow)));
    // They are sent together; the first is answered, the second isn't.
    let both = async { tokio::join!(&mut one, &mut slow) };
    timeout(Duration::from_millis(50), both).await.unwrap_err();
    in_vain(|| drop(slow));
    let last = Ask("last".to_owned());
    let mut last = Box::pin(connection.call(&last));
    timeout(Duration::from_millis(20), &mut last).await.unwrap_err();
    assert!(!connection.is_silent());
    server.go_on();
    assert_eq!(last.await.unwrap(), "last");
}
