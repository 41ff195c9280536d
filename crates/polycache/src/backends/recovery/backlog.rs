//! The keys that couldn't be deleted yet.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use compact_str::CompactString;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::backend::{Backend, Key};
use crate::lease::{is_of_all_tags, is_of_one_tag};

/// How many keys are deleted in one call.
const BATCH: usize = 128;

/// The keys and prefixes whose entries may be older than the last write.
pub(super) struct Backlog {
    pub(super) backend: Arc<dyn Backend>,
    /// The handle that also ends leases, once there is one: no value computed before the lost write may be stored after the deletion.
    pub(super) ending: Mutex<Option<Arc<dyn Backend>>>,
    max_pending: usize,
    /// Whether anything is pending. If not, calls look at nothing else.
    is_pending: AtomicBool,
    state: Mutex<State>,
    /// Wakes writers who wait for somebody else's deletion.
    pub(super) changed: Notify,
    /// Notified when the backend has answered somebody.
    pub(super) answered: Notify,
}

#[derive(Default)]
struct State {
    keys: HashMap<CompactString, Mark>,
    prefixes: HashMap<CompactString, Mark>,
    /// How many writes have been remembered.
    number: u64,
    /// How many writes can't be made up for.
    lost: u64,
    /// Whether a task deletes.
    has_task: bool,
}

struct Mark {
    /// The number of the last lost write. A key whose number grows during its deletion is deleted once more.
    number: u64,
    /// Whether somebody is deleting the key or prefix.
    is_busy: bool,
    /// The length of a key's namespace with its separator.
    prefix_len: usize,
    /// How many keys only their namespace's mark stands for.
    folded: u64,
}

/// A write that may not have been done.
#[derive(Debug, Clone)]
pub(in crate::backends) enum Lost {
    Key(CompactString, usize),
    Keys(Vec<(CompactString, usize)>),
    Prefix(CompactString),
}

impl Lost {
    pub(in crate::backends) fn key(key: Key<'_>) -> Self {
        Self::Key(CompactString::new(key.full()), prefix_len(key))
    }

    pub(in crate::backends) fn prefix(prefix: &str) -> Self {
        Self::Prefix(CompactString::new(prefix))
    }

    pub(in crate::backends) fn keys<'a>(keys: impl IntoIterator<Item = Key<'a>>) -> Self {
        Self::Keys(keys.into_iter().map(|key| (CompactString::new(key.full()), prefix_len(key))).collect())
    }
}

fn prefix_len(key: Key<'_>) -> usize {
    key.full().len() - key.name().len()
}

/// The keys that are still to be deleted; see [`Recovery::pending`](super::Recovery::pending).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pending {
    /// Full keys that are still to be deleted.
    pub keys: Vec<String>,
    /// Prefixes of keys that are still to be cleared: namespaces with their separators.
    pub prefixes: Vec<String>,
    /// How many lost writes, since the beginning, could not be remembered: entries under their keys may be stale until they expire.
    pub lost: u64,
}

/// Keys and prefixes that one deleter alone deletes. They stay pending if this is dropped before `is_done`.
pub(super) struct Claim {
    backlog: Arc<Backlog>,
    pub(super) keys: Vec<(CompactString, u64)>,
    pub(super) prefixes: Vec<(CompactString, u64)>,
    /// The prefixes whose clear was refused.
    pub(super) refused: Vec<CompactString>,
    pub(super) is_done: bool,
}

/// A deleter's next step.
pub(super) enum Work {
    Nothing,
    /// Others are deleting all of it.
    Busy,
    Some(Claim),
}

impl Backlog {
    pub(super) fn new(backend: Arc<dyn Backend>, max_pending: usize) -> Self {
        Self {
            backend,
            ending: Mutex::default(),
            max_pending,
            is_pending: AtomicBool::new(false),
            state: Mutex::default(),
            changed: Notify::new(),
            answered: Notify::new(),
        }
    }

    /// Whether nothing is pending.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        !self.is_pending.load(Ordering::Acquire)
    }

    /// Whether the entry under this key may be older than the last write.
    pub(super) fn covers(&self, full: &str) -> bool {
        !self.is_empty() && self.state.lock().covers(full)
    }

    /// Whether a write to this key has to wait for deletions: of its own entry, or of what has to go before.
    pub(super) fn holds_up(&self, full: &str) -> bool {
        !self.is_empty() && self.state.lock().holds_up(full)
    }

    pub(super) fn pending(&self) -> Pending {
        let state = self.state.lock();
        let texts = |map: &HashMap<CompactString, Mark>| {
            let mut texts: Vec<String> = map.keys().map(|text| text.as_str().to_owned()).collect();
            texts.sort_unstable();
            texts
        };
        Pending { keys: texts(&state.keys), prefixes: texts(&state.prefixes), lost: state.lost }
    }

    /// Gives up all that is pending, and returns it.
    pub(super) fn forget(&self) -> Pending {
        let pending = self.pending();
        let mut state = self.state.lock();
        state.keys.clear();
        state.prefixes.clear();
        self.note(&state);
        pending
    }

    /// Remembers a write. Returns `false` if there is no room left.
    pub(super) fn remember(&self, lost: &Lost) -> bool {
        let mut state = self.state.lock();
        let kept = match lost {
            Lost::Key(full, prefix_len) => state.add(full, *prefix_len, self.max_pending),
            // Each key for itself, also after one without room.
            Lost::Keys(keys) => keys
                .iter()
                .fold(true, |kept, (full, prefix_len)| state.add(full, *prefix_len, self.max_pending) && kept),
            Lost::Prefix(prefix) => state.add_prefix(prefix, self.max_pending),
        };
        self.note(&state);
        kept
    }

    /// Claims all that is pending for these keys.
    pub(super) fn claim_for(self: &Arc<Self>, keys: &[CompactString]) -> Work {
        self.claim(|state| {
            let mut of_keys = state.in_order(keys.to_vec());
            of_keys.retain(|key| state.keys.contains_key(key));
            let is_over = |prefix: &str| keys.iter().any(|key| key.starts_with(prefix));
            (of_keys, state.prefixes.keys().filter(|prefix| is_over(prefix)).cloned().collect())
        })
    }

    /// Claims a prefix, or else some keys.
    pub(super) fn claim_some(self: &Arc<Self>) -> Work {
        self.claim(|state| {
            let free = |(text, mark): (&CompactString, &Mark)| (!mark.is_busy).then(|| text.clone());
            let prefix: Vec<CompactString> = state.prefixes.iter().filter_map(free).take(1).collect();
            if prefix.is_empty() {
                (state.in_order(state.keys.iter().filter_map(free).take(BATCH).collect()), prefix)
            } else {
                (Vec::new(), prefix)
            }
        })
    }

    fn claim(self: &Arc<Self>, choose: impl FnOnce(&State) -> (Vec<CompactString>, Vec<CompactString>)) -> Work {
        let mut state = self.state.lock();
        let (keys, prefixes) = choose(&state);
        if keys.is_empty() && prefixes.is_empty() {
            return if state.is_empty() { Work::Nothing } else { Work::Busy };
        }
        let take = |map: &mut HashMap<CompactString, Mark>, texts: Vec<CompactString>| {
            let free = texts.into_iter().filter_map(|text| {
                let mark = map.get_mut(&text).filter(|mark| !mark.is_busy)?;
                mark.is_busy = true;
                Some((text, mark.number))
            });
            free.collect::<Vec<_>>()
        };
        let (keys, prefixes) = (take(&mut state.keys, keys), take(&mut state.prefixes, prefixes));
        if keys.is_empty() && prefixes.is_empty() {
            return Work::Busy;
        }
        Work::Some(Claim { backlog: Arc::clone(self), keys, prefixes, refused: Vec::new(), is_done: false })
    }

    /// Whether the caller is to start a task. The backlog counts it as started.
    pub(super) fn wants_task(&self) -> bool {
        let mut state = self.state.lock();
        let wants = !state.has_task && !state.is_empty();
        state.has_task |= wants;
        wants
    }

    /// Ends the task. Returns `false`, and goes on, if there is more to do.
    pub(super) fn end_task(&self) -> bool {
        let mut state = self.state.lock();
        state.has_task = !state.is_empty();
        !state.has_task
    }

    /// The task was dropped.
    pub(super) fn lose_task(&self) {
        self.state.lock().has_task = false;
    }

    fn note(&self, state: &State) {
        self.is_pending.store(!state.is_empty(), Ordering::Release);
    }
}

impl State {
    fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.prefixes.is_empty()
    }

    fn covers(&self, full: &str) -> bool {
        self.keys.contains_key(full) || self.prefixes.keys().any(|prefix| full.starts_with(prefix.as_str()))
    }

    fn holds_up(&self, full: &str) -> bool {
        self.covers(full) || (is_of_one_tag(full) && self.keys.keys().any(|key| is_of_all_tags(key)))
    }

    /// What to delete of these keys. A tag's generation ends behind the one that every clear ends, or else a value of unknown tags that was
    /// computed before the clear could be stored in between. So while one of those is pending, they take the place of the tags.
    fn in_order(&self, mut keys: Vec<CompactString>) -> Vec<CompactString> {
        if keys.iter().any(|key| is_of_one_tag(key)) {
            let first: Vec<CompactString> = self.keys.keys().filter(|key| is_of_all_tags(key)).cloned().collect();
            if !first.is_empty() {
                keys.retain(|key| !is_of_one_tag(key) && !is_of_all_tags(key));
                keys.extend(first);
            }
        }
        keys
    }

    fn next(&mut self, prefix_len: usize) -> Mark {
        self.number += 1;
        Mark { number: self.number, is_busy: false, prefix_len, folded: 0 }
    }

    fn add(&mut self, full: &CompactString, prefix_len: usize, max: usize) -> bool {
        let mark = self.next(prefix_len);
        // Where there is room, also a key whose namespace is to be cleared: the clear may be refused.
        let has_room = self.len() < max || self.keys.contains_key(full);
        let over = self.prefixes.iter_mut().find(|(prefix, _)| full.starts_with(prefix.as_str()));
        if let (Some((_, over)), false) = (over, has_room) {
            // If the clear is under way, the new number has the namespace cleared again.
            over.number = mark.number;
            over.folded += 1;
            return true;
        }
        if let Some(present) = self.keys.get_mut(full) {
            present.number = mark.number;
            return true;
        }
        if self.len() >= max {
            self.collapse();
            let prefix = full.get(..prefix_len).unwrap_or_default();
            if let Some(over) = self.prefixes.get_mut(prefix) {
                over.number = mark.number;
                over.folded += 1;
                return true;
            }
        }
        if self.len() >= max {
            self.lost += 1;
            return false;
        }
        self.keys.insert(full.clone(), mark);
        true
    }

    fn add_prefix(&mut self, prefix: &CompactString, max: usize) -> bool {
        let mark = self.next(0);
        if let Some(present) = self.prefixes.get_mut(prefix) {
            present.number = mark.number;
            return true;
        }
        if self.len() >= max {
            self.collapse();
        }
        if self.len() >= max {
            self.lost += 1;
            return false;
        }
        self.prefixes.insert(prefix.clone(), mark);
        true
    }

    /// Namespaces take less room than their keys.
    fn collapse(&mut self) {
        let mut prefixes = Vec::new();
        // Keys that somebody is deleting stay, and keys without a namespace.
        self.keys.retain(|key, mark| {
            let stays = mark.is_busy || mark.prefix_len == 0;
            if !stays {
                prefixes.extend(key.get(..mark.prefix_len).map(|prefix| (CompactString::new(prefix), mark.number)));
            }
            stays
        });
        for (prefix, number) in prefixes {
            let over = self.prefixes.entry(prefix).or_insert(Mark { number, is_busy: false, prefix_len: 0, folded: 0 });
            over.number = over.number.max(number);
            over.folded += 1;
        }
    }

    fn len(&self) -> usize {
        self.keys.len() + self.prefixes.len()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut state = self.backlog.state.lock();
        let State { keys, prefixes, lost, .. } = &mut *state;
        for (map, claimed) in [(keys, &self.keys), (prefixes, &self.prefixes)] {
            for (text, number) in claimed {
                if self.is_done && map.get(text).is_some_and(|mark| mark.number == *number) {
                    let folded = map.remove(text).map_or(0, |mark| mark.folded);
                    *lost += if self.refused.contains(text) { folded } else { 0 };
                } else if let Some(mark) = map.get_mut(text) {
                    mark.is_busy = false;
                }
            }
        }
        self.backlog.note(&state);
        drop(state);
        self.backlog.changed.notify_waiters();
    }
}

impl Drop for Backlog {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        if !state.is_empty() {
            tracing::warn!(
                backend = &*self.backend.info().name,
                keys = state.keys.len(),
                prefixes = state.prefixes.len(),
                "lost writes are forgotten: their keys may hold stale values until they expire"
            );
        }
    }
}
