//! URLs of Redis servers.

use super::config::{CONNECTIONS, DB, HEARTBEAT, PORT, PROTOCOL, RedisConfig, SENTINEL_PORT, Server, Topology};
use crate::backends::{Tls, tls};
use crate::settings::server_url::{CONNECT_TIMEOUT, Parts, decoded, ranged, wrong};
use crate::settings::url::guarded;
use crate::{Result, Secret};

const SETTINGS: [&str; 11] = [
    "ca",
    "cert",
    "connect_timeout",
    "connections",
    "db",
    "heartbeat",
    "key",
    "protocol",
    "sentinel_password",
    "sentinel_username",
    "verify",
];

const SCHEMES: &str =
    "redis://, rediss://, redis+cluster://, rediss+cluster://, redis+sentinel://, rediss+sentinel://, redis+unix://";

/// The settings in `url`.
pub(super) fn parse(url: &str) -> Result<RedisConfig> {
    guarded(url, || read(url))
}

fn read(url: &str) -> Result<RedisConfig> {
    let mut parts = Parts::of(url, SCHEMES)?;
    let (topology, tls) = match &*parts.scheme {
        "redis" | "valkey" | "redis+unix" => (Topology::Standalone, false),
        "rediss" | "valkeys" => (Topology::Standalone, true),
        "redis+cluster" => (Topology::Cluster, false),
        "rediss+cluster" => (Topology::Cluster, true),
        "redis+sentinel" => (Topology::Sentinel, false),
        "rediss+sentinel" => (Topology::Sentinel, true),
        scheme => return Err(wrong(format!("the scheme {scheme:?} is unknown; known are {SCHEMES}"))),
    };
    let mut config = RedisConfig { topology, tls: tls.then(Tls::default), ..RedisConfig::default() };
    (config.username, config.password) = (parts.username.take(), parts.password.take());

    let mut path_db = None;
    if parts.scheme == "redis+unix" {
        config.servers = vec![Server::Unix(decoded(parts.place, "the path")?.into())];
        if parts.place.is_empty() {
            return Err(wrong("the path of the socket is missing; write redis+unix:///run/redis.sock".to_owned()));
        }
    } else {
        let (hosts, path) = parts.place.split_once('/').unwrap_or((parts.place, ""));
        let default_port = if topology == Topology::Sentinel { SENTINEL_PORT } else { PORT };
        if !hosts.is_empty() {
            config.servers = parts.servers(hosts, |host| Server::parse(host, default_port))?;
        }
        match topology {
            Topology::Sentinel => config.service = Some(decoded(path, "the service")?),
            _ if path.is_empty() => {}
            _ => {
                config.db = ranged(path, &DB)?;
                path_db = Some(path);
            }
        }
    }
    parts.settings(&SETTINGS, |name, value| match path_db {
        Some(path) if name == "db" => {
            Err(wrong(format!("the database is named twice, as /{path} and by `db={value}`; leave one of the two out")))
        }
        _ => set(&mut config, name, value),
    })?;
    config.checked()
}

fn set(config: &mut RedisConfig, name: &str, value: &str) -> Result<bool> {
    match name {
        "db" => config.db = ranged(value, &DB)?,
        "connections" => config.connections = ranged(value, &CONNECTIONS)?,
        "connect_timeout" => config.connect_timeout = ranged(value, &CONNECT_TIMEOUT)?,
        "heartbeat" => config.heartbeat = ranged(value, &HEARTBEAT)?,
        "sentinel_username" => config.sentinel_username = Some(value.to_owned()),
        "sentinel_password" => config.sentinel_password = Some(Secret::from(value)),
        "protocol" => config.protocol = PROTOCOL.read(value)?,
        _ => return tls::set(&mut config.tls, name, value),
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::time::Duration;

    use super::*;
    use crate::ErrorKind;
    use crate::backends::redis::Protocol;

    fn tcp(host: &str, port: u16) -> Server {
        Server::Tcp { host: host.to_owned(), port }
    }

    #[test]
    fn every_part_of_a_url_is_read() {
        let config = parse("redis://").unwrap();
        assert_eq!(config, RedisConfig::default());

        let config = parse(
            "redis://us%3Aer:p%40s%2Fs@[::1]:7000/3?protocol=resp2&connections=4&connect_timeout=500ms&heartbeat=0",
        );
        let config = config.unwrap();
        assert_eq!(config.servers, [tcp("::1", 7000)]);
        assert_eq!(config.username.as_deref(), Some("us:er"));
        assert_eq!(config.password, Some(Secret::from("p@s/s")));
        assert_eq!((config.db, config.protocol, config.connections), (3, Protocol::Resp2, 4));
        assert_eq!((config.connect_timeout, config.heartbeat), (Duration::from_millis(500), Duration::ZERO));

        let config =
            parse("rediss+sentinel://:secret@a,b:1/main?sentinel_password=other&ca=/ca.pem&verify=false").unwrap();
        assert_eq!(config.topology, Topology::Sentinel);
        assert_eq!(config.servers, [tcp("a", 26379), tcp("b", 1)]);
        assert_eq!(config.service.as_deref(), Some("main"));
        assert_eq!((config.username, config.sentinel_password), (None, Some(Secret::from("other"))));
        assert_eq!(config.tls, Some(Tls { ca: Some("/ca.pem".into()), verify: false, ..Tls::default() }));

        let config = parse("redis+unix:///run/my%20redis.sock?db=2").unwrap();
        assert_eq!((config.servers, config.db), (vec![Server::Unix("/run/my redis.sock".into())], 2));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (url, part) in [
            ("localhost:6379", "no URL"),
            ("redis+clster://a", "redis+clster"),
            ("redis://a:99999", "`port` is 99999"),
            ("redis://a:0", "`port` is 0"),
            ("redis://a/x", "`db` is \"x\""),
            ("redis://a,b", "redis+cluster"),
            ("redis+sentinel://a", "service"),
            ("redis+unix://", "path"),
            ("redis://a?connections=0", "`connections`"),
            ("redis://a?connections=x", "`connections`"),
            ("redis://a?heartbeat=soon", "`heartbeat`"),
            ("redis://a?protocol=4", "`protocol`"),
            ("redis://a?verify=false", "rediss"),
            ("redis://a?conections=1", "did you mean `connections`"),
            ("redis://user@a", "password"),
            ("redis://:%ff@a", "the password"),
        ] {
            let error = parse(url).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{url}");
            assert!(error.to_string().contains(part), "{url}: {error}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        for url in [
            "redis://u:hunter2@h:x",
            "redis://u:hunter2@a?x=1",
            "redis://u:hunter2@a/hunter",
            "u:hunter2@h",
            "redis://u:hunter2?@h",
            "redis://u:1?hunter2@h",
        ] {
            let error = format!("{:?}", parse(url).unwrap_err());
            assert!(!error.contains("hunter2"), "{error}");
        }
        let config = format!("{:?}", parse("redis://u:hunter2@h?connections=1").unwrap());
        assert!(!config.contains("hunter2"), "{config}");
    }
}
