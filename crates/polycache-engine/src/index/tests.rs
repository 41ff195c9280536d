#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

impl<L: Layout> Index<L> {
    /// The address that is fetched for an entry.
    pub(crate) fn hinted(&self, tag: u32, slot: u32) -> Option<usize> {
        let word = self.word(tag, slot);
        let hints =
            self.probe(tag).map(|at| &self.lines[at]).find_map(|line| Some(line.hints.at(line.position(word)?)));
        hints.map(|hint| (self.high | u64::from(hint) << LINE_BITS) as usize)
    }
}

impl Index {
    /// Every line counts exactly the entries that passed it by, and hints are those of their entries.
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
    let mut index: Index = Index::with_room(10, std::iter::empty());
    index.insert(7, 1, address(1));
    index.insert(7, 2, address(2));
    index.point(7, 1, address(9) + 63);
    assert_eq!(index.hinted(7, 1), Some(address(9)), "the same line");
    assert_eq!(index.hinted(7, 2), Some(address(2)));
    // There is no memory at that address; looking up does no harm.
    index.point(7, 2, usize::MAX);
    assert_eq!(index.find(7, |slot| (slot == 2).then_some(slot)), Some(2));
}

/// Tags many of which have the same line, the same part, or both.
fn tag() -> impl Strategy<Value = u32> {
    prop_oneof![any::<u32>(), 0..4_u32, (0..4_u32).prop_map(|tag| tag << 30), (0..40_u32).prop_map(|tag| tag << 20 | 7)]
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
    // In turn, each line takes one entry more than it has room for.
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
    let mut index: Index = Index::with_room(FULL * 1_023, std::iter::empty());
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
