//! One process: a cache, and tasks that use it at random.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fastrand::Rng;
use polycache::{Cache, Result};
use tokio::sync::RwLock;
use tokio::time::{sleep, timeout};

use super::PATIENCE;
use super::books::Books;

/// A timeout shorter than most.
const IMPATIENT: Duration = Duration::from_millis(60);

pub(super) struct Process {
    pub(super) index: usize,
    cache: Cache,
    pub(super) books: Arc<Books>,
    /// Whether the cache is on. Held during commands that mean something else while it is off.
    pub(super) on: RwLock<bool>,
    /// The first of these commands that it doesn't call.
    end: u32,
    clears: bool,
    pub(super) tagged: bool,
}

/// What a process does of the thousand that [`Process::work`] chooses from.
pub(super) const ALL: u32 = 1_000;
pub(super) const READS: u32 = 610;

impl Process {
    pub(super) fn new(index: usize, cache: Cache, books: Arc<Books>, end: u32, clears: bool, tagged: bool) -> Self {
        Self { index, cache, books, on: RwLock::new(true), end, clears, tagged }
    }

    /// One random command after another.
    pub(super) async fn work(self: Arc<Self>, mut rng: Rng) {
        while !self.books.is_over() {
            match rng.u32(..self.end) {
                0..220 => self.get(&mut rng).await,
                220..520 => self.get_or_set(&mut rng).await,
                520..560 => self.multi_get(&mut rng).await,
                560..READS => self.multi_get_or_set(&mut rng).await,
                READS..670 if self.tagged => self.clear_tag(&mut rng).await,
                READS..730 => self.delete(&mut rng).await,
                730..760 => self.multi_delete(&mut rng).await,
                760..810 => self.set(&mut rng).await,
                810..835 => self.multi_set(&mut rng).await,
                835..850 if self.books.lives.are_bounded() => self.expire(&mut rng).await,
                835..865 => self.add(&mut rng).await,
                865..885 => self.cas(&mut rng).await,
                885..940 => self.increment(&mut rng).await,
                940..955 => self.read_counter(&mut rng).await,
                955..985 => self.lock(&mut rng).await,
                985..992 if self.clears && rng.usize(self.books.keys()) < 6 => self.clear(&mut rng).await,
                992..994 => self.turn_off(&mut rng).await,
                _ => sleep(Duration::from_millis(rng.u64(..5))).await,
            }
            self.books.commands.fetch_add(1, Ordering::Relaxed);
            if rng.u32(..4) == 0 {
                sleep(Duration::from_micros(rng.u64(..2000))).await;
            } else {
                tokio::task::yield_now().await;
            }
        }
    }

    /// The cache, now and then with a short timeout.
    pub(super) fn cache(&self, rng: &mut Rng) -> Cache {
        if rng.u32(..4) == 0 { self.cache.with_timeout(IMPATIENT) } else { self.cache.clone() }
    }

    /// Awaits a command, now and then not to its end. `None` if the command was given up or failed: it may have been executed or not.
    pub(super) async fn done<T>(
        &self,
        call: impl Future<Output = Result<T>>,
        rng: &mut Rng,
        key: Option<usize>,
        command: &str,
    ) -> Option<T> {
        let done = async {
            match timeout(PATIENCE, call).await {
                Ok(Ok(value)) => Some(value),
                Ok(Err(error)) => {
                    self.note(key, &format!("{command} fails: {:?}", error.kind()));
                    self.books.fail(key, command, &error);
                    None
                }
                Err(_) => {
                    self.books.find(key, &format!("`{command}` takes longer than {PATIENCE:?}"));
                    None
                }
            }
        };
        if rng.u32(..50) > 0 {
            return done.await;
        }
        let done = timeout(Duration::from_micros(rng.u64(..5000)), done).await;
        if done.is_err() {
            self.note(key, &format!("{command} is cancelled"));
        }
        done.unwrap_or(None)
    }

    /// Writes down an event about a key, or about all.
    pub(super) fn note(&self, key: Option<usize>, what: &str) {
        let text = format!("process {}: {what}", self.index);
        match key {
            Some(key) => self.books.log.key(key, text),
            None => self.books.log.all(text),
        }
    }

    /// Turns the cache off for a while.
    async fn turn_off(&self, rng: &mut Rng) {
        let time = Duration::from_millis(rng.u64(..30));
        let mut on = self.on.write().await;
        if !*on {
            return;
        }
        *on = false;
        self.note(None, "is turned off");
        self.cache.set_enabled(false);
        drop(on);
        sleep(time).await;
        let mut on = self.on.write().await;
        self.cache.set_enabled(true);
        self.note(None, "is turned on");
        *on = true;
    }
}

/// The pause of a computation or of a lock's holder: mostly short, now and then longer than a lease.
pub(super) fn pause(rng: &mut Rng) -> Duration {
    match rng.u32(..100) {
        0..40 => Duration::ZERO,
        40..90 => Duration::from_micros(rng.u64(..10_000)),
        90..98 => Duration::from_millis(rng.u64(..60)),
        _ => Duration::from_millis(rng.u64(..400)),
    }
}
