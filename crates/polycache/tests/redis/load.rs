//! Many tasks at work, each of which knows what it may read.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use polycache::{Cache, ErrorKind};
use tokio::task::JoinSet;

use super::support::{SLACK, until};

/// Keys of each task.
const KEYS: u64 = 8;

/// Tasks that set, get, increment and read many keys at once until they are told to stop, and check all they get: values belong to
/// their keys and were written, counters count, calls end in time, and errors are those of a server that is away.
pub(crate) struct Load {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

struct Shared {
    cache: Cache,
    timeout: Duration,
    started: Instant,
    stop: AtomicBool,
    tasks: Vec<Task>,
    errors: Mutex<BTreeMap<String, (u64, String)>>,
    /// How many calls have failed.
    failures: AtomicU64,
    slowest: AtomicU64,
}

#[derive(Default)]
struct Task {
    /// The numbers that were written under its keys are at most this.
    written: AtomicU64,
    /// When, in microseconds after the start, a whole round of its calls last began that succeeded.
    succeeded: AtomicU64,
}

impl Load {
    /// Starts so many tasks; returns when each has done a round. The cache's calls take `timeout` at most.
    pub(crate) async fn start(cache: &Cache, timeout: Duration, tasks: usize) -> Self {
        let shared = Arc::new(Shared {
            cache: cache.clone(),
            timeout,
            started: Instant::now(),
            stop: AtomicBool::new(false),
            tasks: (0..tasks).map(|_| Task::default()).collect(),
            errors: Mutex::default(),
            failures: AtomicU64::new(0),
            slowest: AtomicU64::new(0),
        });
        let mut load = Self { shared, tasks: JoinSet::new() };
        for index in 0..tasks {
            let shared = Arc::clone(&load.shared);
            load.tasks.spawn(async move { shared.work(index).await });
        }
        load.served_since(Instant::now()).await;
        load
    }

    /// Waits until every task has done a round of calls that began after `moment`; how long after it the last of them was through.
    pub(crate) async fn served_since(&mut self, moment: Instant) -> Duration {
        let moment = u64::try_from((moment - self.shared.started).as_micros()).unwrap();
        let shared = Arc::clone(&self.shared);
        until("service for every task", async || {
            if let Some(ended) = self.tasks.try_join_next() {
                ended.unwrap();
            }
            shared.tasks.iter().all(|task| task.succeeded.load(Ordering::Relaxed) > moment)
        })
        .await;
        Duration::from_micros(u64::try_from(self.shared.started.elapsed().as_micros()).unwrap() - moment)
    }

    /// Waits until another call fails.
    pub(crate) async fn troubled(&self) {
        let before = self.shared.failures.load(Ordering::Relaxed);
        until("trouble", async || self.shared.failures.load(Ordering::Relaxed) > before).await;
    }

    /// Waits until calls have failed in this way.
    pub(crate) async fn met(&self, kind: ErrorKind) {
        let prefix = format!("{kind:?}");
        until(&prefix, async || self.shared.errors.lock().unwrap().keys().any(|met| met.starts_with(&prefix))).await;
    }

    /// Stops the tasks, and says what errors they have met.
    pub(crate) async fn stop(mut self, title: &str) {
        self.shared.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
        let slowest = Duration::from_micros(self.shared.slowest.load(Ordering::Relaxed));
        let errors = self.shared.errors.lock().unwrap();
        eprintln!("{title}: the slowest call took {slowest:?} of {:?}", self.shared.timeout);
        for (what, (count, example)) in &*errors {
            eprintln!("{title}: {count:>6} × {what}, for example {example}");
        }
    }
}

impl Shared {
    async fn work(&self, index: usize) {
        let mine = &self.tasks[index];
        let counter = format!("{index}:counter");
        let mut counted = Counted::default();
        for round in 1.. {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let began = self.started.elapsed();
            let name = key(index, round % KEYS);
            mine.written.store(round, Ordering::Relaxed);
            let mut good = self.call("set", self.cache.set(&name, value(&name, round))).await.is_some();

            match self.call("get", self.cache.get::<String>(&name)).await {
                Some(Some(value)) => self.check(&name, index, &value),
                Some(None) => {}
                None => good = false,
            }

            let others: Vec<(usize, String)> = (0..5)
                .map(|_| {
                    let other = fastrand::usize(..self.tasks.len());
                    (other, key(other, fastrand::u64(..KEYS)))
                })
                .collect();
            let names: Vec<&String> = others.iter().map(|(_, name)| name).collect();
            match self.call("multi_get", self.cache.multi_get::<String>(&names)).await {
                Some(values) => {
                    assert_eq!(values.len(), others.len());
                    for ((other, name), value) in others.iter().zip(values) {
                        if let Some(value) = value {
                            self.check(name, *other, &value);
                        }
                    }
                }
                None => good = false,
            }

            counted.asked += 1;
            match self.call("increment", self.cache.increment(&counter, 1)).await {
                Some(count) => counted.check(&counter, count, self.failures.load(Ordering::Relaxed)),
                None => good = false,
            }
            if good {
                let began = u64::try_from(began.as_micros()).unwrap();
                mine.succeeded.store(began, Ordering::Relaxed);
            } else {
                // A cache that fails at once is no reason to spin.
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    }

    /// What a call gives; nothing if it fails as it may.
    async fn call<T>(&self, name: &'static str, call: impl Future<Output = polycache::Result<T>>) -> Option<T> {
        let started = Instant::now();
        let result = call.await;
        let took = started.elapsed();
        self.slowest.fetch_max(u64::try_from(took.as_micros()).unwrap(), Ordering::Relaxed);
        assert!(took < self.timeout + SLACK, "{name} took {took:?}, where {:?} were allowed", self.timeout);
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                let kind = error.kind();
                let allowed = if name == "increment" {
                    error.is_retryable() || kind == ErrorKind::UnknownOutcome
                } else {
                    error.is_retryable()
                };
                assert!(allowed, "{error:?}");
                let mut errors = self.errors.lock().unwrap();
                self.failures.fetch_add(1, Ordering::Relaxed);
                errors.entry(format!("{kind:?} of {name}")).or_insert_with(|| (0, error.to_string())).0 += 1;
                None
            }
        }
    }

    fn check(&self, name: &str, writer: usize, value: &str) {
        let number = value.strip_prefix(name).and_then(|rest| rest.strip_prefix('#')?.parse::<u64>().ok());
        let number = number.unwrap_or_else(|| panic!("{name} gave {value}"));
        let written = self.tasks[writer].written.load(Ordering::Relaxed);
        assert!(number <= written, "{name} gave {value}, but only {written} were written");
    }
}

fn key(index: usize, number: u64) -> String {
    format!("{index}:{number}")
}

fn value(name: &str, number: u64) -> String {
    format!("{name}#{number}")
}

#[derive(Default)]
struct Counted {
    /// How often it was asked to count.
    asked: i64,
    /// The last count, and how many calls of anybody had failed by then.
    last: Option<(i64, u64)>,
}

impl Counted {
    /// A count goes up by one, begins again where the server has lost it, and is never more than was asked for. What a server
    /// answered and lost with its life, its successor doesn't know; that one call at least fails meanwhile.
    fn check(&mut self, name: &str, count: i64, failures: u64) {
        assert!((1..=self.asked).contains(&count), "{name} counts {count} of {}", self.asked);
        if let Some((last, before)) = self.last
            && before == failures
        {
            assert!(count == last + 1, "{name} counts {count} after {last}, with no trouble in between");
        }
        self.last = Some((count, failures));
    }
}
