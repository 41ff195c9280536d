//! One connection that many tasks share.
//!
//! For clients of servers that answer each request, in the order in which the requests came: Redis, memcached. A [`Protocol`] says how
//! requests and replies are written; everything else is here:
//!
//! - Callers write their requests into one buffer and wait. A task sends the buffered requests with one system call, and hands out the
//!   replies. Reads and writes run concurrently, so a large pipeline can't deadlock.
//! - A call may be dropped at any moment. Its reply goes to nobody, and all others go to their callers.
//! - The connection is made when it is needed, and made again when it is lost, with growing pauses that differ between clients.
//! - A silent server is found by asking for signs of life. Once a call has waited for it in vain ([`in_vain`]), others fail at once until
//!   the server says something.
//! - When the connection is lost, each call is told whether its request may have been executed. A request that wasn't sent, or is harmless
//!   to repeat, is sent once more.
//! - The bytes of calls under way are bounded. Further calls wait.
//! - A caller who waits in another event loop can have that loop's reactor watch the socket ([`hosted`]), as long as nobody else asks.
//! - When the connection's tokio runtime ends or stands still, the next call makes another connection on its own runtime.
//!
//! ```
//! use bytes::BytesMut;
//! use polycache_wire::{Connection, Decoder, Protocol, Request, ConnectionOptions, Stream, Trouble};
//!
//! /// Lines, each answered with a line.
//! struct Lines(std::net::SocketAddr);
//!
//! impl Protocol for Lines {
//!     type Reply = String;
//!     type Expect = ();
//!     type Decoder = Line;
//!     type Error = String;
//!
//!     async fn open(&self) -> Result<Box<dyn Stream>, String> {
//!         let stream = polycache_wire::connect_tcp("127.0.0.1", self.0.port()).await;
//!         Ok(Box::new(stream.map_err(|error| error.to_string())?))
//!     }
//!
//!     fn decoder(&self) -> Line {
//!         Line
//!     }
//!
//!     fn ask_for_life(&self, out: &mut Vec<u8>) {
//!         out.extend_from_slice(b"are you there?\n");
//!     }
//!
//!     fn error(&self, trouble: Trouble<'_>) -> String {
//!         format!("{trouble:?}")
//!     }
//! }
//!
//! struct Line;
//!
//! impl Decoder<Lines> for Line {
//!     fn decode(&mut self, input: &mut BytesMut, (): &mut ()) -> Result<Option<String>, String> {
//!         let Some(end) = input.iter().position(|&byte| byte == b'\n') else { return Ok(None) };
//!         let line = input.split_to(end + 1);
//!         Ok(Some(String::from_utf8_lossy(&line[..end]).into_owned()))
//!     }
//! }
//!
//! struct Ask(&'static str);
//!
//! impl Request<Lines> for Ask {
//!     fn encode(&self, _number: u16, out: &mut Vec<u8>) {
//!         out.extend_from_slice(self.0.as_bytes());
//!     }
//!
//!     fn weight(&self) -> usize {
//!         self.0.len()
//!     }
//!
//!     fn is_read(&self) -> bool {
//!         true
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let address = listener.local_addr()?;
//! // A server that sends everything back.
//! tokio::spawn(async move {
//!     let (mut stream, _) = listener.accept().await?;
//!     let (mut from, mut to) = stream.split();
//!     tokio::io::copy(&mut from, &mut to).await
//! });
//! let connection = Connection::new(Lines(address), ConnectionOptions::default());
//! let (one, other) = tokio::join!(connection.call(&Ask("one\n")), connection.call(&Ask("other\n")));
//! assert_eq!(one.map_err(|failure| failure.error)?, "one");
//! assert_eq!(other.map_err(|failure| failure.error)?, "other");
//! # Ok(()) }
//! ```

mod call;
mod connection;
mod driver;
mod ending;
mod host;
mod io;
mod line;
mod options;
mod protocol;
mod shared;
mod signals;
mod slots;
mod socket;
mod tcp;
mod together;
mod watch;

pub use call::Call;
pub use connection::Connection;
pub use host::{BorrowedSocket, Host, Queue, hosted};
pub use io::silence::in_vain;
pub use options::{ConnectionOptions, Reconnect};
pub use protocol::{Decoder, Failure, Fate, Protocol, Request, Stream, Trouble};
pub use tcp::connect_tcp;
pub use together::together;
