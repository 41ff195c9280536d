//! A lock by a lease on a backend.

use std::time::Duration;

use compact_str::CompactString;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout_at};

use super::guard::RedLockGuard;
use crate::backend::{SetOptions, When};
use crate::lease::{Lease, Purpose, Watch, checked_life, lease_key};
use crate::switch::State;
use crate::{Cache, Error, ErrorKind, Result, Ttl, Value};

/// A lock that has one holder at a time, among all processes that use the same backend.
///
/// The holder has a lease: an entry of the backend with a token of its own, which changes at each renewal while the lock is held. A
/// waiting process takes it over when it has seen no renewal for `lease` and an eighth of a second. Within a process callers are served
/// in the order in which they came. A process that has just released a lock lets other waiting processes go first.
///
/// # What it doesn't guarantee
///
/// A lease is only as good as its server and everybody's clocks. While the holder's process is suspended, or cut off from the server, for
/// longer than the lease, another one gets the lock. So it may be after the server has restarted, has failed over to a replica, or has
/// evicted the entry. [`RedLockGuard::is_held`] and [`RedLockGuard::lost`] tell the holder, as soon as it can be known. Use this lock to
/// spare work, not where two holders at once would do harm.
///
/// While the cache is turned off, the lock only keeps out others of this process. It needs a tokio runtime with timers.
///
/// ```
/// use polycache::Cache;
/// use polycache::locks::RedLock;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// let cache = Cache::memory();
/// let lock = RedLock::new(&cache, "report", Duration::from_secs(2));
/// let guard = lock.acquire(Duration::from_secs(10)).await?;
/// // ... nobody else is here ...
/// assert!(lock.acquire(Duration::from_millis(5)).await.unwrap_err().is_retryable());
/// assert!(guard.release().await?, "it was held to the end");
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct RedLock {
    cache: Cache,
    key: CompactString,
    lease: Duration,
}

/// The pauses between two looks at a lock that another process has.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// How long a waiting process's trace lasts, and how long a process that has just released a lock stays back for one: longer than the
/// longest pause.
const TRACE: Duration = Duration::from_millis(300);
const COURTESY: Duration = Duration::from_millis(150);

impl RedLock {
    /// The lock of this name, apart from any value under the same key. `lease` is how long the lock stays locked when the holder's
    /// process dies, from a millisecond (below 40 ms it is 40 ms) to a day: some seconds, unless the work is short.
    #[must_use]
    pub fn new(cache: &Cache, key: &str, lease: Duration) -> Self {
        Self { cache: cache.clone(), key: CompactString::new(key), lease }
    }

    /// Waits for the lock, at most `within`; zero is a single try.
    ///
    /// # Errors
    /// [`Timeout`](ErrorKind::Timeout) if others hold it, [`InvalidInput`](ErrorKind::InvalidInput) for a lease of less than a
    /// millisecond or more than a day, [`NoRuntime`](ErrorKind::NoRuntime) outside of a tokio runtime, and trouble with the backend.
    pub async fn acquire(&self, within: Duration) -> Result<RedLockGuard> {
        let acquired = self.acquire_lease(within).await;
        acquired.map_err(|error| error.during("lock", Some(&self.key)))
    }

    async fn acquire_lease(&self, within: Duration) -> Result<RedLockGuard> {
        let life = checked_life(self.lease)?;
        if Handle::try_current().is_err() {
            return Err(Error::new(
                ErrorKind::NoRuntime,
                "a lock is renewed by a task of the tokio runtime; await it there",
            ));
        }
        let deadline = Instant::now().checked_add(within);
        let full = lease_key(self.cache.full_key(&self.key).key(), Purpose::Lock);
        let mut place = self.cache.view.queues.enter(full.key().full());
        loop {
            match deadline {
                Some(deadline) => timeout_at(deadline, place.turn()).await.map_err(|_| self.too_long(within))?,
                None => place.turn().await,
            }
            match self.cache.state() {
                State::On => {}
                State::Disabled | State::Off if place.hold(None) => return Ok(RedLockGuard::local(place)),
                State::Disabled | State::Off => continue,
                State::Closed => return Err(self.cache.closed("lock")),
            }
            let released = place.released();
            // A new lease each time, since a request of the former one may still be under way.
            let lease = Lease::new(&self.cache, &self.key, Purpose::Lock, life);
            if let Some(asked) = place.run(self.take(&lease, life, released, deadline)).await {
                return match asked? {
                    Some(asked) => Ok(RedLockGuard::start(lease, asked, place)),
                    None => Err(self.too_long(within)),
                };
            }
        }
    }

    /// Takes the lease, for the first in this process's queue. Returns when it was asked for; `None` if others have it until the
    /// deadline.
    async fn take(
        &self,
        lease: &Lease,
        life: Duration,
        released: Option<Instant>,
        deadline: Option<Instant>,
    ) -> Result<Option<Instant>> {
        self.give_way(released, deadline).await?;
        let (mut watch, mut pause) = (Watch::new(life), FIRST_PAUSE);
        let mut asked = Instant::now();
        let mut taken = lease.take().await?;
        loop {
            if taken && asked.elapsed() < lease.life() {
                return Ok(Some(asked));
            }
            let left = deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return if taken { Err(too_late(lease, asked)) } else { Ok(None) };
            }
            if taken {
                // The answer has come after the lease's end, and others may have taken it over by now.
                asked = Instant::now();
                taken = lease.renew().await?;
                continue;
            }
            self.leave_trace().await?;
            // At random, so that waiting processes don't all look at once.
            sleep(watch.cut(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).min(left)).await;
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
            asked = Instant::now();
            taken = lease.contend(&mut watch).await?;
        }
    }

    /// Waits a little if this process had the lock a moment ago and another process waits.
    async fn give_way(&self, released: Option<Instant>, deadline: Option<Instant>) -> Result<()> {
        if released.is_none_or(|released| released.elapsed() > COURTESY) {
            return Ok(());
        }
        let trace = Lease::new(&self.cache, &self.key, Purpose::Wait, TRACE);
        let found = self.cache.limited(self.cache.backend().get(trace.key().key())).await?;
        let other = found.is_some_and(|found| found.as_bytes() != Some(self.cache.view.queues.name()));
        if other {
            let until = Instant::now() + COURTESY;
            tokio::time::sleep_until(deadline.map_or(until, |deadline| deadline.min(until))).await;
        }
        Ok(())
    }

    async fn leave_trace(&self) -> Result<()> {
        let trace = Lease::new(&self.cache, &self.key, Purpose::Wait, TRACE);
        let options = SetOptions::new(Ttl::After(TRACE), When::Always);
        let name = Value::bytes(self.cache.view.queues.name());
        self.cache.limited(self.cache.backend().set(trace.key().key(), name, options)).await.map(drop)
    }

    fn too_long(&self, within: Duration) -> Error {
        let text = match within {
            Duration::ZERO => "others hold the lock; with a wait of zero it is tried once".to_owned(),
            _ => format!("others hold the lock, and {within:?} were waited for it"),
        };
        Error::new(ErrorKind::Timeout, text)
    }
}

/// The lock was taken, but its lease had ended when that was known.
fn too_late(lease: &Lease, asked: Instant) -> Error {
    lease.give_up();
    let text = format!(
        "the backend's answer took {:?}, longer than the lease, so others may have the lock; give it a longer lease",
        asked.elapsed()
    );
    Error::new(ErrorKind::Timeout, text)
}
