//! The settings of the Redis backend.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

use super::url;
use crate::backends::Tls;
use crate::settings::server_url::{CONNECT_TIMEOUT, PORT as PORTS};
use crate::settings::{Choice, Range, duration, server_url};
use crate::{Error, ErrorKind, Result, Secret, Settings};

/// The port of a Redis server by default.
pub(super) const PORT: u16 = 6379;
/// The port of a sentinel by default.
pub(super) const SENTINEL_PORT: u16 = 26379;
/// More connections to one server than this are a mistake.
pub(super) const CONNECTIONS: Range<usize> = Range::new("connections", 1, 1024);
pub(super) const DB: Range<u32> = Range::new("db", 0, u32::MAX);
pub(super) const HEARTBEAT: Range<Duration> = server_url::HEARTBEAT.or_zero("none");
const TOPOLOGY: Choice<Topology> = Choice::new(
    "topology",
    &[("standalone", Topology::Standalone), ("cluster", Topology::Cluster), ("sentinel", Topology::Sentinel)],
);
pub(super) const PROTOCOL: Choice<Protocol> =
    Choice::new("protocol", &[("resp2", Protocol::Resp2), ("resp3", Protocol::Resp3)]);
/// Settings of aiocache.
const CREATE_CONNECTION_TIMEOUT: Range<Duration> = CONNECT_TIMEOUT.named("create_connection_timeout");
const POOL_MIN_SIZE: Range<u32> = Range::new("pool_min_size", 1, u32::MAX);
const POOL_MAX_SIZE: Range<u32> = Range::new("pool_max_size", 1, u32::MAX);

/// The servers and the way to speak with them. Read from a URL with [`FromStr`], or from any format of serde.
///
/// | setting | in a URL | default |
/// |---|---|---|
/// | `topology` | the scheme: `redis`, `redis+cluster`, `redis+sentinel`, `redis+unix` (`rediss`, `rediss+cluster`, `rediss+sentinel` with TLS) | standalone |
/// | `servers` | `host:port`, several of them separated by commas; for `redis+unix` the path of the socket | 127.0.0.1:6379 |
/// | `service` | `/service` after the sentinels | |
/// | `username`, `password` | `user:password@`, percent-encoded | none |
/// | `db` | `/0` after the server, or `?db=0` | 0 |
/// | `sentinel_username`, `sentinel_password` | `?sentinel_username=…` | none |
/// | `protocol` | `?protocol=resp2` | resp3 |
/// | `connections` | `?connections=4` | 1 |
/// | `connect_timeout` | `?connect_timeout=500ms` | 2 seconds |
/// | `heartbeat` | `?heartbeat=5s` | 2 seconds |
/// | `tls.ca`, `tls.certificate`, `tls.key`, `tls.verify` | `?ca=ca.pem&cert=me.pem&key=me.key&verify=false` | the system's authorities, no certificate, verified |
///
/// ```
/// use polycache::backends::redis::{RedisConfig, Topology};
///
/// let mut config: RedisConfig = "redis+cluster://user:p%40ss@10.0.0.1:7000,10.0.0.2:7000?connections=2".parse()?;
/// assert_eq!(config.topology, Topology::Cluster);
/// assert_eq!(config.connections, 2);
/// config.connections = 4;
///
/// let error = "redis://localhost?conections=2".parse::<RedisConfig>().unwrap_err();
/// assert!(error.to_string().contains("did you mean `connections`"), "{error}");
/// # Ok::<(), polycache::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct RedisConfig {
    /// How the servers work together.
    pub topology: Topology,
    /// The server; for a cluster or sentinels, any that can be asked about the others.
    pub servers: Vec<Server>,
    /// The sentinels' name for the primary.
    pub service: Option<String>,
    /// The ACL user; without one, the password is that of the default user.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// The ACL user on the sentinels.
    pub sentinel_username: Option<String>,
    /// The password on the sentinels.
    pub sentinel_password: Option<Secret>,
    /// The number of the database. A cluster has only 0, unless it is one of Valkey 9 with `cluster-databases`.
    pub db: u32,
    /// The version of the protocol.
    pub protocol: Protocol,
    /// TLS, if the servers need it.
    pub tls: Option<Tls>,
    /// How many connections are kept to each server: 1 to 1024. Mostly one is enough; with more, small values don't wait behind large
    /// ones.
    pub connections: usize,
    /// The time to connect to a server, including the log-in: a millisecond to a day. Holds too while nobody waits for the connection.
    #[serde(deserialize_with = "duration::deserialize")]
    pub connect_timeout: Duration,
    /// How often a server is asked for a sign of life, and how long it may take to answer: a stopped server is noticed after twice this
    /// time at most. 2 milliseconds to a day; zero: never asked.
    #[serde(deserialize_with = "duration::deserialize")]
    pub heartbeat: Duration,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            topology: Topology::Standalone,
            servers: vec![Server::Tcp { host: "127.0.0.1".to_owned(), port: PORT }],
            service: None,
            username: None,
            password: None,
            sentinel_username: None,
            sentinel_password: None,
            db: 0,
            protocol: Protocol::Resp3,
            tls: None,
            connections: 1,
            connect_timeout: Duration::from_secs(2),
            heartbeat: Duration::from_secs(2),
        }
    }
}

/// How Redis servers work together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Topology {
    /// One server.
    #[default]
    Standalone,
    /// Redis Cluster: each master holds a part of the keys.
    Cluster,
    /// One primary, which sentinels replace when it fails.
    Sentinel,
}

/// The version of the Redis protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// RESP2: for servers before Redis 6.
    Resp2,
    /// RESP3.
    #[default]
    Resp3,
}

/// The address of a server: `host`, `host:port`, `[::1]:port`, or `unix:/path`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Server {
    /// Over TCP.
    Tcp {
        /// A name or an IP address, without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// Over a unix socket.
    Unix(PathBuf),
}

impl Server {
    pub(super) fn parse(text: &str, default_port: u16) -> Result<Self> {
        let wrong = || {
            let text = format!("{text:?} is no address; write host, host:port, [ipv6]:port or unix:/path");
            Error::new(ErrorKind::Config, text)
        };
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() { Err(wrong()) } else { Ok(Self::Unix(path.into())) };
        }
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or_else(wrong)?;
                (host, port.strip_prefix(':'))
            }
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let port = match port {
            None => default_port,
            Some(port) => server_url::port(port).ok_or_else(wrong)??,
        };
        let good =
            !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c.is_control() || "/@?#".contains(c));
        if good { Ok(Self::Tcp { host: host.to_owned(), port }) } else { Err(wrong()) }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl FromStr for Server {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text, PORT)
    }
}

impl<'de> Deserialize<'de> for Server {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl FromStr for RedisConfig {
    type Err = Error;

    /// Reads a URL.
    fn from_str(url: &str) -> Result<Self> {
        url::parse(url)
    }
}

impl RedisConfig {
    /// Reads the settings of an alias: the fields of this type, or `endpoint` and `port` as in aiocache.
    pub(super) fn from_settings(settings: &mut Settings) -> Result<Self> {
        let mut config = Self::default();
        let one = |host: String, port: Option<u16>| Server::Tcp { host, port: port.unwrap_or(PORT) };
        config.servers = settings.servers(one)?.unwrap_or(config.servers);
        config.topology = settings.chosen(&TOPOLOGY)?.unwrap_or(config.topology);
        config.service = settings.take("service")?;
        config.username = settings.take("username")?;
        config.password = settings.take("password")?;
        config.sentinel_username = settings.take("sentinel_username")?;
        config.sentinel_password = settings.take("sentinel_password")?;
        config.db = settings.ranged(&DB)?.unwrap_or(config.db);
        config.protocol = settings.chosen(&PROTOCOL)?.unwrap_or(config.protocol);
        config.tls = settings.take("tls")?;
        config.connections = settings.ranged(&CONNECTIONS)?.unwrap_or(config.connections);
        let connect = [settings.ranged(&CONNECT_TIMEOUT)?, settings.ranged(&CREATE_CONNECTION_TIMEOUT)?];
        if let [Some(_), Some(_)] = connect {
            let text = "is given beside `create_connection_timeout`, its name in aiocache; leave one of the two out";
            return Err(settings.error("connect_timeout", text));
        }
        config.connect_timeout = connect.into_iter().flatten().next().unwrap_or(config.connect_timeout);
        config.heartbeat = settings.ranged(&HEARTBEAT)?.unwrap_or(config.heartbeat);
        // aiocache's pools; here one connection carries the calls of all tasks.
        let _ = [settings.ranged(&POOL_MIN_SIZE)?, settings.ranged(&POOL_MAX_SIZE)?];
        Ok(config)
    }

    /// Whether the settings fit together.
    pub(super) fn checked(self) -> Result<Self> {
        for server in &self.servers {
            if let Server::Tcp { port, .. } = server {
                PORTS.check(*port)?;
            }
        }
        CONNECTIONS.check(self.connections)?;
        CONNECT_TIMEOUT.check(self.connect_timeout)?;
        HEARTBEAT.check(self.heartbeat)?;
        let refuse = |text: &str| Err(Error::new(ErrorKind::Config, text));
        match self.topology {
            _ if self.servers.is_empty() => refuse("no Redis server is given"),
            Topology::Standalone if self.servers.len() > 1 => refuse(
                "several Redis servers, but neither a cluster nor sentinels; use redis+cluster:// or redis+sentinel://",
            ),
            Topology::Sentinel if self.service.as_deref().unwrap_or_default().is_empty() => {
                refuse("the sentinels need the name of the service: redis+sentinel://host:26379/service")
            }
            Topology::Standalone | Topology::Cluster if self.service.is_some() => {
                refuse("`service` is for sentinels; use redis+sentinel:// or leave it out")
            }
            _ if self.username.is_some() && self.password.is_none() => refuse("a user name without a password"),
            _ => Ok(self),
        }
    }
}
