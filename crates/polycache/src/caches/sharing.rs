//! One backend for all aliases on the same server.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::backend::{self, Backend, Holder, Tracker};
use crate::{Reply, Result};

/// The backends in use on servers, by the settings that they were made of.
#[derive(Default)]
pub(super) struct Servers(Mutex<BTreeMap<String, Weak<Server>>>);

/// A backend, and how many caches use it.
struct Server {
    backend: Arc<dyn Backend>,
    users: AtomicUsize,
}

/// A cache's part in a backend. Closing the last cache closes the backend; without any cache the backend is dropped.
struct Part {
    server: Arc<Server>,
    left: AtomicBool,
}

impl Servers {
    /// A part in an earlier backend with the same settings, or in `made`.
    pub(super) fn share(&self, made_of: String, made: Arc<dyn Backend>) -> Arc<dyn Backend> {
        let mut servers = self.0.lock();
        servers.retain(|_, server| server.strong_count() > 0);
        if let Some(part) = servers.get(&made_of).and_then(Weak::upgrade).and_then(Part::of) {
            return Arc::new(part);
        }
        let server = Arc::new(Server { backend: made, users: AtomicUsize::new(1) });
        servers.insert(made_of, Arc::downgrade(&server));
        Arc::new(Part { server, left: AtomicBool::new(false) })
    }
}

impl Part {
    /// `None` if the last user has left.
    fn of(server: Arc<Server>) -> Option<Self> {
        let more = |users: usize| (users > 0).then(|| users + 1);
        server.users.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        Some(Self { server, left: AtomicBool::new(false) })
    }

    /// Leaves the backend, once. Returns whether nobody uses it any more.
    fn leave(&self) -> bool {
        !self.left.swap(true, Ordering::AcqRel) && self.server.users.fetch_sub(1, Ordering::AcqRel) == 1
    }
}

impl Backend for Part {
    backend::forward!(self.server.backend, all but [close]);

    fn close(&self) -> Reply<()> {
        if self.leave() { self.server.backend.close() } else { Reply::ready(()) }
    }

    fn ending_leases(&self, holder: &Holder) -> Option<Arc<dyn Backend>> {
        self.server.backend.ending_leases(holder)
    }

    fn tracked(&self, tracker: Arc<dyn Tracker>) -> Result<Option<Arc<dyn Backend>>> {
        self.server.backend.tracked(tracker)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.leave();
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.server.backend.fmt(f)
    }
}
