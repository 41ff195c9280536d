//! From a key's hash to its slot: a hash table that a look-up touches one line of, a pair of cache lines.
//!
//! A line has room for 15 entries, a word each: the slot in the lower bits, and in the rest as much of the hash as fits. An entry that
//! finds its line full goes to the next line with room. Each line counts the entries that passed it by: so a look-up knows when to stop,
//! and removed entries leave nothing behind. The table knows too little of the hashes to grow by itself: it is made anew from the slots.
//!
//! Beside each word stands a hint, if the layout has any: the address that the entry's value points to. A look-up has the processor fetch
//! that address while it waits for the slot. So a read of an entry that is in none of the processor's caches waits once, not twice.

use prefetch_index::prefetch_index;

use crate::layout::{Hints, Layout, Quick};
use crate::places::first_place;

/// The words of a line.
pub(crate) const WORDS: usize = 16;

/// The words that hold entries; the last word counts.
const ENTRIES: usize = WORDS - 1;

/// The lines of the smallest table: as many words as the slab first has slots.
const MIN_LINES: usize = 8;

/// The mean number of entries in a line at which the table grows: one entry in forty isn't in its own line then.
const FULL: usize = 11;

/// The bits of an address that tell places within a cache line apart.
const LINE_BITS: u32 = 6;

/// The lowest of the upper address bits that a hint has no room for.
const HIGH_BITS: u32 = LINE_BITS + u32::BITS;

/// A cache line, or with its hints a pair, aligned as processors fetch pairs.
///
/// A free place is zero. The part of the hash in a word is never zero, so neither a free place nor the count looks like an entry.
#[derive(Debug, Clone)]
struct Line<H: Hints> {
    words: [u32; WORDS],
    hints: H,
    _aligned: [H::Unit; 0],
}

impl<H: Hints> Line<H> {
    fn new() -> Self {
        Self { words: [0; WORDS], hints: H::default(), _aligned: [] }
    }

    /// The first entry's place that holds this word. The count is left out, since it may look like any word.
    #[inline]
    fn position(&self, word: u32) -> Option<usize> {
        first_place(&self.words, word, ENTRIES)
    }

    /// How many entries passed this full line by.
    const fn passed(&self) -> u32 {
        self.words[ENTRIES]
    }

    fn passed_mut(&mut self) -> &mut u32 {
        &mut self.words[ENTRIES]
    }
}

/// Tells whether a slot is the one that a look-up wants.
pub(crate) trait Check {
    /// What a look-up returns of the slot.
    type Found;

    fn check(&self, slot: u32) -> Option<Self::Found>;
}

impl<R, F: Fn(u32) -> Option<R>> Check for F {
    type Found = R;

    #[inline]
    fn check(&self, slot: u32) -> Option<R> {
        self(slot)
    }
}

/// Slots by the upper half of their key's hash, the *tag*.
#[derive(Debug)]
pub(crate) struct Index<L: Layout = Quick> {
    lines: Box<[Line<L::Hints>]>,
    /// How many bits of a word are the slot's.
    slot_bits: u32,
    len: usize,
    /// The upper bits of all hinted addresses: those of the address hinted last. A value elsewhere in memory is fetched in vain.
    high: u64,
}

impl<L: Layout> Index<L> {
    pub(crate) fn new() -> Self {
        Self { lines: Box::default(), slot_bits: 0, len: 0, high: 0 }
    }

    /// A table with room for a quarter more than `entries`, which holds the given ones, by tag, slot and address. A table that doubled
    /// would be half empty after that, and its empty words are a tenth of all memory that entries take.
    pub(crate) fn with_room(entries: usize, given: impl Iterator<Item = (u32, u32, usize)>) -> Self {
        let needed = entries / FULL + 1;
        let lines = (needed + needed / 4).max(MIN_LINES);
        let slot_bits = (lines * WORDS).next_power_of_two().ilog2();
        let lines = vec![Line::new(); lines].into_boxed_slice();
        let mut index = Self { lines, slot_bits, len: 0, high: 0 };
        for (tag, slot, address) in given {
            index.insert(tag, slot, address);
        }
        index
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Whether another entry needs a larger table.
    pub(crate) const fn is_full(&self) -> bool {
        self.len >= self.lines.len() * FULL
    }

    /// Asks `check` about the slots whose hash looks like `tag`, and returns what it finds in the one that it confirms. It may be asked
    /// about any slot, even one that was never given out.
    #[allow(clippy::needless_pass_by_value, reason = "most checks are closures")]
    #[inline]
    pub(crate) fn find<C: Check>(&self, tag: u32, check: C) -> Option<C::Found> {
        let line = self.lines.get(self.home(tag))?;
        let (word, hint) = self.alike(line, tag);
        if word == 0 && line.passed() == 0 {
            return None;
        }
        if word != 0 {
            self.fetch(hint);
            let checked = check.check(self.slot(word));
            if checked.is_some() {
                return checked;
            }
        }
        self.find_one_by_one(tag, &check)
    }

    /// The word in a line whose hash looks like `tag`, and its hint; zero where there is none. If two words look alike the result is
    /// neither.
    // As a call, it would cost a hit a dozen instructions more.
    #[allow(clippy::inline_always, reason = "two callers are enough for the compiler to make it a call")]
    #[inline(always)]
    fn alike(&self, line: &Line<L::Hints>, tag: u32) -> (u32, u32) {
        let wanted = self.part(tag);
        // Without a branch for each word, whose outcome the processor couldn't foresee. The count is below any word, so it never matches.
        let (mut found, mut hint) = (0, 0);
        for (place, &word) in line.words.iter().enumerate() {
            let mask = if word >> self.slot_bits == wanted { u32::MAX } else { 0 };
            found |= word & mask;
            hint |= line.hints.at(place) & mask;
        }
        (found, hint)
    }

    /// As `find`, after the first look has found nothing: two words may look alike, or the wanted one be in another line.
    // Apart, and the only other place of `check`: with a third it wouldn't be compiled into a hit.
    #[inline(never)]
    fn find_one_by_one<C: Check>(&self, tag: u32, check: &C) -> Option<C::Found> {
        let wanted = self.part(tag);
        for line in self.probe(tag).map(|at| &self.lines[at]) {
            if self.alike(line, tag).0 != 0 {
                let mut alike = (0..).zip(&line.words).filter(|(_, word)| **word >> self.slot_bits == wanted);
                let found = alike.find_map(|(place, &word)| {
                    self.fetch(line.hints.at(place));
                    check.check(self.slot(word))
                });
                if found.is_some() {
                    return found;
                }
            }
            if line.passed() == 0 {
                return None;
            }
        }
        None
    }

    /// Has the processor fetch what lies where the hint says. Nothing is read: a wrong address costs time, no more.
    #[inline]
    fn fetch(&self, hint: u32) {
        if !L::Hints::KEPT {
            return;
        }
        let address = (self.high | u64::from(hint) << LINE_BITS) as usize;
        let nowhere: &[u8] = &[];
        prefetch_index(nowhere, address.wrapping_sub(nowhere.as_ptr().addr()));
    }

    /// Adds an entry whose value points to `address`. The table must have room, and no entry for this slot.
    pub(crate) fn insert(&mut self, tag: u32, slot: u32, address: usize) {
        debug_assert!(!self.is_full() && slot >> self.slot_bits == 0);
        let word = self.word(tag, slot);
        let hint = self.hint(address);
        for at in self.probe(tag) {
            let line = &mut self.lines[at];
            if let Some(free) = line.position(0) {
                line.words[free] = word;
                line.hints.set(free, hint);
                self.len += 1;
                return;
            }
            *line.passed_mut() += 1;
        }
    }

    /// Sets the address that the value of the entry with this tag and slot points to. The entry must be there.
    pub(crate) fn point(&mut self, tag: u32, slot: u32, address: usize) {
        if !L::Hints::KEPT {
            return;
        }
        let word = self.word(tag, slot);
        let hint = self.hint(address);
        for at in self.probe(tag) {
            let line = &mut self.lines[at];
            if let Some(found) = line.position(word) {
                line.hints.set(found, hint);
                return;
            }
        }
    }

    fn hint(&mut self, address: usize) -> u32 {
        let address = address as u64;
        self.high = address >> HIGH_BITS << HIGH_BITS;
        (address >> LINE_BITS) as u32
    }

    /// Takes out the entry with this tag and slot. The entry must be there.
    pub(crate) fn remove(&mut self, tag: u32, slot: u32) {
        let word = self.word(tag, slot);
        for at in self.probe(tag) {
            let line = &mut self.lines[at];
            if let Some(found) = line.position(word) {
                line.words[found] = 0;
                self.len -= 1;
                return;
            }
            *line.passed_mut() -= 1;
        }
    }

    /// Reads the line where an entry belongs, so that the processor's cache has it.
    #[inline]
    pub(crate) fn touch(&self, tag: u32) -> u32 {
        self.lines.get(self.home(tag)).map_or(0, |line| line.passed())
    }

    /// The line where an entry belongs. Its place is taken from the tag's upper bits; the lower bits are kept in the word.
    #[inline]
    const fn home(&self, tag: u32) -> usize {
        ((tag as u64 * self.lines.len() as u64) >> u32::BITS) as usize
    }

    /// Each line once, from the one where an entry belongs.
    fn probe(&self, tag: u32) -> impl Iterator<Item = usize> + use<L> {
        let (home, count) = (self.home(tag), self.lines.len());
        (home..home + count).map(move |at| if at < count { at } else { at - count })
    }

    /// The part of a tag that is kept in the word, never zero.
    #[inline]
    const fn part(&self, tag: u32) -> u32 {
        tag << self.slot_bits >> self.slot_bits | 1
    }

    const fn word(&self, tag: u32, slot: u32) -> u32 {
        self.part(tag) << self.slot_bits | slot
    }

    #[inline]
    const fn slot(&self, word: u32) -> u32 {
        word & ((1 << self.slot_bits) - 1)
    }
}

#[cfg(test)]
mod tests;
