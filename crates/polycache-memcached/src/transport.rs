//! Sockets: TCP, unix, and TLS over either.

use std::io;

use polycache_wire::{Stream, connect_tcp};

use crate::options::ClientOptions;
use crate::server::{Address, Server};
use crate::{Error, ErrorKind, Result};

/// Connects, with a TLS handshake if there is TLS.
pub(crate) async fn connect(server: &Server, options: &ClientOptions) -> Result<Box<dyn Stream>> {
    match &server.address {
        Address::Tcp { host, port } => {
            let stream = connect_tcp(host, *port).await.map_err(|error| failed(server, &error))?;
            secure(stream, host, server, options).await
        }
        #[cfg(unix)]
        Address::Unix(path) => {
            let stream = tokio::net::UnixStream::connect(path).await.map_err(|error| failed(server, &error))?;
            secure(stream, "localhost", server, options).await
        }
        #[cfg(not(unix))]
        Address::Unix(_) => Err(Error::new(ErrorKind::InvalidInput, "this system has no unix sockets; use host:port")),
    }
}

#[cfg(feature = "tls")]
async fn secure(
    stream: impl Stream + 'static,
    host: &str,
    server: &Server,
    options: &ClientOptions,
) -> Result<Box<dyn Stream>> {
    let Some(tls) = &options.tls else { return Ok(Box::new(stream)) };
    let name = match &tls.server_name {
        Some(name) => name.clone(),
        None => crate::tls::parse_name(host)?,
    };
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::clone(&tls.config));
    let stream = connector.connect(name, stream).await.map_err(|error| failed(server, &error))?;
    Ok(Box::new(stream))
}

#[cfg(not(feature = "tls"))]
async fn secure(
    stream: impl Stream + 'static,
    _host: &str,
    _server: &Server,
    _options: &ClientOptions,
) -> Result<Box<dyn Stream>> {
    Ok(Box::new(stream))
}

fn failed(server: &Server, error: &io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, format!("can't connect to memcached at {server}: {error}"))
}
