//! The flights of one shard: every step is a plain function under the shard's lock.
//!
//! A step runs no foreign code: it gets wakers as clones, and returns those to wake or drop.

use std::any::{Any, TypeId};
use std::sync::Arc;
use std::task::Waker;

use compact_str::CompactString;
use hashbrown::HashTable;

use super::Spot;
use super::entry::{Entry, Phase};
use super::pulse::Pulse;
use super::sending::Sending;
use super::watch::Awaited;
use crate::backend::Permit;

/// A table that has grown beyond this is freed when it is empty.
const KEPT_CAPACITY: usize = 1_024;

#[derive(Default)]
pub(super) struct Table {
    /// A key has one current flight at most, and any number of overtaken ones.
    entries: HashTable<Entry>,
    next: u64,
    /// How many flights have landed.
    pub(super) landings: u64,
    /// The permit of a flight that is over: the next flight reuses its allocation.
    spare: Option<Permit>,
}

/// A newcomer's part.
pub(super) enum Joined {
    Leads { id: u64, permit: Permit, landings: u64 },
    Waits { id: u64, ticket: u64, landing: Option<Arc<dyn Any + Send + Sync>> },
}

/// The result of a waiter's look.
pub(super) enum Look {
    /// No result yet. `first` tells whether it is the oldest waiter.
    Nothing { first: bool },
    /// The waiter leads from now on.
    Leads(Permit),
    /// The flight is gone, or was overtaken without a result.
    Gone,
}

/// Whether a value may be sent.
pub(super) enum Start {
    /// It may be sent. From now on writes wait for its end.
    Now,
    /// Another value for the same key is under way; its end comes first.
    After(Sending),
    /// A write has overtaken the flight.
    Never,
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Joins the current flight of `key`, or starts one. `fresh` makes the landing that the first waiter needs.
    pub(super) fn join(
        &mut self,
        hash: u64,
        key: &str,
        kind: TypeId,
        fresh: impl FnOnce() -> Arc<dyn Any + Send + Sync>,
    ) -> Joined {
        let landings = self.landings;
        let Some(entry) = self.entries.find_mut(hash, |entry| entry.current && entry.key == key) else {
            let (id, permit) = self.start(hash, key, kind);
            return Joined::Leads { id, permit, landings };
        };
        if entry.phase == Phase::Vacant {
            return Joined::Leads { id: entry.id, permit: entry.take_over(kind), landings };
        }
        let ticket = self.next;
        self.next += 1;
        entry.waiters.insert(ticket, None);
        let landing = (entry.kind == kind).then(|| Arc::clone(entry.landing.get_or_insert_with(fresh)));
        Joined::Waits { id: entry.id, ticket, landing }
    }

    /// Starts a flight of `key`, unless it has a current one.
    pub(super) fn try_start(&mut self, hash: u64, key: &str, kind: TypeId) -> Option<(u64, Permit)> {
        let current = self.entries.find(hash, |entry| entry.current && entry.key == key);
        current.is_none().then(|| self.start(hash, key, kind))
    }

    /// Starts a flight of `key`, which has no current one.
    pub(super) fn start(&mut self, hash: u64, key: &str, kind: TypeId) -> (u64, Permit) {
        let id = self.next;
        self.next += 1;
        let permit = self.spare.take().unwrap_or_default();
        let entry = Entry::new(hash, key, id, kind, permit.clone());
        self.entries.insert_unique(hash, entry, |entry| entry.hash);
        (id, permit)
    }

    /// A waiter looks whether it has to lead. If not, it leaves `waker` in exchange for its former one.
    pub(super) fn look(&mut self, spot: Spot, ticket: u64, kind: TypeId, waker: &mut Option<Waker>) -> Look {
        match self.find(spot) {
            Some(entry) if entry.phase == Phase::Vacant => {
                entry.waiters.remove(&ticket);
                Look::Leads(entry.take_over(kind))
            }
            Some(entry) if entry.phase == Phase::Led => {
                *waker = entry.waiters.insert(ticket, waker.take()).flatten();
                Look::Nothing { first: entry.waiters.first_key_value().is_some_and(|(first, _)| *first == ticket) }
            }
            _ => Look::Gone,
        }
    }

    /// Sets the leader's pulse. Returns the former one, to be dropped outside of the lock.
    pub(super) fn attend(&mut self, spot: Spot, pulse: Arc<Pulse>) -> Option<Arc<Pulse>> {
        self.find(spot)?.pulse.replace(pulse)
    }

    /// A task of the runtime computes or stores this flight's value.
    pub(super) fn has_task(&mut self, spot: Spot) {
        if let Some(entry) = self.find(spot) {
            entry.has_task = true;
        }
    }

    /// The keys for which tasks are under way.
    pub(super) fn tasks(&self) -> Vec<String> {
        self.entries.iter().filter(|entry| entry.has_task).map(|entry| entry.key.to_string()).collect()
    }

    /// The flights that somebody waits for, with all that the watch needs of each.
    pub(super) fn awaited(&self) -> Vec<Awaited> {
        let awaited = |entry: &Entry| {
            let spot = Spot { hash: entry.hash, id: entry.id };
            match (entry.phase, &entry.sending, &entry.pulse) {
                (_, Some(sending), _) => Some(Awaited::Sent(sending.clone())),
                (Phase::Led, None, Some(pulse)) => Some(Awaited::Led(spot, Arc::clone(pulse))),
                (Phase::Vacant, None, _) => Some(Awaited::Vacant(spot)),
                _ => None,
            }
        };
        self.entries.iter().filter(|entry| !entry.waiters.is_empty()).filter_map(awaited).collect()
    }

    /// Wakes all waiters: the first to look takes the flight over.
    pub(super) fn wake_all(&mut self, spot: Spot) -> Vec<Waker> {
        let waiters = self.find(spot).map(|entry| entry.waiters.values_mut());
        waiters.into_iter().flatten().filter_map(Option::take).collect()
    }

    /// Ends a flight whose leader nobody polls: it has no result, and its value won't be stored. Returns the wakers to wake.
    pub(super) fn forsake(&mut self, spot: Spot) -> Vec<Waker> {
        let Some(entry) = self.find(spot) else {
            return Vec::new();
        };
        overtake(entry);
        entry.phase = Phase::Landed;
        let woken = entry.wake_all();
        self.tidy(spot);
        woken
    }

    /// A waiter leaves. Returns its waker, and the waker of the waiter that has to look in its place.
    pub(super) fn leave(&mut self, spot: Spot, ticket: u64) -> [Option<Waker>; 2] {
        let Some(entry) = self.find(spot) else {
            return [None, None];
        };
        let own = entry.waiters.remove(&ticket).flatten();
        let next = if entry.phase == Phase::Vacant { entry.wake_one() } else { None };
        self.tidy(spot);
        [own, next]
    }

    /// How many callers wait.
    pub(super) fn waiting(&mut self, spot: Spot) -> usize {
        self.find(spot).map_or(0, |entry| entry.waiters.len())
    }

    /// Lands a flight whose result nobody waits for: newcomers start another one. Returns the wakers to wake. If somebody waits for the
    /// result, this does nothing and returns `None`.
    pub(super) fn land_unawaited(&mut self, spot: Spot) -> Option<Vec<Waker>> {
        let Ok(mut found) = self.entries.find_entry(spot.hash, |entry| entry.id == spot.id) else {
            self.landings += 1;
            return Some(Vec::new());
        };
        let entry = found.get_mut();
        if entry.landing.is_some() {
            return None;
        }
        self.landings += 1;
        // The wakers of callers that wait for a result of another type.
        let wakers = entry.wake_all();
        if entry.sending.is_some() {
            entry.phase = Phase::Landed;
            entry.current = false;
        } else {
            self.spare = found.remove().0.permit.renewed();
            self.shrink();
        }
        Some(wakers)
    }

    /// Lands a flight: newcomers start another one. Returns the place for its result, and the wakers to wake.
    pub(super) fn land(&mut self, spot: Spot) -> (Option<Arc<dyn Any + Send + Sync>>, Vec<Waker>) {
        self.landings += 1;
        let Some(entry) = self.find(spot) else {
            return (None, Vec::new());
        };
        let landed = (entry.landing.take(), entry.wake_all());
        entry.phase = Phase::Landed;
        entry.current = false;
        self.tidy(spot);
        landed
    }

    /// The leader is gone without a result. Returns the wakers to wake: one waiter, to take over; or all, to start again, if a write has
    /// overtaken the flight.
    pub(super) fn vacate(&mut self, spot: Spot) -> Vec<Waker> {
        let Some(entry) = self.find(spot) else {
            return Vec::new();
        };
        let woken = if entry.current {
            entry.phase = Phase::Vacant;
            entry.wake_one().into_iter().collect()
        } else {
            entry.phase = Phase::Landed;
            entry.wake_all()
        };
        self.tidy(spot);
        woken
    }

    /// Overtakes the flights of this key: newcomers don't join them, and their values aren't stored.
    pub(super) fn overtake(&mut self, hash: u64, key: &str) -> Vec<Waker> {
        let mut vacant = None;
        for entry in self.entries.iter_hash_mut(hash).filter(|entry| entry.key == key) {
            vacant = vacant.or(overtake(entry));
        }
        vacant.map_or_else(Vec::new, |spot| self.vacate(spot))
    }

    /// Overtakes the flights of all keys for which `included` is true.
    pub(super) fn overtake_all(&mut self, included: impl Fn(&str) -> bool) -> Vec<Waker> {
        let entries = self.entries.iter_mut().filter(|entry| included(&entry.key));
        let vacant: Vec<Spot> = entries.filter_map(overtake).collect();
        vacant.into_iter().flat_map(|spot| self.vacate(spot)).collect()
    }

    /// Keeps newcomers from the flights of all keys for which `included` is true and whose value may have this tag, since it may be older
    /// than the clear of the tag. Those who wait get it, and it is stored: its head tells that it's cleared.
    pub(super) fn hide(&mut self, tag: &str, included: impl Fn(&str) -> bool) -> Vec<Waker> {
        let has_tag = |entry: &Entry| entry.tags.as_ref().is_none_or(|tags| tags.iter().any(|known| known == tag));
        let mut vacant = Vec::new();
        for entry in self.entries.iter_mut().filter(|entry| included(&entry.key) && has_tag(entry)) {
            entry.current = false;
            if entry.phase == Phase::Vacant {
                vacant.push(Spot { hash: entry.hash, id: entry.id });
            }
        }
        vacant.into_iter().flat_map(|spot| self.vacate(spot)).collect()
    }

    /// The flight's leader computes a value with these tags.
    pub(super) fn has_tags(&mut self, spot: Spot, tags: Arc<[CompactString]>) {
        if let Some(entry) = self.find(spot) {
            entry.tags = Some(tags);
        }
    }

    /// The value for this key that is on its way to the backend, if one is.
    pub(super) fn sending(&self, hash: u64, key: &str) -> Option<Sending> {
        self.entries.iter_hash(hash).filter(|entry| entry.key == key).find_map(|entry| entry.sending.clone())
    }

    /// The values on their way for all keys for which `included` is true.
    pub(super) fn sendings(&self, included: impl Fn(&str) -> bool) -> Vec<Sending> {
        self.entries.iter().filter(|entry| included(&entry.key)).filter_map(|entry| entry.sending.clone()).collect()
    }

    /// A leader wants to send its value to the backend.
    pub(super) fn start_sending(&mut self, spot: Spot, sending: &Sending) -> Start {
        let Some(entry) = self.find(spot).filter(|entry| entry.permit.holds()) else {
            return Start::Never;
        };
        let key = entry.key.clone();
        if let Some(other) = self.sending(spot.hash, &key) {
            return Start::After(other);
        }
        if let Some(entry) = self.find(spot) {
            entry.sending = Some(sending.clone());
        }
        Start::Now
    }

    /// The value was stored, or refused. Returns the sending, to be dropped outside of the lock.
    pub(super) fn end_sending(&mut self, spot: Spot) -> Option<Sending> {
        let sending = self.find(spot)?.sending.take();
        self.tidy(spot);
        sending
    }

    fn find(&mut self, spot: Spot) -> Option<&mut Entry> {
        self.entries.find_mut(spot.hash, |entry| entry.id == spot.id)
    }

    /// Removes the entry if it is over. Then it holds no wakers, and no foreign values.
    fn tidy(&mut self, spot: Spot) {
        let over = |entry: &Entry| entry.id == spot.id && entry.is_over();
        if let Ok(entry) = self.entries.find_entry(spot.hash, over) {
            entry.remove();
        }
        self.shrink();
    }

    fn shrink(&mut self) {
        if self.entries.is_empty() && self.entries.capacity() > KEPT_CAPACITY {
            self.entries = HashTable::new();
        }
    }
}

/// Overtakes one flight. Returns its spot if it is vacant: then nobody takes it over any more, and it must end.
fn overtake(entry: &mut Entry) -> Option<Spot> {
    entry.permit.withdraw();
    entry.current = false;
    (entry.phase == Phase::Vacant).then_some(Spot { hash: entry.hash, id: entry.id })
}
