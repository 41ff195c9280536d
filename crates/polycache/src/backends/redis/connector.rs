//! Making a connection to a server, logged in and ready.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Cmd, ProtocolVersion, RedisConnectionInfo, RedisError, RedisResult, RetryMethod, Value,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::config::{Protocol, RedisConfig, Server};
use super::gather::Gather;
use super::greeting::Greeting;
use super::trouble::{server_error, unreachable};
use crate::{Error, ErrorKind, Result};

/// How many calls may wait to be written before the next one has to wait for room: bounds what a stalled connection holds.
const QUEUE: usize = 512;

/// Runs a connection: reads and writes until it breaks. Dropped, it ends the connection and every call in flight.
pub(super) type Driver = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where a connection goes to.
#[derive(Debug, Clone)]
pub(super) enum Target {
    /// To this server.
    Fixed(Server),
    /// To the primary that the sentinels name at that time.
    Primary,
}

/// Makes connections by the settings.
#[derive(Clone)]
pub(super) struct Connector {
    pub(super) config: Arc<RedisConfig>,
    #[cfg(feature = "tls")]
    tls: Option<tokio_rustls::TlsConnector>,
}

impl Connector {
    pub(super) fn new(config: RedisConfig) -> Result<Self> {
        #[cfg(feature = "tls")]
        let tls = config.tls.as_ref().map(super::tls::connector).transpose()?;
        #[cfg(not(feature = "tls"))]
        if config.tls.is_some() {
            return Err(Error::new(ErrorKind::Config, "TLS needs the feature `tls` of polycache"));
        }
        Ok(Self {
            config: Arc::new(config),
            #[cfg(feature = "tls")]
            tls,
        })
    }

    /// A connection to `target`, within the time that the settings allow.
    pub(super) async fn connect(&self, target: &Target) -> Result<(MultiplexedConnection, Driver)> {
        match target {
            Target::Fixed(server) => self.server(server).await,
            Target::Primary => self.primary().await,
        }
    }

    async fn server(&self, server: &Server) -> Result<(MultiplexedConnection, Driver)> {
        let RedisConfig { username, password, protocol, db, .. } = &*self.config;
        let mut info = RedisConnectionInfo::default().set_db((*db).into()).set_protocol(match protocol {
            Protocol::Resp2 => ProtocolVersion::RESP2,
            Protocol::Resp3 => ProtocolVersion::RESP3,
        });
        if let Some(username) = username {
            info = info.set_username(username);
        }
        if let Some(password) = password {
            info = info.set_password(password.reveal());
        }
        self.open(server, info).await
    }

    /// A connection to a sentinel.
    pub(super) async fn sentinel(&self, sentinel: &Server) -> Result<(MultiplexedConnection, Driver)> {
        let mut info = RedisConnectionInfo::default();
        if let Some(username) = &self.config.sentinel_username {
            info = info.set_username(username);
        }
        if let Some(password) = &self.config.sentinel_password {
            info = info.set_password(password.reveal());
        }
        self.open(sentinel, info).await
    }

    async fn open(&self, server: &Server, info: RedisConnectionInfo) -> Result<(MultiplexedConnection, Driver)> {
        let limit = self.config.connect_timeout;
        match timeout(limit, self.stream(server, info)).await {
            Ok(result) => result,
            Err(_) => {
                let text = format!("Redis at {server} didn't answer within {limit:?} (`connect_timeout`)");
                Err(Error::new(ErrorKind::Unavailable, text))
            }
        }
    }

    async fn stream(&self, server: &Server, info: RedisConnectionInfo) -> Result<(MultiplexedConnection, Driver)> {
        let io = |error| unreachable(server).with_source(error);
        match server {
            Server::Unix(path) => {
                let stream = UnixStream::connect(path).await.map_err(io)?;
                log_in(server, stream, info).await
            }
            Server::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(io)?;
                stream.set_nodelay(true).map_err(io)?;
                #[cfg(feature = "tls")]
                if let Some(tls) = &self.tls {
                    let name =
                        tokio_rustls::rustls::pki_types::ServerName::try_from(host.clone()).map_err(|error| {
                            Error::new(ErrorKind::Config, format!("{host:?} is no name for TLS")).with_source(error)
                        })?;
                    let stream = tls.connect(name, stream).await.map_err(io)?;
                    return log_in(server, stream, info).await;
                }
                log_in(server, stream, info).await
            }
        }
    }
}

async fn log_in<S>(server: &Server, stream: S, info: RedisConnectionInfo) -> Result<(MultiplexedConnection, Driver)>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // The time a call may take is the cache's to measure.
    let config = AsyncConnectionConfig::new().set_response_timeout(None).set_pipeline_buffer_size(QUEUE);
    let (stream, greeting) = Greeting::new(Gather::new(stream));
    match MultiplexedConnection::new_with_config(&info, stream, config).await {
        Ok((connection, driver)) => {
            greeting.over();
            Ok((connection, Box::pin(driver)))
        }
        Err(error) if is_refusal(&error) => Err(Error::new(
            ErrorKind::Backend,
            format!("Redis at {server} refused the log-in; check user, password, database and protocol"),
        )
        .with_source(error)),
        Err(error) => Err(unreachable(server).with_source(error)),
    }
}

/// Whether the server answers that it won't have us, rather than that it can't for the moment, or nothing at all.
fn is_refusal(error: &RedisError) -> bool {
    let full = error.detail().is_some_and(|detail| detail.contains("max number of clients"));
    error.kind() == redis::ErrorKind::AuthenticationFailed
        || matches!(error.retry_method(), RetryMethod::NoRetry) && !full
}

/// Sends one command over a connection that has no task of its own yet.
pub(super) async fn ask_once(
    connection: &mut MultiplexedConnection,
    driver: &mut Driver,
    command: &Cmd,
) -> Result<Value> {
    let mut answer = pin!(connection.send_packed_command(command));
    let mut broken = false;
    let answer: RedisResult<Value> = std::future::poll_fn(|context| {
        // A driver that has ended has answered all calls, with an error.
        broken = broken || driver.as_mut().poll(context).is_ready();
        answer.as_mut().poll(context)
    })
    .await;
    match answer {
        Ok(Value::ServerError(error)) => Err(server_error(&error)),
        Ok(value) => Ok(value),
        Err(error) => Err(Error::new(ErrorKind::Unavailable, "the connection was lost").with_source(error)),
    }
}
