//! Aliases on the same server share its connection.

use polycache::{Cache, Caches, Config, ErrorKind};
use polycache_testkit::servers::RedisServer;
use serde_json::json;

use crate::support::until;

/// How many clients the server has, beside the one that asks.
async fn clients(server: &RedisServer) -> usize {
    let list = server.cli(&["CLIENT", "LIST"]).await;
    list.lines().filter(|line| !line.is_empty() && !line.contains("cmd=client|list")).count()
}

async fn used(cache: &Cache) {
    cache.set("k", 1).await.unwrap();
}

/// An alias for each of these settings beside the server.
fn configured(caches: &Caches, server: &RedisServer, each: &[serde_json::Value]) {
    let alias = |settings: &serde_json::Value| {
        let mut fields = json!({ "cache": "redis", "endpoint": "127.0.0.1", "port": server.port() });
        fields.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        fields
    };
    let mut aliases: serde_json::Map<_, _> =
        each.iter().enumerate().map(|(n, one)| (n.to_string(), alias(one))).collect();
    aliases.insert("default".to_owned(), json!({ "cache": "memory" }));
    caches.set_config(Config::value(aliases).unwrap()).unwrap();
}

#[tokio::test]
async fn what_is_not_the_servers_makes_no_difference() {
    let server = RedisServer::start().await;
    let caches = Caches::new();
    let each = [
        json!({ "namespace": "a" }),
        json!({ "namespace": "b", "ttl": 60, "serializer": "text", "plugins": ["timing"], "lease": 0, "timeout": 1 }),
        json!({ "namespace": "c", "db": 1 }),
        json!({ "namespace": "d", "heartbeat": "9s" }),
    ];
    configured(&caches, &server, &each);
    for (alias, expected) in [("0", 1), ("1", 1), ("2", 2), ("3", 3)] {
        used(&caches.get(alias).unwrap()).await;
        assert_eq!(clients(&server).await, expected, "{alias}");
    }
    used(&caches.create("0").unwrap()).await;
    used(&caches.create_with("0", json!({ "namespace": "e" })).unwrap()).await;
    assert_eq!(clients(&server).await, 3);
    assert_eq!(server.cli(&["EXISTS", "a:k", "b:k", "e:k"]).await, "3");
}

#[tokio::test]
async fn urls_are_the_same_up_to_the_settings_of_the_cache() {
    let server = RedisServer::start().await;
    let caches = Caches::new();
    let url = |query: &str| json!({ "url": format!("{}/0?{query}", server.url()) });
    let config = json!({
        "default": url("namespace=a&ttl=60s"), "b": url("serializer=text&namespace=b"), "c": url("connections=2"),
    });
    caches.set_config(Config::value(config).unwrap()).unwrap();
    for (alias, expected) in [("default", 1), ("b", 1)] {
        used(&caches.get(alias).unwrap()).await;
        assert_eq!(clients(&server).await, expected, "{alias}");
    }
    used(&caches.get("c").unwrap()).await;
    assert!(clients(&server).await > 1);
}

#[tokio::test]
async fn the_last_to_close_closes_the_connection() {
    let server = RedisServer::start().await;
    let caches = Caches::new();
    let both = [json!({ "namespace": "a" }), json!({ "namespace": "b" })];
    configured(&caches, &server, &both);
    let [a, b] = ["0", "1"].map(|alias| caches.get(alias).unwrap());
    used(&a).await;
    used(&b).await;
    a.close().await.unwrap();
    assert_eq!(a.get::<i32>("k").await.unwrap_err().kind(), ErrorKind::Closed);
    used(&b).await;
    assert_eq!(clients(&server).await, 1);
    b.close().await.unwrap();
    until("the connection's end", async || clients(&server).await == 0).await;
    // A closed backend isn't handed out again.
    used(&caches.create("0").unwrap()).await;
}

#[tokio::test]
async fn a_new_configuration_closes_what_nobody_uses_any_more() {
    let server = RedisServer::start().await;
    let caches = Caches::new();
    let both = [json!({ "namespace": "a" }), json!({ "namespace": "b" })];
    configured(&caches, &server, &both);
    for alias in ["0", "1"] {
        used(&caches.get(alias).unwrap()).await;
    }
    configured(&caches, &server, &both[..1]);
    used(&caches.get("0").unwrap()).await;
    assert_eq!(clients(&server).await, 1);
    configured(&caches, &server, &[]);
    until("the connection's end", async || clients(&server).await == 0).await;
}
