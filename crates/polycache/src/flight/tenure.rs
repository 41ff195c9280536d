//! One computation across processes: the leader of a process asks the backend for a lease on the key.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::circle::is_within;
use super::pulse::Pulse;
use crate::backend::{Found, Permit, Version, Want};
use crate::backends::graced::{Age, FRESHNESS};
use crate::cache::Form;
use crate::join::{join, together};
use crate::key::OwnedKey;
use crate::lease::{self, Keeper, Lease, Purpose, Watch};
use crate::limit;
use crate::repeated::tell_repeated;
use crate::switch::State;
use crate::{Cache, Error, ErrorKind, Reply, Result, Value};

/// The pauses between two looks at a key that another process computes.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(25);

/// How long a caller within a computation waits for another process, if the cache has no timeout.
const PATIENCE: Duration = Duration::from_secs(5);

/// A lease of a bulk call lives at least this long for each of its keys. With shorter lives, server and process would do little but renew.
const LIFE_OF_MANY: Duration = Duration::from_millis(1);

/// A lease that is held until this is dropped, and then released.
#[derive(Debug)]
pub(crate) struct Tenure {
    pub(super) lease: Arc<Lease>,
    /// The version at the beginning of a refresh.
    pub(super) replaced: Option<Version>,
    /// The leader's pulse.
    pulse: Arc<Pulse>,
    key: OwnedKey,
    keeping: Keeping,
}

/// The renewal and the end of the lease.
#[derive(Debug)]
enum Keeping {
    /// Nothing yet: most computations are over before the first renewal is due.
    Later(Box<Keeper>),
    /// A task, until this is dropped.
    Begun(#[expect(dead_code, reason = "dropped, it ends the task")] oneshot::Sender<()>),
}

/// The result of asking for a lease.
pub(super) enum Tenancy<T> {
    /// This process computes.
    Granted(Box<Tenure>),
    /// Another process has computed.
    Found(T),
    /// No lease: the cache has none, or there is trouble. Each process then computes for itself, and with trouble nothing is stored.
    None,
}

impl<T> Tenancy<T> {
    /// The lease, if there is one.
    pub(super) fn granted(self) -> Option<Box<Tenure>> {
        match self {
            Self::Granted(tenure) => Some(tenure),
            Self::Found(_) | Self::None => None,
        }
    }
}

/// A caller that is asking for a lease.
pub(super) type Asking<T> = Pin<Box<dyn Future<Output = Tenancy<T>> + Send>>;

/// Asks for the lease on `key`, if the cache has leases, and waits while another process computes.
pub(super) fn ask<K, T>(cache: &Cache, key: &str, pulse: &Arc<Pulse>) -> Option<Asking<T>>
where
    K: Form<T>,
    T: Clone + Send + Sync + 'static,
{
    let applicant = Applicant::new(cache, key, 1, pulse, K::lease_life(cache))?;
    Some(Box::pin(async move { applicant.without(applicant.wait::<K, T>().await) }))
}

/// The same, to renew a value that is there.
pub(super) fn ask_to_renew<K, T>(cache: &Cache, key: &str, pulse: &Arc<Pulse>) -> Option<Asking<T>>
where
    K: Form<T>,
    T: Clone + Send + Sync + 'static,
{
    let applicant = Applicant::new(cache, key, 1, pulse, K::lease_life(cache))?;
    let applicant = Applicant { renews: true, ..applicant };
    Some(Box::pin(async move { applicant.without(applicant.wait::<K, T>().await) }))
}

/// Takes the lease, as one `among` so many, from any holder, whose value then isn't stored. Once `permit` is withdrawn, another caller of
/// this process has overtaken this one, and gets the lease.
pub(super) fn seize<K, T>(
    cache: &Cache,
    key: &str,
    among: usize,
    permit: Option<Permit>,
    pulse: &Arc<Pulse>,
) -> Option<Asking<T>>
where
    K: Form<T>,
    T: Clone + Send + Sync + 'static,
{
    let applicant = Applicant::new(cache, key, among, pulse, K::lease_life(cache))?;
    Some(Box::pin(async move { applicant.without(applicant.seize(permit.as_ref()).await) }))
}

/// Asks for a lease, if it is to be asked for, once the view's tags are known.
#[cfg(feature = "macros")]
pub(super) fn after<T: Send + 'static>(cache: &Cache, asking: Option<Asking<T>>) -> Asking<T> {
    let cache = cache.clone();
    Box::pin(async move {
        learn(&cache).await;
        match asking {
            Some(asking) => asking.await,
            None => Tenancy::None,
        }
    })
}

/// Learns the view's tags before a computation that begins without a read.
pub(super) async fn learn(cache: &Cache) {
    if !cache.reads_tags() {
        return;
    }
    if let Err(error) = cache.limited(cache.learn_tags()).await {
        let cause = (cache.flights().mark(), error.kind());
        tell_repeated!(WARN, cause, %error, "the tags of a computed value can't be told: it isn't stored");
    }
}

/// Asks for the lease once, as one `among` so many. `None` if another process has it.
pub(super) async fn try_take<K, T>(
    cache: &Cache,
    key: &str,
    among: usize,
    pulse: &Arc<Pulse>,
    renews: bool,
) -> Option<Tenancy<T>>
where
    K: Form<T>,
    T: Clone + Send + Sync + 'static,
{
    let Some(applicant) = Applicant::new(cache, key, among, pulse, K::lease_life(cache)) else {
        return Some(Tenancy::None);
    };
    let applicant = Applicant { renews, ..applicant };
    match applicant.take::<K, T>().await {
        Ok(tenancy) => tenancy,
        Err(error) => Some(applicant.without(Err(error))),
    }
}

/// A caller that asks for a lease.
struct Applicant {
    /// The cache without plugins.
    cache: Cache,
    key: String,
    full: OwnedKey,
    lease: Lease,
    life: Duration,
    /// The leader's pulse.
    pulse: Arc<Pulse>,
    /// How long a caller within a computation waits while another process computes: that process may wait for this one.
    patience: Option<Duration>,
    /// Whether a value that is to be refreshed early doesn't end the wait.
    renews: bool,
}

impl Applicant {
    /// Logs trouble with the lease. The caller goes on without one.
    fn without<T>(&self, asked: Result<Tenancy<T>>) -> Tenancy<T> {
        asked.unwrap_or_else(|error| {
            let (cause, key) = ((self.cache.flights().mark(), error.kind()), &*self.key);
            let text = "no lease could be had: the value is computed without, and not stored";
            tell_repeated!(WARN, cause, %error, key, "{text}");
            Tenancy::None
        })
    }

    /// `None` if the cache has no leases.
    fn new(cache: &Cache, key: &str, among: usize, pulse: &Arc<Pulse>, life: Option<Duration>) -> Option<Self> {
        let life = life?.max(LIFE_OF_MANY * u32::try_from(among).unwrap_or(u32::MAX));
        // A task renews leases.
        if cache.state() != State::On || Handle::try_current().is_err() {
            return None;
        }
        let full = cache.full_key(key);
        // Nothing is read or stored there.
        if lease::is_own(full.key()) {
            return None;
        }
        Some(Self {
            cache: cache.bare(),
            key: key.to_owned(),
            full,
            lease: Lease::new(cache, key, Purpose::Compute, life),
            life,
            pulse: Arc::clone(pulse),
            renews: false,
            patience: is_within().then_some(if cache.timeout.is_zero() { PATIENCE } else { cache.timeout }),
        })
    }

    /// What another process has computed meanwhile.
    fn serve<K, T>(&self) -> Reply<Option<T>>
    where
        K: Form<T>,
        T: Clone + Send + Sync + 'static,
    {
        if self.renews { K::serve_calm(&self.cache, &self.key) } else { K::serve(&self.cache, &self.key) }
    }

    /// Takes the lease if nobody has it.
    async fn take<K, T>(&self) -> Result<Option<Tenancy<T>>>
    where
        K: Form<T>,
        T: Clone + Send + Sync + 'static,
    {
        let asked = Instant::now();
        let take = async { Ok(self.lease.take().await?.then(|| self.tenure(asked))) };
        // Asked for after the lease, of which a near cache hears then, and forgets what it has of the key.
        let serve = async { self.serve::<K, T>().await };
        // Both in one round trip. Another holder may have come and gone since the first read.
        match together(join(take, serve)).await {
            (Err(error), _) => Err(error),
            (Ok(_), Ok(Some(value))) => Ok(Some(Tenancy::Found(value))),
            (Ok(tenure), _) => Ok(tenure.map(Tenancy::Granted)),
        }
    }

    /// Takes the lease over, if the holder's entry is still `entry`.
    async fn take_over<K, T>(&self, entry: &Value) -> Result<Option<Tenancy<T>>>
    where
        K: Form<T>,
        T: Clone + Send + Sync + 'static,
    {
        let asked = Instant::now();
        if !self.lease.take_over(entry).await? {
            return Ok(None);
        }
        let tenure = self.tenure(asked);
        Ok(Some(match self.serve::<K, T>().await {
            Ok(Some(value)) => Tenancy::Found(value),
            _ => Tenancy::Granted(tenure),
        }))
    }

    /// The tenure of a lease that was taken after `asked`.
    fn tenure(&self, asked: Instant) -> Box<Tenure> {
        let (flights, key) = (Arc::clone(self.cache.flights()), self.full.clone());
        // If the lease is lost, another process has written the key or computes it.
        let keeper = Keeper::new(self.lease.clone(), asked, move || flights.overtake_key(key.key().full()));
        Box::new(Tenure {
            lease: Arc::new(self.lease.clone()),
            replaced: None,
            pulse: Arc::clone(&self.pulse),
            key: self.full.clone(),
            keeping: Keeping::Later(Box::new(keeper)),
        })
    }

    /// Ends anybody's lease, and takes it.
    async fn seize<T>(&self, permit: Option<&Permit>) -> Result<Tenancy<T>> {
        while permit.is_some_and(Permit::holds) {
            let holder = self.cache.flights().holder().clone();
            let end = lease::end(Arc::clone(&self.cache.view.backend), holder, vec![self.full.clone()]);
            self.cache.limited(end).await?;
            let asked = Instant::now();
            if self.lease.take().await? {
                let mut tenure = self.tenure(asked);
                let found = self.cache.limited(self.cache.backend().look(self.full.key(), Want::VERSION)).await?;
                tenure.replaced = Some(Found::versioned(found).1);
                return Ok(Tenancy::Granted(tenure));
            }
        }
        Ok(Tenancy::None)
    }

    /// Waits for the lease, or for the value.
    async fn wait<K, T>(&self) -> Result<Tenancy<T>>
    where
        K: Form<T>,
        T: Clone + Send + Sync + 'static,
    {
        let (mut watch, mut pause) = (Watch::new(self.life), FIRST_PAUSE);
        let begun = Instant::now();
        let mut taken = self.take::<K, T>().await?;
        loop {
            if let Some(tenancy) = taken {
                return Ok(tenancy);
            }
            if self.patience.is_some_and(|patience| begun.elapsed() >= patience) {
                let text =
                    "another process goes on computing it, and may wait for the computation that this is a part of";
                return Err(Error::new(ErrorKind::Timeout, text));
            }
            // At random, so that the waiting processes don't all ask at once.
            limit::pause(watch.cut(pause.mul_f64(0.5 + fastrand::f64() / 2.0))).await?;
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
            let asked = Instant::now();
            let keys = [self.full.key(), self.lease.key().key()];
            let found = match self.renews {
                true => self.cache.beneath().multi_get(&keys, FRESHNESS),
                false => self.cache.backend().multi_get(&keys, Want::VALUE),
            };
            let found = self.cache.limited(found).await?;
            let [value, holder] = <[_; 2]>::try_from(found).map_err(|_| {
                Error::new(ErrorKind::Backend, "the backend gave another number of values than asked for")
            })?;
            // A value that can't be read is about to be replaced.
            let value = value.filter(|found| !self.renews || Age::of(found).is_calm());
            if let Some(Ok(value)) =
                value.and_then(|found| found.value).map(|value| K::read(&self.cache, &self.key, value))
            {
                return Ok(Tenancy::Found(value));
            }
            taken = match holder.and_then(|found| found.value) {
                None => self.take::<K, T>().await?,
                Some(entry) if watch.is_overdue(asked, &entry) => self.take_over::<K, T>(&entry).await?,
                Some(_) => None,
            };
        }
    }
}

impl Tenure {
    pub(crate) fn lease(&self) -> Lease {
        (*self.lease).clone()
    }

    /// Renews the lease from now on, in a task, since the computation takes a while. The task gives the lease up if nobody polls the
    /// leader: otherwise others would wait for ever.
    pub(super) fn keep(&mut self) {
        if let Keeping::Begun(_) = self.keeping {
            return;
        }
        let (stop, stopped) = oneshot::channel();
        let Keeping::Later(keeper) = std::mem::replace(&mut self.keeping, Keeping::Begun(stop)) else { return };
        // Without a runtime the lease ends by itself.
        let Ok(runtime) = Handle::try_current() else { return };
        let (flights, pulse, key) = (Arc::clone(self.lease.flights()), Arc::clone(&self.pulse), self.key.clone());
        let mark = flights.mark();
        limit::spawn(&runtime, async move {
            let ended = async {
                let (mut stopped, mut without_pulse) = (stopped, pin!(pulse.stopped()));
                let lets_go = poll_fn(|context| match Pin::new(&mut stopped).poll(context) {
                    Poll::Ready(_) => Poll::Ready(false),
                    Poll::Pending => without_pulse.as_mut().poll(context).map(|_| true),
                });
                if lets_go.await {
                    flights.overtake_key(key.key().full());
                }
            };
            if let Err(error) = keeper.run(ended).await {
                let cause = (mark, error.kind());
                tell_repeated!(WARN, cause, %error, "a lease could not be released: it ends by itself");
            }
        });
    }
}

impl Drop for Tenure {
    fn drop(&mut self) {
        if let Keeping::Later(_) = self.keeping {
            self.lease.give_up();
        }
    }
}
