//! One flight, as the table keeps it.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Waker;

use compact_str::CompactString;

use super::fill::Fill;
use super::pulse::Pulse;
use crate::backend::Permit;

/// What becomes of a flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Somebody computes.
    Led,
    /// The leader is gone, and a waiter has been woken to take over.
    Vacant,
    /// It is over; the entry stays for a fill that is still under way.
    Landed,
}

/// One flight.
pub(super) struct Entry {
    pub(super) hash: u64,
    pub(super) key: CompactString,
    pub(super) id: u64,
    /// Whether newcomers join it: not once a write has overtaken it or it has landed.
    pub(super) current: bool,
    pub(super) phase: Phase,
    /// Its value on the way to the backend: writes have to wait for that.
    pub(super) fill: Option<Fill>,
    /// The leader's leave to store.
    pub(super) permit: Permit,
    /// By which it is seen whether anybody polls the leader, once that has waited.
    pub(super) pulse: Option<Arc<Pulse>>,
    /// The leader's type of [`Landing`](super::Landing).
    pub(super) kind: TypeId,
    /// Where waiters of that type find the result. Made by the first of them.
    pub(super) landing: Option<Arc<dyn Any + Send + Sync>>,
    /// Those who wait for the result, the oldest first. Without a waker: it is about to look.
    pub(super) waiters: BTreeMap<u64, Option<Waker>>,
}

impl Entry {
    pub(super) fn new(hash: u64, key: &str, id: u64, kind: TypeId) -> Self {
        Self {
            hash,
            key: CompactString::new(key),
            id,
            current: true,
            phase: Phase::Led,
            fill: None,
            permit: Permit::new(),
            pulse: None,
            kind,
            landing: None,
            waiters: BTreeMap::new(),
        }
    }

    /// Somebody of this type leads from now on. Its value is computed after every write so far, so it may be stored.
    pub(super) fn take_over(&mut self, kind: TypeId) -> Permit {
        self.phase = Phase::Led;
        self.permit = Permit::new();
        self.pulse = None;
        if self.kind != kind {
            self.kind = kind;
            // Those who wait for the former type will read again.
            self.landing = None;
        }
        self.permit.clone()
    }

    /// The oldest waiter's waker; none where it is about to look anyway.
    pub(super) fn wake_one(&mut self) -> Option<Waker> {
        self.waiters.first_entry().and_then(|mut first| first.get_mut().take())
    }

    pub(super) fn wake_all(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.waiters).into_values().flatten().collect()
    }

    /// Whether nobody has a part in it any more.
    pub(super) fn is_over(&self) -> bool {
        let abandoned = self.phase == Phase::Vacant && self.waiters.is_empty();
        self.fill.is_none() && (abandoned || self.phase == Phase::Landed)
    }
}
