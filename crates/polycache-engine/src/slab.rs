//! The memory of entries: stable indices, growth without copying.

use std::sync::atomic::{AtomicU8, Ordering};

use compact_str::CompactString;

use crate::clock::NEVER;
use crate::layout::{Deadline, Layout, Quick};
use crate::removed::{Cause, Removed};

/// No entry.
pub(crate) const NIL: u32 = u32::MAX;

/// Slots that are allocated at once. Few, since every shard of every cache has at least one such piece. A table that grew by doubling would
/// stall the writer on which the copy falls.
const CHUNK: usize = 128;

/// The most slots: so that enough bits of an index word stay free for its part of the hash.
const MAX_SLOTS: u32 = 1 << 27;

/// The parts of an entry that a read touches: one cache line, if the value is three words.
#[derive(Debug)]
pub(crate) struct Slot<V, L: Layout = Quick> {
    pub(crate) key: CompactString,
    /// `None` in a free slot.
    pub(crate) value: Option<V>,
    /// Milliseconds on the engine's clock, or [`NEVER`]; or no place for it.
    pub(crate) deadline: L::Here,
    /// Reads since the clock hand last came by, up to [`MAX_REFERENCES`].
    pub(crate) references: AtomicU8,
    pub(crate) hot: bool,
    /// The wheel's list that holds the slot, or [`NO_LIST`](crate::wheel::NO_LIST).
    pub(crate) timer_list: u16,
    /// The upper half of the key's hash: its tag in the table. In a free slot, the next free one.
    pub(crate) tag: u32,
}

/// The parts of an entry that only writes touch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Links<L: Layout = Quick> {
    /// Neighbours in the ring of the eviction policy.
    pub(crate) prev: u32,
    pub(crate) next: u32,
    /// Neighbours in a list of the timing wheel.
    pub(crate) timer_prev: u32,
    pub(crate) timer_next: u32,
    /// The number of the write that made the value.
    pub(crate) version: u64,
    /// The deadline, if the slot has no place for it.
    pub(crate) deadline: L::Beside,
}

impl<L: Layout> Links<L> {
    const fn new(version: u64) -> Self {
        Self { prev: NIL, next: NIL, timer_prev: NIL, timer_next: NIL, version, deadline: L::Beside::EMPTY }
    }
}

/// Slots that begin at a cache line, so that none of 64 bytes is in two.
#[derive(Debug)]
#[repr(align(64))]
struct Slots<V, L: Layout>([Slot<V, L>; CHUNK]);

/// The version of an entry that was written before writes were numbered.
pub(crate) const UNNUMBERED: u64 = 1;

/// How many reads an entry is credited with. Two, as in `quick_cache`: between CLOCK-Pro's one and S3-FIFO's three.
pub(crate) const MAX_REFERENCES: u8 = 2;

impl<V, L: Layout> Slot<V, L> {
    fn free(next: u32) -> Self {
        Self {
            key: CompactString::const_new(""),
            value: None,
            deadline: L::Here::EMPTY,
            references: AtomicU8::new(0),
            hot: false,
            timer_list: crate::wheel::NO_LIST,
            tag: next,
        }
    }

    /// The value, if `is_key` accepts the slot's key.
    #[inline]
    pub(crate) fn value_where(&self, is_key: impl FnOnce(&[u8]) -> bool) -> Option<&V> {
        self.value.as_ref().filter(|_| is_key(self.key.as_bytes()))
    }

    /// Credits the entry with a read. Writes only below the maximum, so that a hot entry's line stays shared between cores; a lost race
    /// costs one credit.
    #[inline]
    pub(crate) fn touch(&self) {
        let references = self.references.load(Ordering::Relaxed);
        if references < MAX_REFERENCES {
            self.references.store(references + 1, Ordering::Relaxed);
        }
    }
}

#[allow(clippy::vec_box, reason = "a table that grows moves pointers, not entries")]
#[derive(Debug)]
pub(crate) struct Slab<V, L: Layout = Quick> {
    slots: Vec<Box<Slots<V, L>>>,
    /// Empty while no entry is in a ring or a timer list: then the versions are apart.
    links: Vec<Box<[Links<L>; CHUNK]>>,
    versions: Vec<Box<[u64; CHUNK]>>,
    is_linked: bool,
    /// Whether writes are numbered where there are no links.
    is_numbered: bool,
    /// The weights of the entries; empty while each entry weighs one.
    weights: Vec<Box<[u64; CHUNK]>>,
    free: u32,
}

impl<V, L: Layout> Slab<V, L> {
    /// A slab whose entries have links from the first on, or only from [`link`](Self::link) on.
    pub(crate) const fn new(is_linked: bool) -> Self {
        Self {
            slots: Vec::new(),
            links: Vec::new(),
            versions: Vec::new(),
            is_linked,
            is_numbered: L::NUMBERED,
            weights: Vec::new(),
            free: NIL,
        }
    }

    /// Puts an empty slab in place of this one, which it returns.
    pub(crate) fn replace_by_empty(&mut self, is_linked: bool) -> Self {
        let mut empty = Self::new(is_linked);
        empty.is_numbered = self.is_numbered;
        std::mem::replace(self, empty)
    }

    /// Has writes numbered from now on.
    pub(crate) fn number_writes(&mut self) {
        if !self.is_numbered {
            self.is_numbered = true;
            if !self.is_linked {
                self.versions.resize_with(self.slots.len(), || Box::new([UNNUMBERED; CHUNK]));
            }
        }
    }

    /// Gives all entries links, if they have none.
    #[inline]
    pub(crate) fn link(&mut self) {
        if !self.is_linked {
            self.link_all();
        }
    }

    #[cold]
    fn link_all(&mut self) {
        let mut versions = std::mem::take(&mut self.versions).into_iter();
        let linked =
            |_| Box::new(versions.next().map_or([Links::new(UNNUMBERED); CHUNK], |chunk| chunk.map(Links::new)));
        self.links = (0..self.slots.len()).map(linked).collect();
        self.is_linked = true;
    }

    /// One past the highest index ever given out.
    pub(crate) fn end(&self) -> u32 {
        (self.slots.len() * CHUNK) as u32
    }

    /// The index of a free slot, or `None` where every index is taken.
    pub(crate) fn reserve(&mut self) -> Option<u32> {
        if self.free == NIL {
            self.grow()?;
        }
        let index = self.free;
        self.free = self.slot(index).tag;
        Some(index)
    }

    #[cold]
    fn grow(&mut self) -> Option<()> {
        let start = self.end();
        start.checked_add(CHUNK as u32).filter(|&end| end <= MAX_SLOTS)?;
        let next = |place: usize| if place + 1 == CHUNK { NIL } else { start + place as u32 + 1 };
        self.slots.push(Box::new(Slots(std::array::from_fn(|place| Slot::free(next(place))))));
        if self.is_linked {
            self.links.push(Box::new([Links::new(0); CHUNK]));
        } else if self.is_numbered {
            self.versions.push(Box::new([0; CHUNK]));
        }
        if !self.weights.is_empty() {
            self.weights.push(Box::new([1; CHUNK]));
        }
        self.free = start;
        Some(())
    }

    /// Moves the entry out of a slot and frees the slot. The entry must be in no ring. The slot stays in its timer list.
    #[inline]
    pub(crate) fn release(&mut self, index: u32, cause: Cause) -> Option<Removed<V>> {
        let free = std::mem::replace(&mut self.free, index);
        self.slot_mut(index).tag = free;
        self.take(index, cause)
    }

    /// Moves the entry out of a slot that another entry takes at once.
    #[inline]
    pub(crate) fn take(&mut self, index: u32, cause: Cause) -> Option<Removed<V>> {
        self.set_deadline(index, NEVER);
        let slot = self.slot_mut(index);
        let value = slot.value.take()?;
        Some(Removed { key: std::mem::take(&mut slot.key), value, cause })
    }

    /// The slot with this index, if it was ever given out.
    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&Slot<V, L>> {
        self.slots.get(index as usize / CHUNK).map(|chunk| &chunk.0[index as usize % CHUNK])
    }

    /// The entries: the tag, the index and the value of each.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (u32, u32, &V)> {
        let slots = self.slots.iter().flat_map(|chunk| chunk.0.iter());
        slots.zip(0..).filter_map(|(slot, index)| Some((slot.tag, index, slot.value.as_ref()?)))
    }

    #[inline]
    pub(crate) fn slot(&self, index: u32) -> &Slot<V, L> {
        &self.slots[index as usize / CHUNK].0[index as usize % CHUNK]
    }

    #[inline]
    pub(crate) fn slot_mut(&mut self, index: u32) -> &mut Slot<V, L> {
        &mut self.slots[index as usize / CHUNK].0[index as usize % CHUNK]
    }

    #[inline]
    pub(crate) fn links(&self, index: u32) -> &Links<L> {
        &self.links[index as usize / CHUNK][index as usize % CHUNK]
    }

    /// When the entry in this slot expires.
    #[inline]
    pub(crate) fn deadline(&self, index: u32) -> u64 {
        self.deadline_of(index, self.slot(index))
    }

    /// When the entry expires that is in this slot, which has this index.
    #[inline]
    pub(crate) fn deadline_of(&self, index: u32, slot: &Slot<V, L>) -> u64 {
        slot.deadline.get().unwrap_or_else(|| {
            let links = self.links.get(index as usize / CHUNK);
            links.and_then(|chunk| chunk[index as usize % CHUNK].deadline.get()).unwrap_or(NEVER)
        })
    }

    #[inline]
    pub(crate) fn set_deadline(&mut self, index: u32, deadline: u64) {
        let here = &mut self.slot_mut(index).deadline;
        here.set(deadline);
        if here.get().is_some() {
            return;
        }
        if deadline != NEVER {
            self.link();
        }
        if let Some(chunk) = self.links.get_mut(index as usize / CHUNK) {
            chunk[index as usize % CHUNK].deadline.set(deadline);
        }
    }

    /// Why an entry leaves that somebody deletes: its deadline may have passed before.
    pub(crate) fn cause_of_leaving(&self, index: u32, has_passed: impl FnOnce(u64) -> bool) -> Cause {
        if has_passed(self.deadline(index)) { Cause::Expired } else { Cause::Deleted }
    }

    /// The number of the write that made the value.
    #[inline]
    pub(crate) fn version(&self, index: u32) -> u64 {
        if self.is_linked {
            self.links(index).version
        } else {
            self.versions.get(index as usize / CHUNK).map_or(UNNUMBERED, |chunk| chunk[index as usize % CHUNK])
        }
    }

    #[inline]
    pub(crate) fn set_version(&mut self, index: u32, version: u64) {
        if self.is_linked {
            self.links_mut(index).version = version;
        } else if let Some(chunk) = self.versions.get_mut(index as usize / CHUNK) {
            chunk[index as usize % CHUNK] = version;
        }
    }

    #[inline]
    pub(crate) fn weight(&self, index: u32) -> u64 {
        self.weights.get(index as usize / CHUNK).map_or(1, |chunk| chunk[index as usize % CHUNK])
    }

    #[inline]
    pub(crate) fn set_weight(&mut self, index: u32, weight: u64) {
        if self.weights.is_empty() && weight != 1 {
            self.weights.resize_with(self.slots.len(), || Box::new([1; CHUNK]));
        }
        if let Some(chunk) = self.weights.get_mut(index as usize / CHUNK) {
            chunk[index as usize % CHUNK] = weight;
        }
    }

    #[inline]
    pub(crate) fn links_mut(&mut self, index: u32) -> &mut Links<L> {
        &mut self.links[index as usize / CHUNK][index as usize % CHUNK]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Small;

    #[test]
    fn a_slot_is_one_cache_line_and_an_entry_88_bytes() {
        assert_eq!(size_of::<Slot<[std::num::NonZeroUsize; 3]>>(), 64);
        assert_eq!(size_of::<Links>(), 24);
    }

    #[test]
    fn a_small_slot_is_its_key_its_value_and_eight_bytes() {
        assert_eq!(size_of::<Slot<std::num::NonZeroUsize, Small>>(), 24 + 8 + 8);
    }
}
