//! What goes wrong.

use std::sync::Arc;
use std::time::Duration;

use polycache_testkit::servers::RedisServer;
use serde::{Deserialize, Serialize};
use tokio::time::{sleep, timeout};

use crate::callers::{Answers, CALLERS, Caller, KEY, ends};
use crate::peers::{Open, REST, Terms};
use crate::source::Source;

/// The time of a computation that others are to find under way.
const WHILE: Duration = Duration::from_millis(100);
const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) answers: Answers,
    pub(crate) computations: u64,
    /// What one who asks afterwards gets, and one in a process that has been started afterwards.
    pub(crate) afterwards: [String; 2],
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Case {
    FailsStale,
    SlowStale,
    FailsAbsent,
    SlowAbsent,
    Panics,
    Cancelled,
    Killed,
    Frozen,
    /// The database has a new value meanwhile, and the old one is deleted from the cache; the server comes back with what it had.
    KilledChange,
}

impl Case {
    pub(crate) const ALL: [Self; 9] = [
        Self::FailsStale,
        Self::SlowStale,
        Self::FailsAbsent,
        Self::SlowAbsent,
        Self::Panics,
        Self::Cancelled,
        Self::Killed,
        Self::Frozen,
        Self::KilledChange,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::FailsStale => "source fails, value expired",
            Self::SlowStale => "source takes 2 s, value expired",
            Self::FailsAbsent => "source fails, no value",
            Self::SlowAbsent => "source takes 0.5 s, no value",
            Self::Panics => "first computation panics",
            Self::Cancelled => "first caller is cancelled",
            Self::Killed => "Redis killed, value fresh",
            Self::Frozen => "Redis frozen for 3 s, value fresh",
            Self::KilledChange => "Redis killed, value deleted meanwhile",
        }
    }

    const fn ttl(self) -> Duration {
        match self {
            Self::FailsStale | Self::SlowStale => SHORT,
            _ => LONG,
        }
    }

    pub(crate) async fn run(self, open: Open) -> Outcome {
        let (redis, source, caller) = loop {
            if let Some(scene) = self.set_scene(open).await {
                break scene;
            }
            eprintln!("a busy machine: once more");
        };
        let before = source.calls();

        let answers = self.trouble(&caller, &redis).await;
        let computations = source.calls() - before;
        source.takes(Duration::ZERO);
        // What is stored or deleted late has been by then.
        sleep(REST + Duration::from_secs(if matches!(self, Self::KilledChange) { 6 } else { 0 })).await;
        let here = caller.ask().await.to_string();
        let other = Caller { peer: open(self.terms(&redis, &source)).await, source };
        Outcome { answers, computations, afterwards: [here, other.ask().await.to_string()] }
    }

    fn terms(self, redis: &RedisServer, source: &Arc<Source>) -> Terms {
        Terms { redis: redis.url(), ttl: self.ttl(), source: Arc::clone(source) }
    }

    /// A server that keeps what it has, and a peer that has a value and forgets what it shall: whoever doesn't would be tried in vain.
    async fn set_scene(self, open: Open) -> Option<(RedisServer, Arc<Source>, Caller)> {
        let redis = RedisServer::builder().config("appendonly", "yes").config("appendfsync", "always").start().await;
        let source = Arc::new(Source::new());
        let caller = Caller { peer: open(self.terms(&redis, &source)).await, source: Arc::clone(&source) };
        let mut calls = Vec::new();
        for number in 0..4 {
            if number == 2 {
                caller.peer.forget(KEY).await;
                // amalgam-cache deletes on Redis behind this, and until then those who ask get the value back.
                sleep(WHILE).await;
            }
            if caller.ask().await.present != 1 {
                return None;
            }
            calls.push(source.calls());
        }
        (calls == [1, 1, 2, 2]).then_some((redis, source, caller))
    }

    async fn trouble(self, caller: &Caller, redis: &RedisServer) -> Answers {
        let Caller { peer, source } = caller;
        match self {
            Self::FailsStale => {
                sleep(SHORT * 2).await;
                source.change();
                source.fails();
                let mut answers = caller.many().await;
                answers.add(&caller.many().await);
                answers
            }
            Self::SlowStale => {
                sleep(SHORT * 2).await;
                source.change();
                source.takes(Duration::from_secs(2));
                let answers = caller.many().await;
                sleep(Duration::from_secs(2)).await;
                answers
            }
            Self::FailsAbsent => {
                peer.forget(KEY).await;
                sleep(WHILE).await;
                source.fails();
                caller.many().await
            }
            Self::SlowAbsent => {
                peer.forget(KEY).await;
                sleep(WHILE).await;
                source.takes(Duration::from_millis(500));
                caller.many().await
            }
            Self::Panics | Self::Cancelled => {
                peer.forget(KEY).await;
                sleep(WHILE).await;
                source.takes(WHILE);
                if matches!(self, Self::Panics) {
                    source.panics_once();
                }
                let calls = source.calls();
                let first = caller.begin();
                while source.calls() == calls {
                    sleep(Duration::from_millis(1)).await;
                }
                let mut all = caller.begin_many(CALLERS - 1);
                sleep(WHILE / 2).await;
                if matches!(self, Self::Cancelled) {
                    first.abort();
                }
                all.push(first);
                ends(all).await
            }
            Self::Killed => {
                redis.kill();
                let answers = caller.during(Duration::from_secs(1)).await;
                redis.restart().await;
                sleep(Duration::from_secs(1)).await;
                answers
            }
            Self::Frozen => {
                redis.stop();
                let answers = caller.during(Duration::from_secs(3)).await;
                redis.resume();
                answers
            }
            Self::KilledChange => {
                redis.kill();
                let mut answers = caller.during(Duration::from_millis(500)).await;
                source.change();
                let forgets = Arc::clone(peer);
                let deletion = tokio::spawn(async move { forgets.forget(KEY).await });
                // Who takes longer has not said that it is done, and goes on.
                let _ = timeout(Duration::from_millis(500), deletion).await;
                answers.add(&caller.during(Duration::from_secs(1)).await);
                redis.restart().await;
                answers
            }
        }
    }
}
