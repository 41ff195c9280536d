//! The protocol of a connection.

use std::any::Any;
use std::fmt;
use std::future::Future;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite};

/// A stream in both directions. A [`Host`](crate::Host) can watch it if it is a [`TcpStream`](tokio::net::TcpStream) or `UnixStream`.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + Any {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + Any> Stream for S {}

/// The protocol of one server, and the way to reach it.
pub trait Protocol: Sized + Send + Sync + 'static {
    /// A whole reply.
    type Reply: Send;
    /// The form that the reply to a request must have. Kept until the reply has come.
    type Expect: Send;
    /// Takes replies out of bytes.
    type Decoder: Decoder<Self>;
    /// The error that callers get; each gets a clone.
    type Error: Clone + Send;

    /// Connects and logs in: the returned stream is ready for requests. The protocol must limit the time for this.
    fn open(&self) -> impl Future<Output = Result<Box<dyn Stream>, Self::Error>> + Send;

    /// The decoder for a new connection.
    fn decoder(&self) -> Self::Decoder;

    /// As [`decoder`](Self::decoder), for the connection of this number; see [`Request::encode_for`].
    fn decoder_for(&self, connection: u64) -> Self::Decoder {
        let _ = connection;
        self.decoder()
    }

    /// Appends a request that changes nothing, to see whether the server is alive.
    fn ask_for_life(&self, out: &mut Vec<u8>) -> Self::Expect;

    /// Whether the connection is kept after this reply to [`ask_for_life`](Self::ask_for_life).
    ///
    /// # Errors
    /// Why the connection is given up.
    fn is_alive(&self, reply: Self::Reply) -> Result<(), Self::Error> {
        drop(reply);
        Ok(())
    }

    /// Tells why the reply to a request shows that no later reply can be trusted, if it does.
    fn is_out_of_step(expect: &Self::Expect, reply: &Self::Reply) -> Option<String> {
        let _ = (expect, reply);
        None
    }

    /// A connection was made. No lock is held.
    fn opened(&self) {}

    /// A connection was lost: it ended without having been closed. No lock is held.
    fn lost(&self) {}

    /// As [`lost`](Self::lost), but before any of its calls is told and before another connection is made. It must not panic.
    fn losing(&self) {}

    /// The error for callers.
    fn error(&self, trouble: Trouble<'_>) -> Self::Error;
}

/// Takes replies out of the bytes of one connection.
pub trait Decoder<P: Protocol>: Send {
    /// The next reply, taken from the front of `input`; `None` if it isn't whole yet. Then it is asked again with more input.
    ///
    /// # Errors
    /// Why these bytes are no such reply.
    fn decode(&mut self, input: &mut BytesMut, expect: &mut P::Expect) -> Result<Option<P::Reply>, String>;

    /// Takes bytes that came without a request; see [`ConnectionOptions::listens`](crate::ConnectionOptions::listens).
    ///
    /// # Errors
    /// Why such bytes may not come.
    fn unasked(&mut self, input: &mut BytesMut) -> Result<(), String> {
        if input.is_empty() { Ok(()) } else { Err("it sent something that nobody asked for".to_owned()) }
    }
}

/// A request, or several that have one reply together.
pub trait Request<P: Protocol>: Sync {
    /// Appends its bytes, and returns the form that its reply must have. `number` counts the requests of a connection.
    fn encode(&self, number: u16, out: &mut Vec<u8>) -> P::Expect;

    /// As [`encode`](Self::encode), where the bytes depend on the connection, such as a number that the server gave on it and may give
    /// anew on the next. The bytes are sent over the connection of this number, or not at all: a request that is sent once more is encoded
    /// once more. No other connection of the process has that number.
    #[inline]
    fn encode_for(&self, connection: u64, number: u16, out: &mut Vec<u8>) -> P::Expect {
        let _ = connection;
        self.encode(number, out)
    }

    /// About how many bytes it has.
    fn weight(&self) -> usize;

    /// Whether it changes nothing in the server, so that it may be sent twice.
    fn is_read(&self) -> bool;
}

/// Trouble with a connection.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Trouble<'a> {
    /// The connection was lost, for this reason.
    Lost(&'a str),
    /// The server sent something outside of the protocol.
    Garbled(&'a str),
    /// A call has waited in vain for the server, which has said nothing since.
    Silent,
    /// The connection was closed by its user.
    Closed,
    /// There is no tokio runtime to make the connection on.
    NoRuntime,
    /// The tokio runtime lacks I/O or timers.
    LackingRuntime,
}

/// Why a call has no reply, and whether its request was executed.
#[derive(Clone)]
pub struct Failure<E> {
    /// The trouble.
    pub error: E,
    /// Whether the request was executed.
    pub fate: Fate,
    /// Whether the request may be sent again.
    pub(crate) again: bool,
}

impl<E> Failure<E> {
    pub(crate) fn not_sent(error: E) -> Self {
        Self { error, fate: Fate::NotSent, again: false }
    }
}

impl<E: fmt::Debug> fmt::Debug for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure").field("error", &self.error).field("fate", &self.fate).finish_non_exhaustive()
    }
}

/// Whether a request without a reply was executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It was not sent, or not all of it: it was not executed.
    NotSent,
    /// It was sent, and may have been executed.
    Unknown,
    /// It was sent, and something else came in place of its reply.
    Garbled,
}
