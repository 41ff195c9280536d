//! A backend's description of itself.

use std::borrow::Cow;
use std::time::Duration;

use super::WallClock;

/// The name and abilities of a backend.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BackendInfo {
    /// The backend's name in error messages, for example `"memory"`.
    pub name: Cow<'static, str>,
    /// TTLs are rounded up to a multiple of this.
    pub ttl_resolution: Duration,
    /// Its abilities.
    pub capabilities: Capabilities,
    /// The time of day for caches on it: the system's clock, or one that a test moves.
    pub clock: WallClock,
}

impl BackendInfo {
    /// A backend on a server with the usual abilities: no live objects, TTLs in milliseconds. Change the fields that differ.
    ///
    /// ```
    /// use polycache::backend::BackendInfo;
    ///
    /// let mut info = BackendInfo::new("disk");
    /// info.capabilities.scan = false;
    ///
    /// let around = BackendInfo::new(format!("retry around {}", info.name));
    /// assert_eq!(around.name, "retry around disk");
    /// ```
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        let capabilities = Capabilities {
            scan: true,
            live_objects: false,
            exclusive: false,
            detects_equal_writes: true,
            prevents_overflow: true,
            checks_leases: false,
            releases_leases: false,
            keeps_decoded: false,
        };
        Self { name: name.into(), ttl_resolution: Duration::from_millis(1), capabilities, clock: WallClock::SYSTEM }
    }
}

/// The abilities of a backend beyond those that every backend has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// `scan` lists keys.
    pub scan: bool,
    /// It holds live objects of this process. Otherwise values are always bytes.
    pub live_objects: bool,
    /// Only this process uses it: `clear` without a namespace harms nobody else.
    pub exclusive: bool,
    /// A write of bytes equal to the present ones changes the version.
    pub detects_equal_writes: bool,
    /// An `increment` that would overflow changes nothing. Otherwise the error comes after the fact.
    pub prevents_overflow: bool,
    /// A [`set`](super::Backend::set) whose permit depends on a [lease](super::Permit::lease) looks at the lease in the step that stores.
    /// In that step it also deletes the lease's entry, whether it has stored or not. Otherwise the cache looks before and after.
    pub checks_leases: bool,
    /// It can't look at the lease in the step that stores, but ends the lease right after that, in the same round trip: it deletes the
    /// lease's entry if that still has the permit's [version](super::Permit::lease_version), and otherwise the value that it has stored.
    pub releases_leases: bool,
    /// It keeps values in this process, hands out clones of them, and isn't bounded by their size. So encoded values may keep the object
    /// that is first decoded from them, and are decoded once for all readers of that type.
    pub keeps_decoded: bool,
}
