//! The version of a value.

use std::sync::Arc;

/// The version of a value: it tells which write made the value, for [`Cache::cas`](crate::Cache::cas) to compare. Opaque, and only good
/// for the key that it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(VersionRepr);

#[derive(Debug, Clone, PartialEq, Eq)]
enum VersionRepr {
    Absent,
    Number(u64),
    Bytes(Arc<[u8]>),
}

impl Version {
    /// There was no value.
    pub const ABSENT: Self = Self(VersionRepr::Absent);

    /// A number that the backend gives to each write.
    #[must_use]
    pub const fn number(number: u64) -> Self {
        Self(VersionRepr::Number(number))
    }

    /// The stored bytes themselves, for a backend that can compare nothing else.
    #[must_use]
    pub fn bytes(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self(VersionRepr::Bytes(bytes.into()))
    }

    /// Whether there was no value.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.0 == VersionRepr::Absent
    }

    /// The number, if the version is one.
    #[must_use]
    pub fn as_number(&self) -> Option<u64> {
        match self.0 {
            VersionRepr::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The bytes, if the version is made of bytes.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match &self.0 {
            VersionRepr::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}
