//! The contract of a backend: what holds the values.

use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub use crate::key::{Key, OwnedKey};
pub use crate::lease::Holder;
pub use crate::pattern::Pattern;
use crate::{Raw, Reply, Ttl, Value};

/// What holds the values: a store in this process, a server, or another backend with something around it (a retry, a near
/// cache, an injector of faults).
///
/// Every operation is required, so that a wrapper can't forget to pass one on. Each is atomic against all others for its
/// key. The arguments have been checked: no TTL is zero. An expired entry counts as none. Errors carry no command and no
/// key: the cache adds them.
///
/// An operation that is done at once returns [`Reply::ready`]. One that has to wait returns [`Reply::pending`], does nothing
/// before it is polled, and may be dropped at any moment: a later caller must not get its answer.
///
/// The public suite in `polycache-testkit` tests every line of this contract, for any backend, with one macro.
pub trait Backend: Debug + Send + Sync + 'static {
    /// What this backend is and can do.
    fn info(&self) -> &BackendInfo;

    /// The value under `key`.
    fn get(&self, key: Key<'_>) -> Reply<Option<Value>>;

    /// The value under `key`, and a version that [`When::Unchanged`] compares: [`Version::ABSENT`] where there is none.
    fn get_versioned(&self, key: Key<'_>) -> Reply<(Option<Value>, Version)>;

    /// The values under `keys`, in their order; a key may come more than once. In one round trip, where there are any; whole
    /// or an error.
    fn multi_get(&self, keys: &[Key<'_>]) -> Reply<Vec<Option<Value>>>;

    /// Stores `value` with a TTL of its own, if `options.when` allows; whether it did.
    fn set(&self, key: Key<'_>, value: Value, options: SetOptions) -> Reply<bool>;

    /// Stores all entries; of entries with the same key the last stays. On an error some may be stored.
    fn multi_set(&self, entries: Vec<Entry<'_>>) -> Reply<()>;

    /// Whether there is a value under `key`.
    fn exists(&self, key: Key<'_>) -> Reply<bool>;

    /// Adds `delta` to the integer under `key` and returns the sum. A missing one starts at `delta`, with `ttl`; a present
    /// one keeps its TTL. What isn't an integer of 64 bits, or would not be one after, is an error and stays as it is.
    fn increment(&self, key: Key<'_>, delta: i64, ttl: Ttl) -> Reply<i64>;

    /// Gives the entry under `key` another TTL; `false` where there is none. Not a write: the version stays.
    fn expire(&self, key: Key<'_>, ttl: Ttl) -> Reply<bool>;

    /// What remains of the TTL of the entry under `key`; `None` where there is none.
    fn ttl(&self, key: Key<'_>) -> Reply<Option<Ttl>>;

    /// Deletes the entry under `key`; whether there was one.
    fn delete(&self, key: Key<'_>) -> Reply<bool>;

    /// Deletes the entry under `key` if nobody has written since `version` was read; whether it did. It deletes nothing, and says so,
    /// where there was no entry then or there is none now.
    fn delete_if(&self, key: Key<'_>, version: &Version) -> Reply<bool>;

    /// Deletes the entries under `keys`; how many there were.
    fn multi_delete(&self, keys: &[Key<'_>]) -> Reply<u64>;

    /// Deletes every key that begins with `prefix`: a namespace with its separator, or nothing.
    fn clear(&self, prefix: &str) -> Reply<()>;

    /// A batch of the keys that begin with `prefix` and whose rest matches `pattern`. `cursor` is `None` at first, then what the last batch gave. A batch may be empty, and a key may come twice.
    fn scan(&self, prefix: &str, pattern: &Pattern, cursor: Option<Cursor>) -> Reply<Page>;

    /// A command of the backend's own.
    fn raw(&self, command: &str, args: &[&[u8]]) -> Reply<Raw>;

    /// Releases what the backend holds: entries, connections. Called once at most.
    fn close(&self) -> Reply<()>;

    /// The same entries, by writes that end leases at no round trip of their own: each `set`, `multi_set`, `increment`, `expire`,
    /// `delete` and `multi_delete` also ends the [lease](Key::lease) on each of its keys, so that nothing is stored after the write that was computed
    /// under a lease from before it. Where a `set` under a lease [looks](Capabilities::checks_leases) at it, deleting the lease's entry
    /// before the key is written is enough. Counts and answers are about the keys alone.
    ///
    /// `holder` tells leases that need not be waited for.
    ///
    /// `None`, by default, where it can't: then the cache ends the leases itself, which takes a round trip more, and has leases only
    /// where it is told to.
    fn ending_leases(&self, holder: &Holder) -> Option<Arc<dyn Backend>> {
        let _ = holder;
        None
    }
}

/// What a backend is and can do.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BackendInfo {
    /// What error messages call it, for example `"memory"`.
    pub name: &'static str,
    /// TTLs are rounded up to a multiple of this.
    pub ttl_resolution: Duration,
    /// What it can do.
    pub capabilities: Capabilities,
}

impl BackendInfo {
    /// A backend on a server that can do all that most can: no live objects, TTLs in milliseconds. Change what differs.
    ///
    /// ```
    /// use polycache::backend::BackendInfo;
    ///
    /// let mut info = BackendInfo::new("disk");
    /// info.capabilities.scan = false;
    /// ```
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        let capabilities = Capabilities {
            scan: true,
            live_objects: false,
            exclusive: false,
            detects_equal_writes: true,
            prevents_overflow: true,
            checks_leases: false,
            releases_leases: false,
        };
        Self { name, ttl_resolution: Duration::from_millis(1), capabilities }
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
    /// A [`set`](Backend::set) whose permit depends on a [lease](Permit::lease) looks at it in the step that stores, and ends it there by
    /// deleting its entry, whether it has stored or not. Where it can't, the cache looks before and after.
    pub checks_leases: bool,
    /// It can't look at the lease in the step that stores, but ends the lease right after that, in the same round trip: it deletes
    /// the entry of the permit's [version](Permit::lease_version), or, if that has changed, what it has stored.
    pub releases_leases: bool,
}

/// How [`Backend::set`] stores.
#[derive(Debug, Clone)]
pub struct SetOptions {
    /// The life of the entry.
    pub ttl: Ttl,
    /// On what condition it is stored.
    pub when: When,
    /// What may forbid it until the last moment; see [`Permit`].
    pub permit: Option<Permit>,
    /// Where to leave the version of what was stored, if that is known.
    pub written: Option<Written>,
}

impl SetOptions {
    /// With no permit needed.
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

/// Where a [`set`](Backend::set) that has stored leaves the version of it, for the caller to write on that condition without reading it
/// first. A backend that can't tell leaves none. Clones are the same place.
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

/// Leave to store what was computed, until somebody else writes the key: [`get_or_set`](crate::Cache::get_or_set) must not store a value
/// that a `delete` has made stale meanwhile.
///
/// A backend whose `set` is done when it returns looks at [`SetOptions::permitted`] in the one atomic step that stores, and stores
/// nothing without it: the write that withdraws the permit comes after in that order, or is seen. Over a network there is no such step;
/// there a backend need not look, since the cache holds the other write back until the `set` is through.
///
/// A permit may depend on a [`lease`](Self::lease). A backend that declares [`checks_leases`](Capabilities::checks_leases) looks at that
/// in the step that stores.
#[derive(Debug, Clone, Default)]
pub struct Permit {
    withdrawn: Arc<AtomicBool>,
    lease: Option<Arc<Depends>>,
}

/// What a permit depends on.
#[derive(Debug)]
struct Depends {
    lease: OwnedKey,
    token: Value,
    version: Option<Version>,
}

impl Permit {
    /// A permit that holds.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same permit, as long as the bytes under `lease` begin with `token`; with the version of them, where it is known.
    pub(crate) fn under(&self, lease: &OwnedKey, token: &Value, version: Option<Version>) -> Self {
        let depends = Depends { lease: lease.clone(), token: token.clone(), version };
        Self { withdrawn: Arc::clone(&self.withdrawn), lease: Some(Arc::new(depends)) }
    }

    /// Withdraws it, for good and for all clones.
    pub fn withdraw(&self) {
        self.withdrawn.store(true, Ordering::Release);
    }

    /// Whether it hasn't been withdrawn.
    #[must_use]
    pub fn holds(&self) -> bool {
        !self.withdrawn.load(Ordering::Acquire)
    }

    /// A key, and what the bytes stored under it must begin with, or else the permit doesn't hold.
    #[must_use]
    pub fn lease(&self) -> Option<(Key<'_>, &[u8])> {
        let Depends { lease, token, .. } = self.lease.as_deref()?;
        Some((lease.key(), token.as_bytes().unwrap_or_default()))
    }

    /// The version of what is stored under the lease's key while the permit holds, where the cache knows it.
    #[must_use]
    pub fn lease_version(&self) -> Option<&Version> {
        self.lease.as_deref()?.version.as_ref()
    }
}

/// On what condition a value is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// On none.
    Always,
    /// Where there is no value.
    Absent,
    /// Where nobody has written since this version was read.
    Unchanged(Version),
}

/// One entry of [`Backend::multi_set`].
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// Its key.
    pub key: Key<'a>,
    /// Its value.
    pub value: Value,
    /// Its life.
    pub ttl: Ttl,
}

/// Which write made a value: what [`Cache::cas`](crate::Cache::cas) compares. Opaque, and only good for the key it was read
/// from.
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

    /// The stored bytes themselves, for a backend that can compare no more than those.
    #[must_use]
    pub fn bytes(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self(VersionRepr::Bytes(bytes.into()))
    }

    /// Whether there was no value.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.0 == VersionRepr::Absent
    }

    /// The number, if it is one.
    #[must_use]
    pub fn as_number(&self) -> Option<u64> {
        match self.0 {
            VersionRepr::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The bytes, if it is bytes.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match &self.0 {
            VersionRepr::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// A batch of keys, from [`Backend::scan`].
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Full keys, as they are stored.
    pub keys: Vec<String>,
    /// Where to go on; `None` at the end.
    pub next: Option<Cursor>,
}

/// Where a scan goes on. Its meaning is the backend's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Which part: a shard, a server.
    pub part: u64,
    /// Where in it.
    pub place: u64,
}
