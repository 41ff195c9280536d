//! Unix sockets, IPv6, TLS and authentication, each with a real server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use polycache_memcached::{Builder, Client, Entry, ErrorKind, Server};
use polycache_testkit::servers::Memcached;

/// Stores and reads small and large values, some at once.
async fn works(builder: Builder) {
    let client = builder.build().unwrap();
    let large = vec![b'x'; 900_000];
    let calls = (0..50).map(|number| {
        let (client, large) = (client.clone(), large.clone());
        tokio::spawn(async move {
            let value = if number % 10 == 0 { &large[..] } else { b"small" };
            let key = format!("key:{number}");
            client.set(&key, Entry::new(value)).await.unwrap();
            assert_eq!(client.get(&key).await.unwrap().unwrap().value, value);
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
}

fn at(server: &Memcached) -> Builder {
    Client::builder().server(server.address().to_string().as_str()).unwrap()
}

async fn refused(builder: Builder) -> (ErrorKind, String) {
    let error = builder.build().unwrap().set("k", Entry::new(b"v")).await.unwrap_err();
    (error.kind(), error.to_string())
}

#[tokio::test]
async fn a_unix_socket() {
    let server = Memcached::builder().unix_socket().start().await;
    works(Client::builder().server(Server::unix(server.socket())).unwrap()).await;
}

#[tokio::test]
async fn ip_version_6() {
    let server = Memcached::builder().args(&["-l", "::1"]).start().await;
    let address = format!("[::1]:{}", server.port());
    works(Client::builder().server(address.as_str()).unwrap()).await;
}

#[tokio::test]
async fn a_host_name() {
    let server = Memcached::start().await;
    works(Client::builder().server(Server::tcp("localhost", server.port())).unwrap()).await;
}

#[tokio::test]
async fn user_and_password() {
    let server = Memcached::builder().user("cache", "s3cret:word").start().await;
    works(at(&server).credentials("cache", "s3cret:word")).await;
    let (kind, text) = refused(at(&server)).await;
    assert_eq!(kind, ErrorKind::Auth, "{text}");
    let wrong = at(&server).credentials("cache", "hunter2hunter2");
    assert!(!format!("{wrong:?}").contains("hunter2"));
    let (kind, text) = refused(wrong).await;
    assert_eq!(kind, ErrorKind::Auth, "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn a_server_without_authentication_never_sees_the_password() {
    let server = Memcached::start().await;
    works(at(&server).credentials("cache", "s3cret")).await;
    assert_eq!(at(&server).build().unwrap().get("auth").await.unwrap(), None);
}

#[cfg(feature = "tls")]
mod tls {
    use std::fs;

    use polycache_memcached::Tls;

    use super::*;

    #[tokio::test]
    async fn a_certificate_of_the_authority_is_trusted() {
        let server = Memcached::builder().tls().start().await;
        let tls = Tls::new(&fs::read(&server.certificates().ca).unwrap()).unwrap();
        works(at(&server).tls(tls.clone())).await;
        let name = tls.clone().server_name("somebody.else.example").unwrap();
        let (kind, text) = refused(at(&server).tls(name)).await;
        assert_eq!(kind, ErrorKind::Unavailable, "{text}");
        assert!(text.contains("certificate"), "{text}");
        let other = Memcached::builder().tls().start().await;
        let (kind, text) = refused(at(&other).tls(tls)).await;
        assert_eq!(kind, ErrorKind::Unavailable, "{text}");
    }

    #[tokio::test]
    async fn both_sides_show_a_certificate_and_a_user() {
        let server = Memcached::builder().mutual_tls().user("cache", "s3cret").start().await;
        let files = server.certificates();
        let tls = Tls::new(&fs::read(&files.ca).unwrap()).unwrap();
        assert_eq!(
            refused(at(&server).tls(tls.clone()).credentials("cache", "s3cret")).await.0,
            ErrorKind::Unavailable
        );
        let certificate = fs::read(&files.client_certificate).unwrap();
        let tls = tls.client_certificate(&certificate, &fs::read(&files.client_key).unwrap()).unwrap();
        works(at(&server).tls(tls).credentials("cache", "s3cret")).await;
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        for pem in [&b""[..], b"nonsense", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert_eq!(Tls::new(pem).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    }
}
