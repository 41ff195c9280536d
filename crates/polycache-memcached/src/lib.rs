//! An async memcached client. (draft)

pub mod codec;
mod error;
mod key;
mod ttl;

pub use error::{Error, ErrorKind, Result};
pub use ttl::Ttl;
