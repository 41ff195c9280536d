//! polycache

pub mod backend;
pub mod backends;
pub mod plugins;
pub mod serializer;
pub mod serializers;

mod builder;
mod cache;
mod command;
mod error;
mod key;
mod pattern;
mod plugin;
mod raw;
mod reply;
mod switch;
mod ttl;
mod value;

pub use builder::{CacheBuilder, OnError};
pub use cache::{Cache, Scan};
pub use command::{Answer, Command, CommandName, Outcome};
pub use error::{Error, ErrorKind, Result};
pub use plugin::Plugin;
pub use raw::Raw;
pub use reply::Reply;
pub use ttl::Ttl;
pub use value::Value;
