//! Making a near cache.

use std::sync::Arc;
use std::time::Duration;

use polycache_engine::{Clock, ManualClock};

use super::Near;
use super::others::Bus;
use super::tier::{DEFAULT_TTL, Lives, Tier};
use crate::Result;
use crate::backend::{Backend, Tracker};
#[cfg(feature = "redis")]
use crate::backends::redis::Redis;
use crate::range::Range;
#[cfg(feature = "config")]
use crate::settings::PartOr;
#[cfg(feature = "config")]
use crate::{Secret, Settings};

const MAX_ENTRIES: Range<u64> = Range::new("max_entries", 1, u64::MAX);
#[cfg(feature = "config")]
const NEAR: Range<u64> = Range::new("near", 1, u64::MAX).or_zero("none");
const TTL: Range<Duration> = Range::from("ttl", Duration::from_millis(1));
#[cfg(feature = "config")]
const MISSES: Range<Duration> = Range::from("misses", Duration::ZERO);

const DEFAULT_MAX_ENTRIES: u64 = 10_000;

/// Settings for a new [`Near`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct NearBuilder {
    max_entries: u64,
    tracking: bool,
    ttl: Option<Duration>,
    misses: Duration,
    bus: Bus,
    clock: Clock,
}

impl NearBuilder {
    pub(super) fn new() -> Self {
        Self {
            max_entries: DEFAULT_MAX_ENTRIES,
            tracking: true,
            ttl: None,
            misses: Duration::ZERO,
            bus: Bus::None,
            clock: Clock::System,
        }
    }

    /// Keeps up to this many entries near: 10,000 by default. As in [memory](crate::backends::memory), those that are read often stay.
    pub fn max_entries(mut self, entries: u64) -> Self {
        self.max_entries = entries;
        self
    }

    /// Whether the far backend is asked to tell which entries change, if it [can](Backend::tracked): by default it is.
    pub fn tracking(mut self, tracking: bool) -> Self {
        self.tracking = tracking;
        self
    }

    /// How long a value is kept near at most, from the moment when its read departed. By default a second, and where the far backend tells
    /// of changes, as long as the entry lives. Where it doesn't tell, so long may other processes' writes and deletions go unnoticed.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// How long it is kept near, within [`ttl`](Self::ttl), that there is *no* value under a key; zero, the default, for not at all. Such
    /// an entry takes the place of one with a value. For keys that are asked for often and mostly don't exist.
    pub fn misses(mut self, ttl: Duration) -> Self {
        self.misses = ttl;
        self
    }

    /// Tells `others` the keys of each write through this near cache, once it is done or given up, and of `clear` and `raw` that anything
    /// may have changed. So a channel between processes carries what has changed, where the far backend doesn't tell it: `others` sends it,
    /// and who receives it gives it to [`Near::tracker`]. What is lost on the way is noticed at the end of the [`ttl`](Self::ttl).
    ///
    /// `others` is called by whoever writes, and must not block, wait or panic.
    ///
    /// ```
    /// use polycache::backend::{Gap, Tracker};
    /// use polycache::backends::memory::Memory;
    /// use polycache::backends::near::Near;
    /// use polycache::Cache;
    /// use std::sync::Arc;
    /// use tokio::sync::mpsc;
    ///
    /// /// What is sent: a key, or nothing for all of them.
    /// type Message = Option<Vec<u8>>;
    ///
    /// #[derive(Debug)]
    /// struct Sender(mpsc::UnboundedSender<Message>);
    ///
    /// impl Tracker for Sender {
    ///     fn changed(&self, key: &[u8]) {
    ///         drop(self.0.send(Some(key.to_vec())));
    ///     }
    ///
    ///     fn lost(&self, _: Gap<'_>) {
    ///         drop(self.0.send(None));
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// let server = Arc::new(Memory::new()); // or memcached
    /// let (sender, mut receiver) = mpsc::unbounded_channel(); // or any channel between processes
    /// let one = Near::builder().tells(Arc::new(Sender(sender))).build(server.clone())?;
    /// let other = Near::builder().build(server)?;
    ///
    /// let (one, cache) = (Cache::builder().backend(one).build()?, Cache::builder().backend(other.clone()).build()?);
    /// one.set("k", 1).await?;
    /// assert_eq!(cache.get("k").await?, Some(1));
    /// one.set("k", 2).await?;
    ///
    /// let tracker = other.tracker(); // a task of the other process
    /// while let Ok(message) = receiver.try_recv() {
    ///     match message {
    ///         Some(key) => tracker.changed(&key),
    ///         None => other.flush(),
    ///     }
    /// }
    /// assert_eq!(cache.get("k").await?, Some(2));
    /// # Ok(()) }
    /// ```
    pub fn tells(mut self, others: Arc<dyn Tracker>) -> Self {
        self.bus = Bus::Tracker(others);
        self
    }

    /// Tells other processes of each write through this near cache, and hears of theirs, on a channel of `redis`: `polycache:near`, by
    /// `PUBLISH` and `SUBSCRIBE`, in place of what [`tells`](Self::tells) is given. For a far backend that doesn't tell of changes itself,
    /// such as memcached.
    ///
    /// Mostly a write is known elsewhere within a millisecond. So a [`ttl`](Self::ttl) may be longer than the second by default, and it
    /// still is the bound: a process that can't reach Redis tells nobody before it can, and then that anything may have changed. If this
    /// process loses its connection, everything leaves near, and while it has none, values are kept for a second at most.
    ///
    /// No server is contacted before the first read or write. One connection is made besides those of `redis`.
    ///
    /// ```
    /// use polycache::backends::memcached::Memcached;
    /// use polycache::backends::near::Near;
    /// use polycache::backends::redis::Redis;
    /// use polycache::Cache;
    /// use std::sync::Arc;
    /// use std::time::Duration;
    ///
    /// # fn main() -> polycache::Result<()> {
    /// let memcached = Arc::new(Memcached::open("memcached://127.0.0.1:11211")?);
    /// let bus = Redis::open("redis://127.0.0.1:6379")?;
    /// let near = Near::builder().ttl(Duration::from_secs(60)).channel(&bus).build(memcached)?;
    /// let cache = Cache::builder().backend(near).build()?;
    /// # drop(cache); Ok(()) }
    /// ```
    #[cfg(feature = "redis")]
    pub fn channel(mut self, redis: &Redis) -> Self {
        self.bus = Bus::Redis(redis.clone());
        self
    }

    /// Uses a clock that moves only when told to, for tests. It has to be that of the far backend, if that has one.
    pub fn manual_clock(mut self, clock: &ManualClock) -> Self {
        self.clock = Clock::Manual(clock.clone());
        self
    }

    /// The near cache in front of `far`.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) for no entries at all, for a TTL of less than a millisecond, and if the far backend could tell
    /// of changes, or Redis be a channel, but for its settings.
    pub fn build(self, far: Arc<dyn Backend>) -> Result<Near> {
        MAX_ENTRIES.check(self.max_entries)?;
        self.ttl.map(|ttl| TTL.check(ttl)).transpose()?;
        let tier = Arc::new(Tier::new(self.max_entries, self.clock));
        let tracked = match self.tracking {
            true => far.tracked(Arc::clone(&tier) as Arc<dyn Tracker>)?,
            false => None,
        };
        let ttl = self.ttl.or_else(|| tracked.is_none().then_some(DEFAULT_TTL));
        let lives = Lives::new(ttl, self.misses, far.info().ttl_resolution);
        let others = self.bus.join(&tier, lives)?;
        Ok(match tracked {
            Some(tracked) => Near { far: tracked, untracked: Some(far), tier, lives, others },
            None => Near { far, untracked: None, tier, lives, others },
        })
    }

    /// The settings under `near`: the number of entries, or a table. `None` where there is to be no near cache.
    #[cfg(feature = "config")]
    pub(in crate::backends) fn from_settings(settings: &mut Settings) -> Result<Option<Self>> {
        let mut own = match settings.part_or(&NEAR)? {
            PartOr::Neither => return Ok(None),
            PartOr::Value(entries) => return Ok((entries > 0).then(|| Self::new().max_entries(entries))),
            PartOr::Part(own) => own,
        };
        let mut builder = Self::new();
        if let Some(entries) = own.ranged(&MAX_ENTRIES)? {
            builder.max_entries = entries;
        }
        if let Some(tracking) = own.take("tracking")? {
            builder.tracking = tracking;
        }
        if let Some(ttl) = own.ranged(&TTL)? {
            builder.ttl = Some(ttl);
        }
        if let Some(ttl) = own.ranged(&MISSES)? {
            builder.misses = ttl;
        }
        if let Some(url) = own.take::<Secret>("channel")? {
            builder.bus = Bus::at(&url).map_err(|error| own.error("channel", &format!("is no channel: {error}")))?;
        }
        own.finish()?;
        Ok(Some(builder))
    }
}
