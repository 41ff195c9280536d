//! The options that all connections of a client share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::Server;

/// Options of a client, as its builder made them.
#[derive(Debug, Clone)]
pub(crate) struct ClientOptions {
    pub(crate) credentials: Option<Credentials>,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<crate::Tls>,
    pub(crate) connect_timeout: Duration,
    pub(crate) heartbeat: Duration,
    pub(crate) max_value: usize,
    pub(crate) max_queue: usize,
    pub(crate) watcher: Watcher,
}

impl ClientOptions {
    #[cfg(feature = "tls")]
    pub(crate) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    #[cfg(not(feature = "tls"))]
    pub(crate) fn is_tls(&self) -> bool {
        false
    }
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            credentials: None,
            #[cfg(feature = "tls")]
            tls: None,
            connect_timeout: Duration::from_secs(1),
            heartbeat: Duration::from_secs(2),
            max_value: 64 << 20,
            max_queue: 16 << 20,
            watcher: Watcher::default(),
        }
    }
}

/// What happened to the connection to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConnectionState {
    /// The connection was made.
    Made,
    /// The connection was lost.
    Lost,
}

type Watch = dyn Fn(&Server, ConnectionState) + Send + Sync;

/// The listener for connections, if there is one.
#[derive(Clone, Default)]
pub(crate) struct Watcher(Option<Arc<Watch>>);

impl Watcher {
    pub(crate) fn new(watch: impl Fn(&Server, ConnectionState) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(watch)))
    }

    pub(crate) fn tell(&self, server: &Server, state: ConnectionState) {
        if let Some(watch) = &self.0 {
            watch(server, state);
        }
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watcher").field(&self.0.is_some()).finish()
    }
}

/// The user and password to log in with.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) user: String,
    pub(crate) password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}
