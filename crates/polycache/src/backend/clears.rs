//! The tags that were cleared, of a backend in this process.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use compact_str::CompactString;

use crate::{Head, Value};

/// How many cleared tags are known by name in either half.
const HALF: usize = 1 << 17;

/// The tags that were cleared, and when, of a [backend](super::Backend::clears) that only this process uses.
///
/// Time is a count of all clears. The tags of an entry have the count from when its computation began; a tag is cleared by noting the next
/// count. About a quarter of a million cleared tags are known by name, and at least half as many. An entry from before those counts as
/// cleared.
#[derive(Debug, Default)]
pub struct Clears {
    count: AtomicU64,
    /// Whether an entry may have tags.
    used: AtomicBool,
    known: RwLock<Known>,
}

/// The clears that are known by name.
#[derive(Debug, Default)]
struct Known {
    young: HashMap<CompactString, u64, foldhash::fast::RandomState>,
    old: HashMap<CompactString, u64, foldhash::fast::RandomState>,
    /// The first counts in `young` and in `old`. What is older than `old` is forgotten.
    young_since: u64,
    old_since: u64,
}

impl Clears {
    /// None so far.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The generation of every tag, for a computation that begins now.
    pub(crate) fn now(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    /// Nothing weaker than sequentially consistent: who clears has written to the source before it looks, and who computes reads the source
    /// after it has said so.
    pub(crate) fn is_used(&self) -> bool {
        self.used.load(Ordering::SeqCst)
    }

    pub(crate) fn uses(&self) {
        if !self.is_used() {
            self.used.store(true, Ordering::SeqCst);
        }
    }

    /// Clears a tag.
    pub(crate) fn clear(&self, tag: &str) {
        if !self.is_used() {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let count = self.count.load(Ordering::Acquire) + 1;
        if known.young.len() >= HALF {
            known.old = std::mem::take(&mut known.young);
            known.old_since = known.young_since;
            known.young_since = count;
        }
        known.young.insert(CompactString::new(tag), count);
        self.count.store(count, Ordering::Release);
    }

    /// Whether none of the value's tags was cleared since its computation began.
    pub(crate) fn spare(&self, value: &Value) -> bool {
        let Some(head) = value.head() else { return true };
        let Some((oldest, newest)) = head.generations() else { return !head.is_tagged() };
        // A generation that isn't a count is from a wrapper which doesn't pass these clears on.
        if newest >> 63 != 0 {
            return false;
        }
        if oldest >= self.now() {
            return true;
        }
        let spared = self.spare_by_name(&head);
        if let Some(count) = spared {
            value.spared_by(count);
        }
        spared.is_some()
    }

    /// The count up to which none of the tags was cleared since; `None` if one was.
    #[inline(never)]
    fn spare_by_name(&self, head: &Head<'_>) -> Option<u64> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let spared = head.tags().all(|(tag, generation)| {
            let cleared = known.young.get(tag).or_else(|| known.old.get(tag));
            // The entry knows of all clears before `old_since`, or can't tell.
            generation.saturating_add(1) >= known.old_since && cleared.is_none_or(|cleared| generation >= *cleared)
        });
        // While this lock is held nothing is cleared.
        spared.then(|| self.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Looked;

    fn tagged(tags: &[&str], generation: u64) -> Value {
        let head = tags.iter().fold(Head::new(), |head, tag| head.with_tag(tag, generation));
        Value::bytes(*b"v").with_head(&head)
    }

    #[test]
    fn a_clear_spares_what_began_after_it() {
        let clears = Clears::new();
        clears.uses();
        let before = tagged(&["a", "b"], clears.now());
        assert!(clears.spare(&before));
        clears.clear("c");
        assert!(clears.spare(&before));
        clears.clear("b");
        assert!(!clears.spare(&before));
        assert!(clears.spare(&tagged(&["a", "b"], clears.now())));
        assert!(clears.spare(&Value::bytes(*b"plain")));
    }

    #[test]
    fn an_object_that_was_spared_by_name_is_spared_by_its_count() {
        let clears = Clears::new();
        clears.uses();
        let object = Value::typed(1).with_head(&Head::new().with_tag("a", clears.now()));
        let is_spared_at_once = || {
            let mut spared = false;
            drop(object.hit(|validity| {
                spared = validity.since > clears.now();
                Looked::Nowhere
            }));
            spared
        };
        assert!(is_spared_at_once());
        clears.clear("b");
        assert!(!is_spared_at_once());
        assert!(clears.spare(&object) && is_spared_at_once());
        clears.clear("a");
        assert!(!is_spared_at_once() && !clears.spare(&object) && !is_spared_at_once());
    }

    #[test]
    fn a_generation_is_found_behind_every_field() {
        let second = std::time::Duration::from_secs(1);
        let heads = [
            Head::new(),
            Head::new().with_grace(second).with_rests(second).with_early(second),
            Head::new().with_born(std::time::SystemTime::now()).with_cost(second),
            Head::new().with_etag("v1").with_grace(second),
        ];
        for head in heads {
            assert_eq!(head.generations(), None);
            let tagged = head.with_tag("a", 300).with_tag("b", 2);
            assert_eq!(tagged.generations(), Some((2, 300)), "{tagged:?}");
        }
    }

    #[test]
    fn what_is_older_than_all_known_clears_is_gone() {
        let clears = Clears::new();
        clears.uses();
        let (first, mut rest) = (tagged(&["a"], clears.now()), 0..);
        let mut clear = |times: usize| {
            for number in rest.by_ref().take(times) {
                clears.clear(&format!("other {number}"));
            }
        };
        clear(HALF);
        assert!(clears.spare(&first));
        let second = tagged(&["a"], clears.now());
        clear(HALF);
        assert!(clears.spare(&first) && clears.spare(&second), "known by name");
        clear(1);
        assert!(!clears.spare(&first) && clears.spare(&second));
        assert!(!clears.spare(&tagged(&["other 5"], 3)));
    }
}
