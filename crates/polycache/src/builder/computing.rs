//! The settings of computations: for `get_or_set` and cached functions.

use std::time::Duration;

use super::CacheBuilder;
#[cfg(doc)]
use crate::{Cache, Error, ErrorKind};

impl CacheBuilder {
    /// Whether `get_or_set`, `multi_get_or_set` and cached functions return computed values before they are stored. A task of the tokio
    /// runtime stores them, and [`close`](Cache::close) waits for it. Off by default, so that the next caller finds the value. For a single
    /// call there is [`GetOrSet::write_behind`](crate::GetOrSet::write_behind).
    pub fn write_behind(mut self, behind: bool) -> Self {
        self.options.write_behind = behind;
        self
    }

    /// How long a *lease* lives, or zero for none. Leases keep the promises of [`get_or_set`](Cache::get_or_set) across processes that
    /// use the same servers: one of them computes, and after a write nobody finds a value that was computed before it. The computing
    /// process has a lease on the key. Every write to the key ends the lease, and it is renewed meanwhile. Others wait for a renewal for
    /// `lease` and an eighth of a second before one of them takes over. A second or two suit most: if a process is held up for longer,
    /// two compute.
    ///
    /// 2 seconds by default on Redis and memcached, where a write ends the lease at no round trip more. Elsewhere none by default: if a
    /// backend's [writes don't end leases](crate::backend::Backend::ending_leases) by themselves, each write takes a round trip more. On
    /// a backend of this process alone it makes no difference.
    ///
    /// Give leases to all processes that use the keys, or to none; their lives may differ.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = Some(lease);
        self
    }

    /// How long entries stay after their TTL; zero, the default, for none. They are *stale* then: commands don't find them, but
    /// [`get_or_set`](Cache::get_or_set) and cached functions give them if a computation fails, and for the [`throttle`](Self::throttle)
    /// after that without one. Entries without a TTL have no grace, and more than a year counts as a year.
    ///
    /// A value with a grace is stored behind a [head](crate::Head::with_grace): a number that was `set` is no counter, and only caches with
    /// a grace read it. Give all caches on the same keys a grace; how long it is may differ.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// use polycache::{Cache, Ttl};
    /// use std::time::Duration;
    ///
    /// let cache = Cache::builder().ttl(Ttl::secs(60)).grace(Duration::from_secs(3_600)).build()?;
    /// let price: Result<u32, &str> = cache.get_or_set("price", || async { Ok(5) }).await;
    /// assert_eq!(price, Ok(5)); // for an hour after the minute, it is given where the source fails
    /// # Ok(()) }
    /// ```
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How long a stale value is given before its source is asked again; zero: it is asked each time. 30 seconds by default.
    pub fn throttle(mut self, throttle: Duration) -> Self {
        self.options.throttle = throttle;
        self
    }

    /// How long a caller waits for a computation before it takes a stale value, if there is one: with a [grace](Self::grace). Then the
    /// source isn't asked again for the [`throttle`](Self::throttle), unless the value comes. Zero: callers take a stale value at once, and
    /// one computation renews it meanwhile. `None`, the default: callers wait.
    ///
    /// A caller that computes leaves its computation to a task: by [`detached`](crate::GetOrSet::detached), or the option `detached` of a
    /// cached function. A caller that computes itself goes on, since nobody else would; those who wait for it take the stale value. A
    /// bulk call that isn't detached waits.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// use polycache::{Cache, Ttl};
    /// use std::time::Duration;
    ///
    /// let cache = Cache::builder()
    ///     .ttl(Ttl::secs(60))
    ///     .grace(Duration::from_secs(3_600))
    ///     .soft_timeout(Duration::from_millis(200))
    ///     .build()?;
    /// let price: Result<u32, &str> = cache.get_or_set("price", || async { Ok(5) }).detached().await;
    /// assert_eq!(price, Ok(5));
    /// # Ok(()) }
    /// ```
    pub fn soft_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.options.patience.soft_timeout = timeout.into();
        self
    }

    /// How long a caller waits for a computation at most; zero, the default: as long as it takes. Then it gets the stale value, if there is
    /// one, or an error of the kind [`HardTimeout`](ErrorKind::HardTimeout). The computation is dropped with the caller; a
    /// [`detached`](crate::GetOrSet::detached) one goes on.
    ///
    /// The error reaches calls whose error type can be made from [`Error`]: those of `get_or_set` that say so by
    /// [`times_out`](crate::GetOrSet::times_out), and cached functions. Others wait on. Of a bulk call each key that is still missing gets
    /// it.
    pub fn hard_timeout(mut self, timeout: Duration) -> Self {
        self.options.patience.hard_timeout = timeout;
        self
    }

    /// Has entries refreshed before their TTL ends: who asks for one past this part of it, 0.8 for the last fifth, gets it at once, and a
    /// task computes meanwhile and stores; one for each key, across all processes that share a server with leases. So nobody waits for the
    /// entries that are asked for all the time. From 0 to 1; 1, the default, for never.
    ///
    /// It is for computations that may go on in a task: by [`detached`](crate::GetOrSet::detached), or the option `detached` of a cached
    /// function. After a failure the source isn't asked again for the [`throttle`](Self::throttle). As a [grace](Self::grace) does, it
    /// needs a [head](crate::Head::with_early) before the value.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// use polycache::{Cache, Ttl};
    ///
    /// let cache = Cache::builder().ttl(Ttl::secs(60)).refresh_early(0.8).build()?;
    /// let price: Result<u32, &str> = cache.get_or_set("price", || async { Ok(5) }).detached().await;
    /// assert_eq!(price, Ok(5)); // from the 48th second on, the next who asks has it computed in the background
    /// # Ok(()) }
    /// ```
    pub fn refresh_early(mut self, part: f64) -> Self {
        self.early = part;
        self
    }
}
