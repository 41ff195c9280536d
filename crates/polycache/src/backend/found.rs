//! What a read asks for, and what it finds.

use super::Version;
use crate::{Head, Ttl, Value};

/// What a read is to tell of an entry, beside that it is there.
///
/// ```
/// use polycache::backend::Want;
///
/// let want = Want::VALUE.and(Want::TTL);
/// assert!(want.has(Want::TTL) && !want.has(Want::VERSION));
/// assert!(want.has(Want::NOTHING));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Want(u8);

impl Want {
    /// Nothing more than whether there is an entry.
    pub const NOTHING: Self = Self(0);
    /// The value.
    pub const VALUE: Self = Self(1);
    /// The version, which [`When::Unchanged`](super::When::Unchanged) compares.
    pub const VERSION: Self = Self(2);
    /// What remains of the TTL.
    pub const TTL: Self = Self(4);

    /// A value, to write on the condition that it is still there.
    pub(crate) const VERSIONED: Self = Self::VALUE.and(Self::VERSION);

    /// This and `other`.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is asked for.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// An entry, as far as a read has asked for it: each part is `Some` exactly where the [`Want`] has it.
///
/// ```
/// use polycache::backend::{Found, Want};
/// use polycache::{Ttl, Value};
///
/// let want = Want::VALUE;
/// let mut found = Found::new();
/// found.value = want.has(Want::VALUE).then(|| Value::bytes(*b"42"));
/// found.ttl = want.has(Want::TTL).then_some(Ttl::Never);
/// assert!(found.value.is_some() && found.ttl.is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found<T = Value> {
    /// The value.
    pub value: Option<T>,
    /// The version, for a later write on the condition that nobody has written in between.
    pub version: Option<Version>,
    /// What remains of the TTL.
    pub ttl: Option<Ttl>,
    /// Of a value that is no longer in sight; rare, and large.
    head: Option<Box<Head<'static>>>,
}

impl<T> Found<T> {
    /// An entry of which nothing is known but that it is there.
    #[must_use]
    pub const fn new() -> Self {
        Self { value: None, version: None, ttl: None, head: None }
    }

    /// The head of the value that was found, where a value was wanted and it has one. Of a [`Value`] as a backend finds it, see
    /// [`Value::head`].
    #[must_use]
    pub fn head(&self) -> Option<&Head<'static>> {
        self.head.as_deref()
    }

    /// The value and the version that there are, or that of absence.
    pub(crate) fn versioned(found: Option<Self>) -> (Option<T>, Version) {
        let Self { value, version, .. } = found.unwrap_or_default();
        (value, version.unwrap_or(Version::ABSENT))
    }
}

impl Found {
    /// The same with what was read of the value, and its head beside that.
    pub(crate) fn read<T, E>(self, read: impl FnOnce(Value) -> Result<T, E>) -> Result<Found<T>, E> {
        let Self { value, version, ttl, .. } = self;
        let head = value.as_ref().and_then(Value::head).map(|head| Box::new(head.into_owned()));
        Ok(Found { value: value.map(read).transpose()?, version, ttl, head })
    }
}

impl<T> Default for Found<T> {
    fn default() -> Self {
        Self::new()
    }
}
