//! What a backend says of itself.

use std::borrow::Cow;
use std::time::Duration;

use super::WallClock;

/// What a backend is and can do.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BackendInfo {
    /// What error messages call it, for example `"memory"`.
    pub name: Cow<'static, str>,
    /// TTLs are rounded up to a multiple of this.
    pub ttl_resolution: Duration,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Where caches on it have the time of day from: the system's clock, or the one that a test moves.
    pub clock: WallClock,
}

impl BackendInfo {
    /// A backend on a server that can do all that most can: no live objects, TTLs in milliseconds. Change what differs.
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

/// What a backend can do beyond what every backend can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// `scan` lists keys.
    pub scan: bool,
    /// It holds live objects of this process. Where it can't, values are always bytes.
    pub live_objects: bool,
    /// Nobody but this process uses it: `clear` without a namespace is harmless to others.
    pub exclusive: bool,
    /// A write of bytes equal to the present ones changes the version.
    pub detects_equal_writes: bool,
    /// An `increment` that would overflow changes nothing. Where it can't, the error comes after the fact.
    pub prevents_overflow: bool,
    /// A [`set`](super::Backend::set) whose permit depends on a [lease](super::Permit::lease) looks at the lease in the step that stores.
    /// In that step it also deletes the lease's entry, whether it has stored or not. Where a backend can't, the cache looks before and after.
    pub checks_leases: bool,
    /// It can't look at the lease in the step that stores, but ends the lease right after that, in the same round trip: it deletes the
    /// lease's entry if that still has the permit's [version](super::Permit::lease_version), and else the value that it has stored.
    pub releases_leases: bool,
    /// It keeps values in this process, hands out clones of them, and isn't bounded by their size: so encoded values may keep the object
    /// that is decoded from them first, and are decoded once for all who read the same type.
    pub keeps_decoded: bool,
}
