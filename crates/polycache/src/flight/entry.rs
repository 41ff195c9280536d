//! One flight, as the table keeps it.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Waker;

use compact_str::CompactString;

use super::pulse::Pulse;
use super::sending::Sending;
use crate::backend::Permit;

/// The state of a flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// A leader computes.
    Led,
    /// The leader is gone, and a waiter has been woken to take over.
    Vacant,
    /// It is over. The entry stays while its value is on the way to the backend.
    Landed,
}

/// One flight.
pub(super) struct Entry {
    pub(super) hash: u64,
    pub(super) key: CompactString,
    pub(super) id: u64,
    /// Whether newcomers join it: until a write overtakes it or it lands.
    pub(super) current: bool,
    pub(super) phase: Phase,
    /// Its value on the way to the backend: writes have to wait for that.
    pub(super) sending: Option<Sending>,
    /// The tags that its value will have, in full, if they are known: whose clear doesn't touch it otherwise. `None` while it still reads.
    pub(super) tags: Option<Arc<[CompactString]>>,
    /// Whether a task of the runtime computes or stores it.
    pub(super) has_task: bool,
    /// The leader's permit to store.
    pub(super) permit: Permit,
    /// Shows whether anybody polls the leader. `None` until the leader has to wait.
    pub(super) pulse: Option<Arc<Pulse>>,
    /// The leader's type of [`Landing`](super::Landing).
    pub(super) kind: TypeId,
    /// The place where waiters of that type find the result. The first waiter makes it.
    pub(super) landing: Option<Arc<dyn Any + Send + Sync>>,
    /// The waiters for the result, the oldest first. One without a waker is about to look.
    pub(super) waiters: BTreeMap<u64, Option<Waker>>,
}

impl Entry {
    pub(super) fn new(hash: u64, key: &str, id: u64, kind: TypeId, permit: Permit) -> Self {
        Self {
            hash,
            key: CompactString::new(key),
            id,
            current: true,
            phase: Phase::Led,
            sending: None,
            tags: None,
            has_task: false,
            permit,
            pulse: None,
            kind,
            landing: None,
            waiters: BTreeMap::new(),
        }
    }

    /// A caller with this type of landing leads from now on. It computes after all writes so far, so its value may be stored.
    pub(super) fn take_over(&mut self, kind: TypeId) -> Permit {
        self.phase = Phase::Led;
        self.has_task = false;
        self.tags = None;
        self.permit = Permit::new();
        self.pulse = None;
        if self.kind != kind {
            self.kind = kind;
            // Those who wait for a result of the former type will read again.
            self.landing = None;
        }
        self.permit.clone()
    }

    /// The oldest waiter's waker; `None` if that waiter is about to look anyway.
    pub(super) fn wake_one(&mut self) -> Option<Waker> {
        self.waiters.first_entry().and_then(|mut first| first.get_mut().take())
    }

    pub(super) fn wake_all(&mut self) -> Vec<Waker> {
        if self.waiters.is_empty() {
            return Vec::new();
        }
        std::mem::take(&mut self.waiters).into_values().flatten().collect()
    }

    /// Whether nobody has a part in it any more.
    pub(super) fn is_over(&self) -> bool {
        let abandoned = self.phase == Phase::Vacant && self.waiters.is_empty();
        self.sending.is_none() && (abandoned || self.phase == Phase::Landed)
    }
}
