//! Servers and users that can't have anything tracked; and those for whom it takes TLS, a password or a socket's path.

use polycache::backend::{Backend, Key};
use polycache::backends::redis::Redis;
use polycache::{Error, ErrorKind};
use polycache_testkit::servers::RedisServer;

use super::support::{Heard, changed, set, tracked};

async fn refused(url: &str) -> Error {
    let ours = tracked(url);
    let error = ours.backend.get(Key::plain("k")).await.unwrap_err();
    let text = format!("{error:?} {error}");
    assert!(!text.contains("s3cret"), "{text}");
    assert_eq!(error.kind(), ErrorKind::Backend, "{error}");
    assert!(error.to_string().contains("`tracking`"), "{error}");
    assert_eq!(ours.heard(), [], "nothing was lost that never was");
    error
}

#[tokio::test]
async fn a_user_who_may_not() {
    let server = RedisServer::builder().user("app", "s3cret", "~* +@all -client").start().await;
    let url = server.url_as("app", "s3cret");
    let error = refused(&url).await;
    assert!(error.to_string().contains("+client|tracking"), "{error}");
    // Without tracking all is well.
    set(&Redis::open(&url).unwrap(), "k", "v").await;
    // And with it, as soon as the user may.
    let right = if server.version().await < [7, 0, 0] { "+client" } else { "+client|tracking" };
    server.cli(&["ACL", "SETUSER", "app", right]).await;
    assert_eq!(tracked(&url).get("k").await.as_deref(), Some("v"));
}

/// The rights that the guide names.
#[tokio::test]
async fn a_user_who_may_little() {
    if RedisServer::start().await.version().await < [7, 0, 0] {
        return polycache_testkit::servers::ignored("Redis 6 has no rights for subcommands");
    }
    let server = RedisServer::builder().user("app", "s3cret", "~* +get +hello +client|tracking").start().await;
    let ours = tracked(&server.url_as("app", "s3cret"));
    ours.get("k").await;
    server.cli(&["SET", "k", "v"]).await;
    ours.heard_until(changed("k")).await;
}

#[tokio::test]
async fn a_server_without_resp3() {
    let server = RedisServer::builder().config("rename-command", "HELLO \"\"").start().await;
    let error = refused(&server.url()).await;
    assert!(error.to_string().contains("RESP3"), "{error}");
    set(&Redis::open(&server.url()).unwrap(), "k", "v").await;
}

#[test]
fn settings() {
    for (setting, named) in [("protocol=resp2", "`protocol=resp2`"), ("heartbeat=0", "`heartbeat=0`")] {
        let redis = Redis::open(&format!("redis://127.0.0.1:1?{setting}")).unwrap();
        let error = redis.tracked(std::sync::Arc::<super::support::Log>::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(named), "{error}");
    }
}

#[tokio::test]
async fn tls_acl_and_a_database() {
    let server = RedisServer::builder().mutual_tls().user("us:er", "p@ss/w%rd", "~* &* +@all").start().await;
    let url = server.url_as("us:er", "p@ss/w%rd");
    works(&server, &url).await;
}

#[tokio::test]
async fn a_unix_socket() {
    let server = RedisServer::builder().password("p@ss").start().await;
    works(&server, &server.unix_url()).await;
}

async fn works(server: &RedisServer, url: &str) {
    let (other, ours) = (Redis::open(url).unwrap(), tracked(url));
    for value in ["1", "2"] {
        set(&other, "k", value).await;
        assert_eq!(ours.get("k").await.as_deref(), Some(value));
        set(&other, "k", "later").await;
        assert_eq!(ours.heard_until(changed("k")).await, [changed("k")]);
    }
    server.flush().await;
    ours.heard_until(Heard::Flushed).await;
    server.restart().await;
    ours.heard_until(Heard::Disconnected).await;
}
