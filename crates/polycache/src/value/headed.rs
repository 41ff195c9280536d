//! Live objects with a head, and who has looked at the head of a value that was read.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{Head, Repr, Value};

/// A live object with a head. What each hit asks of the head is read once.
pub(super) struct HeadedObject {
    head: Box<[u8]>,
    object: Value,
    validity: Validity,
    /// See [`Validity::since`]: later, once the tags were compared by name.
    since: AtomicU64,
}

/// What a store asks of the head of an entry to give it as a hit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Validity {
    /// As long as its TTL isn't over, it lives for at least so many milliseconds; zero without a grace.
    pub(crate) fresh: u64,
    /// The same as long as it isn't to be refreshed early.
    pub(crate) calm: u64,
    /// None of its tags was cleared by the clears before this one; [`u64::MAX`] without tags, zero where counts don't tell.
    pub(crate) since: u64,
}

/// Who has looked whether a value that was just read is stale or has a tag that was cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Looked {
    Nowhere,
    /// A cache, at its tags: none was cleared.
    Tags,
    /// The store that it was read from, at its tags, by the store's own clears, and at its TTL, which isn't over.
    Store,
    /// The same, and it isn't to be refreshed early.
    Calm,
}

impl Validity {
    fn of(head: &Head<'_>) -> Self {
        let more_than = |left: Option<Duration>| {
            left.map_or(0, |left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX).saturating_add(1))
        };
        let fresh = more_than(head.grace());
        let calm = fresh.max(more_than(head.early()));
        let since = match head.generations() {
            None if head.is_tagged() => 0,
            None => u64::MAX,
            // A generation that isn't a count is from a wrapper which doesn't pass the store's clears on.
            Some((_, newest)) if newest >> 63 != 0 => 0,
            Some((oldest, _)) => oldest + 1,
        };
        Self { fresh, calm, since }
    }
}

impl HeadedObject {
    pub(super) fn new(head: &Head<'_>, object: Value) -> Self {
        let validity = Validity::of(head);
        Self { head: head.as_bytes().into(), object, validity, since: AtomicU64::new(validity.since) }
    }

    pub(super) fn head(&self) -> Head<'_> {
        Head::known(&self.head)
    }

    pub(super) fn object(&self) -> &Value {
        &self.object
    }

    fn validity(&self) -> Validity {
        Validity { since: self.since.load(Ordering::Relaxed), ..self.validity }
    }
}

impl Value {
    /// A copy for a reader of the store, with the mark that `judge` gives. For a value without a head it isn't asked.
    #[inline]
    pub(crate) fn hit(&self, judge: impl FnOnce(Validity) -> Looked) -> Self {
        match &self.0 {
            Repr::Typed(_) | Repr::Bytes(_) => self.clone(),
            _ => self.hit_rare(judge),
        }
    }

    /// Apart, so that a hit of a value without a head is compiled into its reader.
    #[inline(never)]
    fn hit_rare(&self, judge: impl FnOnce(Validity) -> Looked) -> Self {
        match &self.0 {
            Repr::HeadedObject(headed, _) => Self(Repr::HeadedObject(Arc::clone(headed), judge(headed.validity()))),
            _ => match self.head() {
                Some(head) => self.clone().looked(judge(Validity::of(&head))),
                None => self.clone(),
            },
        }
    }

    /// Whether a store that marks its [hits](Self::hit) would say that this is one.
    pub(crate) fn is_hit(&self) -> bool {
        matches!(self.who_looked(), Looked::Store | Looked::Calm) || self.head().is_none()
    }

    /// Whether it would also say that it isn't to be refreshed early.
    pub(crate) fn is_calm_hit(&self) -> bool {
        self.who_looked() == Looked::Calm || self.head().is_none_or(|head| self.is_hit() && head.early().is_none())
    }

    fn who_looked(&self) -> Looked {
        match &self.0 {
            Repr::HeadedObject(_, by) | Repr::Decodable(_, by) => *by,
            Repr::Checked(_) => Looked::Tags,
            Repr::Hit(_) => Looked::Store,
            _ => Looked::Nowhere,
        }
    }

    /// The live object of a hit that its store has marked, if it is a `T`. With whether it has a grace.
    pub(crate) fn hit_ref<T: Any>(&self) -> Option<(&T, bool)> {
        match &self.0 {
            Repr::HeadedObject(headed, Looked::Store | Looked::Calm) => {
                Some((headed.object.plain_ref()?, headed.validity.fresh > 0))
            }
            _ => None,
        }
    }

    pub(super) fn looked(self, by: Looked) -> Self {
        Self(match self.0 {
            Repr::Headed(stored) | Repr::Checked(stored) | Repr::Hit(stored) => match by {
                Looked::Nowhere => Repr::Headed(stored),
                Looked::Tags => Repr::Checked(stored),
                // There is no room for more.
                Looked::Store | Looked::Calm => Repr::Hit(stored),
            },
            Repr::Decodable(decodable, _) => Repr::Decodable(decodable, by),
            Repr::HeadedObject(headed, _) => Repr::HeadedObject(headed, by),
            other => other,
        })
    }

    /// Whether it has tags, and no cache has looked yet whether one of them was cleared.
    pub(crate) fn is_tagged(&self) -> bool {
        self.who_looked() != Looked::Tags && self.head().is_some_and(|head| head.is_tagged())
    }

    /// The same after a look at its tags.
    pub(crate) fn checked(self) -> Self {
        self.looked(Looked::Tags)
    }

    /// Notes that none of its tags was cleared by the first `count` clears, for later hits.
    pub(crate) fn spared_by(&self, count: u64) {
        if let Repr::HeadedObject(headed, _) = &self.0 {
            headed.since.fetch_max(count + 1, Ordering::Relaxed);
        }
    }
}
