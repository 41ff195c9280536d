//! Finding out that a holder is dead.

use std::time::Duration;

use tokio::time::Instant;

use super::note::Note;
use super::{GRACE, LONGEST};
use crate::Value;

/// Time between two answers beyond this doesn't count against the holder: whatever has stalled the one who watches, the machine or
/// the way to the server, may stall the holder as well.
const TIMELY: Duration = Duration::from_millis(100);

/// What somebody who wants a lease has seen of the one who has it.
#[derive(Debug)]
pub(crate) struct Watch {
    /// Of a holder that doesn't tell its own.
    life: Duration,
    seen: Option<Seen>,
}

#[derive(Debug)]
struct Seen {
    entry: Value,
    /// Since when it is known to be the same, but for stalls.
    since: Instant,
    answered: Instant,
    patience: Duration,
}

impl Watch {
    pub(crate) fn new(life: Duration) -> Self {
        Self { life, seen: None }
    }

    /// Whether the holder of `entry`, which was asked for then and is here now, has been silent for too long.
    pub(crate) fn is_overdue(&mut self, asked: Instant, entry: &Value) -> bool {
        let answered = Instant::now();
        match &mut self.seen {
            Some(seen) if seen.entry.as_bytes() == entry.as_bytes() => {
                seen.since += (answered - seen.answered).saturating_sub(TIMELY);
                seen.answered = answered;
                asked >= seen.since + seen.patience
            }
            seen => {
                let life = Note::life_in(entry).unwrap_or(self.life).min(LONGEST);
                *seen = Some(Seen { entry: entry.clone(), since: answered, answered, patience: life + GRACE });
                false
            }
        }
    }

    /// This pause, but for a holder that would be overdue before its end.
    pub(crate) fn cut(&self, pause: Duration) -> Duration {
        let due = self.seen.as_ref().map(|seen| seen.since + seen.patience);
        due.map_or(pause, |due| pause.min(due.saturating_duration_since(Instant::now())).max(Duration::from_millis(1)))
    }
}
