//! Looking after flights whose leader nobody polls.
//!
//! Such a leader keeps nobody waiting for longer than two rounds of a task. The task wakes the leader in the first round, and ends its
//! flight in the second. Then the waiters begin anew, and the leader's value, if it comes after all, isn't stored.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;

use super::leader::wake;
use super::pulse::Pulse;
use super::sending::Sending;
use super::sync::Mutex;
use super::{Flights, SHARDS, Spot};
use crate::limit::{self, timer};
use crate::repeated::tell_repeated;

/// The time between two rounds.
pub(super) const ROUND: Duration = Duration::from_millis(250);

/// A round that is later than this is void: the delay may have held up the leaders as well.
pub(super) const LATE: Duration = Duration::from_millis(100);

/// How long a watch may be silent before another one replaces it: its runtime may stand still.
const SILENCE: Duration = Duration::from_secs(1);

/// The present watch.
#[derive(Debug, Default)]
pub(super) struct Watched(Mutex<Option<Present>>);

#[derive(Debug, Clone, Copy)]
struct Present {
    number: u64,
    seen: Instant,
}

/// The flights whose leaders were woken, with how often each had been polled by then.
#[derive(Debug, Default)]
pub(super) struct Suspects(HashMap<Spot, u64>);

/// A flight that somebody waits for.
pub(super) enum Awaited {
    /// Its leader has waited at least once.
    Led(Spot, Arc<Pulse>),
    /// The waiter that was woken to take it over hasn't come yet.
    Vacant(Spot),
    /// Its value is on the way.
    Sent(Sending),
}

impl Flights {
    /// Somebody begins to wait for a flight. Starts the watch, if none is at work.
    #[cold]
    pub(super) fn watch(self: &Arc<Self>) {
        let Ok(runtime) = Handle::try_current() else { return };
        let now = Instant::now();
        let number = {
            let mut present = self.watched.0.lock();
            if present.is_some_and(|present| now.duration_since(present.seen) < SILENCE) {
                return;
            }
            let number = present.map_or(0, |present| present.number) + 1;
            *present = Some(Present { number, seen: now });
            number
        };
        let Ok(mut round) = timer(ROUND) else { return };
        let flights = Arc::downgrade(self);
        limit::spawn(&runtime, async move {
            let mut suspects = Suspects::default();
            let mut due = now + ROUND;
            loop {
                round.await;
                let now = Instant::now();
                if !go_round(&flights, &mut suspects, number, now, now > due + LATE) {
                    return;
                }
                let Ok(next) = timer(ROUND) else { return };
                (round, due) = (next, now + ROUND);
            }
        });
    }

    /// Goes round once. Returns whether anybody waits.
    pub(super) fn look_after(&self, suspects: &mut Suspects) -> bool {
        let mut woken = HashMap::new();
        let mut anybody = false;
        for shard in 0..SHARDS {
            for awaited in self.step(shard, |table| table.awaited()) {
                anybody = true;
                match awaited {
                    Awaited::Led(spot, pulse) => match suspects.0.get(&spot) {
                        Some(polls) if !pulse.has_stirred(*polls) => self.forsake(spot),
                        _ => woken.extend(pulse.wake().map(|polls| (spot, polls))),
                    },
                    Awaited::Vacant(spot) => wake(self.at(spot.hash, |table| table.wake_all(spot))),
                    Awaited::Sent(sending) => {
                        if let Ok(runtime) = Handle::try_current() {
                            limit::spawn(&runtime, sending.follow());
                        }
                    }
                }
            }
        }
        suspects.0 = woken;
        anybody
    }

    /// Ends the flight of a leader that nobody polls.
    fn forsake(&self, spot: Spot) {
        tell_repeated!(WARN, self.mark(), "a computation that others wait for is polled by nobody: they begin anew");
        wake(self.at(spot.hash, |table| table.forsake(spot)));
    }
}

/// Goes round once for this watch. Returns whether it goes on.
fn go_round(flights: &Weak<Flights>, suspects: &mut Suspects, number: u64, now: Instant, late: bool) -> bool {
    let Some(flights) = flights.upgrade() else { return false };
    let is_present = |present: &Option<Present>| present.is_some_and(|present| present.number == number);
    {
        let mut present = flights.watched.0.lock();
        if !is_present(&present) {
            return false;
        }
        *present = Some(Present { number, seen: now });
    }
    if late {
        *suspects = Suspects::default();
    }
    if flights.look_after(suspects) {
        return true;
    }
    // A caller that begins to wait from here on starts another watch. The next look sees those who began before.
    {
        let mut present = flights.watched.0.lock();
        if !is_present(&present) {
            return false;
        }
        *present = None;
    }
    if !flights.look_after(suspects) {
        return false;
    }
    let mut present = flights.watched.0.lock();
    let takes_up = present.is_none();
    if takes_up {
        *present = Some(Present { number, seen: now });
    }
    takes_up
}
