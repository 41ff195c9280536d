//! The address of a server.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::{Error, ErrorKind, Result};

/// memcached's port, if none is named.
const DEFAULT_PORT: u16 = 11211;

/// A server: its address, and its weight in a fleet.
///
/// ```
/// use polycache_memcached::Server;
///
/// let near: Server = "127.0.0.1:11311".parse()?;
/// assert_eq!(near.weight(3).to_string(), "127.0.0.1:11311");
/// assert_eq!("cache.example.com".parse::<Server>()?, Server::tcp("cache.example.com", 11211));
/// assert_eq!("[::1]:11211".parse::<Server>()?, Server::tcp("::1", 11211));
/// assert_eq!("/run/memcached.sock".parse::<Server>()?, Server::unix("/run/memcached.sock"));
/// # Ok::<(), polycache_memcached::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    pub(crate) address: Address,
    pub(crate) weight: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

impl Server {
    /// A server at a host name or IP address (v4 or v6, without brackets) and port. In a fleet the host as written here decides about
    /// placement, not the address that it resolves to.
    #[must_use]
    pub fn tcp(host: impl Into<String>, port: u16) -> Self {
        Self { address: Address::Tcp { host: host.into(), port }, weight: 1 }
    }

    /// A server on a unix socket.
    #[must_use]
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Self { address: Address::Unix(path.into()), weight: 1 }
    }

    /// The same server with this weight: its share of the keys, in proportion to the weights of the others; 1 by default.
    #[must_use]
    pub fn weight(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }

    /// Host and port as libmemcached writes them for ketama: a unix socket's path has port 0.
    pub(crate) fn ketama_name(&self) -> (String, u16) {
        match &self.address {
            Address::Tcp { host, port } => (host.clone(), *port),
            Address::Unix(path) => (path.to_string_lossy().into_owned(), 0),
        }
    }
}

impl FromStr for Server {
    type Err = Error;

    /// Reads `host`, `host:port`, `[ipv6]:port`, or a path that begins with `/`.
    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            let message =
                format!("the server address {text:?} is neither host:port nor [ipv6]:port nor /path/of/socket");
            Error::new(ErrorKind::InvalidInput, message)
        };
        if text.starts_with('/') {
            return Ok(Self::unix(text));
        }
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or_else(wrong)?;
                (host, if port.is_empty() { None } else { Some(port.strip_prefix(':').ok_or_else(wrong)?) })
            }
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let strange = |char: char| char.is_whitespace() || char.is_control() || "/@[]".contains(char);
        if host.is_empty() || host.contains(strange) {
            return Err(wrong());
        }
        let port =
            port.map_or(Some(DEFAULT_PORT), |port| port.parse().ok().filter(|port| *port != 0)).ok_or_else(wrong)?;
        Ok(Self::tcp(host, port))
    }
}

impl TryFrom<&str> for Server {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self> {
        text.parse()
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.address {
            Address::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Address::Tcp { host, port } => write!(f, "{host}:{port}"),
            Address::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strange_addresses_are_refused() {
        for text in ["", ":1", "::1", "a:b", "a:99999", "[::1", "[::1]x", "a b:1", "user@host:1", "a\n:1", "[]:1"] {
            assert!(text.parse::<Server>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_address_reads_back() {
        for text in ["a:1", "[fe80::1]:2", "/run/a b"] {
            assert_eq!(text.parse::<Server>().ok().map(|server| server.to_string()).as_deref(), Some(text));
        }
    }
}
