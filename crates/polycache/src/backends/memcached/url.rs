//! URLs of memcached servers.

use super::config::{EJECT_AFTER, GENERATIONS, MAX_VALUE, MemcachedConfig, ON_DEAD, PLACEMENT, WEIGHT, check_port};
use crate::Result;
use crate::backends::{Tls, tls};
use crate::settings::server_url::{CONNECT_TIMEOUT, HEARTBEAT, Parts, decoded, ranged, wrong};
use crate::settings::url::guarded;

const SETTINGS: [&str; 12] = [
    "ca",
    "cert",
    "connect_timeout",
    "eject_after",
    "generations",
    "heartbeat",
    "key",
    "max_value",
    "on_dead",
    "placement",
    "verify",
    "weights",
];

const SCHEMES: &str = "memcached://, memcacheds://, memcached+unix://";

/// The settings in `url`.
pub(super) fn parse(url: &str) -> Result<MemcachedConfig> {
    guarded(url, || read(url))
}

fn read(url: &str) -> Result<MemcachedConfig> {
    let mut parts = Parts::of(url, SCHEMES)?;
    let mut config = MemcachedConfig::default();
    (config.username, config.password) = (parts.username.take(), parts.password.take());
    match &*parts.scheme {
        "memcached+unix" => {
            if !parts.place.starts_with('/') {
                let text = "the path of the socket is missing; write memcached+unix:///run/memcached.sock";
                return Err(wrong(text.to_owned()));
            }
            config.servers = vec![decoded(parts.place, "the path")?];
        }
        "memcached" | "memcacheds" => {
            config.tls = (parts.scheme == "memcacheds").then(Tls::default);
            let (hosts, path) = parts.place.split_once('/').unwrap_or((parts.place, ""));
            if !path.is_empty() {
                return Err(wrong("memcached has no databases: nothing may follow the servers but `?`".to_owned()));
            }
            if !hosts.is_empty() {
                config.servers = parts.servers(hosts, |host| {
                    check_port(host)?;
                    let server: Result<polycache_memcached::Server, _> = host.parse();
                    server.map(|_| host.to_owned()).map_err(|error| wrong(error.to_string()))
                })?;
            }
        }
        scheme => return Err(wrong(format!("the scheme {scheme:?} is unknown; known are {SCHEMES}"))),
    }
    parts.settings(&SETTINGS, |name, value| set(&mut config, name, value))?;
    Ok(config)
}

fn set(config: &mut MemcachedConfig, name: &str, value: &str) -> Result<bool> {
    match name {
        "weights" => {
            config.weights = value.split(',').map(|weight| ranged(weight, &WEIGHT)).collect::<Result<_>>()?;
        }
        "placement" => config.placement = PLACEMENT.read(value)?,
        "on_dead" => config.on_dead = ON_DEAD.read(value)?,
        "eject_after" => config.eject_after = ranged(value, &EJECT_AFTER)?,
        "connect_timeout" => config.connect_timeout = ranged(value, &CONNECT_TIMEOUT)?,
        "heartbeat" => config.heartbeat = ranged(value, &HEARTBEAT)?,
        "max_value" => config.max_value = ranged(value, &MAX_VALUE)?,
        "generations" => config.generations = Some(ranged(value, &GENERATIONS)?),
        _ => return tls::set(&mut config.tls, name, value),
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::time::Duration;

    use super::*;
    use crate::backends::memcached::{Memcached, OnDead, Placement};
    use crate::{ErrorKind, Secret};

    #[test]
    fn every_part_of_a_url_is_read() {
        assert_eq!(parse("memcached://").unwrap(), MemcachedConfig::default());
        let config = parse("memcacheds://u:p%40ss@[::1]:1,b?placement=rendezvous&on_dead=rehash&eject_after=5&ca=/ca.pem&connect_timeout=2s&heartbeat=3s&max_value=9&generations=1s&weights=1,2").unwrap();
        assert_eq!(config.servers, ["[::1]:1", "b"]);
        assert_eq!((config.username.as_deref(), config.password), (Some("u"), Some(Secret::from("p@ss"))));
        assert_eq!((config.placement, config.on_dead, config.eject_after), (Placement::Rendezvous, OnDead::Rehash, 5));
        assert_eq!((config.connect_timeout, config.heartbeat), (Duration::from_secs(2), Duration::from_secs(3)));
        assert_eq!((config.max_value, config.generations), (9, Some(Duration::from_secs(1))));
        assert_eq!(config.tls.unwrap().ca, Some("/ca.pem".into()));
        assert_eq!(parse("memcached+unix:///run/my%20sock").unwrap().servers, ["/run/my sock"]);
    }

    #[test]
    fn what_is_wrong_is_named_and_no_password_shown() {
        for (url, part) in [
            ("localhost", "no URL"),
            ("memcache://a", "scheme"),
            ("memcached://u:hunter2@a:x", "a:x"),
            ("memcached://u:hunter2@a/1", "no databases"),
            ("memcached+unix://", "path"),
            ("memcached://a?on_dead=die", "`fail` or `miss`"),
            ("memcached://a?weight=1", "did you mean `weights`"),
            ("memcached://a?weights=1,2", "2 weights for 1"),
            ("memcached://u:hunter2?@a", "percent-encoded"),
            ("memcached://hunter2@a", "missing"),
            ("memcacheds://a", if cfg!(feature = "tls") { "`ca`" } else { "feature `tls`" }),
            ("memcached://a,a", "twice"),
            ("memcached://a?ca=x", "TLS"),
        ] {
            let error = Memcached::open(url).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{url}");
            assert!(error.to_string().contains(part), "{url}: {error}");
            assert!(!error.to_string().contains("hunter2"), "{url}: {error}");
        }
    }
}
