//! The memory of entries: stable indices, growth without copying.

use std::sync::atomic::{AtomicU8, Ordering};

use compact_str::CompactString;

use crate::clock::NEVER;
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
#[repr(align(64))]
pub(crate) struct Slot<V> {
    pub(crate) key: CompactString,
    /// `None` in a free slot.
    pub(crate) value: Option<V>,
    /// Milliseconds on the engine's clock, or [`NEVER`].
    pub(crate) deadline: u64,
    /// Reads since the clock hand last came by, up to [`MAX_REFERENCES`].
    pub(crate) references: AtomicU8,
    pub(crate) hot: bool,
    /// The wheel's list that holds the slot, or [`NO_LIST`](crate::wheel::NO_LIST).
    pub(crate) timer_list: u16,
    /// The upper half of the key's hash: its tag in the table.
    pub(crate) tag: u32,
}

/// The parts of an entry that only writes touch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Links {
    /// Neighbours in the ring of the eviction policy. `next` also chains free slots.
    pub(crate) prev: u32,
    pub(crate) next: u32,
    /// Neighbours in a list of the timing wheel.
    pub(crate) timer_prev: u32,
    pub(crate) timer_next: u32,
    /// The number of the write that made the value.
    pub(crate) version: u64,
}

/// How many reads an entry is credited with. Two, as in `quick_cache`: between CLOCK-Pro's one and S3-FIFO's three.
pub(crate) const MAX_REFERENCES: u8 = 2;

impl<V> Slot<V> {
    fn free() -> Self {
        Self {
            key: CompactString::const_new(""),
            value: None,
            deadline: NEVER,
            references: AtomicU8::new(0),
            hot: false,
            timer_list: crate::wheel::NO_LIST,
            tag: 0,
        }
    }

    /// The value, if `is_key` accepts the slot's key.
    #[inline]
    pub(crate) fn value_where(&self, is_key: impl FnOnce(&[u8]) -> bool) -> Option<&V> {
        self.value.as_ref().filter(|_| is_key(self.key.as_bytes()))
    }

    /// Why an entry leaves that somebody deletes: its deadline may have passed before.
    pub(crate) fn cause_of_leaving(&self, has_passed: impl FnOnce(u64) -> bool) -> Cause {
        if has_passed(self.deadline) { Cause::Expired } else { Cause::Deleted }
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
pub(crate) struct Slab<V> {
    slots: Vec<Box<[Slot<V>; CHUNK]>>,
    links: Vec<Box<[Links; CHUNK]>>,
    /// The weights of the entries; empty while each entry weighs one.
    weights: Vec<Box<[u64; CHUNK]>>,
    free: u32,
}

impl<V> Slab<V> {
    pub(crate) const fn new() -> Self {
        Self { slots: Vec::new(), links: Vec::new(), weights: Vec::new(), free: NIL }
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
        self.free = self.links(index).next;
        Some(index)
    }

    #[cold]
    fn grow(&mut self) -> Option<()> {
        let start = self.end();
        let end = start.checked_add(CHUNK as u32).filter(|&end| end <= MAX_SLOTS)?;
        let slots: Vec<Slot<V>> = std::iter::repeat_with(Slot::free).take(CHUNK).collect();
        let links: Vec<Links> = (start + 1..=end)
            .map(|next| Links {
                prev: NIL,
                next: if next == end { NIL } else { next },
                timer_prev: NIL,
                timer_next: NIL,
                version: 0,
            })
            .collect();
        self.slots.push(slots.into_boxed_slice().try_into().ok()?);
        self.links.push(links.into_boxed_slice().try_into().ok()?);
        if !self.weights.is_empty() {
            self.weights.push(Box::new([1; CHUNK]));
        }
        self.free = start;
        Some(())
    }

    /// Moves the entry out of a slot and frees the slot. The entry must be in no ring. The slot stays in its timer list.
    #[inline]
    pub(crate) fn release(&mut self, index: u32, cause: Cause) -> Option<Removed<V>> {
        let free = self.free;
        self.links_mut(index).next = free;
        self.free = index;
        self.take(index, cause)
    }

    /// Moves the entry out of a slot that another entry takes at once.
    #[inline]
    pub(crate) fn take(&mut self, index: u32, cause: Cause) -> Option<Removed<V>> {
        let slot = self.slot_mut(index);
        slot.deadline = NEVER;
        let value = slot.value.take()?;
        Some(Removed { key: std::mem::take(&mut slot.key), value, cause })
    }

    /// The slot with this index, if it was ever given out.
    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&Slot<V>> {
        self.slots.get(index as usize / CHUNK).map(|chunk| &chunk[index as usize % CHUNK])
    }

    /// The entries: the tag, the index and the value of each.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (u32, u32, &V)> {
        let slots = self.slots.iter().flat_map(|chunk| chunk.iter());
        slots.zip(0..).filter_map(|(slot, index)| Some((slot.tag, index, slot.value.as_ref()?)))
    }

    #[inline]
    pub(crate) fn slot(&self, index: u32) -> &Slot<V> {
        &self.slots[index as usize / CHUNK][index as usize % CHUNK]
    }

    #[inline]
    pub(crate) fn slot_mut(&mut self, index: u32) -> &mut Slot<V> {
        &mut self.slots[index as usize / CHUNK][index as usize % CHUNK]
    }

    #[inline]
    pub(crate) fn links(&self, index: u32) -> &Links {
        &self.links[index as usize / CHUNK][index as usize % CHUNK]
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
    pub(crate) fn links_mut(&mut self, index: u32) -> &mut Links {
        &mut self.links[index as usize / CHUNK][index as usize % CHUNK]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_one_cache_line_and_an_entry_88_bytes() {
        assert_eq!(size_of::<Slot<[std::num::NonZeroUsize; 3]>>(), 64);
        assert_eq!(size_of::<Links>(), 24);
    }
}
