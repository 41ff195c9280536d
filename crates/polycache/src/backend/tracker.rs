//! Hearing which entries of a backend may have changed.

use std::fmt::{self, Debug};

/// Hears which entries may have changed since they were read by a [tracked handle](super::Backend::tracked).
///
/// Called synchronously, on any thread, by whatever reads from a server: a change is told before the answer to any read that saw it, and
/// each loss before any later answer. Whoever keeps what was read notes, as a read begins, what it has been told about the key, and keeps
/// the answer only if nothing was told since. The calls must not block, wait or panic.
///
/// ```
/// use polycache::backend::{Backend, Gap, Key, Tracker};
/// use polycache::backends::redis::Redis;
/// use std::sync::Arc;
/// use tokio::sync::Notify;
///
/// /// Wakes who waits for a change.
/// #[derive(Debug, Default)]
/// struct Bell(Notify);
///
/// impl Tracker for Bell {
///     fn changed(&self, _key: &[u8]) {
///         self.0.notify_one();
///     }
///
///     fn lost(&self, _gap: Gap<'_>) {
///         self.0.notify_one(); // perhaps it has changed
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// # let server = polycache_testkit::servers::RedisServer::start().await;
/// # let redis = Redis::open(&server.url())?;
/// # let _ = stringify!{
/// let redis = Redis::open("redis://127.0.0.1:6379")?;
/// # };
/// let bell = Arc::new(Bell::default());
/// let tracked = redis.tracked(bell.clone())?.expect("Redis can do it");
///
/// assert!(tracked.get(Key::plain("k")).await?.is_none());
/// redis.raw("SET", &[b"k", b"v"]).await?; // by whomever
/// bell.0.notified().await;
/// assert!(tracked.get(Key::plain("k")).await?.is_some());
/// # Ok(()) }
/// ```
pub trait Tracker: Debug + Send + Sync + 'static {
    /// The entry under this key, in full and as the server has it, was written, was deleted, has expired or was evicted; by whomever,
    /// this program too. It isn't tracked any more before it is read again.
    fn changed(&self, key: &[u8]);

    /// Any entry may have changed, and none is tracked any more before it is read again.
    fn lost(&self, gap: Gap<'_>);
}

/// Why any entry may have changed unseen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Gap<'a> {
    /// The connection to this server was lost, or given up for a better one. The next one is tracked from its beginning.
    Disconnected {
        /// The server, `host:port` or a path.
        server: &'a str,
    },
    /// For a heartbeat nobody has read what this server says: the runtime that reads its connection isn't driven, or is held up.
    Unread {
        /// The server, `host:port` or a path.
        server: &'a str,
    },
    /// This server was flushed, or one of its databases.
    Flushed {
        /// The server, `host:port` or a path.
        server: &'a str,
    },
    /// Slots of a cluster belong to other servers by now.
    Moved,
    /// The [channel](crate::backends::near::NearBuilder::channel) at this server was joined just now. What was said there before wasn't
    /// heard.
    Joined {
        /// The server, `host:port` or a path.
        server: &'a str,
    },
    /// Another near cache has told on the channel at this server that anything may have changed.
    Told {
        /// The server, `host:port` or a path.
        server: &'a str,
    },
}

impl fmt::Display for Gap<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disconnected { server } => write!(f, "the connection to {server} was lost"),
            Self::Unread { server } => write!(f, "nobody has read what {server} says"),
            Self::Flushed { server } => write!(f, "{server} was flushed"),
            Self::Moved => f.write_str("slots of the cluster have moved"),
            Self::Joined { server } => write!(f, "the channel at {server} was joined"),
            Self::Told { server } => write!(f, "another process has told at {server} that anything may have changed"),
        }
    }
}
