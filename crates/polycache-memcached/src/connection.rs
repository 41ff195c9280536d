//! A connection to one server that all callers share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use polycache_wire::{ConnectionOptions, Failure, Fate, Protocol, Stream, Trouble};
use tokio::time::timeout;

use crate::codec::{Decoder, Expect, Reply, Request};
use crate::handshake;
use crate::options::{ClientOptions, ConnectionState};
use crate::server::Server;
use crate::{Error, ErrorKind, Result};

/// How many bytes of requests go into one TLS record, unless a single request has more. Memcached reads 16 KiB at once, and forgets bytes
/// that OpenSSL holds back: those of a larger record, or of one that goes on after a request that memcached reads in parts. It would wait
/// for bytes that it has. So a record is smaller, and ends where a request ends.
const RECORD: usize = 8 * 1024;

/// A connection to one server.
pub(crate) struct Connection(polycache_wire::Connection<Link>);

/// The server, and how to connect to it.
pub(crate) struct Link {
    server: Server,
    options: Arc<ClientOptions>,
}

impl Connection {
    pub(crate) fn new(server: Server, options: Arc<ClientOptions>) -> Self {
        let wire = ConnectionOptions::new()
            .heartbeat(Some(options.heartbeat))
            .max_queue(options.max_queue)
            .max_write(options.is_tls().then_some(RECORD));
        Self(polycache_wire::Connection::new(Link { server, options }, wire))
    }

    pub(crate) fn server(&self) -> &Server {
        &self.0.protocol().server
    }

    /// How often in a row the connection was lost or couldn't be made; 0 while it stands.
    pub(crate) fn failures(&self) -> u32 {
        self.0.failures()
    }

    /// Sends a request, and waits for its reply.
    pub(crate) async fn call(&self, request: &Request<'_>) -> Result<Reply> {
        self.ask(request).await.map_err(|failure| told(failure, request))
    }

    /// As `call`, for callers that make the error by [`told`] themselves.
    #[inline]
    pub(crate) fn ask<'a>(&'a self, request: &'a Request<'a>) -> polycache_wire::Call<'a, Link, Request<'a>> {
        self.0.call(request)
    }

    /// Sends several requests together. The replies come in the order of the requests.
    pub(crate) async fn call_many(&self, requests: &[Request<'_>]) -> Vec<Result<Reply>> {
        let replies = self.0.call_many(requests).await.into_iter();
        replies.zip(requests).map(|(reply, request)| reply.map_err(|failure| told(failure, request))).collect()
    }

    /// Sends a request over a connection of its own, which ends afterwards.
    pub(crate) async fn call_apart(&self, request: &Request<'_>) -> Result<Reply> {
        let link = self.0.protocol();
        let mut stream = link.open().await?;
        handshake::ask(&mut *stream, &link.server, &link.options, request, link.options.max_value).await
    }

    /// As `call_many`, but the server executes the requests in this order.
    pub(crate) async fn call_in_order(&self, requests: &[Request<'_>]) -> Vec<Result<Reply>> {
        let replies = self.0.call_in_order(requests).await.into_iter();
        replies.zip(requests).map(|(reply, request)| reply.map_err(|failure| told(failure, request))).collect()
    }

    /// Begins to connect, unless the connection stands or is being made, or a pause after a failure isn't over.
    pub(crate) fn nudge(&self) {
        self.0.nudge();
    }

    /// Refuses further calls. Calls under way are still answered, then the connection ends.
    pub(crate) fn close(&self) {
        self.0.close();
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("server", self.server()).field("state", &self.0).finish()
    }
}

/// What the CAS numbers of a connection are shifted by, by exclusive or, for the callers. A server that comes back empty counts from 1
/// again; so shifted, a number that was read on another connection reaches the server as one far beyond its count, and matches nothing.
fn shift(connection: u64) -> u64 {
    // Multiples of the golden ratio are far from each other. Of 63 bits, since some servers read a signed number.
    connection.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 1
}

/// The error for the caller.
#[cold]
pub(crate) fn told(failure: Failure<Error>, request: &Request<'_>) -> Error {
    let Failure { error, fate, .. } = failure;
    if fate == Fate::Unknown && !request.is_read() {
        return Error::new(ErrorKind::UnknownOutcome, format!("{error}; the call may have been executed or not"));
    }
    error
}

impl Protocol for Link {
    type Reply = Reply;
    type Expect = Expect;
    type Decoder = Decoder;
    type Error = Error;

    async fn open(&self) -> Result<Box<dyn Stream>> {
        let limit: Duration = self.options.connect_timeout;
        timeout(limit, handshake::open(&self.server, &self.options)).await.unwrap_or_else(|_| {
            let message = format!("memcached at {} didn't answer within {limit:?} of connecting", self.server);
            Err(Error::new(ErrorKind::Unavailable, message))
        })
    }

    fn decoder(&self) -> Decoder {
        Decoder::new(self.options.max_value)
    }

    fn decoder_for(&self, connection: u64) -> Decoder {
        self.decoder().shifting(shift(connection))
    }

    fn ask_for_life(&self, out: &mut Vec<u8>) -> Expect {
        Request::Noop.encode(0, out)
    }

    fn is_out_of_step(expect: &Expect, reply: &Reply) -> Option<String> {
        expect.out_of_step(reply)
    }

    fn opened(&self) {
        self.options.watcher.tell(&self.server, ConnectionState::Made);
    }

    fn lost(&self) {
        self.options.watcher.tell(&self.server, ConnectionState::Lost);
    }

    fn error(&self, trouble: Trouble<'_>) -> Error {
        let server = &self.server;
        match trouble {
            Trouble::Lost(why) => {
                Error::new(ErrorKind::Unavailable, format!("the connection to memcached at {server} was lost: {why}"))
            }
            Trouble::Garbled(what) => {
                let message = format!("memcached at {server} doesn't keep to the protocol: {what}");
                Error::new(ErrorKind::Protocol, message)
            }
            Trouble::Silent => {
                let message = format!(
                    "memcached at {server} says nothing, and another call has waited for it in vain; calls fail at once until it does"
                );
                Error::new(ErrorKind::Unavailable, message)
            }
            Trouble::Closed => Error::new(ErrorKind::Closed, "the client was closed; open another"),
            Trouble::LackingRuntime => {
                let message =
                    "connecting to memcached panicked; build the tokio runtime with `enable_all`, for I/O and timers";
                Error::new(ErrorKind::NoRuntime, message)
            }
            _ => Error::new(ErrorKind::NoRuntime, "there is no tokio runtime here; make the call in a task of one"),
        }
    }
}

impl polycache_wire::Decoder<Link> for Decoder {
    fn decode(&mut self, input: &mut BytesMut, expect: &mut Expect) -> Result<Option<Reply>, String> {
        Self::decode(self, input, expect).map_err(|error| error.to_string())
    }
}

impl polycache_wire::Request<Link> for Request<'_> {
    fn encode(&self, number: u16, out: &mut Vec<u8>) -> Expect {
        Request::encode(self, number, out)
    }

    #[inline]
    fn encode_for(&self, connection: u64, number: u16, out: &mut Vec<u8>) -> Expect {
        self.encode_shifted(shift(connection), number, out)
    }

    fn weight(&self) -> usize {
        Request::weight(self)
    }

    fn is_read(&self) -> bool {
        Request::is_read(self)
    }
}
