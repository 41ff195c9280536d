//! How a backend stores.

use std::sync::{Arc, OnceLock};

use super::{Key, Permit, Version};
use crate::{Ttl, Value};

/// How [`Backend::set`](super::Backend::set) stores.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SetOptions {
    /// The life of the entry.
    pub ttl: Ttl,
    /// On what condition it is stored.
    pub when: When,
    /// What may forbid it until the last moment; see [`Permit`].
    pub permit: Option<Permit>,
    /// Where to leave the version of the new entry, if the backend knows it.
    pub written: Option<Written>,
}

impl SetOptions {
    /// With no permit needed.
    ///
    /// ```
    /// use polycache::Ttl;
    /// use polycache::backend::{SetOptions, When};
    ///
    /// let options = SetOptions::new(Ttl::secs(60), When::Absent);
    /// assert!(options.permitted());
    /// ```
    #[must_use]
    pub const fn new(ttl: Ttl, when: When) -> Self {
        Self { ttl, when, permit: None, written: None }
    }

    /// Whether the permit, where one is needed, still holds.
    #[must_use]
    pub fn permitted(&self) -> bool {
        self.permit.as_ref().is_none_or(Permit::holds)
    }
}

/// On what condition an entry is stored or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum When {
    /// On none.
    Always,
    /// Where there is no value. A [`delete`](super::Backend::delete) on this condition deletes nothing.
    Absent,
    /// Where nobody has written since this version was read.
    Unchanged(Version),
}

impl When {
    /// Where nobody has written since `version` was read; for the version of an absent key that is [`Absent`](Self::Absent).
    ///
    /// ```
    /// use polycache::backend::{Version, When};
    ///
    /// assert_eq!(When::unchanged(Version::number(7)), When::Unchanged(Version::number(7)));
    /// assert_eq!(When::unchanged(Version::ABSENT), When::Absent);
    /// ```
    #[must_use]
    pub fn unchanged(version: Version) -> Self {
        if version.is_absent() { Self::Absent } else { Self::Unchanged(version) }
    }
}

/// Where a [`set`](super::Backend::set) that has stored leaves the version of the new entry, so that the caller can write on that
/// condition without a read. A backend that doesn't know the version leaves none. Clones are the same place.
#[derive(Debug, Clone, Default)]
pub struct Written(Arc<OnceLock<Version>>);

impl Written {
    /// Leaves the version; the first stays.
    pub fn leave(&self, version: Version) {
        // One `set` stores once.
        let _ = self.0.set(version);
    }

    /// The version that was left.
    #[must_use]
    pub fn version(&self) -> Option<&Version> {
        self.0.get()
    }
}

/// One entry of [`Backend::multi_set`](super::Backend::multi_set).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Entry<'a> {
    /// Its key.
    pub key: Key<'a>,
    /// Its value.
    pub value: Value,
    /// Its life.
    pub ttl: Ttl,
}

impl<'a> Entry<'a> {
    /// This value under this key, for so long.
    #[must_use]
    pub const fn new(key: Key<'a>, value: Value, ttl: Ttl) -> Self {
        Self { key, value, ttl }
    }
}
