//! The callers who wait for room in the queue, in the order of their coming.
//!
//! Each looks several times a second, and one who hasn't looked for a while is passed over: a future that nobody polls takes no room from
//! the others.

use std::collections::BTreeMap;
use std::task::Waker;
use std::time::{Duration, Instant};

/// How often the callers look.
pub(crate) const LOOK: Duration = Duration::from_millis(50);

/// A caller who hasn't looked for this long is passed over, unless the one behind is late too: the same cause may have held up both.
const ABSENT: Duration = Duration::from_millis(200);
const LATE: Duration = Duration::from_millis(150);

#[derive(Debug, Default)]
pub(crate) struct Line {
    next: u64,
    callers: BTreeMap<u64, Caller>,
}

#[derive(Debug)]
struct Caller {
    weight: usize,
    seen: Instant,
    waker: Option<Waker>,
}

impl Line {
    pub(crate) fn is_empty(&self) -> bool {
        self.callers.is_empty()
    }

    /// A caller who needs `weight` asks whether it may go. It may if `room` is enough for it and for all callers before it, and then leaves
    /// the line. Wakers that are no longer needed go into `old`, to be dropped without a lock.
    pub(crate) fn look(
        &mut self,
        ticket: &mut Option<u64>,
        weight: usize,
        room: usize,
        waker: Waker,
        old: &mut Vec<Waker>,
    ) -> bool {
        let now = Instant::now();
        let own = match ticket.filter(|ticket| self.callers.contains_key(ticket)) {
            Some(own) => own,
            // A caller who was passed over starts again at the end of the line.
            None => {
                self.next += 1;
                *ticket.insert(self.next)
            }
        };
        let before = self.callers.insert(own, Caller { weight, seen: now, waker: Some(waker) });
        let in_time = before.as_ref().is_none_or(|before| now.duration_since(before.seen) <= LATE);
        old.extend(before.and_then(|before| before.waker));
        let mut needed = weight;
        let mut absent = Vec::new();
        for (ticket, caller) in self.callers.range(..own) {
            if in_time && now.duration_since(caller.seen) > ABSENT {
                absent.push(*ticket);
            } else {
                needed += caller.weight;
            }
            if needed > room {
                break;
            }
        }
        for ticket in absent {
            old.extend(self.leave(ticket));
        }
        let may = needed <= room;
        if may {
            old.extend(self.leave(own));
        }
        may
    }

    /// Takes a caller out of the line, and returns its waker.
    pub(crate) fn leave(&mut self, ticket: u64) -> Option<Waker> {
        self.callers.remove(&ticket)?.waker
    }

    /// The wakers of the callers that have room.
    pub(crate) fn called(&mut self, room: usize, wakers: &mut Vec<Waker>) {
        let mut needed = 0;
        for caller in self.callers.values_mut() {
            needed += caller.weight;
            if needed > room {
                return;
            }
            wakers.extend(caller.waker.take());
        }
    }
}
