//! Trouble on purpose: delays, errors and silence, in a backend or in a source of values.

use std::collections::VecDeque;
use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use polycache::backend::{Backend, WallClock};
use polycache::{Error, ErrorKind, Reply};

use crate::Intercept;

/// How often to look at a clock that doesn't announce its moves.
const LOOK: Duration = Duration::from_millis(1);

/// The fate of one call.
///
/// ```
/// use polycache::ErrorKind;
/// use polycache_testkit::Fault;
/// use std::time::Duration;
///
/// let slow = Fault::none().after(Duration::from_secs(3)); // succeeds late
/// let late_failure = Fault::error(ErrorKind::Unavailable).after(Duration::from_secs(3));
/// assert_ne!(slow, late_failure);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    delay: Duration,
    end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Success,
    Error(ErrorKind),
    Silence,
}

impl Fault {
    /// The call succeeds.
    #[must_use]
    pub const fn none() -> Self {
        Self { delay: Duration::ZERO, end: End::Success }
    }

    /// The call fails with an error of this kind, and does nothing.
    #[must_use]
    pub const fn error(kind: ErrorKind) -> Self {
        Self { delay: Duration::ZERO, end: End::Error(kind) }
    }

    /// The call does nothing and never ends.
    #[must_use]
    pub const fn silence() -> Self {
        Self { delay: Duration::ZERO, end: End::Silence }
    }

    /// The same after a delay.
    #[must_use]
    pub const fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

/// Makes trouble on purpose, so that you can test what your service does then: in a [backend](Self::backend), or in a
/// [source](Self::call) such as a database. A clone makes the same trouble.
///
/// A call's fate comes from the [script](Self::script) until its end, then from the [rates](Self::at_rate), or else from the fault that
/// [always](Self::always) strikes. By default nothing is wrong. Random choices are the same in each run.
///
/// Delays are those of tokio's clock, which a test may [pause](https://docs.rs/tokio/latest/tokio/time/fn.pause.html), or of a
/// [clock](Self::by_clock) that the test moves.
///
/// ```
/// use polycache::backends::memory::Memory;
/// use polycache::{Cache, Error, ErrorKind};
/// use polycache_testkit::{Chaos, Fault};
/// use std::sync::Arc;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let (server, database) = (Chaos::new(), Chaos::new());
/// let cache = Cache::builder().backend(server.backend(Arc::new(Memory::new()))).build().expect("fits together");
/// let price = async || cache.get_or_set("price", || database.call(async { Ok::<_, Error>(12.5) })).await;
///
/// database.script([Fault::error(ErrorKind::Backend), Fault::none()]);
/// assert!(price().await.is_err());
/// assert_eq!(price().await.ok(), Some(12.5));
/// # }
/// ```
#[derive(Clone)]
pub struct Chaos(Arc<Mutex<State>>);

struct State {
    random: fastrand::Rng,
    script: VecDeque<Fault>,
    rates: Vec<(f64, Fault)>,
    always: Fault,
    clock: Option<WallClock>,
    calls: u64,
}

impl Chaos {
    /// Nothing is wrong.
    #[must_use]
    pub fn new() -> Self {
        Self::seeded(0)
    }

    /// As [`new`](Self::new), with other random choices.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        let (script, rates) = (VecDeque::new(), Vec::new());
        Self(Arc::new(Mutex::new(State { random, script, rates, always: Fault::none(), clock: None, calls: 0 })))
    }

    /// Delays go by this clock, such as that of a memory backend with a
    /// [`ManualClock`](polycache::backends::memory::ManualClock): `backend.info().clock`.
    ///
    /// ```
    /// use polycache::backend::Backend;
    /// use polycache::backends::memory::{ManualClock, Memory};
    /// use polycache::Error;
    /// use polycache_testkit::{Chaos, Fault};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// let clock = ManualClock::new();
    /// let memory = Memory::builder().manual_clock(&clock).build()?;
    /// let database = Chaos::new().by_clock(&memory.info().clock);
    /// database.always(Fault::none().after(Duration::from_secs(60)));
    ///
    /// let read = async { database.call(async { Ok::<_, Error>(7) }).await };
    /// let (read, ()) = tokio::join!(read, async { clock.advance(Duration::from_secs(60)) });
    /// assert_eq!(read?, 7); // at once
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn by_clock(self, clock: &WallClock) -> Self {
        self.0.lock().unwrap().clock = Some(clock.clone());
        self
    }

    /// From now on each call has this fate.
    pub fn always(&self, fault: Fault) {
        self.0.lock().unwrap().always = fault;
    }

    /// From now on this part of the calls, 0 to 1, has this fate, beside the earlier rates.
    ///
    /// # Panics
    /// If `rate` isn't between 0 and 1.
    pub fn at_rate(&self, rate: f64, fault: Fault) {
        assert!((0.0..=1.0).contains(&rate), "a rate of {rate}; it is a fraction from 0 to 1");
        self.0.lock().unwrap().rates.push((rate, fault));
    }

    /// The next calls have these fates, one by one, after the rest of an earlier script.
    pub fn script(&self, faults: impl IntoIterator<Item = Fault>) {
        self.0.lock().unwrap().script.extend(faults);
    }

    /// From now on nothing is wrong. Calls that are being delayed go on.
    pub fn calm(&self) {
        let mut state = self.0.lock().unwrap();
        state.script.clear();
        state.rates.clear();
        state.always = Fault::none();
    }

    /// How many calls there have been.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.0.lock().unwrap().calls
    }

    /// A backend in trouble: each operation meets its fate before it reaches `inner`. For some operations only, use an
    /// [`Intercept`] and [`strike`](Self::strike).
    #[must_use]
    pub fn backend(&self, inner: Arc<dyn Backend>) -> Intercept {
        let chaos = self.clone();
        Intercept::new(inner, move |_| chaos.strike())
    }

    /// A source in trouble: does `work` after the fault's delay, unless the fault is an error or silence.
    ///
    /// # Errors
    /// That of `work`, or the fault's.
    pub async fn call<T, E: From<Error>>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        self.strike().await?;
        work.await
    }

    /// The fate of one call: ready if it succeeds at once.
    ///
    /// ```
    /// use polycache::backends::memory::Memory;
    /// use polycache::{ErrorKind, Reply};
    /// use polycache_testkit::{Chaos, Fault, Intercept};
    /// use std::sync::Arc;
    ///
    /// let chaos = Chaos::new();
    /// chaos.at_rate(0.1, Fault::error(ErrorKind::Unavailable));
    /// let reads_only = Intercept::new(Arc::new(Memory::new()), move |operation| match operation {
    ///     "get" | "look" | "multi_get" => chaos.strike(),
    ///     _ => Reply::ready(()),
    /// });
    /// # let _ = reads_only;
    /// ```
    pub fn strike(&self) -> Reply<()> {
        let (Fault { delay, end }, clock) = {
            let mut state = self.0.lock().unwrap();
            state.calls += 1;
            (state.next(), state.clock.clone())
        };
        let result = match end {
            End::Success => Ok(()),
            End::Error(kind) => Err(Error::new(kind, "a fault was injected")),
            End::Silence => return Reply::pending(pending()),
        };
        if delay.is_zero() {
            return Reply::from(result);
        }
        Reply::pending(async move {
            match clock {
                None => tokio::time::sleep(delay).await,
                Some(clock) => {
                    let until = clock.now() + delay;
                    while clock.now() < until {
                        tokio::time::sleep(LOOK).await;
                    }
                }
            }
            result
        })
    }
}

impl State {
    fn next(&mut self) -> Fault {
        if let Some(fault) = self.script.pop_front() {
            return fault;
        }
        let Self { random, rates, .. } = self;
        let struck = rates.iter().find(|(rate, _)| random.f64() < *rate);
        struck.map_or(self.always, |(_, fault)| *fault)
    }
}

impl Default for Chaos {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Chaos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.lock().unwrap();
        f.debug_struct("Chaos")
            .field("calls", &state.calls)
            .field("script", &state.script)
            .field("rates", &state.rates)
            .field("always", &state.always)
            .finish_non_exhaustive()
    }
}
