//! The settings of the memcached backend.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use polycache_memcached::{self as client, Client};
use serde::Deserialize;

use super::url;
use crate::backends::Tls;
use crate::events::{Event, EventKinds, Listeners};
use crate::settings::server_url::{CONNECT_TIMEOUT, HEARTBEAT};
use crate::settings::{Choice, Range, duration, server_url};
use crate::{Error, ErrorKind, Result, Secret, Settings};

pub(super) const EJECT_AFTER: Range<u32> = Range::new("eject_after", 1, u32::MAX);
/// The length of a value is sent as a number of 32 bits.
pub(super) const MAX_VALUE: Range<usize> = Range::new("max_value", 1, u32::MAX as usize);
pub(super) const GENERATIONS: Range<Duration> = Range::from("generations", Duration::ZERO);
pub(super) const WEIGHT: Range<u32> = Range::new("weights", 1, u32::MAX);
pub(super) const PLACEMENT: Choice<Placement> =
    Choice::new("placement", &[("ketama", Placement::Ketama), ("rendezvous", Placement::Rendezvous)]);
pub(super) const ON_DEAD: Choice<OnDead> =
    Choice::new("on_dead", &[("fail", OnDead::Fail), ("miss", OnDead::Miss), ("rehash", OnDead::Rehash)]);
/// A setting of aiocache.
const POOL_SIZE: Range<u32> = Range::new("pool_size", 1, u32::MAX);

/// The servers and the way to speak with them. Read from a URL with [`FromStr`], or from any format of serde.
///
/// | setting | in a URL | default |
/// |---|---|---|
/// | `servers` | `host:port`, several of them separated by commas; for `memcached+unix` the path of the socket | 127.0.0.1:11211 |
/// | `weights` | `?weights=2,1` | 1 each |
/// | `username`, `password` | `user:password@`, percent-encoded | none |
/// | `tls.ca`, `tls.certificate`, `tls.key` | the scheme `memcacheds`, and `?ca=ca.pem&cert=me.pem&key=me.key` | none |
/// | `placement` | `?placement=rendezvous` | ketama |
/// | `on_dead` | `?on_dead=miss` | fail |
/// | `eject_after` | `?eject_after=3` | 2 |
/// | `connect_timeout` | `?connect_timeout=500ms` | 1 second |
/// | `heartbeat` | `?heartbeat=5s` | 2 seconds |
/// | `max_value` | `?max_value=1048576` | 64 MiB |
/// | `generations` | `?generations=1s` | off |
///
/// ```
/// use polycache::backends::memcached::{MemcachedConfig, OnDead};
///
/// let config: MemcachedConfig = "memcached://10.0.0.1,10.0.0.2:11311?weights=2,1&on_dead=miss".parse()?;
/// assert_eq!(config.servers, ["10.0.0.1", "10.0.0.2:11311"]);
/// assert_eq!((config.weights, config.on_dead), (vec![2, 1], OnDead::Miss));
/// # Ok::<(), polycache::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct MemcachedConfig {
    /// The servers: `host`, `host:port`, `[::1]:port` or the path of a unix socket. A key lives on one of them.
    pub servers: Vec<String>,
    /// The share of keys of each server: 1 or more. Empty: the same for all.
    pub weights: Vec<u32>,
    /// The user, if the servers ask for one (ASCII authentication, `-Y`).
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// TLS, if the servers need it.
    pub tls: Option<Tls>,
    /// How keys are spread over servers.
    pub placement: Placement,
    /// What happens to the keys of a server that doesn't answer.
    pub on_dead: OnDead,
    /// How many failures in a row make a server count as dead: 1 or more.
    pub eject_after: u32,
    /// The time to connect to a server: a millisecond to a day.
    #[serde(deserialize_with = "duration::deserialize")]
    pub connect_timeout: Duration,
    /// How long a server that owes an answer may be silent before its connection is given up: 2 milliseconds to a day.
    #[serde(deserialize_with = "duration::deserialize")]
    pub heartbeat: Duration,
    /// The largest value that is sent or taken, in bytes: up to 4 GiB. A server has a limit of its own, 1 MiB unless set otherwise.
    pub max_value: usize,
    /// Makes `clear` of a namespace possible, and says how long reads may miss the clears of other processes. Writes, locks and leases
    /// always ask first, for one round trip more; with zero, reads do too.
    ///
    /// Every key with a `:` is then stored under another name, which other programs don't know, with a generation in it. The generations
    /// of `shop:a` and of all keys that begin with `shop:` are one small entry in memcached. A clear changes that entry, in one round
    /// trip or two, and older values are never found again. If memcached evicts that entry, all of `shop:` is forgotten.
    #[serde(deserialize_with = "optional_duration")]
    pub generations: Option<Duration>,
}

impl Default for MemcachedConfig {
    fn default() -> Self {
        Self {
            servers: vec!["127.0.0.1:11211".to_owned()],
            weights: Vec::new(),
            username: None,
            password: None,
            tls: None,
            placement: Placement::Ketama,
            on_dead: OnDead::Fail,
            eject_after: 2,
            connect_timeout: Duration::from_secs(1),
            heartbeat: Duration::from_secs(2),
            max_value: 64 << 20,
            generations: None,
        }
    }
}

/// How keys are spread over servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Placement {
    /// libmemcached's weighted ketama: for fleets shared with clients in other languages.
    #[default]
    Ketama,
    /// Rendezvous hashing: spreads keys more evenly.
    Rendezvous,
}

/// What happens to the keys of a dead server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnDead {
    /// Commands for them fail at once.
    #[default]
    Fail,
    /// Reads miss, writes fail at once.
    Miss,
    /// The other servers take them. When the server is back, so are the values that it held before, which may be stale.
    Rehash,
}

impl FromStr for MemcachedConfig {
    type Err = Error;

    /// Reads a URL.
    fn from_str(url: &str) -> Result<Self> {
        url::parse(url)
    }
}

impl MemcachedConfig {
    /// Reads the settings of an alias: the fields of this type, or `endpoint` and `port` as in aiocache.
    pub(super) fn from_settings(settings: &mut Settings) -> Result<Self> {
        let mut config = Self::default();
        let one = |host: String, port: Option<u16>| {
            let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host };
            format!("{host}:{}", port.unwrap_or(11211))
        };
        config.servers = settings.servers(one)?.unwrap_or(config.servers);
        config.weights = settings.ranged_list(&WEIGHT)?;
        config.username = settings.take("username")?;
        config.password = settings.take("password")?;
        config.tls = settings.take("tls")?;
        config.placement = settings.chosen(&PLACEMENT)?.unwrap_or_default();
        config.on_dead = settings.chosen(&ON_DEAD)?.unwrap_or_default();
        config.eject_after = settings.ranged(&EJECT_AFTER)?.unwrap_or(config.eject_after);
        config.connect_timeout = settings.ranged(&CONNECT_TIMEOUT)?.unwrap_or(config.connect_timeout);
        config.heartbeat = settings.ranged(&HEARTBEAT)?.unwrap_or(config.heartbeat);
        config.max_value = settings.ranged(&MAX_VALUE)?.unwrap_or(config.max_value);
        config.generations = settings.ranged(&GENERATIONS)?;
        // aiocache's pool; here one connection to each server carries the calls of all tasks.
        let _ = settings.ranged(&POOL_SIZE)?;
        Ok(config)
    }

    /// The client with these settings. `listeners` hear of its connections.
    pub(super) fn client(&self, listeners: &Arc<Listeners>) -> Result<Client> {
        let refuse = |text: &str| Err(Error::new(ErrorKind::Config, text));
        EJECT_AFTER.check(self.eject_after)?;
        CONNECT_TIMEOUT.check(self.connect_timeout)?;
        HEARTBEAT.check(self.heartbeat)?;
        MAX_VALUE.check(self.max_value)?;
        for weight in &self.weights {
            WEIGHT.check(*weight)?;
        }
        if !self.weights.is_empty() && self.weights.len() != self.servers.len() {
            return refuse(&format!("{} weights for {} servers", self.weights.len(), self.servers.len()));
        }
        let mut builder = Client::builder()
            .placement(match self.placement {
                Placement::Ketama => client::Placement::Ketama,
                Placement::Rendezvous => client::Placement::Rendezvous,
            })
            .on_dead(match self.on_dead {
                OnDead::Fail => client::OnDead::Fail,
                OnDead::Miss => client::OnDead::Miss,
                OnDead::Rehash => client::OnDead::Rehash,
            })
            .eject_after(self.eject_after)
            .connect_timeout(self.connect_timeout)
            .heartbeat(self.heartbeat)
            .max_value(self.max_value)
            .watch(watch(Arc::clone(listeners)));
        for (index, server) in self.servers.iter().enumerate() {
            check_port(server)?;
            let server: client::Server = server.parse().map_err(|error| config(&error))?;
            let weight = self.weights.get(index).copied().unwrap_or(1);
            builder = builder.server(server.weight(weight)).map_err(|error| config(&error))?;
        }
        match (&self.username, &self.password) {
            (None, None) => {}
            (Some(username), Some(password)) => builder = builder.credentials(username, password.reveal()),
            _ => return refuse("memcached's authentication takes a user name and a password; one of them is missing"),
        }
        if let Some(tls) = &self.tls {
            builder = with_tls(builder, tls)?;
        }
        builder.build().map_err(|error| config(&error))
    }
}

/// Tells the listeners of connections.
fn watch(listeners: Arc<Listeners>) -> impl Fn(&client::Server, client::ConnectionState) {
    move |server, state| {
        if !listeners.want(EventKinds::CONNECTIONS) {
            return;
        }
        let server = &server.to_string();
        listeners.tell(&match state {
            client::ConnectionState::Made => Event::Connected { server },
            client::ConnectionState::Lost => Event::Disconnected { server },
        });
    }
}

#[cfg(feature = "tls")]
fn with_tls(builder: client::Builder, tls: &Tls) -> Result<client::Builder> {
    let refuse = |text: &str| Err(Error::new(ErrorKind::Config, text));
    let read = |path: &std::path::Path| {
        std::fs::read(path).map_err(|error| {
            Error::new(ErrorKind::Config, format!("{} can't be read", path.display())).with_source(error)
        })
    };
    if !tls.verify {
        return refuse("`verify=false` isn't possible with memcached; name the authority's file with `ca`");
    }
    let Some(ca) = &tls.ca else {
        return refuse("TLS with memcached needs the authority's file: `ca`");
    };
    let named = client::Tls::new(&read(ca)?).map_err(|error| config(&error))?;
    let named = match (&tls.certificate, &tls.key) {
        (None, None) => named,
        (Some(certificate), Some(key)) => {
            named.client_certificate(&read(certificate)?, &read(key)?).map_err(|error| config(&error))?
        }
        _ => return refuse("a client certificate needs both `cert` and `key`"),
    };
    Ok(builder.tls(named))
}

#[cfg(not(feature = "tls"))]
fn with_tls(_: client::Builder, _: &Tls) -> Result<client::Builder> {
    Err(Error::new(ErrorKind::Config, "TLS needs the feature `tls` of polycache"))
}

/// Checks the port of a server, if it is a number.
pub(super) fn check_port(server: &str) -> Result<()> {
    match server.rsplit_once(':').filter(|_| !server.starts_with('/')).and_then(|(_, port)| server_url::port(port)) {
        Some(Err(error)) => Err(error),
        Some(Ok(_)) | None => Ok(()),
    }
}

fn config(error: &client::Error) -> Error {
    Error::new(ErrorKind::Config, error.to_string())
}

fn optional_duration<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    #[derive(Deserialize)]
    struct Given(#[serde(deserialize_with = "duration::deserialize")] Duration);
    Ok(Option::<Given>::deserialize(from)?.map(|given| given.0))
}
