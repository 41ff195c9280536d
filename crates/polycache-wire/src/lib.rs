//! One connection that many tasks share.
//!
//! For clients of servers that answer each request, in the order in which the requests came: Redis, memcached. What is spoken is a
//! [`Protocol`]; everything else is here:
//!
//! - Callers write their requests into one buffer and wait; a task sends what has come together with one system call, and hands the
//!   replies out. Reads and writes run concurrently, so that a large pipeline can't deadlock.
//! - A call may be dropped at any moment. Its reply goes to nobody, and all others to their callers.
//! - The connection is made when it's needed, and made again when it is lost, with growing pauses that differ between clients.
//! - A server that is silent is found out by signs of life that are asked for. Once a call has waited for it in vain ([`in_vain`]), others
//!   fail at once until it says something.
//! - When the connection is lost, each call is told whether it may have been executed; one that can't have been, or is harmless to repeat,
//!   is sent once more.
//! - The bytes of calls under way are bounded. Further calls wait.
//! - When the tokio runtime ends, or stands still, on which the connection was made, the next call makes another one on its own.
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
//! // A server that says everything again.
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
mod io;
mod line;
mod options;
mod protocol;
mod shared;
mod signals;
mod slots;
mod tcp;
mod together;
mod watch;

pub use call::Call;
pub use connection::Connection;
pub use io::silence::in_vain;
pub use options::{ConnectionOptions, Reconnect};
pub use protocol::{Decoder, Failure, Fate, Protocol, Request, Stream, Trouble};
pub use tcp::connect_tcp;
pub use together::together;
