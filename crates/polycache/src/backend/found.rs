//! The parts of an entry: those a read asks for, and those it finds.

use super::Version;
use crate::{Head, Ttl, Value};

/// The parts of an entry that a read asks for.
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
    /// No part: only whether there is an entry.
    pub const NOTHING: Self = Self(0);
    /// The value.
    pub const VALUE: Self = Self(1);
    /// The version, which [`When::Unchanged`](super::When::Unchanged) compares.
    pub const VERSION: Self = Self(2);
    /// The rest of the TTL.
    pub const TTL: Self = Self(4);

    /// With value and TTL, for who asks only whether the value is stale: the TTL may be that of a moment before the value's, and a little
    /// more than is left, unless that is about as much as the value's grace. A backend may overlook it.
    pub(crate) const ROUGH: Self = Self(8);

    /// A value with its version, for a write on the condition that it is unchanged.
    pub(crate) const VERSIONED: Self = Self::VALUE.and(Self::VERSION);

    /// These parts and `other`.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all parts of `other` are asked for.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// An entry that a read has found: each part is `Some` exactly if the [`Want`] has it.
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
    /// The rest of the TTL.
    pub ttl: Option<Ttl>,
    /// The head of a value that isn't kept here itself. Boxed: rare, and large.
    head: Option<Box<Head<'static>>>,
}

impl<T> Found<T> {
    /// An entry without any part.
    #[must_use]
    pub const fn new() -> Self {
        Self { value: None, version: None, ttl: None, head: None }
    }

    /// The head of the found value, if a value was wanted and has one. For a [`Value`] from a backend see [`Value::head`].
    #[must_use]
    pub fn head(&self) -> Option<&Head<'static>> {
        self.head.as_deref()
    }

    /// The found value and version; the version of absence if there is no entry.
    pub(crate) fn versioned(found: Option<Self>) -> (Option<T>, Version) {
        let Self { value, version, .. } = found.unwrap_or_default();
        (value, version.unwrap_or(Version::ABSENT))
    }
}

impl Found {
    /// An entry with its value alone.
    pub(crate) fn of(value: Value) -> Self {
        Self { value: Some(value), ..Self::new() }
    }

    /// The entry with its value read by `read`, and the value's head beside it.
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
