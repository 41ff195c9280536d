//! Making connections that are logged in and ready.

use std::fmt;
use std::sync::Arc;

use polycache_wire::{Stream, connect_tcp};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::channel::Membership;
use super::config::{Protocol, RedisConfig, Server};
use super::dialogue::{Dialogue, LogIn};
use super::tracking::Hears;
use super::trouble::unreachable;
use crate::backend::Tracker;
use crate::events::Listeners;
use crate::repeated::tell_repeated;
use crate::{Error, ErrorKind, Result};

/// The server that a connection leads to.
#[derive(Debug, Clone, Hash)]
pub(super) enum Target {
    /// This server.
    Fixed(Server),
    /// The primary that the sentinels name at that time.
    Primary,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(server) => write!(f, "Redis at {server}"),
            Self::Primary => f.write_str("the primary Redis"),
        }
    }
}

/// Makes connections by the settings.
#[derive(Clone)]
pub(super) struct Connector {
    pub(super) config: Arc<RedisConfig>,
    pub(super) listeners: Arc<Listeners>,
    /// Who hears which entries change, if the connections are tracked.
    pub(super) tracker: Option<Arc<dyn Tracker>>,
    /// The place on the channel, if they are for that.
    pub(super) membership: Option<Arc<Membership>>,
    #[cfg(feature = "tls")]
    tls: Option<tokio_rustls::TlsConnector>,
}

impl Connector {
    pub(super) fn new(config: RedisConfig, listeners: Arc<Listeners>) -> Result<Self> {
        #[cfg(feature = "tls")]
        let tls = config.tls.as_ref().map(super::tls::connector).transpose()?;
        #[cfg(not(feature = "tls"))]
        if config.tls.is_some() {
            return Err(Error::new(ErrorKind::Config, "TLS needs the feature `tls` of polycache"));
        }
        Ok(Self {
            config: Arc::new(config),
            listeners,
            tracker: None,
            membership: None,
            #[cfg(feature = "tls")]
            tls,
        })
    }

    /// A connection to `target` within `connect_timeout`, and the server that it leads to.
    pub(super) async fn open(&self, target: &Target) -> Result<(Box<dyn Stream>, Server)> {
        let opened = match target {
            Target::Fixed(server) => match self.server(server).await {
                Ok(dialogue) => dialogue.end().map(|stream| (stream, server.clone())),
                Err(error) => Err(error),
            },
            Target::Primary => self.primary().await,
        };
        opened.inspect_err(|error| tell_repeated!(WARN, (target, error.kind()), %error, "can't connect to Redis"))
    }

    /// A logged-in connection to a server.
    pub(super) async fn server<'a>(&self, server: &'a Server) -> Result<Dialogue<'a>> {
        let RedisConfig { username, password, protocol, db, .. } = &*self.config;
        let log_in = LogIn { protocol: *protocol, username: username.as_deref(), password: password.as_ref(), db: *db };
        self.logged_in(server, &log_in, self.hears()).await
    }

    /// A logged-in connection to a sentinel.
    pub(super) async fn sentinel<'a>(&self, sentinel: &'a Server) -> Result<Dialogue<'a>> {
        let RedisConfig { sentinel_username: username, sentinel_password: password, .. } = &*self.config;
        let log_in =
            LogIn { protocol: Protocol::Resp2, username: username.as_deref(), password: password.as_ref(), db: 0 };
        self.logged_in(sentinel, &log_in, Hears::Nothing).await
    }

    async fn logged_in<'a>(&self, server: &'a Server, log_in: &LogIn<'_>, hears: Hears) -> Result<Dialogue<'a>> {
        let limit = self.config.connect_timeout;
        let open = async {
            let mut dialogue = Dialogue::new(server, self.stream(server).await?);
            dialogue.log_in(log_in, hears).await?;
            Ok(dialogue)
        };
        timeout(limit, open).await.unwrap_or_else(|_| {
            let text = format!("Redis at {server} didn't answer within {limit:?} (`connect_timeout`)");
            Err(Error::new(ErrorKind::Unavailable, text))
        })
    }

    async fn stream(&self, server: &Server) -> Result<Box<dyn Stream>> {
        let io = |error| unreachable(server).with_source(error);
        match server {
            Server::Unix(path) => Ok(Box::new(UnixStream::connect(path).await.map_err(io)?)),
            Server::Tcp { host, port } => {
                let stream = connect_tcp(host, *port).await.map_err(io)?;
                #[cfg(feature = "tls")]
                if let Some(tls) = &self.tls {
                    let name =
                        tokio_rustls::rustls::pki_types::ServerName::try_from(host.clone()).map_err(|error| {
                            Error::new(ErrorKind::Config, format!("{host:?} is no name for TLS")).with_source(error)
                        })?;
                    return Ok(Box::new(tls.connect(name, stream).await.map_err(io)?));
                }
                Ok(Box::new(stream))
            }
        }
    }
}
