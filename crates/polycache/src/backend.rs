//! The contract of a backend, which holds the values.

mod clears;
mod forward;
mod found;
mod info;
mod options;
mod page;
mod permit;
mod tracker;
mod version;

use std::fmt::Debug;
use std::sync::Arc;

pub use self::clears::Clears;
pub use self::found::{Found, Want};
pub use self::info::{BackendInfo, Capabilities};
pub use self::options::{Entry, SetOptions, When, Written};
pub use self::page::{Cursor, Page};
pub use self::permit::Permit;
pub use self::tracker::{Gap, Tracker};
pub use self::version::Version;
#[doc(inline)]
pub use crate::__forward as forward;
use crate::events::Listener;
pub use crate::key::{Key, OwnedKey};
pub use crate::lease::Holder;
pub use crate::pattern::Pattern;
pub use crate::wall_clock::WallClock;
use crate::{Raw, Reply, Result, Ttl, Value};

/// A backend holds the values: a store in this process, a server, or a wrapper around another backend (a retry, a near cache, an injector
/// of faults).
///
/// Every operation is required, so that a wrapper can't forget to pass one on; [`forward!`] writes those that a wrapper doesn't change.
/// Each is atomic against all others for its key. The arguments have been checked: no TTL is zero. An expired entry counts as absent.
/// Errors carry no command and no key: the cache adds them.
///
/// An operation that is done at once returns [`Reply::ready`]. One that has to wait returns [`Reply::pending`]. It does nothing before it
/// is polled, and may be dropped at any moment: a later caller must not get its answer.
///
/// The public suite in `polycache-testkit` tests every line of this contract, for any backend, with one macro.
pub trait Backend: Debug + Send + Sync + 'static {
    /// The backend's name and abilities.
    fn info(&self) -> &BackendInfo;

    /// The value under `key`.
    fn get(&self, key: Key<'_>) -> Reply<Option<Value>>;

    /// The parts of the entry under `key` that `want` asks for, from one moment and in one round trip; `None` if there is no entry.
    fn look(&self, key: Key<'_>, want: Want) -> Reply<Option<Found>>;

    /// The parts of the entries under `keys` that `want` asks for, in the order of the keys; a key may come more than once. In one round
    /// trip to each server; all of them or an error. The parts of one entry are from one moment.
    fn multi_get(&self, keys: &[Key<'_>], want: Want) -> Reply<Vec<Option<Found>>>;

    /// Stores `value` with a TTL of its own, if `options.when` allows. Returns whether it was stored.
    fn set(&self, key: Key<'_>, value: Value, options: SetOptions) -> Reply<bool>;

    /// Stores all entries; of entries with the same key the last one stays. On an error some may be stored.
    fn multi_set(&self, entries: Vec<Entry<'_>>) -> Reply<()>;

    /// Adds `delta` to the integer under `key` and returns the sum. A missing integer starts at `delta`, with `ttl`; a present one keeps
    /// its TTL. A value that isn't an integer of 64 bits, or wouldn't be one after, is an error and stays as it is.
    fn increment(&self, key: Key<'_>, delta: i64, ttl: Ttl) -> Reply<i64>;

    /// Gives the entry under `key` another TTL; `false` if there is no entry. Not a write: the version stays.
    fn expire(&self, key: Key<'_>, ttl: Ttl) -> Reply<bool>;

    /// Deletes the entry under `key` if `when` allows. Returns whether an entry was deleted.
    fn delete(&self, key: Key<'_>, when: When) -> Reply<bool>;

    /// Deletes the entries under `keys`. Returns how many there were.
    fn multi_delete(&self, keys: &[Key<'_>]) -> Reply<u64>;

    /// Deletes every key that begins with `prefix`: a namespace with its separator, or nothing.
    fn clear(&self, prefix: &str) -> Reply<()>;

    /// A batch of the keys that begin with `prefix` and whose rest matches `pattern`. `cursor` is `None` at first, then the last batch's
    /// `next`. A batch may be empty, and a key may come twice.
    fn scan(&self, prefix: &str, pattern: &Pattern, cursor: Option<Cursor>) -> Reply<Page>;

    /// A command of the backend's own.
    fn raw(&self, command: &str, args: &[&[u8]]) -> Reply<Raw>;

    /// Releases entries and connections. Called once at most.
    fn close(&self) -> Reply<()>;

    /// Adds a plugin that wants to hear of the backend's own [events](crate::events): removed entries, connections. Called once for each
    /// such plugin of a cache on the backend. By default a backend has no events. One that has them keeps
    /// [`Listeners`](crate::events::Listeners); a wrapper hands the listener on, and may tell it events of its own.
    fn listen(&self, listener: Listener) {
        let _ = listener;
    }

    /// The tags that were cleared, where the backend keeps them in this process: for one whose entries only this process can have, and
    /// which are there as long as the list is. By default `None`: then the generations of tags are entries of the backend. A wrapper passes
    /// it on if all entries are the inner backend's.
    fn clears(&self) -> Option<Arc<Clears>> {
        None
    }

    /// Whether `get` marks what is a hit by the TTL and by `clears`, for a cache that is directly on it. A wrapper doesn't pass it on,
    /// since it might keep a value until that is no hit any more.
    #[doc(hidden)]
    fn marks_hits(&self) -> bool {
        false
    }

    /// A second handle on the same entries, whose writes also end leases, at no round trip of their own: each `set`, `multi_set`,
    /// `increment`, `expire`, `delete` and `multi_delete` ends the [lease](Key::lease) on each of its keys. So a value that was computed
    /// before the write, under a lease, isn't stored after it. Where a `set` under a lease [looks](Capabilities::checks_leases) at the
    /// lease, it is enough to delete the lease's entry before the key is written. Counts and answers are about the keys alone.
    ///
    /// `holder` tells leases that need not be waited for.
    ///
    /// `None`, by default, if a backend can't do this: then the cache ends the leases itself, which takes a round trip more, and has
    /// leases only if it is told to. A wrapper wraps the handle of its inner backend; [`forward!`] tells how.
    fn ending_leases(&self, holder: &Holder) -> Option<Arc<dyn Backend>> {
        let _ = holder;
        None
    }
    /// A second handle on the same entries, whose reads (`get`, `look`, `multi_get`) are tracked: `tracker` hears when an entry that was
    /// read may have changed since. For a near cache.
    ///
    /// The handle has connections of its own, which tell of changes in their order among the answers; whoever writes by the handle hears
    /// of its own writes too, once they are done. All else is shared, listeners too. [`close`](Self::close) ends the handle's connections
    /// alone, and so does dropping it.
    ///
    /// `None`, by default, if a backend can't do this. A wrapper wraps the handle of its inner backend, unless some of its answers come
    /// from elsewhere; [`forward!`] never passes it on.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) if the backend could, but for its settings.
    fn tracked(&self, tracker: Arc<dyn Tracker>) -> Result<Option<Arc<dyn Backend>>> {
        let _ = tracker;
        Ok(None)
    }
}
