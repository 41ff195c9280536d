//! How often a read finds its key.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::events::{Event, EventKinds};
use crate::{Answer, Command, CommandName, Held, Outcome, Plugin, Reply};

/// Counts how many of the keys that `get` and `multi_get` asked for were found. A clone shares the figures.
///
/// Reads of objects and untyped values count like `get`. A failed read doesn't count, even if the cache makes it a miss for its caller
/// ([`on_error`](crate::CacheBuilder::on_error)).
///
/// Where the backend is a [near cache](crate::backends::near), it also counts what that answers and forgets, for all caches that share it.
///
/// ```
/// use polycache::{Cache, plugins::HitMissRatio};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// let cache = Cache::builder().plugin(HitMissRatio::new()).build()?;
/// cache.set("a", 1).await?;
/// cache.get::<i32>("a").await?;
/// cache.multi_get::<i32>(&["a", "b", "c"]).await?;
///
/// let figures = cache.plugin::<HitMissRatio>().expect("built in above");
/// assert_eq!((figures.total(), figures.hits(), figures.ratio()), (4, 2, 0.5));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
pub struct HitMissRatio(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
    near_hits: AtomicU64,
    near_changes: AtomicU64,
    near_flushes: AtomicU64,
}

impl HitMissRatio {
    /// A plugin that has counted nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many keys were asked for.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.hits() + self.0.misses.load(Ordering::Relaxed)
    }

    /// How many of them were found.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.0.hits.load(Ordering::Relaxed)
    }

    /// How many reads of a key were answered by what is near. The other [`hits`](Self::hits) came from far.
    #[must_use]
    pub fn near_hits(&self) -> u64 {
        self.0.near_hits.load(Ordering::Relaxed)
    }

    /// How many entries have left near since something else had changed them far.
    #[must_use]
    pub fn near_changes(&self) -> u64 {
        self.0.near_changes.load(Ordering::Relaxed)
    }

    /// How often everything has left near since anything might have changed. An [event](Event::NearFlushed) tells the reason.
    #[must_use]
    pub fn near_flushes(&self) -> u64 {
        self.0.near_flushes.load(Ordering::Relaxed)
    }

    /// The share of keys that were found, from 0 to 1; 0 if none was asked for.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        let (hits, misses) = (self.hits(), self.0.misses.load(Ordering::Relaxed));
        if hits == 0 { 0.0 } else { hits as f64 / (hits + misses) as f64 }
    }
}

impl Plugin for HitMissRatio {
    fn after(&self, command: &Command<'_>, outcome: &Outcome<'_>, _took: Duration, _held: Held) -> Reply<()> {
        use CommandName::{Get, GetObject, MultiGet};
        if let (Get | GetObject | MultiGet, Ok(Answer::Found { hits, asked })) = (command.name(), outcome) {
            self.0.hits.fetch_add(*hits, Ordering::Relaxed);
            self.0.misses.fetch_add(asked - hits, Ordering::Relaxed);
        }
        Reply::ready(())
    }

    fn events(&self) -> EventKinds {
        EventKinds::NEAR
    }

    fn event(&self, event: &Event<'_>) {
        let count = match event {
            Event::NearHit { .. } => &self.0.near_hits,
            Event::NearChanged { .. } => &self.0.near_changes,
            Event::NearFlushed { .. } => &self.0.near_flushes,
            _ => return,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}
