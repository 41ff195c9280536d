//! An async memcached client for tokio, whose connections are shared by any number of tasks.
//!
//! - **Multiplexed**: one connection to each server; requests of many tasks travel together, replies find their callers.
//!   A call may be dropped at any moment, for a timeout say.
//! - **Fleets**: several servers with weights, placed as [libmemcached's ketama](Placement::Ketama) does, so that a fleet
//!   can be shared with clients in other languages, or by [rendezvous hashing](Placement::Rendezvous). A server that has
//!   died [is left out](OnDead) until it answers again.
//! - **Any key**: binary, long and empty ones too, encoded so that [none collides with another](codec::WireKey).
//! - TCP, unix sockets, TLS, ASCII authentication.
//! - The [`codec`] is there by itself, without I/O.
//!
//! It speaks the meta protocol of memcached 1.6.
//!
//! ```no_run
//! use polycache_memcached::{Client, Entry, Ttl};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache_memcached::Result<()> {
//! let client = Client::builder().server("10.0.0.1:11211")?.server("10.0.0.2:11211")?.build()?;
//! client.set("user:7", Entry::new(b"Ada").ttl(Ttl::secs(300))).await?;
//! let items = client.multi_get(&["user:7", "user:8"]).await?;
//! assert!(items[0].is_some() && items[1].is_none());
//! # Ok(()) }
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

mod builder;
mod client;
pub mod codec;
mod connection;
mod error;
mod fleet;
mod handshake;
mod key;
mod options;
mod ring;
mod server;
#[cfg(feature = "tls")]
mod tls;
mod transport;
mod ttl;

pub use builder::Builder;
pub use client::{Cas, Client, Entry};
pub use codec::Item;
pub use error::{Error, ErrorKind, Result};
pub use fleet::OnDead;
pub use options::ConnectionState;
pub use ring::Placement;
pub use server::Server;
#[cfg(feature = "tls")]
pub use tls::Tls;
pub use ttl::Ttl;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
