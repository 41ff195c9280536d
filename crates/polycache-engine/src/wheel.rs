//! A hierarchical timing wheel of entries, intrusive: its lists run through the slab.
//!
//! Six levels of 64 lists. An entry's level follows from the highest group of six bits in which its tick differs from the present one. So
//! an entry moves down at most five times in its life, and setting, moving or dropping a timer is O(1). A slot that becomes free stays in
//! its list until the list is due or the slot gets another deadline: under pressure the next entry takes the slot at once, most often with
//! a deadline that belongs in the same list. Source: G. Varghese and A. Lauck, "Hashed and Hierarchical Timing Wheels", SOSP 1987.

use crate::clock::NEVER;
use crate::layout::Layout;
use crate::slab::{NIL, Slab};

/// The list number of an entry without a timer.
pub(crate) const NO_LIST: u16 = u16::MAX;

/// A tick is 32 ms: an expired entry may stay in memory, unseen, for so long before it is due.
const TICK_BITS: u32 = 5;
const LEVEL_BITS: u32 = 6;
const LISTS: usize = 1 << LEVEL_BITS;
const LEVELS: usize = 6;

/// The farthest that the wheel can hold, 68 years; a later deadline waits there and is put back. It is one list of the last level less than
/// a full round: otherwise the farthest list could be the present one.
const HORIZON: u64 = (LISTS as u64 - 1) << (LEVEL_BITS * (LEVELS as u32 - 1));

#[derive(Debug)]
pub(crate) struct Wheel {
    /// The last tick whose lists have been or are being visited.
    now: u64,
    /// No list is due before this tick.
    idle_until: u64,
    heads: Box<[[u32; LISTS]; LEVELS]>,
    /// A bit for each list that isn't empty.
    occupied: [u64; LEVELS],
}

/// The tick after the deadline: the deadline has surely passed when the wheel comes to this tick.
const fn tick_after(deadline: u64) -> u64 {
    (deadline >> TICK_BITS) + 1
}

/// When the wheel comes to an entry with this deadline, in milliseconds.
pub(crate) const fn due_after(deadline: u64) -> u64 {
    let tick = tick_after(deadline);
    if tick > NEVER >> TICK_BITS { NEVER } else { tick << TICK_BITS }
}

/// The result of a turn of the wheel.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// This entry's deadline has passed; it has left the wheel.
    Expired(u32),
    /// An entry moved to a nearer list, or a free slot left the wheel; more may be due.
    Moved,
    /// Nothing more is due.
    Idle,
}

impl Wheel {
    pub(crate) fn new(now_ms: u64) -> Self {
        let heads = Box::new([[NIL; LISTS]; LEVELS]);
        Self { now: now_ms >> TICK_BITS, idle_until: u64::MAX, heads, occupied: [0; LEVELS] }
    }

    /// Empties all lists. The slots that were in them stay as they are.
    pub(crate) fn clear(&mut self) {
        self.heads.fill([NIL; LISTS]);
        (self.idle_until, self.occupied) = (u64::MAX, [0; LEVELS]);
    }

    /// Puts the entry into the list for its deadline, out of the list that it was in. Nothing moves if that is the same list: a list that
    /// was due would be empty.
    pub(crate) fn set<V, L: Layout>(&mut self, slab: &mut Slab<V, L>, index: u32) {
        let (deadline, timer_list) = (slab.deadline(index), slab.slot(index).timer_list);
        if deadline == NEVER {
            self.remove(slab, index);
            return;
        }
        let tick = tick_after(deadline).min(self.now.saturating_add(HORIZON)).max(self.now + 1);
        let level = self.level_of(tick);
        let shift = LEVEL_BITS * level as u32;
        self.idle_until = self.idle_until.min(tick >> shift << shift);
        let list = level * LISTS + (tick >> shift) as usize % LISTS;
        if list != usize::from(timer_list) {
            self.remove(slab, index);
            self.link(slab, index, list);
        }
    }

    /// Takes the entry out of its list, if it is in one.
    pub(crate) fn remove<V, L: Layout>(&mut self, slab: &mut Slab<V, L>, index: u32) {
        let number = slab.slot(index).timer_list;
        if number == NO_LIST {
            return;
        }
        slab.slot_mut(index).timer_list = NO_LIST;
        let links = *slab.links(index);
        if links.timer_next != NIL {
            slab.links_mut(links.timer_next).timer_prev = links.timer_prev;
        }
        if links.timer_prev != NIL {
            slab.links_mut(links.timer_prev).timer_next = links.timer_next;
        } else {
            let (level, list) = (number as usize / LISTS, number as usize % LISTS);
            self.heads[level][list] = links.timer_next;
            if links.timer_next == NIL {
                self.occupied[level] &= !(1 << list);
            }
        }
    }

    /// Does one step of the work due at `now_ms`: a caller bounds its work by counting steps.
    pub(crate) fn turn<V, L: Layout>(&mut self, slab: &mut Slab<V, L>, now_ms: u64) -> Turn {
        let target = now_ms >> TICK_BITS;
        if self.idle_until > target {
            self.now = self.now.max(target);
            return Turn::Idle;
        }
        let next = self.next_list();
        self.idle_until = next.map_or(u64::MAX, |(at, ..)| at);
        let Some((at, level, list)) = next.filter(|&(at, ..)| at <= target) else {
            self.now = self.now.max(target);
            return Turn::Idle;
        };
        self.now = at;
        let index = self.heads[level][list];
        self.remove(slab, index);
        if slab.deadline(index) >> TICK_BITS < at {
            return Turn::Expired(index);
        }
        // This takes a free slot out of its list.
        self.set(slab, index);
        Turn::Moved
    }

    /// When the wheel has work next, in milliseconds; [`NEVER`] where it holds nothing.
    pub(crate) fn next_due(&self) -> u64 {
        self.next_list().map_or(NEVER, |(at, ..)| at << TICK_BITS)
    }

    fn level_of(&self, tick: u64) -> usize {
        let differing = 63 - (tick ^ self.now | 1).leading_zeros();
        ((differing / LEVEL_BITS) as usize).min(LEVELS - 1)
    }

    /// The earliest list that isn't empty: its first tick, level and place.
    fn next_list(&self) -> Option<(u64, usize, usize)> {
        (0..LEVELS)
            .filter(|&level| self.occupied[level] != 0)
            .map(|level| {
                let shift = LEVEL_BITS * level as u32;
                let position = (self.now >> shift) % LISTS as u64;
                let ahead = self.occupied[level].rotate_right(position as u32).trailing_zeros();
                let at = ((self.now >> shift) + u64::from(ahead)) << shift;
                // A list that is being emptied starts before now.
                (at.max(self.now), level, ((position + u64::from(ahead)) as usize) % LISTS)
            })
            .min()
    }

    fn link<V, L: Layout>(&mut self, slab: &mut Slab<V, L>, index: u32, list: usize) {
        slab.link();
        let head = std::mem::replace(&mut self.heads[list / LISTS][list % LISTS], index);
        self.occupied[list / LISTS] |= 1 << (list % LISTS);
        if head != NIL {
            slab.links_mut(head).timer_prev = index;
        }
        let links = slab.links_mut(index);
        links.timer_prev = NIL;
        links.timer_next = head;
        slab.slot_mut(index).timer_list = list as u16;
    }
}

#[cfg(test)]
#[allow(clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn entry(slab: &mut Slab<()>, deadline: u64) -> u32 {
        let index = slab.reserve().expect("there is room");
        slab.slot_mut(index).deadline = deadline;
        index
    }

    /// Turns until idle. Returns the expired entries.
    fn run(wheel: &mut Wheel, slab: &mut Slab<()>, now_ms: u64) -> Vec<u32> {
        let mut expired = Vec::new();
        loop {
            match wheel.turn(slab, now_ms) {
                Turn::Expired(index) => expired.push(index),
                Turn::Moved => {}
                Turn::Idle => return expired,
            }
        }
    }

    #[test]
    fn nothing_expires_early_and_everything_within_a_tick() {
        for start in [0, 1, 63 << 6, (1 << 36) - 5, 987_654_321_987] {
            let (mut slab, mut wheel) = (Slab::new(false), Wheel::new(start));
            let mut deadlines: Vec<u64> = Vec::new();
            for life in (0..43).flat_map(|bit| [(1_u64 << bit) - 1, 1 << bit, (1 << bit) + 77]) {
                let index = entry(&mut slab, start + life);
                wheel.set(&mut slab, index);
                assert_eq!(index as usize, deadlines.len());
                deadlines.push(start + life);
            }
            while wheel.next_due() != NEVER {
                let now = wheel.next_due();
                for index in run(&mut wheel, &mut slab, now) {
                    let deadline = deadlines[index as usize];
                    assert!(deadline < now && now <= deadline + 128, "{deadline} at {now}");
                    deadlines[index as usize] = NEVER;
                }
            }
            assert!(deadlines.iter().all(|&deadline| deadline == NEVER));
        }
    }

    #[test]
    fn a_deadline_beyond_the_horizon_waits() {
        let (mut slab, mut wheel) = (Slab::new(false), Wheel::new(5_000));
        let index = entry(&mut slab, NEVER - 1);
        wheel.set(&mut slab, index);
        let due = wheel.next_due();
        assert!(due > 60 * 365 * 86_400_000 && due < NEVER);
        assert_eq!(run(&mut wheel, &mut slab, due), []);
        assert!(wheel.next_due() > due);
    }

    #[test]
    fn a_removed_timer_is_gone_from_any_place_of_its_list() {
        for gone in 0..3 {
            let (mut slab, mut wheel) = (Slab::new(false), Wheel::new(0));
            let entries: Vec<u32> = (0..3).map(|_| entry(&mut slab, 1_000)).collect();
            for &index in &entries {
                wheel.set(&mut slab, index);
            }
            wheel.remove(&mut slab, entries[gone]);
            wheel.remove(&mut slab, entries[gone]);
            let mut expired = run(&mut wheel, &mut slab, 5_000);
            expired.sort_unstable();
            let rest: Vec<u32> = entries.iter().copied().filter(|&index| index != entries[gone]).collect();
            assert_eq!(expired, rest);
            assert_eq!(wheel.next_due(), NEVER);
        }
    }

    #[test]
    fn an_unfinished_list_is_taken_up_again() {
        let (mut slab, mut wheel) = (Slab::new(false), Wheel::new(0));
        for _ in 0..10 {
            let index = entry(&mut slab, 10_000);
            wheel.set(&mut slab, index);
        }
        let now = 60_000;
        assert_eq!(wheel.turn(&mut slab, now), Turn::Moved);
        let late = entry(&mut slab, 10_100);
        wheel.set(&mut slab, late);
        assert_eq!(run(&mut wheel, &mut slab, now).len(), 11);
    }
}
