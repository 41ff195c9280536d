//! From a key's hash to its slot: a hash table that a look-up touches one line of, a pair of cache lines.
//!
//! A line has room for 15 entries, a word each: the slot in the lower bits, and in the rest as much of the hash as fits. What
//! finds its line full goes to the next one that isn't, and each line counts those that passed it by, so that a look-up
//! knows when to stop and nothing is left behind by what is removed. The table knows too little of the hashes to grow by
//! itself: it is made anew from the slots.
//!
//! Beside each word stands a hint: where in memory the entry's value points to. A look-up has the processor fetch that while it
//! waits for the slot, so that a read of what is in none of the processor's caches waits once, not twice.

use prefetch_index::prefetch_index;

use crate::places::first_place;

/// The words of a line.
const WORDS: usize = 16;

/// Those of them that hold entries; the last one counts.
const ENTRIES: usize = WORDS - 1;

/// The lines of the smallest table: as many words as the slab first has slots.
const MIN_LINES: usize = 8;

/// How many entries there are to a line, in the mean, before the table grows: one in forty isn't in its own line then.
const FULL: usize = 11;

/// The bits of an address that tell places in a cache line apart.
const LINE_BITS: u32 = 6;

/// Where the bits of an address begin that a hint has no room for.
const HIGH_BITS: u32 = LINE_BITS + u32::BITS;

/// A pair of cache lines, on the borders at which processors fetch pairs.
///
/// A word is zero where nothing is stored. The part of the hash in a word never is: so neither an empty word nor the count
/// looks like an entry.
#[derive(Debug, Clone, Default)]
#[repr(align(128))]
struct Line {
    words: [u32; WORDS],
    hints: [u32; WORDS],
}

impl Line {
    /// The first place among those of entries where this word is. The count may look like any word asked for.
    #[inline]
    fn position(&self, word: u32) -> Option<usize> {
        first_place(&self.words, word, ENTRIES)
    }

    /// How many entries passed this line by, since it was full.
    const fn passed(&self) -> u32 {
        self.words[ENTRIES]
    }

    fn passed_mut(&mut self) -> &mut u32 {
        &mut self.words[ENTRIES]
    }
}

/// Tells whether a slot is the one that a look-up wants.
pub(crate) trait Check {
    /// What is found there.
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
pub(crate) struct Index {
    lines: Box<[Line]>,
    /// How many bits of a word are the slot's.
    slot_bits: u32,
    len: usize,
    /// The upper bits of all hinted addresses: those of the last. What lies elsewhere is fetched in vain.
    high: u64,
}

impl Index {
    pub(crate) fn new() -> Self {
        Self { lines: Box::default(), slot_bits: 0, len: 0, high: 0 }
    }

    /// A table with room for a quarter more than `entries`; those given are in it, by tag, slot and address. A table that doubled would be
    /// half empty after that, and its empty words are a tenth of all memory that entries take.
    pub(crate) fn with_room(entries: usize, given: impl Iterator<Item = (u32, u32, usize)>) -> Self {
        let needed = entries / FULL + 1;
        let lines = (needed + needed / 4).max(MIN_LINES);
        let slot_bits = (lines * WORDS).next_power_of_two().ilog2();
        let lines = vec![Line::default(); lines].into_boxed_slice();
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

    /// What `check` finds in the slot that it confirms, among those whose hash looks like `tag`. It may be asked about
    /// any slot, even one that was never given out.
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
        self.find_one_by_one(tag, check)
    }

    /// The word in a line whose hash looks like `tag`, and its hint; zero where there is none. Where two words look alike the result is
    /// neither.
    // Called, it costs a hit a dozen instructions more.
    #[allow(clippy::inline_always, reason = "two callers are enough for the compiler to make it a call")]
    #[inline(always)]
    fn alike(&self, line: &Line, tag: u32) -> (u32, u32) {
        let wanted = self.part(tag);
        // Without a branch for each word, whose outcome the processor couldn't foresee. The count is below any word, and never found.
        let (mut found, mut hint) = (0, 0);
        for (&word, &beside) in line.words.iter().zip(&line.hints) {
            let mask = if word >> self.slot_bits == wanted { u32::MAX } else { 0 };
            found |= word & mask;
            hint |= beside & mask;
        }
        (found, hint)
    }

    /// As `find`, where the first look has found nothing: two words may look alike, and what is wanted may be in another line.
    // Apart, and the only other place of `check`: with a third it wouldn't be compiled into a hit.
    #[inline(never)]
    fn find_one_by_one<C: Check>(&self, tag: u32, check: C) -> Option<C::Found> {
        let wanted = self.part(tag);
        for line in self.probe(tag).map(|at| &self.lines[at]) {
            if self.alike(line, tag).0 != 0 {
                let mut alike =
                    line.words.iter().zip(&line.hints).filter(|(word, _)| *word >> self.slot_bits == wanted);
                let found = alike.find_map(|(&word, &hint)| {
                    self.fetch(hint);
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
        let address = (self.high | u64::from(hint) << LINE_BITS) as usize;
        let nowhere: &[u8] = &[];
        prefetch_index(nowhere, address.wrapping_sub(nowhere.as_ptr().addr()));
    }

    /// Adds an entry whose value points to `address`. There must be room, and none for this slot.
    pub(crate) fn insert(&mut self, tag: u32, slot: u32, address: usize) {
        debug_assert!(!self.is_full() && slot >> self.slot_bits == 0);
        let word = self.word(tag, slot);
        let hint = self.hint(address);
        for at in self.probe(tag) {
            let line = &mut self.lines[at];
            if let Some(free) = line.position(0) {
                line.words[free] = word;
                line.hints[free] = hint;
                self.len += 1;
                return;
            }
            *line.passed_mut() += 1;
        }
    }

    /// Tells where the value of the entry with this tag and slot points to by now. It must be there.
    pub(crate) fn point(&mut self, tag: u32, slot: u32, address: usize) {
        let word = self.word(tag, slot);
        let hint = self.hint(address);
        for at in self.probe(tag) {
            let line = &mut self.lines[at];
            if let Some(found) = line.position(word) {
                line.hints[found] = hint;
                return;
            }
        }
    }

    fn hint(&mut self, address: usize) -> u32 {
        let address = address as u64;
        self.high = address >> HIGH_BITS << HIGH_BITS;
        (address >> LINE_BITS) as u32
    }

    /// Takes out the entry with this tag and slot. It must be there.
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

    /// Reads from the line where an entry belongs, for it to be in the processor's cache.
    #[inline]
    pub(crate) fn touch(&self, tag: u32) -> u32 {
        self.lines.get(self.home(tag)).map_or(0, Line::passed)
    }

    /// The line where an entry belongs; its place is taken from the upper bits of the tag, the part in its word from the
    /// lower ones.
    #[inline]
    const fn home(&self, tag: u32) -> usize {
        ((tag as u64 * self.lines.len() as u64) >> u32::BITS) as usize
    }

    /// Each line once, from the one where an entry belongs.
    fn probe(&self, tag: u32) -> impl Iterator<Item = usize> + use<> {
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
#[allow(clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    impl Index {
        /// The address that is fetched for an entry, as far as a hint tells.
        pub(crate) fn hinted(&self, tag: u32, slot: u32) -> Option<usize> {
            let word = self.word(tag, slot);
            let hints =
                self.probe(tag).map(|at| &self.lines[at]).find_map(|line| Some(line.hints[line.position(word)?]));
            hints.map(|hint| (self.high | u64::from(hint) << LINE_BITS) as usize)
        }

        /// That every line counts exactly those entries that passed it by, and that hints are those of their entries.
        fn check(&self, tags: &HashMap<u32, u32>) {
            assert_eq!(self.len, tags.len());
            let mut passed = vec![0; self.lines.len()];
            for (&slot, &tag) in tags {
                assert_eq!(self.find(tag, |found| (found == slot).then_some(found)), Some(slot));
                assert_eq!(self.hinted(tag, slot), Some(address(slot)));
                let word = self.word(tag, slot);
                let holds = |at: &usize| self.lines[*at].words[..ENTRIES].contains(&word);
                self.probe(tag).take_while(|at| !holds(at)).for_each(|at| passed[at] += 1);
            }
            let counted: Vec<u32> = self.lines.iter().map(Line::passed).collect();
            assert_eq!(counted, passed);
        }

        fn insert_growing(&mut self, tag: u32, slot: u32, tags: &HashMap<u32, u32>) {
            if self.is_full() {
                *self = Self::with_room(self.len, tags.iter().map(|(&slot, &tag)| (tag, slot, address(slot))));
            }
            self.insert(tag, slot, address(slot));
        }
    }

    /// Where the value in a slot points to: a heap high in memory, in pieces of a cache line.
    fn address(slot: u32) -> usize {
        (0x7F45_0000_0000_u64 + u64::from(slot) * 64) as usize
    }

    #[test]
    fn a_hint_follows_the_value() {
        let mut index = Index::with_room(10, std::iter::empty());
        index.insert(7, 1, address(1));
        index.insert(7, 2, address(2));
        index.point(7, 1, address(9) + 63);
        assert_eq!(index.hinted(7, 1), Some(address(9)), "the same line");
        assert_eq!(index.hinted(7, 2), Some(address(2)));
        // No memory is there; looking up does no harm.
        index.point(7, 2, usize::MAX);
        assert_eq!(index.find(7, |slot| (slot == 2).then_some(slot)), Some(2));
    }

    /// Tags of which many have their line, their part, or all in common.
    fn tag() -> impl Strategy<Value = u32> {
        prop_oneof![
            any::<u32>(),
            0..4_u32,
            (0..4_u32).prop_map(|tag| tag << 30),
            (0..40_u32).prop_map(|tag| tag << 20 | 7)
        ]
    }

    proptest! {
        #[test]
        fn an_index_is_a_map_from_slots_to_tags(steps in prop::collection::vec((tag(), 0..3_u8), 1..600)) {
            let (mut index, mut tags, mut free) = (Index::new(), HashMap::new(), Vec::new());
            for (number, (tag, step)) in steps.into_iter().enumerate() {
                if step == 0 && !tags.is_empty() {
                    let slot = *tags.keys().nth(tag as usize % tags.len()).expect("one of them");
                    index.remove(tags.remove(&slot).expect("it's there"), slot);
                    free.push(slot);
                } else {
                    let slot = free.pop().unwrap_or(tags.len() as u32);
                    index.insert_growing(tag, slot, &tags);
                    tags.insert(slot, tag);
                }
                if number % 50 == 0 {
                    index.check(&tags);
                }
                let asked = index.find(tag, |found| (tags.get(&found) == Some(&tag)).then_some(found));
                assert_eq!(asked.is_some(), tags.values().any(|&known| known == tag));
            }
            index.check(&tags);
        }
    }

    #[test]
    fn entries_that_all_look_alike_are_told_apart() {
        let (mut index, mut tags) = (Index::new(), HashMap::new());
        for slot in 0..1_000 {
            index.insert_growing(77, slot, &tags);
            tags.insert(slot, 77);
        }
        index.check(&tags);
        assert_eq!(index.find(77, |_| None::<()>), None);
        for slot in 0..1_000 {
            index.remove(77, slot);
            tags.remove(&slot);
        }
        index.check(&tags);
        assert!(index.lines.iter().all(|line| line.words == [0; WORDS]), "nothing is left behind");
    }

    #[test]
    fn a_look_up_ends_where_every_line_was_passed_by() {
        let (mut index, mut tags) = (Index::new(), HashMap::new());
        // Each line takes one entry more than it has room for, in turn.
        for slot in 0..FULL as u32 * MIN_LINES as u32 {
            let home = slot / (ENTRIES as u32 + 1) % MIN_LINES as u32;
            let tag = home << (u32::BITS - MIN_LINES.ilog2());
            index.insert_growing(tag, slot, &tags);
            tags.insert(slot, tag);
        }
        for line in &mut index.lines {
            *line.passed_mut() += 1;
        }
        assert_eq!(index.find(u32::MAX, Some), None);
    }

    #[test]
    fn most_entries_of_a_full_table_are_in_their_own_line() {
        let mut rng = 1_u32;
        let mut index = Index::with_room(FULL * 1_023, std::iter::empty());
        let mut displaced = 0;
        while !index.is_full() {
            rng = rng.wrapping_mul(0x915F_77F5).wrapping_add(0x9E37_79B9);
            let tag = (rng ^ rng >> 15).wrapping_mul(0x2C1B_3C6D);
            let tag = tag ^ tag >> 12;
            let home = index.home(tag);
            displaced += usize::from(index.lines[home].words[..ENTRIES].iter().all(|&word| word != 0));
            index.insert(tag, index.len as u32, 0);
        }
        assert_eq!(index.lines.len(), 1_280);
        assert!(displaced * 25 < index.len, "{displaced} of {}", index.len);
    }
}
