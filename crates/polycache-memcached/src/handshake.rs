//! The first requests of a connection.

use bytes::BytesMut;
use polycache_wire::Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::codec::{Decoder, RefusalKind, Reply, Request};
use crate::options::ClientOptions;
use crate::server::Server;
use crate::transport;
use crate::{Error, ErrorKind, Result};

/// Connects, checks that a memcached with meta commands answers, and logs in if the server asks for it.
pub(crate) async fn open(server: &Server, options: &ClientOptions) -> Result<Box<dyn Stream>> {
    let mut stream = transport::connect(server, options).await?;
    match ask(&mut *stream, server, options, &Request::Noop, 0).await? {
        Reply::Line(_) => return Ok(stream),
        Reply::Refused(refusal) if refusal.kind == RefusalKind::Client && refusal.message == "unauthenticated" => {}
        Reply::Refused(refusal) if refusal.kind == RefusalKind::Unknown && refusal.message.is_empty() => {
            let message = format!("memcached at {server} has no meta commands; version 1.6 or newer is needed");
            return Err(Error::new(ErrorKind::Protocol, message));
        }
        Reply::Refused(refusal) => {
            let message = format!("memcached at {server} refused the connection: {}", refusal.message);
            return Err(Error::new(ErrorKind::Unavailable, message));
        }
        _ => return Err(Error::new(ErrorKind::Protocol, format!("what answers at {server} isn't memcached"))),
    }
    // Only a server that asked gets the password: any other server would store it as a value.
    let Some(credentials) = &options.credentials else {
        let message = format!("memcached at {server} wants a user and a password; set credentials");
        return Err(Error::new(ErrorKind::Auth, message));
    };
    let login = Request::Authenticate { user: &credentials.user, password: &credentials.password };
    match ask(&mut *stream, server, options, &login, 0).await? {
        Reply::Line(_) => Ok(stream),
        _ => {
            let message = format!("memcached at {server} refused the user or the password; check the credentials");
            Err(Error::new(ErrorKind::Auth, message))
        }
    }
}

/// Sends one request on a connection that nobody else uses. The reply's value has at most `max_value` bytes.
pub(crate) async fn ask(
    stream: &mut dyn Stream,
    server: &Server,
    options: &ClientOptions,
    request: &Request<'_>,
    max_value: usize,
) -> Result<Reply> {
    let lost =
        |why: &str| Error::new(ErrorKind::Unavailable, format!("memcached at {server} closed the connection{why}"));
    let mut out = Vec::new();
    let mut expect = request.encode(0, &mut out);
    let broken = |error: std::io::Error| lost(&format!(": {error}"));
    stream.write_all(&out).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;
    let (mut decoder, mut input) = (Decoder::new(max_value), BytesMut::new());
    loop {
        let patience = options.heartbeat.max(options.connect_timeout);
        let silent = |_| {
            let message = format!("memcached at {server} owes an answer and was silent for {patience:?}");
            Error::new(ErrorKind::Unavailable, message)
        };
        let read = timeout(patience, stream.read_buf(&mut input)).await.map_err(silent)?;
        if read.map_err(broken)? == 0 {
            return Err(lost(" in place of an answer"));
        }
        let reply = decoder.decode(&mut input, &mut expect).map_err(|error| {
            Error::new(ErrorKind::Protocol, format!("what answers at {server} isn't memcached: {error}"))
        })?;
        if let Some(reply) = reply {
            return Ok(reply);
        }
    }
}
