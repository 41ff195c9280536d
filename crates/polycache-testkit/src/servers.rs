//! Real servers, each on a free loopback port with a directory of its own.
//!
//! They are the programs `redis-server` and `memcached` in `PATH`, or those that the environment variables
//! `POLYCACHE_REDIS_SERVER` and `POLYCACHE_MEMCACHED` name: other versions, or a valkey-server.
//!
//! A server is killed when its fixture is dropped, and when the test process ends in any way: a fixture may live in a static, which is
//! never dropped, and be shared by tests with a runtime each. A fixture that can't do its task panics with the reason and the server's
//! own words.
//!
//! ```
//! use polycache_testkit::servers::RedisServer;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let server = RedisServer::builder().config("maxmemory", "4mb").start().await;
//! assert_eq!(server.cli(&["SET", "ns:key", "value"]).await, "OK");
//! server.kill();
//! server.restart().await; // on the same port, empty
//! assert_eq!(server.cli(&["EXISTS", "ns:key"]).await, "0");
//! # }
//! ```

mod certificates;
mod common;
mod memcached;
pub(crate) mod port;
mod process;
mod redis;
mod redis_cluster;
mod redis_sentinel;
mod resp;
mod version;
mod wait;

pub use certificates::Certificates;
pub use memcached::{Memcached, MemcachedBuilder};
pub use redis::{RedisBuilder, RedisServer};
pub use redis_cluster::{RedisCluster, SlotMove};
pub use redis_sentinel::RedisSentinel;
pub use version::ignored;

use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};

/// Tells which programs are missing on this machine, and their Debian packages. The fixtures panic with the same text.
///
/// ```
/// polycache_testkit::servers::available().expect("the servers are installed");
/// ```
///
/// # Errors
///
/// A line for each missing program.
pub fn available() -> Result<(), String> {
    let missing: Vec<_> = process::missing().collect();
    if missing.is_empty() { Ok(()) } else { Err(missing.join("\n")) }
}

/// Characters with a meaning in some part of a URL.
const SPECIAL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Text for a URL: every character with a meaning there is escaped.
fn escaped(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, SPECIAL)
}

/// A path for a URL: slashes stay.
fn escaped_path(path: &Path) -> String {
    const KEPT: &AsciiSet = &SPECIAL.remove(b'/');
    utf8_percent_encode(path.to_str().expect("temporary directories have names in UTF-8"), KEPT).to_string()
}
