//! The options of a write.

use std::sync::{Arc, OnceLock};

use super::{Key, Permit, Version};
use crate::{Ttl, Value};

/// The options of [`Backend::set`](super::Backend::set).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SetOptions {
    /// The life of the entry.
    pub ttl: Ttl,
    /// The condition to store on.
    pub when: When,
    /// A [`Permit`], which may be withdrawn until the last moment.
    pub permit: Option<Permit>,
    /// Takes the version of the new entry, if the backend knows it.
    pub written: Option<Written>,
}

impl SetOptions {
    /// Options that need no permit.
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

    /// Whether the permit, if there is one, still holds.
    #[must_use]
    pub fn permitted(&self) -> bool {
        self.permit.as_ref().is_none_or(Permit::holds)
    }
}

/// The condition to store or delete an entry on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum When {
    /// No condition.
    Always,
    /// There is no value. A [`delete`](super::Backend::delete) on this condition deletes nothing.
    Absent,
    /// Nobody has written since this version was read.
    Unchanged(Version),
}

impl When {
    /// Nobody has written since `version` was read; for the version of an absent key this is [`Absent`](Self::Absent).
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

/// A place for the version of the new entry: a [`set`](super::Backend::set) that has stored leaves it there, so that the caller can
/// write on condition of the version without a read. A backend that doesn't know the version leaves none. Clones are the same place.
#[derive(Debug, Clone, Default)]
pub struct Written(Arc<OnceLock<Version>>);

impl Written {
    /// Leaves a version; the first one stays.
    pub fn leave(&self, version: Version) {
        // A `set` stores once, so a second version can't come.
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
    /// An entry of this key, value and TTL.
    #[must_use]
    pub const fn new(key: Key<'a>, value: Value, ttl: Ttl) -> Self {
        Self { key, value, ttl }
    }
}
