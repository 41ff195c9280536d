//! Events that no command shows, for plugins.

mod listener;

use std::fmt;
use std::ops::BitOr;
use std::time::Duration;

pub(crate) use self::listener::{Audience, Ear};
pub use self::listener::{Listener, Listeners};
use crate::Error;
use crate::backend::Gap;

/// An event that no command shows. A [`Plugin`](crate::Plugin) says by [`events`](crate::Plugin::events) which kinds it wants, and gets
/// them by [`event`](crate::Plugin::event).
///
/// Keys are full keys, with the namespace.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A caller of `get_or_set`, or of a cached function, has computed a value for itself and for those who wait.
    Computed(Computation<'a>),
    /// A caller has got a value or an error that another caller has computed.
    Shared {
        /// The key.
        key: &'a str,
        /// How long the caller has waited.
        waited: Duration,
    },
    /// A computed value wasn't stored. Its callers have got it all the same.
    FillRefused {
        /// The key.
        key: &'a str,
        /// The reason.
        why: Refusal<'a>,
    },
    /// An entry has made room for others.
    Evicted {
        /// Its key.
        key: &'a str,
    },
    /// An expired entry was removed.
    Expired {
        /// Its key.
        key: &'a str,
    },
    /// A connection was made.
    Connected {
        /// The server's address; never a password.
        server: &'a str,
    },
    /// A connection was lost.
    Disconnected {
        /// The server's address; never a password.
        server: &'a str,
    },
    /// A read was answered by what is [near](crate::backends::near).
    NearHit {
        /// The key.
        key: &'a str,
    },
    /// A read of a value found nothing near and asked the far backend.
    NearMiss {
        /// The key.
        key: &'a str,
    },
    /// Something else than this near cache has changed an entry, which is no longer near.
    NearChanged {
        /// The key.
        key: &'a str,
    },
    /// A near cache has forgotten everything, since anything may have changed.
    NearFlushed {
        /// The reason.
        why: Flushed<'a>,
    },
    /// How old what a near cache answers may be, as of now. Each plugin hears of it as it begins to listen, and of each change: where
    /// others tell of their writes on a [channel](crate::backends::near::NearBuilder::channel), that comes and goes with the connection.
    NearBound {
        /// So long ago another process may have replaced or deleted a value; `None`: that is told, and nothing else bounds it.
        ttl: Option<Duration>,
    },
    /// The cache was closed.
    Closed,
}

/// Why a near cache has forgotten everything.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flushed<'a> {
    /// The program has called [`Near::flush`](crate::backends::near::Near::flush).
    Asked,
    /// The backend was closed.
    Closed,
    /// Nobody knows what has changed far.
    Gap(Gap<'a>),
}

/// A computation that has ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Computation<'a> {
    /// The key.
    pub key: &'a str,
    /// How long the computation itself took.
    pub took: Duration,
    /// How many callers of this process waited for it when it ended.
    pub waiting: usize,
    /// How long the computing caller waited for the lease; `None` if it asked for none.
    pub lease_wait: Option<Duration>,
    /// How the computation ended.
    pub end: ComputationEnd,
}

/// How a computation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ComputationEnd {
    /// With a value.
    Value,
    /// With an error.
    Error,
    /// Its caller was cancelled or has panicked. A waiting caller takes over.
    Abandoned,
}

/// Why a computed value wasn't stored.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Refusal<'a> {
    /// The key was written meanwhile, or the lease on it was lost.
    Overtaken,
    /// The cache has leases, and couldn't get one.
    NoLease,
    /// Storing it failed.
    Failed(&'a Error),
}

/// Kinds of events.
///
/// ```
/// use polycache::events::EventKinds;
///
/// let wanted = EventKinds::REMOVALS | EventKinds::CONNECTIONS;
/// assert!(wanted.overlaps(EventKinds::REMOVALS) && !wanted.overlaps(EventKinds::CLOSINGS));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct EventKinds(u8);

impl EventKinds {
    /// No kind. The default.
    pub const NONE: Self = Self(0);
    /// [`Computed`](Event::Computed) and [`Shared`](Event::Shared).
    pub const COMPUTATIONS: Self = Self(1);
    /// [`FillRefused`](Event::FillRefused).
    pub const FILLS: Self = Self(1 << 1);
    /// [`Evicted`](Event::Evicted) and [`Expired`](Event::Expired).
    pub const REMOVALS: Self = Self(1 << 2);
    /// [`Connected`](Event::Connected) and [`Disconnected`](Event::Disconnected).
    pub const CONNECTIONS: Self = Self(1 << 3);
    /// [`Closed`](Event::Closed).
    pub const CLOSINGS: Self = Self(1 << 4);
    /// [`NearHit`](Event::NearHit), [`NearMiss`](Event::NearMiss), [`NearChanged`](Event::NearChanged),
    /// [`NearFlushed`](Event::NearFlushed) and [`NearBound`](Event::NearBound). The middle two are told by the task that reads a server's
    /// connection: what takes long in [`Plugin::event`](crate::Plugin::event) holds up all answers behind it.
    pub const NEAR: Self = Self(1 << 5);
    /// All kinds, including those of later versions.
    pub const ALL: Self = Self(u8::MAX);

    /// Whether the two have a kind in common.
    #[must_use]
    pub const fn overlaps(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for EventKinds {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for EventKinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (Self::COMPUTATIONS, "computations"),
            (Self::FILLS, "fills"),
            (Self::REMOVALS, "removals"),
            (Self::CONNECTIONS, "connections"),
            (Self::CLOSINGS, "closings"),
            (Self::NEAR, "near"),
        ];
        f.debug_set().entries(names.iter().filter(|(kind, _)| self.overlaps(*kind)).map(|(_, name)| name)).finish()
    }
}

impl Event<'_> {
    /// The event's kind.
    #[must_use]
    pub const fn kind(&self) -> EventKinds {
        match self {
            Self::Computed(_) | Self::Shared { .. } => EventKinds::COMPUTATIONS,
            Self::FillRefused { .. } => EventKinds::FILLS,
            Self::Evicted { .. } | Self::Expired { .. } => EventKinds::REMOVALS,
            Self::Connected { .. } | Self::Disconnected { .. } => EventKinds::CONNECTIONS,
            Self::Closed => EventKinds::CLOSINGS,
            Self::NearHit { .. }
            | Self::NearMiss { .. }
            | Self::NearChanged { .. }
            | Self::NearFlushed { .. }
            | Self::NearBound { .. } => EventKinds::NEAR,
        }
    }
}
