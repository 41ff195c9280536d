//! The settings of a client.

use std::sync::Arc;
use std::time::Duration;

use crate::fleet::{Fleet, OnDead};
use crate::options::{ClientOptions, ConnectionState, Credentials, Watcher};
use crate::ring::Placement;
use crate::server::Server;
use crate::{Client, Error, ErrorKind, Result};

/// Settings of a [`Client`]. Made by [`Client::builder`].
///
/// ```
/// use polycache_memcached::{Client, OnDead, Server};
/// use std::time::Duration;
///
/// let client = Client::builder()
///     .server(Server::tcp("10.0.0.1", 11211).weight(2))?
///     .server("10.0.0.2:11211")?
///     .on_dead(OnDead::Rehash)
///     .heartbeat(Duration::from_secs(1))
///     .build()?;
/// # Ok::<(), polycache_memcached::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "nothing happens before `build`"]
pub struct Builder {
    servers: Vec<Server>,
    options: ClientOptions,
    placement: Placement,
    on_dead: OnDead,
    eject_after: Option<u32>,
}

/// Two: the loss of a connection, and a failed attempt to make it again.
const EJECT_AFTER: u32 = 2;

impl Builder {
    /// Adds a server: a [`Server`], or text as its `FromStr` reads it. Several make a fleet.
    ///
    /// # Errors
    /// `InvalidInput`: the text is no address.
    pub fn server<S: TryInto<Server>>(mut self, server: S) -> Result<Self>
    where
        Error: From<S::Error>,
    {
        self.servers.push(server.try_into()?);
        Ok(self)
    }

    /// Sets a function to call when a connection to a server was made, and when one was lost. The connection's own task calls it, with no
    /// lock held. It should be quick.
    ///
    /// ```
    /// use polycache_memcached::{Client, ConnectionState, Server};
    ///
    /// let lost = |server: &Server, state| {
    ///     if state == ConnectionState::Lost {
    ///         println!("{server} is gone");
    ///     }
    /// };
    /// let client = Client::builder().server("10.0.0.1")?.watch(lost).build()?;
    /// # Ok::<(), polycache_memcached::Error>(())
    /// ```
    pub fn watch(mut self, watch: impl Fn(&Server, ConnectionState) + Send + Sync + 'static) -> Self {
        self.options.watcher = Watcher::new(watch);
        self
    }

    /// How keys are placed on the servers of a fleet; ketama by default.
    pub fn placement(mut self, placement: Placement) -> Self {
        self.placement = placement;
        self
    }

    /// What happens to the keys of a server that is out; by default calls for them fail.
    pub fn on_dead(mut self, on_dead: OnDead) -> Self {
        self.on_dead = on_dead;
        self
    }

    /// How many failures in a row put a server of a fleet out: its connection was lost, or couldn't be made. 2 by default. The server is
    /// tried again, with pauses of at most 2 s, and is back once it answers.
    pub fn eject_after(mut self, failures: u32) -> Self {
        self.eject_after = Some(failures);
        self
    }

    /// User and password for servers with ASCII authentication (`-Y`). Sent only to servers that ask for it.
    pub fn credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.options.credentials = Some(Credentials { user: user.into(), password: password.into() });
        self
    }

    /// Speaks TLS with every server.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: crate::Tls) -> Self {
        self.options.tls = Some(tls);
        self
    }

    /// The time to connect, log in and get a first answer; 1 s by default. Calls have no timeout: drop a call's future to stop waiting
    /// for it.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.options.connect_timeout = timeout;
        self
    }

    /// A server that owes an answer counts as gone when it has been silent for this long, or up to half as long again. An idle server is
    /// asked for a sign of life as often. 2 s by default; take more if large values need longer to send.
    pub fn heartbeat(mut self, heartbeat: Duration) -> Self {
        self.options.heartbeat = heartbeat;
        self
    }

    /// The largest value that is sent or taken, in bytes; 64 MiB by default, and 4 GiB at most. A server has a limit of its own, 1 MiB
    /// unless set otherwise.
    pub fn max_value(mut self, bytes: usize) -> Self {
        self.options.max_value = bytes;
        self
    }

    /// How many bytes of requests may be under way to one server; 16 MiB by default. Each call counts 256 bytes beside its key and value.
    /// Further calls wait.
    pub fn max_queue(mut self, bytes: usize) -> Self {
        self.options.max_queue = bytes;
        self
    }

    /// Makes the client. It connects when it is first used.
    ///
    /// # Errors
    /// `InvalidInput`: there is no server, a server comes twice or has no weight, or a limit is zero or too large.
    pub fn build(self) -> Result<Client> {
        let Self { servers, options, placement, on_dead, eject_after } = self;
        let invalid = |message: &str| Err(Error::new(ErrorKind::InvalidInput, message));
        if servers.is_empty() {
            return invalid("there is no server; add one, such as \"127.0.0.1:11211\"");
        }
        if servers.iter().any(|server| server.weight == 0) {
            return invalid("a server has the weight 0; leave it out, or give it 1");
        }
        if servers
            .iter()
            .enumerate()
            .any(|(number, server)| servers[..number].iter().any(|one| one.address == server.address))
        {
            return invalid("a server comes twice; give it a larger weight instead");
        }
        if let Some(Credentials { user, password }) = &options.credentials {
            let strange = |text: &str| text.is_empty() || text.contains(|char: char| char == ' ' || char.is_control());
            if strange(user) || strange(password) {
                return invalid("user or password is empty or has a space, which memcached can't take there");
            }
        }
        if options.connect_timeout.is_zero() || options.heartbeat < Duration::from_millis(2) {
            return invalid("the connect timeout or the heartbeat is too short");
        }
        if options.max_queue < 4096 || options.max_queue > u32::MAX as usize {
            return invalid("max_queue is below 4 KiB or above 4 GiB");
        }
        let eject_after = eject_after.unwrap_or(EJECT_AFTER).max(1);
        Ok(Client::new(Fleet::new(servers, &Arc::new(options), placement, on_dead, eject_after)))
    }
}
