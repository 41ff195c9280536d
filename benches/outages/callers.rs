//! Those who ask, and what they get.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::peers::Peer;
use crate::source::Source;

pub(crate) const KEY: &str = "k";
/// How many ask at once.
pub(crate) const CALLERS: usize = 16;
/// Who gets no answer within this gets none.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Answers {
    /// In this order by what is worse.
    pub(crate) none: u64,
    pub(crate) panics: u64,
    pub(crate) errors: u64,
    pub(crate) old: u64,
    pub(crate) present: u64,
    pub(crate) longest: Duration,
}

impl Answers {
    pub(crate) fn add(&mut self, other: &Self) {
        self.none += other.none;
        self.panics += other.panics;
        self.errors += other.errors;
        self.old += other.old;
        self.present += other.present;
        self.longest = self.longest.max(other.longest);
    }
}

impl fmt::Display for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            (self.present, "values"),
            (self.old, "old"),
            (self.errors, "errors"),
            (self.panics, "panics"),
            (self.none, "without answer"),
        ];
        let words: Vec<String> =
            kinds.iter().filter(|(count, _)| *count > 0).map(|(count, kind)| format!("{count} {kind}")).collect();
        f.write_str(&words.join(", "))
    }
}

/// One who asks.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) peer: Arc<dyn Peer>,
    pub(crate) source: Arc<Source>,
}

impl Caller {
    pub(crate) async fn ask(&self) -> Answers {
        let present = self.source.value();
        let began = Instant::now();
        let answer = timeout(PATIENCE, self.peer.ask(KEY)).await;
        let mut answers = Answers { longest: began.elapsed(), ..Answers::default() };
        match answer {
            Err(_) => answers.none = 1,
            Ok(Err(_)) => answers.errors = 1,
            Ok(Ok(value)) if value < present => answers.old = 1,
            Ok(Ok(_)) => answers.present = 1,
        }
        answers
    }

    pub(crate) fn begin(&self) -> JoinHandle<Answers> {
        let this = self.clone();
        tokio::spawn(async move { this.ask().await })
    }

    pub(crate) fn begin_many(&self, count: usize) -> Vec<JoinHandle<Answers>> {
        (0..count).map(|_| self.begin()).collect()
    }

    /// Many at once.
    pub(crate) async fn many(&self) -> Answers {
        ends(self.begin_many(CALLERS)).await
    }

    /// Many again and again, each for as long as this.
    pub(crate) async fn during(&self, time: Duration) -> Answers {
        let until = Instant::now() + time;
        let each = || {
            let this = self.clone();
            tokio::spawn(async move {
                let mut sum = Answers::default();
                while Instant::now() < until {
                    sum.add(&this.ask().await);
                    sleep(Duration::from_millis(20)).await;
                }
                sum
            })
        };
        ends((0..CALLERS).map(|_| each()).collect()).await
    }
}

pub(crate) async fn ends(callers: Vec<JoinHandle<Answers>>) -> Answers {
    let mut sum = Answers::default();
    for caller in callers {
        match caller.await {
            Ok(answers) => sum.add(&answers),
            Err(error) if error.is_panic() => sum.panics += 1,
            Err(_) => {}
        }
    }
    sum
}
