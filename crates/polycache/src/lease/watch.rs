//! Finding out that a holder is dead.

use std::time::Duration;

use tokio::time::Instant;

use super::note::Note;
use super::{GRACE, LONGEST};
use crate::Value;

/// More time than this between two answers doesn't count against the holder: the stall, of the machine or of the way to the server, may
/// have stalled the holder as well.
const TIMELY: Duration = Duration::from_millis(100);

/// A watch on the holder of a lease, by somebody who wants it.
#[derive(Debug)]
pub(crate) struct Watch {
    /// The assumed life of an entry that tells none.
    life: Duration,
    seen: Option<Seen>,
}

#[derive(Debug)]
struct Seen {
    entry: Value,
    /// Since when the entry is known to be the same, without the stalls.
    since: Instant,
    answered: Instant,
    patience: Duration,
}

impl Watch {
    pub(crate) fn new(life: Duration) -> Self {
        Self { life, seen: None }
    }

    /// Whether the holder has been silent for too long. `entry` was asked for at `asked` and has just come.
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

    /// The pause, cut short for a holder that would be overdue before its end.
    pub(crate) fn cut(&self, pause: Duration) -> Duration {
        let due = self.seen.as_ref().map(|seen| seen.since + seen.patience);
        due.map_or(pause, |due| pause.min(due.saturating_duration_since(Instant::now())).max(Duration::from_millis(1)))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const LIFE: Duration = Duration::from_millis(1_000);

    fn entry(text: &str) -> Value {
        Value::bytes(text.as_bytes())
    }

    /// Looks each tenth of a second until the holder is overdue. Returns how long that took.
    async fn overdue_after(watch: &mut Watch, entry: &Value) -> Duration {
        let started = Instant::now();
        while !watch.is_overdue(Instant::now(), entry) {
            advance(TIMELY).await;
        }
        started.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_holder_is_overdue_after_its_own_life_and_a_grace() {
        let mut watch = Watch::new(LIFE);
        for (text, life) in [("token:1:300", 300), ("token:2:300", 300), ("nonsense", 1_000)] {
            let (waited, due) = (overdue_after(&mut watch, &entry(text)).await, Duration::from_millis(life) + GRACE);
            assert!((due..due + TIMELY).contains(&waited), "{text}: {waited:?}");
        }
    }

    /// A renewal between two looks begins anew.
    #[tokio::test(start_paused = true)]
    async fn a_holder_that_renews_is_never_overdue() {
        let mut watch = Watch::new(LIFE);
        for count in 0..100 {
            for _ in 0..3 {
                assert!(!watch.is_overdue(Instant::now(), &entry(&format!("token:{count}:250"))));
                advance(TIMELY).await;
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_stalls_the_one_who_watches_does_not_count() {
        let mut watch = Watch::new(LIFE);
        let entry = entry("token:1:1000");
        assert!(!watch.is_overdue(Instant::now(), &entry));
        advance(LIFE * 10).await;
        assert!(!watch.is_overdue(Instant::now(), &entry));
        assert!(overdue_after(&mut watch, &entry).await > LIFE);
    }

    /// An answer that was long on its way tells nothing of the time since it was asked for.
    #[tokio::test(start_paused = true)]
    async fn a_late_answer_counts_from_when_it_was_asked_for() {
        let mut watch = Watch::new(LIFE);
        let entry = entry("token:1:100");
        assert!(!watch.is_overdue(Instant::now(), &entry));
        let asked = Instant::now();
        for _ in 0..4 {
            advance(TIMELY).await;
            assert!(!watch.is_overdue(asked, &entry));
        }
        assert!(watch.is_overdue(Instant::now(), &entry));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_ends_when_the_holder_is_overdue() {
        let mut watch = Watch::new(LIFE);
        assert_eq!(watch.cut(TIMELY), TIMELY);
        watch.is_overdue(Instant::now(), &entry("token:1:100"));
        assert_eq!(watch.cut(LIFE), Duration::from_millis(100) + GRACE);
        advance(LIFE).await;
        assert_eq!(watch.cut(LIFE), Duration::from_millis(1));
    }
}
