//! Which entry makes room: a variant of CLOCK-Pro.
//!
//! Two rings of entries, hot and cold, each with a hand. New keys enter the cold ring. Its hand evicts entries that weren't read since and
//! promotes those that were; the hot ring's hand gives every entry a second (and third) chance. A key that comes back soon after its
//! eviction enters hot. While the store fills up, everything enters hot. Three things are those of the crate `quick_cache`, whose hit
//! ratios this policy is held to: the credit of two reads, the eviction of hot entries without a stay among the cold, and, but for small
//! shards, the shares. Source: S. Jiang, F. Chen and X. Zhang, "CLOCK-Pro: An Effective Improvement of the CLOCK Replacement", USENIX ATC
//! 2005.

use std::sync::atomic::Ordering;

use arrayvec::ArrayVec;

use crate::ghost::Ghost;
use crate::layout::Layout;
use crate::slab::{MAX_REFERENCES, NIL, Slab};

/// The share of the weight that may be hot: 32/33, but room is left for four entries of weight one (fewer in a tiny shard). Otherwise
/// newcomers to a small shard would be gone before they can be read again.
const fn hot_share(weight: u64) -> u64 {
    let least_cold = if weight / 8 < 4 { weight / 8 } else { 4 };
    let cold = weight.div_ceil(33);
    weight - if cold > least_cold { cold } else { least_cold }
}

/// A ring of entries through the slab's links, and the hand that goes round it.
#[derive(Debug)]
struct Ring {
    hand: u32,
    weight: u64,
    /// False where no entry ever makes room for another: then only the weight is kept.
    is_linked: bool,
}

impl Ring {
    const fn new(is_linked: bool) -> Self {
        Self { hand: NIL, weight: 0, is_linked }
    }

    /// Adds the entry behind the hand, which comes to it last.
    fn push<V, L: Layout>(&mut self, slab: &mut Slab<V, L>, index: u32) {
        self.weight += slab.weight(index);
        if !self.is_linked {
            return;
        }
        if self.hand == NIL {
            self.hand = index;
            let links = slab.links_mut(index);
            (links.prev, links.next) = (index, index);
            return;
        }
        let next = self.hand;
        let prev = slab.links(next).prev;
        slab.links_mut(prev).next = index;
        slab.links_mut(next).prev = index;
        let links = slab.links_mut(index);
        (links.prev, links.next) = (prev, next);
    }

    fn remove<V, L: Layout>(&mut self, slab: &mut Slab<V, L>, index: u32) {
        self.weight -= slab.weight(index);
        if !self.is_linked {
            return;
        }
        let links = *slab.links(index);
        if links.next == index {
            self.hand = NIL;
            return;
        }
        slab.links_mut(links.prev).next = links.next;
        slab.links_mut(links.next).prev = links.prev;
        if self.hand == index {
            self.hand = links.next;
        }
    }
}

#[derive(Debug)]
pub(crate) struct Policy {
    hot: Ring,
    cold: Ring,
    ghost: Ghost,
    len: usize,
    /// The weight at which to stop evicting from a hot ring that is above its share.
    shrink_hot_to: u64,
    /// Whether the hot ring was brought down to its share after the shard became full.
    cooled: bool,
}

/// The entries that one step of eviction chose.
pub(crate) type Victims = ArrayVec<u32, MAX_VICTIMS>;

/// The most that one writer evicts beyond the room it needs.
const MAX_VICTIMS: usize = 16;

/// The most entries that one eviction takes a credit from. After so many that have all been read lately, the next one is evicted. Otherwise
/// a single write could walk through the whole shard, under its lock.
const MAX_STEPS: usize = 2_048;

impl Policy {
    /// A policy for a shard of a store with a bound, or without.
    pub(crate) const fn new(is_bounded: bool) -> Self {
        Self {
            hot: Ring::new(is_bounded),
            cold: Ring::new(is_bounded),
            ghost: Ghost::new(),
            len: 0,
            shrink_hot_to: u64::MAX,
            cooled: false,
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) const fn weight(&self) -> u64 {
        self.hot.weight + self.cold.weight
    }

    /// Whether a new entry of this weight enters hot: its key was evicted lately, or the hot ring has room left under `budget`, the weight
    /// that the shard may have. To be asked before room is made.
    pub(crate) fn enters_hot(&mut self, tag: u32, weight: u64, budget: u64) -> bool {
        let span = self.ghost_span();
        self.ghost.take(tag, span) || self.hot.weight + weight <= hot_share(budget)
    }

    /// Adds a new entry.
    pub(crate) fn insert<V, L: Layout>(&mut self, slab: &mut Slab<V, L>, index: u32, hot: bool) {
        let slot = slab.slot_mut(index);
        slot.hot = hot;
        *slot.references.get_mut() = 0;
        self.ring(hot).push(slab, index);
        self.len += 1;
    }

    /// The entry whose place in slab and ring a new cold one of this weight takes: the one at the cold hand, if it wasn't read and has the
    /// same weight. This is [`evict`](Self::evict) and [`insert`](Self::insert) in one step, for the most frequent case of a full shard.
    pub(crate) fn replace_coldest<V, L: Layout>(&mut self, slab: &Slab<V, L>, weight: u64) -> Option<u32> {
        let index = self.cold.hand;
        if index == NIL || !self.cooled || self.shrink_hot_to != u64::MAX || slab.weight(index) != weight {
            return None;
        }
        let slot = slab.slot(index);
        if slot.references.load(Ordering::Relaxed) != 0 {
            return None;
        }
        self.cold.hand = slab.links(index).next;
        let span = self.ghost_span();
        self.ghost.insert(slot.tag, span);
        Some(index)
    }

    pub(crate) fn remove<V, L: Layout>(&mut self, slab: &mut Slab<V, L>, index: u32) {
        let hot = slab.slot(index).hot;
        self.ring(hot).remove(slab, index);
        self.len -= 1;
    }

    /// Changes the weight of an entry.
    pub(crate) fn reweigh<V, L: Layout>(&mut self, slab: &mut Slab<V, L>, index: u32, weight: u64) {
        let hot = slab.slot(index).hot;
        let old = slab.weight(index);
        slab.set_weight(index, weight);
        let ring = self.ring(hot);
        ring.weight = ring.weight - old + weight;
    }

    /// Chooses entries to evict and takes them out of their rings: at least one, unless there is none but `spared`, and some more after a
    /// promotion has found the hot ring above its share of `budget`.
    pub(crate) fn evict<V, L: Layout>(
        &mut self,
        slab: &mut Slab<V, L>,
        spared: u32,
        budget: u64,
        victims: &mut Victims,
    ) {
        if !self.cooled {
            self.cool(slab, budget);
        }
        let others = self.len - usize::from(spared != NIL);
        let mut steps = MAX_STEPS;
        while others > 0 && victims.is_empty() {
            let victim = self.turn_cold(slab, spared, budget, &mut steps);
            victims.extend(victim.or_else(|| self.turn_hot(slab, spared, &mut steps)));
        }
        while self.hot.weight > self.shrink_hot_to && victims.len() < MAX_VICTIMS {
            match self.turn_hot(slab, spared, &mut steps) {
                Some(victim) => victims.push(victim),
                None => break,
            }
        }
        if self.hot.weight <= self.shrink_hot_to {
            self.shrink_hot_to = u64::MAX;
        }
        self.len -= victims.len();
    }

    /// Forgets all entries.
    pub(crate) fn clear(&mut self) {
        let is_linked = self.hot.is_linked;
        (self.hot, self.cold, self.len) = (Ring::new(is_linked), Ring::new(is_linked), 0);
        (self.shrink_hot_to, self.cooled) = (u64::MAX, false);
        self.ghost.clear();
    }

    fn ring(&mut self, hot: bool) -> &mut Ring {
        if hot { &mut self.hot } else { &mut self.cold }
    }

    /// How many evictions back a key counts as evicted lately: about half as many keys as there are entries, allowing for keys that have
    /// come back since.
    const fn ghost_span(&self) -> usize {
        self.len * 5 / 8
    }

    /// Moves the cold hand on to a victim, which may be a hot entry that a promotion pushed out. `None` if the cold ring has run empty.
    fn turn_cold<V, L: Layout>(
        &mut self,
        slab: &mut Slab<V, L>,
        spared: u32,
        budget: u64,
        steps: &mut usize,
    ) -> Option<u32> {
        loop {
            let index = self.cold.hand;
            if index == NIL {
                return None;
            }
            let slot = slab.slot_mut(index);
            let tag = slot.tag;
            let references = slot.references.get_mut();
            if (*references == 0 || *steps == 0) && index != spared {
                self.cold.remove(slab, index);
                let span = self.ghost_span();
                self.ghost.insert(tag, span);
                return Some(index);
            }
            *references = references.saturating_sub(1);
            *steps = steps.saturating_sub(1);
            slot.hot = true;
            self.cold.remove(slab, index);
            self.hot.push(slab, index);
            let share = hot_share(budget);
            if self.hot.weight > share {
                self.shrink_hot_to = share;
                return self.turn_hot(slab, spared, steps);
            }
        }
    }

    /// Brings the hot ring down to its share after the shard has become full, a few entries at a time. A shard that came to less than it
    /// expected while the store filled up is all hot: a newcomer, the only cold entry, would never stay long enough to be read again.
    fn cool<V, L: Layout>(&mut self, slab: &mut Slab<V, L>, budget: u64) {
        for _ in 0..MAX_VICTIMS {
            let index = self.hot.hand;
            if index == NIL || self.hot.weight <= hot_share(budget) {
                self.cooled = true;
                return;
            }
            self.hot.remove(slab, index);
            slab.slot_mut(index).hot = false;
            self.cold.push(slab, index);
        }
    }

    /// Moves the hot hand on to a victim.
    fn turn_hot<V, L: Layout>(&mut self, slab: &mut Slab<V, L>, spared: u32, steps: &mut usize) -> Option<u32> {
        // Each round takes a credit from every entry, so the last of these rounds meets a victim at the latest, if there is one.
        for _ in 0..=usize::from(MAX_REFERENCES) * self.len + self.len {
            let index = self.hot.hand;
            if index == NIL {
                return None;
            }
            let references = slab.slot_mut(index).references.get_mut();
            if (*references == 0 || *steps == 0) && index != spared {
                self.hot.remove(slab, index);
                return Some(index);
            }
            *references = references.saturating_sub(1);
            *steps = steps.saturating_sub(1);
            self.hot.hand = slab.links(index).next;
        }
        None
    }
}
