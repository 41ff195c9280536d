//! The text and meta protocols of memcached, without any I/O: requests become bytes, bytes become replies.
//!
//! The source is memcached's own [`protocol.txt`](https://github.com/memcached/memcached/blob/master/doc/protocol.txt).
//! Everything here is for memcached 1.6 or newer, which has the meta commands.
//!
//! ```
//! use bytes::BytesMut;
//! use polycache_memcached::codec::{Decoder, Parts, Reply, Request, WireKey};
//!
//! # fn main() -> Result<(), polycache_memcached::codec::ProtocolError> {
//! let key = WireKey::new(b"greeting");
//! let mut out = Vec::new();
//! let mut expect = Request::Get { key: &key, parts: Parts::VALUE }.encode(7, &mut out);
//! assert_eq!(out, b"mg greeting v f OAH\r\n");
//!
//! let mut decoder = Decoder::new(1 << 20);
//! let mut input = BytesMut::from(&b"VA 5 f0 OAH\r\nhel"[..]);
//! assert_eq!(decoder.decode(&mut input, &mut expect)?, None); // there is more to come
//! input.extend_from_slice(b"lo\r\n");
//! let Some(Reply::Meta(reply)) = decoder.decode(&mut input, &mut expect)? else { panic!("a whole reply") };
//! assert_eq!(reply.value.as_deref(), Some(&b"hello"[..]));
//! # Ok(()) }
//! ```

mod decoder;
mod expect;
mod lines;
mod raw;
mod reply;
mod request;
mod values;

pub use decoder::Decoder;
pub use expect::Expect;
pub use raw::RawCommand;
pub use reply::{Item, Meta, ProtocolError, Refusal, RefusalKind, Reply, Status};
pub use request::{Delta, Mode, Parts, Request};

pub use crate::key::WireKey;
